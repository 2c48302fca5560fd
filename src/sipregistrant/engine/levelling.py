"""Which place of the refresh window a registration has, so that many of them are refreshed one after the other.

Neighbours come shortly after each other, for claim and settle touch neighbouring pages then (shuffled rows cost three times
the CPU); blocks of them are spread over the window by the golden ratio, which leaves no gap however many there are. Some blocks
lie side by side, so that where two of them overlap, or none does, is hardly felt (design, rule 5); with more of them more pages
are written for each settle.
"""

from __future__ import annotations

__all__ = ["phase_of"]

ROWS_PER_BLOCK = 1000
BLOCKS_SIDE_BY_SIDE = 10
GOLDEN = 0.6180339887498949


def phase_of(row_id: int, registrations: int) -> float:
    """Return a place in [0, 1) for a row of a registrar that has so many of them."""
    block, place = divmod(row_id, ROWS_PER_BLOCK)
    width = min(1.0, BLOCKS_SIDE_BY_SIDE * ROWS_PER_BLOCK / max(registrations, 1))
    return (block * GOLDEN + place / ROWS_PER_BLOCK * width) % 1.0
