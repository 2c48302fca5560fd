"""The schedule of an open store, as the engine knows it: `claim.py` is the way out, `settle.py` the way in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..model.schedule import Claim, Claimed, Monitored, Settled
from .claim import claim, give_back, heads
from .flows import lose_step
from .monitored import monitored
from .settle import settle
from .store import Store

__all__ = ["StoreSchedule", "claim", "give_back", "heads", "monitored", "settle"]


class StoreSchedule:
    """The schedule of an open store, as the engine knows it: `model.schedule.Schedule`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def claim(self, registrar_id: int, *, known_rev: int, limit: int, in_flight: Sequence[int],
                    may_stagger: bool, refused_since: float) -> Claim:  # fmt: skip
        """See the protocol."""
        return await self._store.write(claim, registrar_id, known_rev, limit, in_flight, may_stagger, refused_since)

    async def settle(self, outcomes: Sequence[Settled]) -> Sequence[int]:
        """See the protocol."""
        return await self._store.write_first(settle, outcomes)

    async def give_back(self, rows: Sequence[Claimed]) -> None:
        """See the protocol."""
        await self._store.write(give_back, rows)

    async def lose_flow(self, flow_id: int) -> None:
        """See the protocol."""
        while await self._store.write(lose_step, flow_id):
            pass

    async def heads(self) -> list[tuple[int, float]]:
        """See the protocol."""
        return await self._store.read(heads)

    async def monitored(self, known: Mapping[int, int]) -> Monitored:
        """See the protocol."""
        return await self._store.read(monitored, known)
