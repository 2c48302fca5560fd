"""Wakes who waits for events: rung when some are committed. What is told is in the database; the bell says only that there is
more.
"""

from __future__ import annotations

import asyncio

__all__ = ["Bell"]

MOMENT_SECONDS = 0.1


class Bell:
    """One bell, any number of listeners, on one event loop."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self.rings = 0
        """How often it was heard."""
        self._timer: asyncio.TimerHandle | None = None
        self.is_closed = False
        """Nothing more will come: the service stops."""

    def ring(self) -> None:
        """Wake everybody who waits, in a moment: what settles rings thirty times a second, and each who is woken looks."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(MOMENT_SECONDS, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self.rings += 1
        self._rung.set()
        self._rung = asyncio.Event()

    def close(self) -> None:
        """Wake everybody for the last time."""
        self.is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._wake()

    async def wait(self, seconds: float, heard: int) -> None:
        """Return when it is rung, or after so long; at once where it was rung since `rings` was `heard`, before the look that
        found nothing.
        """
        rung = self._rung
        if self.is_closed or self.rings != heard:
            return
        try:
            async with asyncio.timeout(seconds):
                await rung.wait()
        except TimeoutError:
            return
