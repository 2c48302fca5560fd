"""What a REGISTER does to the bindings of its AOR: RFC 3261 §10.3, steps 6 and 7.

`updated` takes the bindings that are held and returns those that are held then, or why the request is refused. Nothing
is changed in place: a request is carried out whole or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..sip.fields import Contact
from ..sip.uri import same_uri

__all__ = ["Binding", "Change", "Limits", "Refused", "updated"]

# RFC 3261 §10.3 step 7: a registrar must not refuse an hour or more as too brief.
NEVER_TOO_BRIEF_SECONDS = 3600

# Where the request says nothing; the same section suggests no other.
DEFAULT_EXPIRES_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Limits:
    """What the registrar grants: above `max_expires` an expiry is cut, below `min_expires` it is refused."""

    min_expires: int
    max_expires: int
    max_contacts: int


@dataclass(frozen=True, slots=True)
class Binding:
    """One contact of an AOR until `expires_at`, and the request that it comes from."""

    contact: Contact
    expires_at: float
    call_id: str
    cseq: int

    def expires_in(self, now: float) -> int:
        """Return the seconds that are left, at least 1 while it is held: 0 on the wire means that it is gone."""
        return max(1, round(self.expires_at - now))


@dataclass(frozen=True, slots=True)
class Change:
    """What a REGISTER asks for. `expires` is its Expires header, None where it has none."""

    contacts: list[Contact] | Literal["*"]
    expires: int | None
    call_id: str
    cseq: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The code that the request is answered with, and the headers that belong to it."""

    status_code: int
    headers: tuple[tuple[str, str], ...] = ()


def updated(held: Sequence[Binding], change: Change, limits: Limits, now: float) -> list[Binding] | Refused:
    """Return the bindings after `change`; `held` has only what has not lapsed."""
    if change.contacts == "*":
        return _without_all(held, change)
    bindings = list(held)
    for contact in change.contacts:
        asked = _expires(contact, change.expires)
        if 0 < asked < min(limits.min_expires, NEVER_TOO_BRIEF_SECONDS):
            return Refused(423, (("Min-Expires", str(limits.min_expires)),))
        place = next((n for n, binding in enumerate(bindings) if same_uri(binding.contact.uri, contact.uri)), None)
        if place is not None:
            if _is_older(change, bindings[place]):
                return Refused(500)
            if _is_the_same(change, bindings[place]):
                continue
        binding = Binding(contact, now + min(asked, limits.max_expires), change.call_id, change.cseq)
        if place is None:
            bindings += [binding] if asked else []
        else:
            bindings[place : place + 1] = [binding] if asked else []
    if len(bindings) > max(limits.max_contacts, len(held)):
        return Refused(503)
    return bindings


def _without_all(held: Sequence[Binding], change: Change) -> list[Binding] | Refused:
    # "*" together with a lifetime means nothing (§10.3 step 6).
    if change.expires != 0:
        return Refused(400)
    if any(_is_older(change, binding) for binding in held):
        return Refused(500)
    return [binding for binding in held if _is_the_same(change, binding)]


def _expires(contact: Contact, header: int | None) -> int:
    if contact.expires is not None:
        return contact.expires
    return DEFAULT_EXPIRES_SECONDS if header is None else header


# §10.3 step 7: "it MUST update or remove the binding as above [if the CSeq is higher]. If not, the update MUST be
# aborted and the request fails." The equal one is left out of that: there is no transaction here that would answer a
# retransmission, so it comes by again, and changes nothing.


def _is_older(change: Change, binding: Binding) -> bool:
    return change.call_id == binding.call_id and change.cseq < binding.cseq


def _is_the_same(change: Change, binding: Binding) -> bool:
    return change.call_id == binding.call_id and change.cseq == binding.cseq
