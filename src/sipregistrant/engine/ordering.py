"""From a claimed row to what its REGISTER says: the order of an attempt, and what may be bound when it is through."""

from __future__ import annotations

from dataclasses import dataclass

from ..model.addressing import OwnAddress, contacts, identity
from ..model.schedule import Claimed, RegistrarSettings, Sent, SentContact
from ..sip.registration import Order, WantedContact
from ..sip.uri import split_host_port

__all__ = ["Target", "build", "common_lines"]

ALLOW = "OPTIONS"


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go: an IP address without brackets, and a port."""

    host: str
    port: int
    transport: str = "udp"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}:{host}:{self.port}"


def common_lines(settings: RegistrarSettings) -> str:
    """Return the header lines that all requests to a registrar share."""
    lines = []
    proxy = str(settings.group["OutboundProxy"] or "")
    if proxy:
        # A loose route, RFC 3261 §16.12: without ;lr an old proxy would rewrite the Request-URI.
        lines.append(f"Route: <sip:{proxy}:{settings.group['OutboundProxyPort']};lr>\r\n")
    if settings.profile["UserAgentHeader"]:
        lines.append(f"User-Agent: {settings.profile['UserAgentHeader']}\r\n")
    if settings.profile["AllowHeader"]:
        lines.append(f"Allow: {ALLOW}\r\n")
    return "".join(lines)


def build(claimed: Claimed, settings: RegistrarSettings, own: OwnAddress, target: Target, *, call_id: str,
          from_tag: str, common: str) -> tuple[Order, Sent] | None:  # fmt: skip
    """Return the order of an attempt and what it may bind; None where there is nothing to say any more.

    Contacts of before that are not wanted now are removed, by the same request, unless another row of the same
    binding wants them.
    """
    if claimed.entry is None:
        if claimed.sent is None:
            return None
        wanted = claimed.sent
    else:
        names = identity(claimed.entry, settings.server, settings.profile, own)
        wanted = Sent(names.aor_uri, names.from_uri, names.request_uri, target.host, target.port, target.transport,
                      contacts(claimed.entry, settings.server, settings.profile, own))  # fmt: skip
    known = claimed.sent if claimed.sent is not None else wanted
    kept = {contact.uri for contact in wanted.contacts} if claimed.desired else set()
    kept |= _wanted_by_rivals(claimed, settings, own)
    removed = [contact.uri for contact in known.contacts if contact.uri not in kept]
    if not claimed.desired:
        if not removed:
            return None
        wanted = known
    order = Order(
        request_uri=wanted.request_uri, to_uri=wanted.aor, from_uri=wanted.from_uri, call_id=call_id, from_tag=from_tag,
        expires=int(claimed.entry["AorTtl"] or 0) if claimed.entry is not None else 0,
        contacts=[WantedContact(c.uri, c.q, c.asked) for c in wanted.contacts] if claimed.desired else [],
        removed=removed, sent_by=_sent_by(own), common=common, peer=str(target),
    )  # fmt: skip
    return order, wanted


def _wanted_by_rivals(claimed: Claimed, settings: RegistrarSettings, own: OwnAddress) -> set[str]:
    """Return the contacts that other rows of the binding key want: they are not ours to remove (design, rule 7)."""
    kept: set[str] = set()
    for rival in claimed.rivals:
        theirs: list[SentContact] = list(rival.sent.contacts) if rival.sent is not None else []
        # Contacts that are completed with the address of another group are told by what was sent, not by a guess of
        # ours.
        if rival.is_same_group:
            theirs += contacts(rival.entry, settings.server, settings.profile, own)
        kept |= {contact.uri for contact in theirs}
        kept |= {str(rival.entry[f"URI{n}"]) for n in range(1, 9) if rival.entry[f"URI{n}"]}
    return kept


def _sent_by(own: OwnAddress) -> str:
    """Return host and port for the Via: the socket's, as the peer sees it."""
    host, port = split_host_port(own.host)
    return f"{host}:{port or own.port}"
