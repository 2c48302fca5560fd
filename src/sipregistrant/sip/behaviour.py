"""How a registrar wants to be spoken to, where that is not as we do it for everybody: what a provider profile comes to.

Who has no profile has `USUAL`, and nothing of what stands here is looked at twice on the way of its REGISTERs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

__all__ = ["USUAL", "Behaviour", "CallIdLife", "ContactMatch", "ExpiresStyle", "UnregisterStyle"]


class ContactMatch(IntEnum):
    """How our contact is found in a 200."""

    USUAL = 0
    """By instance and reg-id, by URI, by the token in its user, by being the only new one."""
    URI = 1
    """By URI comparison alone (RFC 3261 §19.1.4)."""
    USER = 2
    """By URI, else by its user: host and port are rewritten on the way."""
    ANY = 3
    """By URI, else by its user, else whichever is left."""


class ExpiresStyle(IntEnum):
    """Where a REGISTER says how long (RFC 3261 §10.2.1.1)."""

    USUAL = 0
    """In Expires for the AOR, and in a parameter of each contact."""
    PARAMETER = 1
    """In a parameter of each contact, without an Expires."""
    HEADER = 2
    """In Expires, for all contacts alike."""
    OWN = 3
    """In Expires for the AOR, and in a parameter of those contacts that want another one."""


class CallIdLife(IntEnum):
    """How long a registration keeps its Call-ID."""

    KEPT = 0
    """As RFC 3261 §10.2 wants it."""
    AFTER_FAILURE = 1
    """Until a REGISTER has failed, or the binding has lapsed."""
    CYCLE = 2
    """For one REGISTER, with its answer to a challenge."""


class UnregisterStyle(IntEnum):
    """How bindings are removed (RFC 3261 §10.2.2)."""

    OURS = 0
    """Our contacts, each by name."""
    ALL = 1
    """`Contact: *`: all bindings of the AOR, whoever made them."""
    NONE = 2
    """Not at all: they lapse."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """All of it. `extra_lines` are finished header lines, each ended by CRLF."""

    contact_match: ContactMatch = ContactMatch.USUAL
    expires_style: ExpiresStyle = ExpiresStyle.USUAL
    call_id: CallIdLife = CallIdLife.KEPT
    unregister_style: UnregisterStyle = UnregisterStyle.OURS
    extra_lines: str = ""


USUAL = Behaviour()
