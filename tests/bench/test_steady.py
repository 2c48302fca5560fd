"""What counts as growing."""

from __future__ import annotations

import random

import pytest
from bench.steady import judge

TEN_SECONDS = 10.0
HALF_AN_HOUR = 180


def noise() -> random.Random:
    return random.Random(1)


def test_what_wavers_about_a_level_does_not_grow() -> None:
    draw = noise()
    assert not judge([100 + draw.uniform(-3, 3) for _ in range(HALF_AN_HOUR)], TEN_SECONDS, 1.0).grows


@pytest.mark.parametrize(("percent_in_ten_minutes", "grows"), [(0.5, False), (0.9, False), (3.0, True), (50.0, True)])
def test_what_rises_grows_when_it_rises_by_more_than_a_per_cent_in_ten_minutes_and_its_floor(
    percent_in_ten_minutes: float, grows: bool
) -> None:
    draw, each = noise(), percent_in_ten_minutes / 60
    values = [100 + each * number + draw.uniform(-0.5, 0.5) for number in range(HALF_AN_HOUR)]
    assert judge(values, TEN_SECONDS, 1.0).grows is grows


def test_how_it_came_to_its_level_is_not_looked_at() -> None:
    assert not judge([min(100.0, 2.0 * number) for number in range(HALF_AN_HOUR)], TEN_SECONDS, 1.0).grows


def test_spikes_say_nothing_and_a_step_does() -> None:
    level = [100.0] * HALF_AN_HOUR
    assert not judge([500.0 if number % 9 == 0 else 100.0 for number in range(HALF_AN_HOUR)], TEN_SECONDS, 1.0).grows
    assert judge(level[:150] + [110.0] * 30, TEN_SECONDS, 1.0).grows


def test_what_is_less_in_the_end_does_not_grow() -> None:
    assert not judge([200.0 - number for number in range(HALF_AN_HOUR)], TEN_SECONDS, 0.0).grows


def test_what_is_compared_is_told() -> None:
    verdict = judge([float(number) for number in range(12)], 100.0, 1.0)
    assert (verdict.first, verdict.last) == (4.5, 10.5)  # of the last eight the first two, and the last two
    assert verdict.most == pytest.approx(4.5 * 1.01 + 1.0)
