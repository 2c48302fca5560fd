"""Writes what attempts came to: as many outcomes at once as have come together since the last write.

A full disk or a locked file keeps them here until they are taken; nothing is lost, and the engine claims no more
beyond a bound. An outcome that spoils a write by a mistake of ours is written alone, and bare in the end (design,
rules 3 and 12).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from ..errors import StoreUnavailable
from ..model.histogram import Histogram
from ..model.schedule import Schedule, Settled
from .settling import make_bare
from .tasks import cancel_all, spawn
from .transport.seen import ASTRAY

__all__ = ["RETRY_STORE_SECONDS", "Settler"]

log = structlog.get_logger()

RETRY_STORE_SECONDS = 1.0

# While outcomes keep coming, so long one write waits after the other: a transaction of fifty rows costs little more than
# one of a few.
BETWEEN_WRITES_SECONDS = 0.03

# From an idle disk to one that is not worth the name.
SETTLE_SECONDS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

# Flows that were lost of late: what was under way over one of them is not settled yet.
MOST_LOST = 64


class Settler:
    """The outcomes that are not on disk yet. `written(batch, changed)` is called when some are."""

    def __init__(self, schedule: Schedule, written: Callable[[list[Settled], Sequence[int]], None]) -> None:
        self._schedule = schedule
        self._written = written
        self._waiting: list[Settled] = []
        self._lost: deque[int] = deque(maxlen=MOST_LOST)
        self._has_waiting = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.crashed = 0
        self.fault = ""
        """Why the last write was refused, "" where it was not; what waits is written again and again."""
        self.seconds = Histogram(SETTLE_SECONDS)
        """How long it took until outcomes that were handed over were on disk."""

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_running(self) -> bool:
        return self._task is not None

    def unsettled(self) -> tuple[int, str]:
        """Return how many outcomes wait to be written, and why they cannot be, "" where they can."""
        return len(self._waiting), self.fault

    def add(self, settled: Settled) -> None:
        """Write this one, soon; due again at once where its flow was lost meanwhile."""
        if settled.flow_id and (settled.flow_id == ASTRAY or settled.flow_id in self._lost):
            settled.due_at = settled.attempted_at
        if not self._waiting:
            self._has_waiting.set()
        self._waiting.append(settled)

    def start(self) -> None:
        """Begin to write."""
        self._task = spawn(self._run(), "engine-settle")

    async def stop(self) -> None:
        """Write no more."""
        await cancel_all(self._task)
        self._task = None

    def lose_flow(self, flow_id: int) -> None:
        """Have due again what was registered over a flow that is lost, also what is on its way to the disk; 0 is none."""
        if flow_id:
            self._lost.append(flow_id)
            spawn(self._lose_flow(flow_id), "engine-lose-flow")

    async def _lose_flow(self, flow_id: int) -> None:
        while self._task is not None:
            try:
                if not any(settled.flow_id == flow_id for settled in self._waiting):
                    await self._schedule.lose_flow(flow_id)
                    return
            except StoreUnavailable:
                await asyncio.sleep(RETRY_STORE_SECONDS)
            await asyncio.sleep(BETWEEN_WRITES_SECONDS)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        written_at = float("-inf")
        while True:
            await self._has_waiting.wait()
            if (wait := written_at + BETWEEN_WRITES_SECONDS - loop.time()) > 0:
                await asyncio.sleep(wait)
            written_at = loop.time()
            batch = self._waiting[:]
            try:
                changed = await self._write(batch)
            except StoreUnavailable as error:
                if not self.fault:
                    log.error("settle.failed", cause=str(error), waiting=len(batch))
                self.fault = str(error)
                await asyncio.sleep(RETRY_STORE_SECONDS)
                continue
            self.seconds.observe(loop.time() - written_at)
            if self.fault:
                log.info("settle.works_again", settled=len(batch))
            self.fault = ""
            del self._waiting[: len(batch)]
            if not self._waiting:
                self._has_waiting.clear()
            self._written(batch, changed)

    async def _write(self, batch: list[Settled]) -> Sequence[int]:
        """Settle a batch; where our own mistake spoils it, row by row."""
        try:
            return await self._schedule.settle(batch)
        except StoreUnavailable:
            raise
        except Exception as error:
            if len(batch) == 1:
                if not make_bare(batch[0]):
                    raise StoreUnavailable(repr(error)) from None
                log.exception("settle.crashed", registration=batch[0].id)
                self.crashed += 1
                return await self._write(batch)
        return [registrar_id for settled in batch for registrar_id in await self._write([settled])]
