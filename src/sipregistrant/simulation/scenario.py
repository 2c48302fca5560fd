"""What is played: how many registrations, the registrar and the network between, and what happens when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Outage", "OutageKind", "Overload", "Phase", "Restart", "Scenario", "USUAL_BUFFER"]

START_SECONDS = 600.0
"""How long the start lasts, and what comes after an outage, as far as reports go."""

# What a request and its answer take in a receive buffer of the usual 208 KiB, about.
USUAL_BUFFER = 256


class OutageKind(StrEnum):
    """What the registrar does while it is not itself."""

    SILENCE = "silence"
    UNAVAILABLE = "503"
    FORBIDDEN = "403"


class Overload(StrEnum):
    """What becomes of requests that find the registrar's buffer full."""

    DROP = "drop"
    UNAVAILABLE = "503"


@dataclass(frozen=True, slots=True)
class Outage:
    """From when for how long (seconds); `retry_after` 0 is a 503 without it."""

    begin: float
    seconds: float
    kind: OutageKind = OutageKind.SILENCE
    retry_after: int = 0

    @property
    def end(self) -> float:
        return self.begin + self.seconds


@dataclass(frozen=True, slots=True)
class Restart:
    """All registrants stop, and start again so many seconds later."""

    begin: float
    seconds: float = 5.0

    @property
    def end(self) -> float:
        return self.begin + self.seconds


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the time that is reported by itself."""

    name: str
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything; times are seconds from the start, at which all registrations are due.

    `capacity` is how many requests the registrar answers a second, `buffer` how many may wait; `max_expires` and `min_expires`
    bound what it grants, `nonce_seconds` is how long its nonces last. `delay` and `jitter` are those of one way through the
    network, `loss` the part of datagrams that it loses. `limit` is our MaxRegistersPerSecond, 0 for none.
    """

    aors: int = 20_000
    seconds: float = 7200.0
    ttl: int = 3600
    retry_timer: int = 120
    capacity: float = 200.0
    buffer: int = USUAL_BUFFER
    overload: Overload = Overload.DROP
    nonce_seconds: float = 300.0
    min_expires: int = 0
    max_expires: int = 7200
    delay: float = 0.01
    jitter: float = 0.005
    loss: float = 0.0
    outage: Outage | None = None
    restart: Restart | None = None
    limit: int = 0
    seed: int = 1

    @property
    def phases(self) -> list[Phase]:
        """Return the parts that are reported: start, steady, after the outage, after the restart."""
        marks = [(0.0, "start", START_SECONDS), (START_SECONDS, "steady", self.seconds)]
        if self.outage is not None:
            marks += [(self.outage.begin, "outage", self.outage.seconds), (self.outage.end, "after outage", START_SECONDS),
                      (self.outage.end + START_SECONDS, "", 0.0)]  # fmt: skip
        if self.restart is not None:
            marks.append((self.restart.end, "after restart", self.seconds))
        marks = [mark for mark in marks if mark[0] < self.seconds]
        starts = sorted(begin for begin, _, _ in marks) + [self.seconds]
        if self.restart is not None:
            starts.append(self.restart.begin)
        found = []
        for begin, name, length in marks:
            end = min([begin + length, *(start for start in starts if start > begin)])
            if name and end > begin:
                found.append(Phase(name, begin, end))
        return sorted(found, key=lambda phase: phase.begin)
