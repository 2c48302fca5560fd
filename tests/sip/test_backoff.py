"""The waits, as numbers."""

from __future__ import annotations

import pytest

from sipregistrant.sip.backoff import refresh_at, refresh_wait, refusal_wait, retry_wait, retry_wait_while_held


@pytest.mark.parametrize(
    ("granted", "timer", "wait"),
    [
        (3600, 120, 3240),  # 90 % of the grant comes before 3600 - 184
        (1000, 120, 816),  # 1000 - (32 + 120 + 32)
        (368, 120, 184),  # just long enough: half of it
        (300, 120, 150),  # too short for a retry: at half
        (60, 30, 30),
        (10, 120, 5),
        (1, 120, 1),
    ],
)
def test_a_refresh_leaves_room_for_a_time_out_a_wait_and_another_attempt(
    granted: float, timer: float, wait: float
) -> None:
    assert refresh_wait(granted, timer) == wait


BEGAN = 1_767_225_600.0


@pytest.mark.parametrize("phase", [0.0, 0.3, 0.999])
@pytest.mark.parametrize(("together", "earliest"), [(1, 3240), (2, 3238), (300, 2940), (3000, 240), (1_000_000, 162)])
def test_of_many_one_a_second_is_refreshed_and_none_later_than_the_rule_allows(
    phase: float, together: int, earliest: float
) -> None:
    assert earliest <= refresh_at(BEGAN, 3600, 120, phase=phase, together=together) - BEGAN <= 3240


def test_each_has_its_place_whenever_it_was_registered() -> None:
    at = [refresh_at(BEGAN + late, 3600, 120, phase=0.5, together=10**6) for late in range(0, 3000, 100)]
    cycle = 0.95 * 3240
    assert {round((one - at[0]) / cycle, 6) for one in at} == {0, 1}


def test_a_refresh_that_came_at_its_time_keeps_its_place() -> None:
    first = refresh_at(BEGAN, 3600, 120, phase=0.5, together=10**6)
    second = refresh_at(first + 3, 3600, 120, phase=0.5, together=10**6, planned=first)
    assert second == first + 0.95 * 3240
    assert second == pytest.approx(refresh_at(first + 100, 3600, 120, phase=0.5, together=10**6), abs=0.001)


def test_one_alone_is_refreshed_as_late_as_the_rule_allows() -> None:
    assert refresh_at(BEGAN, 60, 30, phase=0.7, planned=BEGAN - 1) == BEGAN + 30


def test_what_is_granted_for_moments_is_not_refreshed_at_once() -> None:
    assert refresh_at(BEGAN, 2, 120, phase=0.999, together=1_000_000) == BEGAN + 1


def test_a_failure_waits_the_timer_and_up_to_a_tenth_more_never_less() -> None:
    assert retry_wait(120, 0, 0.0) == 120
    assert 120 < retry_wait(120, 0, 0.999) < 132


def test_retry_after_makes_the_wait_longer_never_shorter_and_ends() -> None:
    assert retry_wait(120, 60, 0.0) == 120
    assert retry_wait(120, 600, 0.0) == 600
    assert retry_wait(120, 4_000_000_000, 0.0) == 3600


@pytest.mark.parametrize(
    ("timer", "remaining", "wait"),
    [
        (120, 3000, 120),  # the timer is short enough
        (3600, 1032, 500),  # (1032 - 32) / 2
        (3600, 60, 30),  # never in a hurry below half a minute
        (30, 10, 30),
    ],
)
def test_a_held_binding_is_not_lost_to_a_long_timer(timer: float, remaining: float, wait: float) -> None:
    assert retry_wait_while_held(timer, remaining, 0) == wait


def test_refusals_double_up_to_half_an_hour() -> None:
    waits = [refusal_wait(120, failures, 0, 0.0) for failures in range(1, 8)]
    assert waits == [120, 240, 480, 960, 1800, 1800, 1800]


def test_a_timer_above_half_an_hour_is_not_shortened_by_the_guard() -> None:
    assert refusal_wait(7200, 1, 0, 0.0) == 7200
    assert refusal_wait(7200, 9, 0, 0.0) == 7200


def test_ten_thousand_refusals_in_a_row_are_no_overflow() -> None:
    assert refusal_wait(30, 10_000, 0, 0.0) == 1800
