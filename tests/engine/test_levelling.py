"""Places in the refresh window."""

from __future__ import annotations

from collections import Counter

import pytest

from sipregistrant.engine.levelling import ROWS_PER_BLOCK, phase_of


@pytest.mark.parametrize(
    ("registrations", "parts", "peak_to_mean"),
    [(1_000, 10, 1.01), (3_000, 100, 1.15), (20_000, 100, 1.15), (100_000, 100, 1.15), (1_000_000, 600, 1.15)],
)
def test_every_part_of_the_window_has_as_much_to_do(registrations: int, parts: int, peak_to_mean: float) -> None:
    """A million: each six seconds of an hour."""
    load = Counter(int(phase_of(id, registrations) * parts) for id in range(1, registrations + 1))
    assert set(load) == set(range(parts))
    assert max(load.values()) <= peak_to_mean * registrations / parts


def test_neighbours_come_shortly_after_each_other() -> None:
    places = [phase_of(id, 1_000_000) for id in range(ROWS_PER_BLOCK, 2 * ROWS_PER_BLOCK)]
    assert max(places) - min(places) <= 0.010
    assert sorted(places) == places


def test_a_place_is_always_within_the_window() -> None:
    assert all(0 <= phase_of(id, number) < 1 for id in (1, 999, 1000, 10**9) for number in (0, 1, 10**6))
