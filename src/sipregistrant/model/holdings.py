"""What a registrar lists for an AOR, compared with what is wanted there: whose is which binding, and what is missing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum

from ..errors import SipParseError
from ..sip.uri import parse_uri, same_uri
from .probing import Listed

__all__ = ["Holding", "Owner", "compare"]


class Owner(Enum):
    """Whose a binding is."""

    OURS = "ours"
    OURS_OLD = "ours_old"
    """At an address of ours, and wanted by nobody here any more: a ghost, by a change, a crash, or a copy of this service."""
    FOREIGN = "foreign"
    MISSING = "missing"
    """Ours and wanted, believed to be held, and not listed."""


@dataclass(frozen=True, slots=True)
class Holding:
    """One binding; `expires` in seconds, None where it is not said."""

    uri: str
    owner: Owner
    expires: int | None = None
    q: float | None = None


def compare(listed: Sequence[Listed], wanted: Collection[str], held: Collection[str]) -> list[Holding]:
    """Say whose each binding is. `wanted` are the contacts that registrations of ours want for the AOR, `held` those of the one
    that is looked at, as it believes them to be held.
    """
    found = []
    missing = list(held)
    for one in listed:
        ours = next((uri for uri in wanted if _is_same(uri, one.uri)), None)
        missing = [uri for uri in missing if not _is_same(uri, one.uri)]
        owner = Owner.OURS if ours is not None else Owner.OURS_OLD if one.is_at_us else Owner.FOREIGN
        found.append(Holding(one.uri, owner, one.expires, one.q))
    return found + [Holding(uri, Owner.MISSING) for uri in missing]


def _is_same(uri: str, other: str) -> bool:
    """RFC 3261 §19.1.4."""
    try:
        return uri == other or same_uri(parse_uri(uri), parse_uri(other))
    except SipParseError:
        return False
