"""Which registrar has work next: a heap of (earliest due instant, registrar), one entry each.

Filled once at start from the due index, kept up by what is settled and by the knocks of configuration changes. A
registrar that has nothing due is not asked for anything: thousands of idle servers cost nothing (design, rule 4).
"""

from __future__ import annotations

import heapq

__all__ = ["DueQueue"]

# So many entries that are out of date are carried along before the heap is made anew.
MOST_OUT_OF_DATE = 64


class DueQueue:
    """The registrars that have something to do, by when."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int]] = []
        self._due: dict[int, float] = {}

    def push(self, registrar_id: int, due_at: float) -> None:
        """Note that a registrar has work at `due_at`; an earlier note stays."""
        known = self._due.get(registrar_id)
        if known is None or due_at < known:
            self._due[registrar_id] = due_at
            heapq.heappush(self._heap, (due_at, registrar_id))
            if len(self._heap) > 2 * len(self._due) + MOST_OUT_OF_DATE:
                # Each knock leaves one behind, which may lie hours ahead.
                self._heap = [(at, id) for id, at in self._due.items()]
                heapq.heapify(self._heap)

    def pop(self, now: float) -> int | None:
        """Return the registrar that is due longest, and forget it; None where none is due."""
        while self._heap and self._heap[0][0] <= now:
            due_at, registrar_id = heapq.heappop(self._heap)
            if self._due.get(registrar_id) == due_at:
                del self._due[registrar_id]
                return registrar_id
        return None

    @property
    def next_at(self) -> float | None:
        """The instant at which the next registrar is due. It may be too early by an entry that is out of date."""
        return self._heap[0][0] if self._heap else None
