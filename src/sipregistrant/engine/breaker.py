"""The breaker of one target: while it is silent, one probe now and then and nothing else.

It opens when attempts for at least twenty AORs, and over half of all, ended in silence within ten seconds; where there are
other targets to go to, at the first one since which nobody was answered; and at an OPTIONS of which that is true
(`monitor.py`). Any answer closes it. Each probe is the next row that is due, so another AOR each time, and is sent again and
again until Timer F (RFC 3261 §17.1.2.2): a registrar that is back is noticed within T2, four seconds. The next probe, five
seconds later, does not wait for that: where a registrar is silent to some AORs alone, another may be answered. Nothing is kept
over a restart.
"""

from __future__ import annotations

from collections import deque
from typing import Any

__all__ = ["Breaker"]

WITHIN_SECONDS = 10.0
FEWEST_SILENT = 20
BUCKET_SECONDS = 1.0

BETWEEN_PROBES_SECONDS = 5.0
BETWEEN_PROBES_WITH_OTHERS_SECONDS = 30.0
"""Where there are other targets: who probes comes half a minute later to one of them."""

# More need not be remembered to tell twenty.
MOST_REMEMBERED = 1000

# Of thousands of targets that are only watched nothing is ever remembered, and an empty deque takes 600 bytes.
NOTHING: deque[Any] = deque(maxlen=0)


class Breaker:
    """Whether a target is silent. Rows are told apart by their ids."""

    __slots__ = ("_between", "_silent", "_tried", "is_open", "probe_at", "since")

    def __init__(self) -> None:
        self.is_open = False
        self.since = 0.0
        """The instant at which it opened."""
        self.probe_at = 0.0
        """The instant from which the next probe may go, while it is open."""
        self._between = BETWEEN_PROBES_SECONDS
        # Attempts that ended in silence, (when, row); and by seconds, (which, how many ended).
        self._silent: deque[tuple[float, int]] = NOTHING
        self._tried: deque[tuple[int, int]] = NOTHING

    def room(self, now: float) -> int:
        """Return how many probes may start now: one, or none."""
        return int(now >= self.probe_at)

    def probe_sent(self, now: float) -> None:
        """Let no other probe go for a while."""
        self.probe_at = now + self._between

    def ended(self, row_id: int, now: float, *, was_silent: bool) -> bool:
        """Note the end of an attempt. Tell whether the breaker has opened by it."""
        bucket, tried = int(now / BUCKET_SECONDS), 0
        if self._tried and self._tried[-1][0] == bucket:
            _, tried = self._tried.pop()
        elif self._tried is NOTHING:
            self._tried = deque(maxlen=int(WITHIN_SECONDS / BUCKET_SECONDS))
            self._silent = deque(maxlen=MOST_REMEMBERED)
        self._tried.append((bucket, tried + 1))
        if not was_silent:
            return False
        self._silent.append((now, row_id))
        if self.is_open or len(self._silent) < FEWEST_SILENT or not self._is_silent(now):
            return False
        return self.open(now)

    def open(self, now: float, *, others: bool = False) -> bool:
        """Take the target for silent; `others` can be gone to meanwhile. Tell whether it was not before."""
        if self.is_open:
            return False
        self._between = BETWEEN_PROBES_WITH_OTHERS_SECONDS if others else BETWEEN_PROBES_SECONDS
        self.is_open, self.since, self.probe_at = True, now, now + self._between if others else now
        return True

    def close(self) -> None:
        """Take an answer, whatever it says: the target is there."""
        self.is_open = False
        self._silent.clear()
        self._tried.clear()

    def _is_silent(self, now: float) -> bool:
        since = now - WITHIN_SECONDS
        while self._silent[0][0] <= since:
            self._silent.popleft()
        first = int(since / BUCKET_SECONDS)
        tried = sum(number for bucket, number in self._tried if bucket > first)
        return len({row for _, row in self._silent}) >= FEWEST_SILENT and len(self._silent) > tried / 2
