"""Time that passes only when there is nothing to do: hours of the engine in seconds, and always the same.

Sockets of loopback work as ever: what has arrived is read before any time passes. Names are answered from a table.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import Any

__all__ = ["VirtualTimeLoop"]

# Where nothing is planned only a socket or a thread can go on; this long (of real time) one may take.
LONGEST_WAIT_SECONDS = 10.0

# A step of time that is not lost in the rounding of a float.
SMALLEST_STEP_SECONDS = 1e-6


class _Selector(selectors.DefaultSelector):
    """Looks at the sockets, and lets time pass instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if events:
            return events
        if timeout is None:
            events = super().select(LONGEST_WAIT_SECONDS)
            if not events:
                raise RuntimeError("the event loop waits for something that will not happen")
        elif timeout > 0:
            self.now += max(timeout, SMALLEST_STEP_SECONDS)
        return events


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is virtual.

    `faults` are the exceptions of callbacks, which nobody else would see.
    """

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)
        self.faults: list[dict[str, Any]] = []
        self.set_exception_handler(lambda _, context: self.faults.append(context))

    def time(self) -> float:
        return self._virtual.now

    def hold(self, seconds: float) -> None:
        """Let time pass inside a callback, as one does that computes for so long."""
        self._virtual.now += seconds
