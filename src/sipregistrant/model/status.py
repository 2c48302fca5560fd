"""What an operator is shown of a registration: a pure function of its row and the time.

What a row stores is what was last *done*; whether a binding is held is a second fact with an end of its own. Only
together with the time of looking do they say how things stand: a row that was registered an hour ago and was not
refreshed since is not registered, whatever its last answer was.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, IntEnum

__all__ = ["OVERDUE_MS", "SEVERITY", "State", "Status", "status"]


class State(IntEnum):
    """What the last settled attempt left; stored in `registration.state`.

    Whether a REGISTER is in flight is not stored: that is known to the engine alone and gone with it.
    """

    UNREGISTERED = 0
    REGISTERED = 1
    RETRY_WAIT = 2
    """Failed for now: silence, a fault of the transport or of the registrar."""
    REJECTED = 3
    """Refused for cause: credentials, 403, 404. Tried again, slowly."""
    UNREGISTERING = 4
    """An un-REGISTER failed and is tried again until the binding lapses by itself."""


class Status(Enum):
    """The words that are shown."""

    DISABLED = "disabled"
    """Not wanted, and nothing held."""
    REGISTERING = "registering"
    """Wanted, the first attempt not yet over."""
    REGISTERED = "registered"
    DEGRADED = "degraded"
    """Still held, but the last refresh failed or is overdue."""
    FAILING = "failing"
    """Nothing held; tried again."""
    REJECTED = "rejected"
    """Nothing held; refused for cause; tried again slowly."""
    UNREGISTERING = "unregistering"
    """Not wanted, but held or perhaps held."""


SEVERITY: Mapping[Status, int] = {
    Status.REGISTERED: 0,
    Status.DISABLED: 1,
    Status.UNREGISTERING: 2,
    Status.REGISTERING: 3,
    Status.DEGRADED: 4,
    Status.FAILING: 5,
    Status.REJECTED: 6,
}
"""Which of several is the worst, for an object that has several registrations."""

# A refresh that is this late is worth a word: a transaction's time-out, so that the attempt of the moment does not
# count.
OVERDUE_MS = 32_000


def status(*, desired: int, state: int, expires_at: int, maybe_held_until: int, due_at: int | None, now: int) -> Status:
    """Say how a registration stands at `now` (all instants in milliseconds of schedule time)."""
    is_held = expires_at > now
    if not desired:
        return Status.UNREGISTERING if is_held or maybe_held_until > now else Status.DISABLED
    if is_held:
        is_overdue = due_at is not None and due_at < now - OVERDUE_MS
        return Status.REGISTERED if state == State.REGISTERED and not is_overdue else Status.DEGRADED
    if state == State.REJECTED:
        return Status.REJECTED
    # One that is wanted again after its un-REGISTER failed has not been attempted yet.
    return Status.REGISTERING if state in (State.UNREGISTERED, State.UNREGISTERING) else Status.FAILING
