"""From a claimed row to what its REGISTER says: the order of an attempt, and what may be bound when it is through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..errors import SipParseError, SipRegistrantError
from ..model.addressing import TRANSPORTS, Addressing, OwnAddress
from ..model.schedule import Claimed, RegistrarSettings, Sent, SentContact
from ..model.servers import UDP
from ..sip.registration import Order
from ..sip.uri import parse_uri, same_uri
from .flows import Flow
from .resolver import Resolver

__all__ = ["DEFAULT_PORT", "Target", "Unreachable", "build", "common_lines", "find_target", "own_address", "target_at"]

ALLOW = "OPTIONS"
VIA_TRANSPORTS = {"udp": "UDP", "tcp": "TCP", "tls": "TLS"}
DEFAULT_PORT = 5060  # RFC 3261 §19.1.2


TokenOf = Callable[[int], str]


def no_token(registration_id: int) -> str:
    """Return that there is no token."""
    return ""


class Unreachable(SipRegistrantError):
    """A request cannot be sent as things are configured; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go: an IP address without brackets, and a port."""

    host: str
    port: int
    transport: str = "udp"

    def __str__(self) -> str:
        return f"{self.transport}:{_in_brackets(self.host)}:{self.port}"


async def find_target(settings: RegistrarSettings, resolver: Resolver) -> Target | Unreachable:
    """Return where requests to a registrar go, or why they cannot."""
    server, group = settings.server, settings.group
    if settings.is_gone:
        return Unreachable("the server or its signaling group was deleted")
    if server["ServerLookup"]:
        return Unreachable("SRV look-up is not supported by this version; ServerLookup 0 with Host and Port is")
    proxy = str(group["OutboundProxy"] or "")
    host = proxy or str(server["Host"])
    port = int((group["OutboundProxyPort"] if proxy else server["Port"]) or DEFAULT_PORT)
    transport = TRANSPORTS[int(server["Protocol"] or UDP)]
    return await target_at(host, port, resolver, transport=transport, prefer_ipv6=server["HostIpVersion"] == 1)


async def target_at(host: str, port: int, resolver: Resolver, *, transport: str = "udp",
                    prefer_ipv6: bool = False) -> Target | Unreachable:  # fmt: skip
    """Return the target that a host and a port stand for, or why there is none."""
    try:
        address = await resolver.resolve(host, prefer_ipv6=prefer_ipv6)
    except OSError as error:
        return Unreachable(f"no address for {host}: {error.strerror or error}")
    return Target(address, port, transport)


def own_address(flow: Flow, target: Target, *, host: str, fqdn: str) -> OwnAddress:
    """Return our address as the target has to see it; `host` is what the operator said, "" for the socket's."""
    try:
        host = host or flow.local_host_towards(target.host)
    except OSError as error:
        raise Unreachable(f"no route to {target.host}: {error.strerror or error}") from None
    return OwnAddress(_in_brackets(host), flow.port, flow.transport, fqdn)


def common_lines(settings: RegistrarSettings) -> str:
    """Return the header lines that all requests to a registrar share."""
    lines = []
    proxy = str(settings.group["OutboundProxy"] or "")
    if proxy:
        # A loose route, RFC 3261 §16.12: without ;lr an old proxy would rewrite the Request-URI.
        port = settings.group["OutboundProxyPort"] or DEFAULT_PORT
        lines.append(f"Route: <sip:{_in_brackets(proxy)}:{port};lr>\r\n")
    if settings.profile["UserAgentHeader"]:
        lines.append(f"User-Agent: {settings.profile['UserAgentHeader']}\r\n")
    if settings.profile["AllowHeader"]:
        lines.append(f"Allow: {ALLOW}\r\n")
    return "".join(lines)


