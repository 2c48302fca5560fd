"""What the service does beside registering and serving: carries out changes of many registrations, forgets what is old."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from logging import DEBUG, ERROR

import structlog

from .engine.tasks import cancel_all, spawn
from .errors import StoreUnavailable
from .model.load import Load
from .store import bulk_steps, reconcile
from .store.forecast import loads
from .store.forgetting import KEPT, forget_step
from .store.store import Store

__all__ = ["Housekeeping"]

log = structlog.get_logger()

RETRY_STORE_SECONDS = 1.0
FORGET_EVERY_SECONDS = 3600.0

# A mistake of ours: often enough to heal with the next change, seldom enough to hurt nobody.
RETRY_CRASHED_SECONDS = 60.0


class Housekeeping:
    """One store's."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._fan_out = asyncio.Event()
        self._limits_too_low: set[tuple[str, int]] = set()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin, with what was left undone before."""
        self._fan_out.set()
        self._tasks = [spawn(self._reconcile(), "reconciler"), spawn(self._forget(), "forget")]

    async def stop(self) -> None:
        """End; what is undone goes on at the next start."""
        await cancel_all(*self._tasks)

    def fan_out(self) -> None:
        """Carry out what a commit has left to do."""
        self._fan_out.set()

    async def _reconcile(self) -> None:
        """Carry fan-outs out, a step at a time, each in a transaction of its own."""
        is_failing = False
        while True:
            await self._fan_out.wait()
            self._fan_out.clear()
            try:
                while await self._store.write(reconcile.step):
                    pass
                await self._store.read(bulk_steps.sweep)
                self._warn_of_limits(await self._store.read(loads, only_limited=True))
                is_failing = False
            except StoreUnavailable as error:
                log.log(DEBUG if is_failing else ERROR, "reconcile.failed", cause=str(error))
                is_failing = True
                await asyncio.sleep(RETRY_STORE_SECONDS)
                self._fan_out.set()
            except Exception:
                log.exception("reconcile.crashed")
                await asyncio.sleep(RETRY_CRASHED_SECONDS)
                self._fan_out.set()

    def _warn_of_limits(self, found: Iterable[Load]) -> None:
        """Tell once of each server whose limit does not let its registrations be refreshed."""
        too_low = {(load.server, load.limit): load.verdict for load in found if not load.fits}
        for server, limit in too_low.keys() - self._limits_too_low:
            log.warning("server.limit_too_low", server=server, limit=limit, verdict=too_low[server, limit],
                        hint="raise MaxRegistersPerSecond, or AorTtl of its entries; see `sipregistrant forecast`")  # fmt: skip
        self._limits_too_low = set(too_low)

    async def _forget(self) -> None:
        """Forget the oldest of the audit log and of the history, a step at a time."""
        while True:
            for kept in KEPT:
                with contextlib.suppress(StoreUnavailable):
                    while await self._store.write(forget_step, kept):
                        pass
            await asyncio.sleep(FORGET_EVERY_SECONDS)
