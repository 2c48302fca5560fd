"""How other products write where a REGISTER goes: `host`, `host:port`, `sip:host;transport=tcp`, `<sip:host;lr>`."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import SipParseError
from ..model.servers import TCP, TLS, UDP
from ..sip.uri import Uri, is_ip_address, parse_uri

__all__ = ["Hop", "hop_of", "parse_hop", "protocol_of"]

PROTOCOLS = {"udp": UDP, "tcp": TCP, "tls": TLS}
DEFAULT_PORTS = {UDP: 5060, TCP: 5060, TLS: 5061}


@dataclass(frozen=True, slots=True)
class Hop:
    """Where SIP is sent to. `port` is that of the transport (RFC 3261 §19.1.2) where the source gives none."""

    host: str
    port: int
    protocol: int
    has_port: bool = True
    """Whether the source names the port: without, other products ask for the SRV records of a name."""
    ignored: str = ""
    """Parameters that mean nothing here, as they were written."""

    @property
    def may_have_srv(self) -> bool:
        """Whether the source would ask for SRV records (RFC 3263 §4.2)."""
        return not self.has_port and not is_ip_address(self.host)


def protocol_of(name: str) -> int:
    """Return the Protocol of a transport by its name. Raises `SipParseError`."""
    try:
        return PROTOCOLS[name.strip().lower()]
    except KeyError:
        raise SipParseError("transport", f"{name!r} is none of {', '.join(PROTOCOLS)}") from None


def parse_hop(text: str, protocol: int = UDP) -> Hop:
    """Read a URI, or host and port, in angle brackets or not; without a transport it is `protocol`. Raises `SipParseError`."""
    text = text.strip()
    if text.startswith("<") and text.endswith(">"):
        text = text[1:-1]
    if not text.lower().startswith(("sip:", "sips:")):
        text = f"sip:{text}"
    return hop_of(parse_uri(text), protocol)


def hop_of(uri: Uri, protocol: int = UDP) -> Hop:
    """Return where a URI leads to. Raises `SipParseError`."""
    if not uri.host:
        raise SipParseError("URI", f"{uri.scheme}: has no host")
    transport = uri.parameter("transport")
    if uri.scheme == "sips":
        protocol = TLS
    elif transport is not None:
        protocol = protocol_of(transport)
    host = uri.parameter("maddr") or uri.host
    left = [name for name, _ in uri.parameters if name not in ("transport", "lr", "maddr")]
    return Hop(host, uri.port or DEFAULT_PORTS[protocol], protocol, uri.port is not None, ", ".join(left))
