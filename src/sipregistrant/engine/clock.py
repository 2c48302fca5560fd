"""The clock of the schedule: boot time, which counts sleep, plus an offset to wall time that is slewed and never
stepped.

A wall clock that jumps, by hand or by a time server, must neither make a million refreshes due at once nor stop them.
So the wall is looked at only to draw the offset slowly after it. Over a restart of the program (not of the machine)
the offset is kept: `store.save_clock`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

__all__ = ["Clock", "read_boot_id"]

# Half a millisecond a second: a thousandfold of what a crystal drifts, and nothing that a schedule of minutes would
# notice.
SLEW = 0.0005

# Above this it is a jump, not a drift, and the operator should hear of it.
JUMP_SECONDS = 2.0


def read_boot_id() -> str:
    """Return what tells this boot of the machine from all others, or "" where the kernel does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


read_boot_time = partial(time.clock_gettime, time.CLOCK_BOOTTIME)
"""Returns seconds since the machine was started, those asleep included."""


class Clock:
    """Schedule time: seconds since the Unix epoch that only ever go forward."""

    def __init__(self, boot_id: str = "", saved_boot_id: str = "", saved_offset_ms: int = 0, *,
                 boot: Callable[[], float] = read_boot_time, wall: Callable[[], float] = time.time) -> None:  # fmt: skip
        """Take up the offset of the last run where the machine is still in the same boot, else that of the wall
        clock.
        """
        self._boot = boot
        self._wall = wall
        self.boot_id = boot_id
        is_same_boot = bool(boot_id) and boot_id == saved_boot_id
        self._offset = saved_offset_ms / 1000 if is_same_boot else wall() - boot()
        self._slewed_at = boot()
        # By how much the wall was ahead when it was last looked at.
        self._difference = 0.0

    def now(self) -> float:
        """Return schedule time in seconds."""
        boot = self._boot()
        difference = self._difference
        if abs(difference) > SLEW * (boot - self._slewed_at):
            difference = self._drawn(boot)
        return boot + self._offset + difference

    def now_ms(self) -> int:
        """Return schedule time in milliseconds, as the store keeps it."""
        return int(self.now() * 1000)

    @property
    def offset_ms(self) -> int:
        return round((self._offset + self._drawn(self._boot())) * 1000)

    def slew(self) -> float | None:
        """Look at the wall, which the offset is drawn after from now on; return by how much it has jumped since the last
        call, if it has.
        """
        boot = self._boot()
        drawn = self._drawn(boot)
        self._offset += drawn
        self._slewed_at = boot
        left = self._difference - drawn
        self._difference = self._wall() - boot - self._offset
        jump = self._difference - left
        return jump if abs(jump) > JUMP_SECONDS else None

    def _drawn(self, boot: float) -> float:
        """Return how far the offset has moved since the last look at the wall: little by little, so that no moment comes
        twice.
        """
        most = SLEW * max(0.0, boot - self._slewed_at)
        difference = self._difference
        return most if difference > most else -most if difference < -most else difference
