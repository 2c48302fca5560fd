"""Whether a figure of a long run stays as it is.

The first third of the run is left out: caches fill, the allocator finds its size. Of the rest the medians of the first
and of the last quarter are compared, so that neither a spike nor a few of them say anything, and a step that came before
the last eighth does. A figure grows when the last is above the first by more than one per cent for each ten minutes
between the two, and a floor of its own on top: what it wavers by, however short the run.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Verdict", "judge"]

WARM_UP = 1 / 3
PERCENT = 1.0
PER_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a figure: medians of the first and of the last quarter, and what the last may be."""

    first: float
    last: float
    most: float

    @property
    def grows(self) -> bool:
        return self.last > self.most


def judge(values: Sequence[float], every_seconds: float, floor: float) -> Verdict:
    """Judge the values that were taken one `every_seconds`, twelve at least; `floor` is in their unit."""
    settled = values[round(len(values) * WARM_UP) :]
    quarter = len(settled) // 4
    assert quarter > 1, "too few values"
    first, last = statistics.median(settled[:quarter]), statistics.median(settled[-quarter:])
    between_seconds = (len(settled) - quarter) * every_seconds
    return Verdict(first, last, first * (1 + PERCENT / 100 * between_seconds / PER_SECONDS) + floor)
