"""Lets go of rows that were claimed and not sent: they are due as they were.

One that has failed before, and an un-REGISTER, had its next wait written when it was claimed (design, rule 12): that is taken
back, or each probe of a silent registrar would put off again what was claimed beside it, and a refresh that somebody asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from ..errors import StoreUnavailable
from ..model.schedule import Claimed, Schedule
from .flight import Registrar
from .tasks import spawn

__all__ = ["GivingBack"]


class GivingBack:
    """`is_due(registrar_id)` is called when there is something to claim again."""

    def __init__(self, schedule: Schedule, is_due: Callable[[int], None]) -> None:
        self._schedule = schedule
        self._is_due = is_due

    def give_ready(self, registrar: Registrar) -> None:
        """Let go of all that was claimed ahead."""
        if registrar.ready:
            self.give(registrar, list(registrar.ready))
            registrar.ready.clear()

    def give(self, registrar: Registrar, rows: Collection[Claimed]) -> None:
        """Let go of rows."""
        registrar.in_flight.difference_update(row.id for row in rows)
        if put_off := [row for row in rows if row.failures or not row.desired]:
            spawn(self._take_back(registrar.id, put_off), "engine-give-back")
        self._is_due(registrar.id)

    async def _take_back(self, registrar_id: int, rows: list[Claimed]) -> None:
        try:
            await self._schedule.give_back(rows)
        except StoreUnavailable:
            return  # they go out after their wait
        self._is_due(registrar_id)
