"""Heals what a mistake of ours may have left behind: no state lasts for ever.

An attempt has an end by its own rules, and what is due is claimed; where either did not happen it is done here, counted and
logged, however it came about.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import structlog

from ..errors import StoreUnavailable
from ..model.schedule import Schedule
from .claims import Claims
from .flight import Flight
from .tasks import cancel_all, spawn

__all__ = ["Watchdog"]

log = structlog.get_logger()

WATCH_EVERY_SECONDS = 60.0

# All requests that an attempt may need (`sip/registration.py`), each at its time-out, and a minute.
LONGEST_FLIGHT_SECONDS = 8 * 32.0 + 60.0


class Watchdog:
    """Looks once a minute. `end(flight, now)` is called for what is in flight for longer than any attempt may be."""

    def __init__(self, schedule: Schedule, claims: Claims, now: Callable[[], float], flights: Mapping[int, Flight],
                 end: Callable[[Flight, float], None]) -> None:  # fmt: skip
        self._schedule = schedule
        self._claims = claims
        self._now = now
        self._flights = flights
        self._end = end
        self._task: asyncio.Task[None] | None = None
        self.healed = 0
        self.crashed = 0

    def start(self) -> None:
        """Begin to look."""
        self._task = spawn(self._watch(), "engine-watchdog")

    async def stop(self) -> None:
        """Look no more."""
        await cancel_all(self._task)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_EVERY_SECONDS)
            try:
                self._end_overdue(self._now())
                for registrar_id, due_at in await self._schedule.heads():
                    self._claims.push(registrar_id, due_at)
                self._claims.pump()
            except StoreUnavailable:
                continue  # claims and settles say so
            except Exception:
                log.exception("watch.crashed")
                self.crashed += 1

    def _end_overdue(self, now: float) -> None:
        overdue = [flight for flight in self._flights.values() if now - flight.begun_at > LONGEST_FLIGHT_SECONDS]
        for flight in overdue:
            self.healed += 1
            log.error("attempt.overdue", registration=flight.claimed.id, seconds=round(now - flight.begun_at))
            self._end(flight, now)
