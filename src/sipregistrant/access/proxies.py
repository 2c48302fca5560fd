"""Who asks, and by which name we were asked, behind reverse proxies.

A proxy that the operator trusts says so in `X-Forwarded-For` and `X-Forwarded-Host`, or in `Forwarded` (RFC 7239): in one
of them, and the operator says which. A proxy passes on the other one as the client sent it, so that is never looked at.
Every proxy on the way adds itself on the right; so the chain is read from there, as long as each hop is one of ours. What
anybody else says means nothing: it would be the client's own word about itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address

from starlette.requests import Request

__all__ = ["Caller", "caller_of"]

Networks = Sequence[IPv4Network | IPv6Network]

# A registered name as people write it, an IPv4 address, or an IPv6 address in brackets; and a port.
HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(?::[0-9]{1,5})?\Z", re.ASCII)

# RFC 7239 §4: token "=" ( token / quoted-string ).
PAIR = re.compile(r'\s*([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*))\s*([;,]|\Z)')

MOST_HOPS = 32


@dataclass(frozen=True, slots=True)
class Caller:
    """`peer` is the address of the client, `host` the name and port that it used for us, "" where that is none."""

    peer: str
    host: str


@dataclass(slots=True)
class Hop:
    """What one proxy says of the request that it was sent."""

    peer: str = ""
    host: str = ""


def caller_of(request: Request, trusted: Networks, *, uses_forwarded: bool = False) -> Caller:
    """Return who sent a request, and what it used as our name; `uses_forwarded` as `RestSettings` has it."""
    peer = request.client.host if request.client else ""
    host = _host_header(request)
    if not _is_trusted(peer, trusted):
        return Caller(peer, host)
    for hop in reversed(_hops(request, uses_forwarded)[-MOST_HOPS:]):
        if not _is_trusted(peer, trusted):
            break
        if HOST.match(hop.host):
            host = hop.host
        address = _address(hop.peer)
        if not address:
            break
        peer = address
    return Caller(peer, host)


def _host_header(request: Request) -> str:
    host = request.headers.get("host")
    if host is None:
        host = ":".join(map(str, request.scope.get("server") or ("localhost",)))
    return host if HOST.match(host) else ""


def _is_trusted(peer: str, trusted: Networks) -> bool:
    if not trusted:
        return False
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in trusted)


def _hops(request: Request, uses_forwarded: bool) -> list[Hop]:
    """Return what the proxies say, the nearest one last."""
    if uses_forwarded:
        return _parse_forwarded(",".join(request.headers.getlist("forwarded")))
    peers = ",".join(request.headers.getlist("x-forwarded-for"))
    hosts = ",".join(request.headers.getlist("x-forwarded-host"))
    hops = [Hop(peer.strip()) for peer in peers.split(",")]
    hops[-1].host = hosts.rpartition(",")[2].strip()
    return hops


def _parse_forwarded(text: str) -> list[Hop]:
    """Read a Forwarded header; what is not one ends the reading, and nothing of it counts."""
    hops = [Hop()]
    at = 0
    while at < len(text):
        pair = PAIR.match(text, at)
        if pair is None:
            return []
        name, quoted, plain, end = pair.groups()
        value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        if name.lower() == "for":
            hops[-1].peer = value
        elif name.lower() == "host":
            hops[-1].host = value
        if end == ",":
            hops.append(Hop())
        at = pair.end()
    return hops


def _address(text: str) -> str:
    """Return the IP address of a node: `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]:80`; "" for a name that hides it."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return ""
