"""How late the event loop is: what a datagram, a deadline or a request waits because something else holds the loop.

Every twentieth of a second is a moment at which the loop should come by; how late it came is kept for the moments of
the last minute. A loop that is held over several moments was late for each of them, so what is seen is what somebody
who comes at any time would have to wait, and not how seldom it was asked.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence

from ..model.histogram import Histogram

__all__ = ["LoopLag", "percentile"]

EVERY_SECONDS = 0.05
KEPT_SECONDS = 60.0

LATE_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that is not exceeded by `percent` of all (nearest rank); there must be one at least."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


class LoopLag:
    """Comes by at each moment, from `start` to `stop`; both on the event loop."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` gives seconds that go forward."""
        self._now = now
        self._late: deque[float] = deque(maxlen=round(KEPT_SECONDS / EVERY_SECONDS))
        self._due = 0.0
        self.seconds = Histogram(LATE_SECONDS)
        """Of all moments since the start."""
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to measure."""
        self._due = self._now() + EVERY_SECONDS
        self._timer = asyncio.get_running_loop().call_later(EVERY_SECONDS, self._come_by)

    def stop(self) -> None:
        """Measure no more."""
        if self._timer is not None:
            self._timer.cancel()

    def figures(self) -> dict[str, float]:
        """Return `p99` and `max` of the last minute in milliseconds; nothing before the first moment."""
        if not self._late:
            return {}
        return {"p99": round(percentile(self._late, 99) * 1000, 1), "max": round(max(self._late) * 1000, 1)}

    def _come_by(self) -> None:
        now = self._now()
        self._due = max(self._due, now - KEPT_SECONDS)  # after hours of sleep
        while self._due <= now:
            self._late.append(now - self._due)
            self.seconds.observe(now - self._due)
            self._due += EVERY_SECONDS
        self._timer = asyncio.get_running_loop().call_later(self._due - now, self._come_by)
