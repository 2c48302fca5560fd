"""All deadlines of what is in flight: one heap, one timer of the event loop.

No `call_later` and no task per registration. An attempt's deadline moves with each send and answer; its place in the
heap is put right only when it comes to the top. Only a deadline that comes nearer has to be told: `watch`.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from ..sip.transaction import NEVER

__all__ = ["Deadlines", "HasDeadline"]

# Deadlines are met at the next of these moments: with thousands in flight there is one wake-up for many, and nobody
# minds a retransmission that is so much later.
GRAIN_SECONDS = 0.02

# Over a connection nothing is sent again, and what was answered would stay for the 32 s of Timer F: with thousands a second some
# hundred megabytes. So many are looked through at least.
FEWEST_SWEPT = 1024


class HasDeadline(Protocol):
    """Something in flight."""

    @property
    def next_timeout(self) -> float:
        """The instant it wants to be called at; infinite for never."""


T = TypeVar("T", bound=HasDeadline)


class Deadlines(Generic[T]):
    """Calls `expired(item, now)` for each item whose deadline has passed."""

    def __init__(self, now: Callable[[], float], expired: Callable[[T, float], None]) -> None:
        self._now = now
        self._expired = expired
        self._heap: list[tuple[float, int, T]] = []
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for = NEVER
        self._sweep_at = FEWEST_SWEPT

    def watch(self, item: T) -> None:
        """Watch an item from now on, until its deadline is never; again where its deadline has come nearer."""
        at = item.next_timeout
        if at == NEVER:
            return
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, item))
        if len(self._heap) >= self._sweep_at:
            self._sweep()
        if at < self._armed_for:
            self._arm(at)

    def close(self) -> None:
        """Watch nothing any more."""
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _sweep(self) -> None:
        """Let go of what wants to be called no more. Half of what is kept has to be new before it is done again."""
        self._heap[:] = [entry for entry in self._heap if entry[2].next_timeout < NEVER]
        heapq.heapify(self._heap)
        self._sweep_at = max(FEWEST_SWEPT, 2 * len(self._heap))

    def _arm(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._armed_for = at
        wait = max(0.0, at - self._now())
        self._timer = loop.call_later(math.ceil(wait / GRAIN_SECONDS) * GRAIN_SECONDS, self._fire)

    def _fire(self) -> None:
        self._timer = None
        self._armed_for = NEVER
        now = self._now()
        heap = self._heap
        while heap and heap[0][0] <= now:
            _, number, item = heapq.heappop(heap)
            at = item.next_timeout
            if at <= now:
                self._expired(item, now)
                at = item.next_timeout
            if at < NEVER:
                heapq.heappush(heap, (max(at, now), number, item))
                if at <= now:
                    break  # it wants to be called at once again: let the event loop turn in between
        if heap:
            self._arm(heap[0][0])
