"""A modelled registrar: what it answers to a REGISTER, and when.

It has one queue: a request waits for those before it, each takes its share of a second, and what finds the buffer full is
dropped or told 503. It challenges with nonces that last for a time and grants what is asked within its bounds, as the sandbox's
does (`sandbox/location.py`); who it is comes as a number, so that a million of them are an array. Credentials are not looked at:
all are right.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from .scenario import OutageKind, Overload, Scenario

__all__ = ["Answer", "ModelRegistrar"]

NEVER_TOO_BRIEF_SECONDS = 3600
"""RFC 3261 §10.3 step 7: a registrar must not refuse an hour or more as too brief."""


@dataclass(slots=True)
class Answer:
    """What leaves the registrar `at` an instant: `value` is granted seconds (200), Min-Expires (423), Retry-After (503)."""

    at: float
    code: int
    value: int = 0
    is_stale: bool = False


class ModelRegistrar:
    """Answers, and counts by the second what it sees.

    `arrived` is what comes in, `dropped` what of it finds the buffer full, `refused` what is answered 5xx.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._busy_until = 0.0
        self._service = 1.0 / scenario.capacity
        seconds = int(scenario.seconds) + 2
        self.arrived = array("L", bytes(8 * seconds))
        self.dropped = 0
        self.unheard = 0
        """What came during an outage of silence."""
        self.codes: dict[int, int] = {}
        self.bound_until = array("d", bytes(8 * (scenario.aors + 1)))
        self.is_bound_at_all = 0
        self.all_bound_at: float | None = None
        """When the last AOR was bound for the first time."""
        self.lapses = 0
        """How often a binding lapsed and was bound again."""
        self.longest_lapse = 0.0
        self.last_return = 0.0
        """When the last lapsed AOR was bound again."""

    def receive(self, number: int, at: float, issued: float | None, asked: int) -> Answer | None:
        """Take the REGISTER of an AOR that comes in `at`, with credentials for a nonce `issued` then; None: no answer."""
        scenario = self._scenario
        self.arrived[int(at)] += 1
        outage = scenario.outage
        if outage is not None and outage.begin <= at < outage.end:
            if outage.kind is OutageKind.SILENCE:
                self.unheard += 1
                return None
            if outage.kind is OutageKind.UNAVAILABLE:
                return self._say(at, 503, outage.retry_after)
        begins = max(self._busy_until, at)
        if (begins - at) * scenario.capacity >= scenario.buffer:
            self.dropped += 1
            return self._say(at, 503) if scenario.overload is Overload.UNAVAILABLE else None
        done = self._busy_until = begins + self._service
        if outage is not None and outage.begin <= at < outage.end:
            return self._say(done, 403)
        if issued is None or at - issued > scenario.nonce_seconds:
            answer = self._say(done, 401)
            answer.is_stale = issued is not None
            return answer
        if 0 < asked < min(scenario.min_expires, NEVER_TOO_BRIEF_SECONDS):
            return self._say(done, 423, scenario.min_expires)
        granted = min(asked, scenario.max_expires)
        self._bind(number, done, done + granted if granted else 0.0)
        return self._say(done, 200, granted)

    def _say(self, at: float, code: int, value: int = 0) -> Answer:
        self.codes[code] = self.codes.get(code, 0) + 1
        return Answer(at, code, value)

    def _bind(self, number: int, now: float, until: float) -> None:
        before = self.bound_until[number]
        self.bound_until[number] = until
        if not before:
            self.is_bound_at_all += 1
            if self.is_bound_at_all == self._scenario.aors:
                self.all_bound_at = now
        elif before < now:
            self.lapses += 1
            self.longest_lapse = max(self.longest_lapse, now - before)
            self.last_return = now

    def unbound(self, at: float) -> int:
        """Return how many AORs are not bound at an instant."""
        return sum(until <= at for until in self.bound_until) - 1
