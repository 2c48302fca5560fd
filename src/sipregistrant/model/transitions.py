"""What a registration does next, as a table: what is wanted of it, and what the last attempt came to, give its state.

What it *does* is one fact; whether a binding is held, or maybe held, and until when, is another (`status.py`). The table
has an entry for every case, so no registration is ever stuck; how long the wait is says `sip/backoff.py`.
`docs/states.md` draws it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, auto

from .schedule import Class
from .status import State

__all__ = ["WAY_ON", "Result", "Wish"]


class Wish(IntEnum):
    """What the attempt was for."""

    REGISTER = auto()
    CLEAR = auto()
    """Un-register once, then register (ClearRemoteRegistrationOnStartup)."""
    UNREGISTER = auto()


class Result(IntEnum):
    """What it came to, as far as the next state depends on it."""

    ACCEPTED = auto()
    """A 200 with at least one contact of ours."""
    REMOVED = auto()
    """A 200 without any contact of ours to an un-REGISTER, or a 404: there is no such AOR."""
    FAILED = auto()
    """A fault of the moment: silence, no transport, an answer that may be another one later."""
    REFUSED = auto()
    """Refused for cause: the same request will be refused until somebody changes something."""
    CRASHED = auto()
    """Our own mistake."""
    LAPSED = auto()
    """Not un-registered in time: nothing is held any more."""


WAY_ON: Mapping[tuple[Wish, Result], tuple[State, Class]] = {
    (Wish.REGISTER, Result.ACCEPTED): (State.REGISTERED, Class.HELD),
    (Wish.REGISTER, Result.FAILED): (State.RETRY_WAIT, Class.FAILING),
    (Wish.REGISTER, Result.REFUSED): (State.REJECTED, Class.FAILING),
    (Wish.REGISTER, Result.CRASHED): (State.RETRY_WAIT, Class.FAILING),
    (Wish.CLEAR, Result.REMOVED): (State.UNREGISTERED, Class.NEW),
    (Wish.CLEAR, Result.FAILED): (State.RETRY_WAIT, Class.FAILING),
    (Wish.CLEAR, Result.REFUSED): (State.REJECTED, Class.FAILING),
    (Wish.CLEAR, Result.CRASHED): (State.RETRY_WAIT, Class.FAILING),
    (Wish.UNREGISTER, Result.REMOVED): (State.UNREGISTERED, Class.UNREGISTER),
    (Wish.UNREGISTER, Result.LAPSED): (State.UNREGISTERED, Class.UNREGISTER),
    (Wish.UNREGISTER, Result.FAILED): (State.UNREGISTERING, Class.UNREGISTER),
    (Wish.UNREGISTER, Result.REFUSED): (State.UNREGISTERING, Class.UNREGISTER),
    (Wish.UNREGISTER, Result.CRASHED): (State.UNREGISTERING, Class.UNREGISTER),
}
"""The next state, and the class that the row waits in. While a binding is held, one that failed or was refused waits among
those that are held: it is not to be lost behind a million new ones."""
