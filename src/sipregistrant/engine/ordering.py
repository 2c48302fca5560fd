"""From a claimed row to what its REGISTER says: the order of an attempt, and what may be bound when it is through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..errors import SipParseError
from ..model.addressing import Addressing, OwnAddress
from ..model.schedule import Claimed, RegistrarSettings, Sent, SentContact
from ..sip.behaviour import USUAL, ExpiresStyle, UnregisterStyle
from ..sip.outbound import Outbound
from ..sip.registration import Order
from ..sip.targets import Target
from ..sip.uri import parse_uri, same_uri, split_host_port
from .naming.routing import route_of
from .naming.targets import Unreachable
from .transport.flows import Flow

__all__ = ["VIA_TRANSPORTS", "build", "common_lines", "own_address"]

ALLOW = "OPTIONS"

# RFC 6140 §5.2: who does not know bulk registration must refuse it, and not bind a contact that nobody is called at.
BULK_LINES = "Require: gin\r\nProxy-Require: gin\r\nSupported: path\r\n"
VIA_TRANSPORTS = {"udp": "UDP", "tcp": "TCP", "tls": "TLS", "ws": "WS", "wss": "WSS"}


TokenOf = Callable[[int], str]


def no_token(registration_id: int) -> str:
    """Return that there is no token."""
    return ""


def own_address(flow: Flow, target: Target, *, host: str, fqdn: str, nowhere: str = "") -> OwnAddress:
    """Return our address as the target has to see it; `host` (or host:port) is what the operator said, "" for the socket's.

    `nowhere` is the name that stands for the socket's over a WebSocket: nobody reaches us there but over that (RFC 7118).
    """
    alias = nowhere if not host and flow.transport in ("ws", "wss") else ""
    try:
        host = host or flow.local_host_towards(target.host)
    except OSError as error:
        raise Unreachable(f"no route to {target.host}: {error.strerror or error}") from None
    host, port = split_host_port(host)
    return OwnAddress(host, port or flow.port, flow.transport, fqdn, alias)


def common_lines(settings: RegistrarSettings) -> str:
    """Return the header lines that all requests to a registrar share."""
    lines = []
    if route := route_of(settings):
        lines.append(route_line(route))
    if settings.profile["UserAgentHeader"]:
        lines.append(f"User-Agent: {settings.profile['UserAgentHeader']}\r\n")
    if settings.profile["AllowHeader"]:
        lines.append(f"Allow: {ALLOW}\r\n")
    lines.append(settings.behaviour.extra_lines)
    return "".join(lines)


def route_line(route: str) -> str:
    """Return the line of a Route header."""
    return f"Route: {route}\r\n"


def build(claimed: Claimed, settings: RegistrarSettings, addressing: Addressing, target: Target, call_id: str,
          from_tag: str, common: str, token_of: TokenOf = no_token,
          outbound: Outbound | None = None, route: str = "") -> tuple[Order, Sent] | None:  # fmt: skip
    """Return the order of an attempt and what it may bind; None where there is nothing to say any more.

    `token_of` gives the token of a registration's contacts, which is used where ContactURIRandomizer is on. `outbound` is the
    flow that a contact which is the only one is bound to (RFC 5626 §4.2). `route` is the value of the Route header that is in
    `common`: an un-REGISTER takes the one of before in its place.

    Contacts of before that are not wanted now are removed, by the same request, unless another row of the same
    binding wants them.
    """
    if not settings.server["ContactURIRandomizer"]:
        token_of = no_token
    token = token_of(claimed.id)
    entry, behaviour = claimed.entry, settings.behaviour
    if entry is None:
        if claimed.sent is None:
            return None
        wanted = claimed.sent
    else:
        names = addressing.identity(entry)
        wanted = Sent(names.aor_uri, names.from_uri, names.request_uri, target.host, target.port, target.transport,
                      addressing.contacts(entry, token), route)  # fmt: skip
        if outbound is not None and len(wanted.contacts) == 1:
            wanted.contacts[0].flow = str(outbound)
        if behaviour is not USUAL and behaviour.expires_style is ExpiresStyle.HEADER:
            # What is asked for the AOR is asked for all of them.
            for contact in wanted.contacts:
                contact.asked = int(entry["AorTtl"] or 0)
    is_removal = claimed.is_removal
    known = _known(claimed, wanted, addressing, token)
    # Where nothing is known but what is wanted, nothing is to go.
    removed = (
        [] if known is wanted.contacts and not is_removal else _not_wanted(claimed, known, wanted, addressing, token_of)
    )
    if removed and behaviour.unregister_style is UnregisterStyle.NONE:
        removed = []
    if is_removal:
        if not removed:
            return None
        wanted = claimed.sent or replace(wanted, contacts=known)
        if wanted.route and wanted.route != route:
            # It goes to where the binding was made, and on as it did then.
            common = route_line(wanted.route) + common.removeprefix(route_line(route) if route else "")
    elif wanted.aor.startswith("sips:") and target.transport not in ("tls", "wss"):
        raise Unreachable("a sips AOR needs TLS: Protocol 4 of the server")
    if any(";bnc" in contact.uri.lower() for contact in wanted.contacts):
        common += BULK_LINES
    flow = wanted.contacts[0].flow if wanted.contacts else ""
    order = Order(
        wanted.request_uri, wanted.aor, wanted.from_uri, call_id, from_tag,
        int(entry["AorTtl"] or 0) if entry is not None else 0,
        [] if is_removal else wanted.contacts,
        removed, addressing.sent_by, VIA_TRANSPORTS[target.transport], common, target,
        Outbound.from_text(flow) if flow else None, behaviour,
        # What another row wants is not ours to remove.
        is_removal and behaviour.unregister_style is UnregisterStyle.ALL and not claimed.rivals,
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
    if not left or (claimed.is_removal and claimed.has_flow):
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
