"""What a registrar tells in its 200 beside the bindings.

Service-Route (RFC 3608: the route of requests that we would send through that registrar, never of a REGISTER), Path
(RFC 3327: what the registrar puts before requests to us), P-Associated-URI (RFC 7315 §4.1: other AORs that are registered
with ours), GRUUs (RFC 5627 §4.2), and the address that our request came from as the registrar saw it (RFC 3581). Each 200
stands for itself: what it does not name is not known any more (RFC 3608 §6.1).
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

from ..errors import SipParseError
from .fields import Contact
from .lexical import split_list, unquote
from .message import Response

__all__ = ["Learned", "learn_from", "seen_address"]

# A peer's words, kept for each AOR: more than this nobody has sent for a reason.
MOST_OF_EACH = 16
LONGEST = 512

# Addresses behind a NAT: one for each of our sockets and server, as long as all is well.
MOST_REMEMBERED = 64

_received = re.compile(r";\s*received\s*=\s*\[?([0-9A-Fa-f:.]+)", re.ASCII).search
_rport = re.compile(r";\s*rport\s*=\s*([0-9]{1,5})", re.ASCII).search


@dataclass(slots=True)
class Learned:
    """All of it. `credential` is ours: the id of the credential that was taken, where it is not the first that fits.
    `outbound`: it is bound to a flow (RFC 5626).
    """

    service_route: list[str] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    associated_uris: list[str] = field(default_factory=list)
    public_gruu: str = ""
    temporary_gruu: str = ""
    public_address: str = ""
    credential: str = ""
    outbound: bool = False

    def to_json(self) -> str:
        """Return what there is as a JSON object, "" where there is nothing."""
        known = {name: value for name, value in asdict(self).items() if value}
        return json.dumps(known, separators=(",", ":")) if known else ""

    @classmethod
    def from_json(cls, text: str | None) -> Learned:
        """Read what `to_json` wrote."""
        known: dict[str, Any] = json.loads(text) if text else {}
        return cls(**known)


GRUUS = (("pub-gruu", "public_gruu"), ("temp-gruu", "temporary_gruu"))
LISTS = {"service-route": "service_route", "path": "path", "p-associated-uri": "associated_uris"}


def learn_from(response: Response, ours: list[Contact], sent_by: str = "", credential: str = "", *,
               outbound: bool = False) -> str:  # fmt: skip
    """Return as JSON what a 200 tells, "" where that is nothing, as of nearly all.

    `ours` are the contacts in it that are ours, `sent_by` the host and port in our Via.
    """
    known: dict[str, str | list[str] | bool] = {}
    for header in LISTS.keys() & response.names:
        items = [item[:LONGEST] for value in response.all(header) for item in _items(value)]
        if items:
            known[LISTS[header]] = items[:MOST_OF_EACH]
    via = response.first("via")
    for contact in ours:
        for parameter, kept_as in GRUUS:
            if parameter in contact.parameters:
                known.setdefault(kept_as, unquote(contact.parameters[parameter] or "")[:LONGEST])
    if via is not None and (address := seen_address(via, sent_by)):
        known["public_address"] = address
    if credential:
        known["credential"] = credential
    if outbound:
        known["outbound"] = True
    return Learned(**known).to_json() if known else ""  # type: ignore[arg-type]


def _items(value: str) -> list[str]:
    try:
        return split_list(value)
    except SipParseError:
        return []


def seen_address(via: str, sent_by: str) -> str:
    """Return host:port as the registrar saw us by the Via of its answer (RFC 3581 §4), "" where that is what we said
    ourselves: `sent_by`.
    """
    before, branch, behind = via.partition(";branch=")
    # Without the branch, the Via of all answers of a registrar is the same.
    return _address(f"{before};{behind.partition(';')[2]}" if branch else via, sent_by)


@lru_cache(MOST_REMEMBERED)
def _address(via: str, sent_by: str) -> str:
    received = _received(via)
    port = _rport(via)
    if not received and not port:
        return ""
    host, _, said_port = sent_by.rpartition(":")
    if (not received or received[1] == host.strip("[]")) and (not port or port[1] == said_port):
        return ""
    seen_host = received[1] if received else host.strip("[]")
    seen_host = f"[{seen_host}]" if ":" in seen_host else seen_host
    return f"{seen_host}:{port[1] if port else said_port}"[:LONGEST]
