"""How a server answers: what the engine has seen of it since its start, and what is shown of that."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["UNKNOWN", "HeldBack", "Standing"]


class HeldBack(Enum):
    """Why registrations that are due do not go out."""

    SILENT = "the registrar does not answer anybody since {}; one AOR is tried now and then until it does"
    PAUSED = "the registrar asked to be left alone until {}"
    RECONNECTS = "{1}; the next connection is tried at {0}"
    REFUSES_ALL = "the registrar refuses everybody, so one AOR a minute is tried; the next at {}"


@dataclass(slots=True)
class Standing:
    """One server. `is_up` is None until it has answered, or not answered, for the first time; `since` is the instant (s)
    of the last change of that.

    A server is down when a transaction has ended without an answer and none has come since that was begun: of a
    thousand AORs one may be lost on the way.
    """

    is_up: bool | None = None
    since: float = 0.0
    answered_at: float = 0.0
    transactions: int = 0
    failures: int = 0
    held_back: tuple[HeldBack, float] | None = None
    """Why what is due there waits, and the instant (s) that belongs to it; None where nothing has to."""
    fault: str = ""
    """What became of the last connection, while none may be opened."""

    @property
    def word(self) -> str:
        return "Unknown" if self.is_up is None else "Up" if self.is_up else "Down"

    def answered(self, now: float) -> None:
        """Note a final answer, whatever it said."""
        self.transactions += 1
        self.answered_at = now
        if not self.is_up:
            self.is_up, self.since = True, now

    def heard(self, at: float) -> None:
        """Note that its target has answered somebody at the instant `at`, on behalf of another server."""
        self.answered_at = max(self.answered_at, at)
        if not self.is_up and at > self.since:
            self.is_up, self.since = True, at

    def failed(self, begun_at: float, now: float) -> None:
        """Note a transaction that was begun at `begun_at` and ended without a final answer."""
        self.transactions += 1
        self.failures += 1
        if self.answered_at <= begun_at and self.is_up is not False:
            self.is_up, self.since = False, now


UNKNOWN = Standing()
