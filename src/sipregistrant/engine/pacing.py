"""How many registrations may be in flight towards one target.

A window, as TCP has one: it starts small at each start of the process, doubles from answer to answer while nothing is
lost, and is halved when something is. So a start with a million rows due is no storm: the registrar's own answers set
the pace. Rates, and the breaker for a target that is silent, stand on top of this.
"""

from __future__ import annotations

__all__ = ["Window"]

FIRST_WINDOW = 20

# A receive buffer of Linux's default size holds some 160 datagrams of this kind: more at once only fills it until it
# drops.
LARGEST_WINDOW = 128
SMALLEST_WINDOW = 2

# Losses within one round are one loss: the window is halved once for all of them.
ROUND_SECONDS = 0.5


class Window:
    """The window of one target. A slot is taken at the first send of an attempt and given back when the attempt ends."""

    __slots__ = ("_ceiling", "_halved_at", "_size", "paused_until", "taken")

    def __init__(self) -> None:
        self._size = float(FIRST_WINDOW)
        self._ceiling = float(LARGEST_WINDOW)
        self._halved_at = float("-inf")
        self.taken = 0
        self.paused_until = 0.0
        """The instant until which the target wants to be left alone."""

    @property
    def size(self) -> int:
        return int(self._size)

    @property
    def room(self) -> int:
        """How many more attempts may start now."""
        return max(0, int(self._size) - self.taken)

    def pause(self, until: float) -> None:
        """Start nothing before `until`; a shorter pause does not end a longer one."""
        self.paused_until = max(self.paused_until, until)

    def answered(self) -> None:
        """Widen: by one an answer up to where the last loss was, slowly from there."""
        if self._size < self._ceiling:
            self._size += 1
        elif self._size < LARGEST_WINDOW:
            self._size += 1 / self._size

    def lost(self, now: float) -> None:
        """Narrow: something was sent again, or never answered."""
        if now - self._halved_at < ROUND_SECONDS:
            return
        self._halved_at = now
        self._size = max(float(SMALLEST_WINDOW), self._size / 2)
        self._ceiling = self._size
