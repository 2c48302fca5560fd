"""What came of a run, in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from .registrar import ModelRegistrar
from .scenario import Phase, Scenario

__all__ = ["Levelness", "PhaseLoad", "Report", "Run", "report"]

WINDOWS = (1, 10, 60)
"""Seconds over which a peak is taken."""


@dataclass(slots=True)
class Run:
    """A scenario played with a policy: what the registrar saw, and what the registrants counted."""

    policy: str
    scenario: Scenario
    registrar: ModelRegistrar
    timed_out: int = 0
    """Transactions that ended without an answer."""
    sent_again: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def per_second(self) -> Sequence[int]:
        """REGISTERs that came to the registrar in each second, those that it dropped too."""
        return self.registrar.arrived[: int(self.scenario.seconds)]


@dataclass(frozen=True, slots=True)
class PhaseLoad:
    """REGISTERs a second in a part of the time."""

    name: str
    begin: float
    end: float
    peak: int
    mean: float


@dataclass(frozen=True, slots=True)
class Levelness:
    """Peak to mean of what came after the restart, over one cycle of refreshes; of the largest second, ten seconds, minute."""

    seconds: float
    per_second: float
    per_ten_seconds: float
    per_minute: float


@dataclass(frozen=True, slots=True)
class Report:
    """All of it; seconds are None where it did not come to that."""

    policy: str
    registers: int
    sent_again: int
    phases: tuple[PhaseLoad, ...]
    level: Levelness | None
    dropped: int
    errors_5xx: int
    timed_out: int
    failed_share: float
    """5xx and time-outs as a part of all that ended."""
    lapses: int
    longest_lapse: float
    not_registered: int
    """At the end."""
    all_registered_after: float | None
    all_back_after: float | None
    """Seconds from the end of the outage until nothing was lapsed any more; 0 where nothing did."""
    faults: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return asdict(self)


def report(run: Run) -> Report:
    """Reckon what came of a run."""
    scenario, registrar = run.scenario, run.registrar
    load = run.per_second
    errors = sum(number for code, number in registrar.codes.items() if code >= 500)
    ended = sum(registrar.codes.values()) + run.timed_out
    not_registered = registrar.unbound(scenario.seconds)
    return Report(
        run.policy, sum(load), run.sent_again, tuple(_load(load, phase) for phase in scenario.phases), _level(scenario, load),
        registrar.dropped, errors, run.timed_out, (errors + run.timed_out) / ended if ended else 0.0, registrar.lapses,
        registrar.longest_lapse, not_registered, registrar.all_bound_at, _all_back(scenario, registrar, not_registered),
        tuple(run.faults),
    )  # fmt: skip


def _load(load: Sequence[int], phase: Phase) -> PhaseLoad:
    part = load[int(phase.begin) : int(phase.end)]
    return PhaseLoad(phase.name, phase.begin, phase.end, max(part, default=0), sum(part) / max(1, len(part)))


def _level(scenario: Scenario, load: Sequence[int]) -> Levelness | None:
    """Whole minutes after the restart, of one life of a binding at most: what is refreshed then is all there is, once."""
    if scenario.restart is None:
        return None
    begin = int(scenario.restart.end)
    end = int(scenario.seconds)
    if scenario.outage is not None and begin < scenario.outage.begin < end:
        end = int(scenario.outage.begin)
    seconds = min(end - begin, int(0.9 * min(scenario.ttl, scenario.max_expires))) // 60 * 60
    part = load[begin : begin + seconds]
    if not seconds or not sum(part):
        return None
    mean = sum(part) / seconds
    peaks = [max(sum(part[at : at + size]) for at in range(0, seconds, size)) / size / mean for size in WINDOWS]
    return Levelness(seconds, *peaks)


def _all_back(scenario: Scenario, registrar: ModelRegistrar, not_registered: int) -> float | None:
    if scenario.outage is None or not_registered:
        return None
    return max(0.0, registrar.last_return - scenario.outage.end)
