"""What a registrar tells in its 200 beside the bindings.

Service-Route (RFC 3608: the route of requests that we would send through that registrar, never of a REGISTER), Path
(RFC 3327: what the registrar puts before requests to us), P-Associated-URI (RFC 7315 §4.1: other AORs that are registered
with ours), GRUUs (RFC 5627 §4.2), and the address that our request came from as the registrar saw it (RFC 3581). Each 200
stands for itself: what it does not name is not known any more (RFC 3608 §6.1).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from ..errors import SipParseError
from .fields import Contact, parse_via, split_list, unquote
from .message import Response

__all__ = ["Learned", "learn_from"]

# A peer's words, kept for each AOR: more than this nobody has sent for a reason.
MOST_OF_EACH = 16
LONGEST = 512


@dataclass(slots=True)
class Learned:
    """All of it. `credential` is ours: the id of the credential that was taken, where it is not the first that fits."""

    service_route: list[str] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    associated_uris: list[str] = field(default_factory=list)
    public_gruu: str = ""
    temporary_gruu: str = ""
    public_address: str = ""
    credential: str = ""

    def to_json(self) -> str:
        """Return what there is as a JSON object, "" where there is nothing."""
        known = {name: value for name, value in asdict(self).items() if value}
        return json.dumps(known, separators=(",", ":")) if known else ""

    @classmethod
    def from_json(cls, text: str | None) -> Learned:
        """Read what `to_json` wrote."""
        known: dict[str, Any] = json.loads(text) if text else {}
        return cls(**known)


def learn_from(response: Response, ours: list[Contact], credential: str = "") -> str:
    """Return as JSON what a 200 tells; `ours` are the contacts in it that are ours."""
    learned = Learned(credential=credential)
    lists = {
        "service-route": learned.service_route,
        "path": learned.path,
        "p-associated-uri": learned.associated_uris,
    }
    is_first_via = True
    for name, value in response.headers:
        if name == "via" and is_first_via:
            is_first_via = False
            # Looked for before it is parsed: this is done for every 200.
            learned.public_address = _public_address(value) if "received" in value or "rport=" in value else ""
        elif name in lists:
            lists[name] += [item[:LONGEST] for item in _items(value)]
            del lists[name][MOST_OF_EACH:]
    for contact in ours:
        learned.public_gruu = learned.public_gruu or _parameter(contact, "pub-gruu")
        learned.temporary_gruu = learned.temporary_gruu or _parameter(contact, "temp-gruu")
    return learned.to_json()


def _items(value: str) -> list[str]:
    try:
        return split_list(value)
    except SipParseError:
        return []


def _parameter(contact: Contact, name: str) -> str:
    return unquote(contact.parameters.get(name) or "")[:LONGEST]


def _public_address(value: str) -> str:
    """Return host:port as the registrar saw us, "" where that is what we said ourselves."""
    try:
        via = parse_via(split_list(value)[0])
    except (SipParseError, IndexError):
        return ""
    host = via.parameters.get("received") or via.host
    port = via.parameters.get("rport") or str(via.port or "")
    is_ours = host.strip("[]") == via.host.strip("[]") and port == str(via.port or "")
    return "" if is_ours else f"{host}:{port}"[:LONGEST]
