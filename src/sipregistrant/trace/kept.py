"""The attempts that are kept in memory: of registrations that are traced, and examples of what failed.

Bounded in bytes, in messages of a registration and in age; the oldest go first. A mass outage leaves examples: of one server
and one answer `FIRST_EXAMPLES` are kept at once, then one every `SECONDS_OF_EXAMPLE`. All of it is forgotten with the process.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass

from .messages import Attempt

__all__ = ["KeptTraces", "Limits"]

# Beside the bytes of a message: the objects that it is in (estimated at 390 bytes a message, attempt and places included).
BYTES_BESIDE = 400

FIRST_EXAMPLES = 50
SECONDS_OF_EXAMPLE = 10.0

# Servers and answers that are told apart; where there are more, some begin anew.
MOST_SORTS = 4096


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept, and how long."""

    bytes: int = 16 * 1024 * 1024
    messages_each: int = 200
    age_seconds: float = 3600.0
    traced: int = 1000
    longest_seconds: int = 86400


class KeptTraces:
    """What is kept, and what is traced until when."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.bytes = 0
        # By number, the oldest first; and the numbers of each registration.
        self._attempts: OrderedDict[int, Attempt] = OrderedDict()
        self._of: dict[int, deque[int]] = {}
        self._number = 0
        self.watched: dict[int, float] = {}
        """The registrations that are traced, and until when; what is over is taken out now and then."""
        self._examples: dict[tuple[str, str, int], float] = {}

    # What is traced

    def trace(self, registration: int, seconds: float, now: float) -> float | None:
        """Keep all attempts of a registration for so long; return until when, None where too many are traced."""
        self._end_traces(now)
        if registration not in self.watched and len(self.watched) >= self.limits.traced:
            return None
        until = self.watched[registration] = now + min(seconds, self.limits.longest_seconds)
        return until

    def traced_until(self, registration: int, now: float) -> float | None:
        """Return until when a registration is traced, None where it is not."""
        until = self.watched.get(registration)
        return until if until is not None and until > now else None

    def traced(self, now: float) -> dict[int, float]:
        """Return what is traced, and until when."""
        self._end_traces(now)
        return dict(self.watched)

    def forget(self, registration: int) -> None:
        """Trace it no longer, and forget what is kept of it."""
        self.watched.pop(registration, None)
        for number in list(self._of.get(registration, ())):
            self._drop(number)

    def _end_traces(self, now: float) -> None:
        for registration in [id for id, until in self.watched.items() if until <= now]:
            del self.watched[registration]

    # What is kept

    def wants(self, registration: int, server: str, outcome: str, code: int, now: float, *, has_failed: bool) -> bool:
        """Tell whether an attempt is kept: it is traced, or an example of a failure; counts it as that."""
        if self.traced_until(registration, now) is not None:
            return True
        if not has_failed:
            return False
        sort = (server, outcome, code)
        # The instant up to which the examples of this sort are used up: a bucket of FIRST_EXAMPLES, told by one number.
        used = max(self._examples.get(sort, 0.0), now - FIRST_EXAMPLES * SECONDS_OF_EXAMPLE) + SECONDS_OF_EXAMPLE
        if used > now:
            return False
        if len(self._examples) >= MOST_SORTS:
            self._examples.clear()
        self._examples[sort] = used
        return True

    def put(self, attempt: Attempt, now: float) -> None:
        """Keep an attempt, and forget what is too much. Its messages are masked already."""
        self._number += 1
        attempt.messages = attempt.messages[-self.limits.messages_each :]
        self._attempts[self._number] = attempt
        mine = self._of.setdefault(attempt.registration, deque())
        mine.append(self._number)
        self.bytes += _size(attempt)
        while len(mine) > 1 and sum(len(self._attempts[one].messages) for one in mine) > self.limits.messages_each:
            self._drop(mine[0])
        while self.bytes > self.limits.bytes:
            self._drop(next(iter(self._attempts)))
        self._forget_old(now)

    def of(self, registration: int, now: float) -> list[Attempt]:
        """Return what is kept of a registration, the oldest first."""
        self._forget_old(now)
        return [self._attempts[number] for number in self._of.get(registration, ())]

    def registrations(self, now: float) -> Iterator[int]:
        """Give the ids of what is kept or traced, in their order."""
        self._forget_old(now)
        yield from sorted(self._of.keys() | self.traced(now).keys())

    def _forget_old(self, now: float) -> None:
        before = now - self.limits.age_seconds
        while self._attempts:
            number, oldest = next(iter(self._attempts.items()))
            if oldest.ended_at >= before:
                return
            self._drop(number)

    def _drop(self, number: int) -> None:
        attempt = self._attempts.pop(number)
        self.bytes -= _size(attempt)
        mine = self._of[attempt.registration]
        mine.remove(number)
        if not mine:
            del self._of[attempt.registration]


def _size(attempt: Attempt) -> int:
    """Return about how many bytes an attempt takes. What was sent again is there once."""
    return BYTES_BESIDE + sum(
        BYTES_BESIDE + (0 if message.is_repeated else len(message.data)) for message in attempt.messages
    )
