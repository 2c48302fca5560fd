"""Counting by buckets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sipregistrant.model.histogram import Histogram


def test_a_bound_belongs_to_its_bucket_and_what_is_above_all_to_the_last() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 2.5):
        histogram.observe(value)
    assert (histogram.counts, histogram.total) == ([2, 2, 1], 7.5)


def test_what_came_ahead_of_its_time_counts_as_none() -> None:
    histogram = Histogram((1.0,))
    histogram.observe(-0.5)
    assert (histogram.counts, histogram.total) == ([1, 0], 0.0)


@given(st.lists(st.floats(0, 100)))
def test_each_value_is_in_one_bucket(values: list[float]) -> None:
    histogram = Histogram((0.1, 1.0, 10.0))
    for value in values:
        histogram.observe(value)
    assert sum(histogram.counts) == len(values)
    assert histogram.counts[0] == sum(value <= 0.1 for value in values)