def build(claimed: Claimed, settings: RegistrarSettings, addressing: Addressing, target: Target, call_id: str,
          from_tag: str, common: str, token_of: TokenOf = no_token) -> tuple[Order, Sent] | None:  # fmt: skip
    """Return the order of an attempt and what it may bind; None where there is nothing to say any more.

    `token_of` gives the token of a registration's contacts, which is used where ContactURIRandomizer is on.

    Contacts of before that are not wanted now are removed, by the same request, unless another row of the same
    binding wants them.
    """
    if not settings.server["ContactURIRandomizer"]:
        token_of = no_token
    token = token_of(claimed.id)
    entry = claimed.entry
    if entry is None:
        if claimed.sent is None:
            return None
        wanted = claimed.sent
    else:
        names = addressing.identity(entry)
        wanted = Sent(names.aor_uri, names.from_uri, names.request_uri, target.host, target.port, target.transport,
                      addressing.contacts(entry, token))  # fmt: skip
    is_removal = claimed.is_removal
    known = _known(claimed, wanted, addressing, token)
    # Where nothing is known but what is wanted, nothing is to go.
    removed = (
        [] if known is wanted.contacts and not is_removal else _not_wanted(claimed, known, wanted, addressing, token_of)
    )
    if is_removal:
        if not removed:
            return None
        wanted = claimed.sent or replace(wanted, contacts=known)
    elif wanted.aor.startswith("sips:") and target.transport != "tls":
        raise Unreachable("a sips AOR needs TLS: Protocol 4 of the server")
    order = Order(
        wanted.request_uri, wanted.aor, wanted.from_uri, call_id, from_tag,
        int(entry["AorTtl"] or 0) if entry is not None else 0,
        [] if is_removal else wanted.contacts,
        removed, addressing.sent_by, VIA_TRANSPORTS[target.transport], common, target,
    )  # fmt: skip
    return order, wanted


def _known(claimed: Claimed, wanted: Sent, addressing: Addressing, token: str) -> list[SentContact]:
    """Return what may be bound of this row, in the end or already."""
    if claimed.sent is not None:
        return claimed.sent.contacts
    if claimed.unanswered is not None:
        # Sent before a crash, never answered, and changed since: it may be bound beside what is wanted now.
        return [*addressing.contacts(claimed.unanswered, token), *wanted.contacts]
    return wanted.contacts


def _not_wanted(claimed: Claimed, known: list[SentContact], wanted: Sent, addressing: Addressing,
                token_of: TokenOf) -> list[str]:  # fmt: skip
    """Return what may be bound of this row and is wanted by nobody now."""
    kept = set() if claimed.is_removal else {contact.uri for contact in wanted.contacts}
    left = [contact.uri for contact in known if contact.uri not in kept]
    if not left:
        return left
    kept |= _wanted_by_rivals(claimed, addressing, token_of)
    return [uri for uri in left if not _is_among(uri, kept)]


def _wanted_by_rivals(claimed: Claimed, addressing: Addressing, token_of: TokenOf) -> set[str]:
    """Return the contacts that other rows of the binding key want: they are not ours to remove (design, rule 7)."""
    kept: set[str] = set()
    for rival in claimed.rivals:
        theirs: list[SentContact] = list(rival.sent.contacts) if rival.sent is not None else []
        # Contacts that are completed with the address of another group are told by what was sent, not by a guess of
        # ours.
        if rival.is_same_group:
            theirs += addressing.contacts(rival.entry, token_of(rival.registration_id))
        kept |= {contact.uri for contact in theirs}
        kept |= {str(rival.entry[f"URI{n}"]) for n in range(1, 9) if rival.entry[f"URI{n}"]}
    return kept


def _is_among(uri: str, kept: set[str]) -> bool:
    """Tell whether a URI is one of these as the registrar compares them (RFC 3261 §19.1.4), which is not by letters."""
    return uri in kept or any(_is_same(uri, other) for other in kept)


def _is_same(uri: str, other: str) -> bool:
    try:
        return same_uri(parse_uri(uri), parse_uri(other))
    except SipParseError:
        return False


def _in_brackets(host: str) -> str:
    """Return a host as it stands in a URI: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
