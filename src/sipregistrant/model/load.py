"""How many REGISTERs a registrar will get: what is due in the next hour, and how often it comes again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..sip.backoff import refresh_cycle

__all__ = ["MINUTES", "Alike", "Load", "forecast", "level_rate"]

MINUTES = 60

# Above this share of a limit there is nothing left for what fails, and for what has to be sent again.
MOST_USED = 0.8


@dataclass(frozen=True, slots=True)
class Alike:
    """Registrations that are due in the same minute from now (0 is due already) and stay so.

    `first` is what the next attempt of each costs in REGISTERs, `again` each one after that, which follows after `wait`
    seconds; 0 for never.
    """

    number: int
    minute: int
    wait: float
    first: int
    again: int

    @property
    def rate(self) -> float:
        """REGISTERs a second in the long run."""
        return self.number * self.again / self.wait if self.wait else 0.0


@dataclass(frozen=True, slots=True)
class Load:
    """What one registrar will get. Rates are REGISTERs a second; `limit` 0 is none."""

    server: str
    registrations: int
    due: int
    per_minute: tuple[float, ...]
    """For each minute of the next hour, with the limit."""
    level: float
    """In the long run, if things stay as they are."""
    limit: int

    @property
    def mean(self) -> float:
        return sum(self.per_minute) / len(self.per_minute)

    @property
    def largest(self) -> float:
        return max(self.per_minute)

    @property
    def fits(self) -> bool:
        """Tell whether the limit lets all be refreshed in time."""
        return not self.limit or self.level <= MOST_USED * self.limit

    @property
    def verdict(self) -> str:
        """Say it in words."""
        if not self.limit:
            return "no limit"
        if self.fits:
            return "fits"
        if self.level <= self.limit:
            return f"tight: {self.level / self.limit:.0%} of the limit for refreshes alone"
        return f"does not fit: refreshes alone need {self.level:.0f} a second"


def level_rate(entries: int, ttl: float, retry_timer: float) -> float:
    """Return the REGISTERs a second that keep so many bindings, each granted `ttl` seconds, with the nonce sent ahead."""
    return entries / refresh_cycle(ttl, retry_timer)


def forecast(server: str, groups: Iterable[Alike], limit: int) -> Load:
    """Return what a registrar will get; what the limit holds back goes in the minutes after."""
    groups = list(groups)
    return Load(
        server, sum(group.number for group in groups if group.again),
        sum(group.number for group in groups if group.minute == 0), tuple(_under(_wanted(groups), limit)),
        sum(group.rate for group in groups), limit,
    )  # fmt: skip


def _wanted(groups: Sequence[Alike]) -> list[float]:
    """Return the REGISTERs of each minute, were there no limit."""
    wanted = [0.0] * MINUTES
    for group in groups:
        if group.minute >= MINUTES:
            continue
        wanted[group.minute] += group.number * group.first
        step = group.wait / 60
        if not step:
            continue
        if step <= 1:
            # It comes again within the same minute, and every one after it.
            for minute in range(group.minute + 1, MINUTES):
                wanted[minute] += group.number * group.again / step
            continue
        at = group.minute + 0.5 + step
        while at < MINUTES:
            wanted[int(at)] += group.number * group.again
            at += step
    return wanted


def _under(wanted: Sequence[float], limit: int) -> list[float]:
    """Return REGISTERs a second, no minute above the limit."""
    rates, waiting = [], 0.0
    for number in wanted:
        waiting += number
        sent = min(waiting, limit * 60) if limit else waiting
        waiting -= sent
        rates.append(sent / 60)
    return rates
