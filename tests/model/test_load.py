"""How many REGISTERs a registrar will get."""

from __future__ import annotations

import pytest

from sipregistrant.model.load import MINUTES, Alike, forecast, level_rate


def test_what_is_kept_costs_a_register_each_time_it_is_refreshed() -> None:
    assert level_rate(3_240_000, 3600, 120) == pytest.approx(1000 / 0.95)


def test_what_is_due_already_goes_in_the_first_minute_and_comes_again() -> None:
    load = forecast("h:5060", [Alike(600, 0, 1200.0, 2, 1)], 0)
    assert (load.registrations, load.due) == (600, 600)
    assert [(minute, rate) for minute, rate in enumerate(load.per_minute) if rate] == [(0, 20), (20, 10), (40, 10)]
    assert (load.largest, load.level) == (20, 0.5)
    assert load.mean == pytest.approx(40 / 60)


def test_what_is_refreshed_more_than_once_a_minute_counts_each_time() -> None:
    load = forecast("h:5060", [Alike(60, 10, 20.0, 1, 1)], 0)
    assert load.per_minute[:10] == (0.0,) * 10
    assert load.per_minute[10] == 1.0
    assert set(load.per_minute[11:]) == {3.0}


def test_what_is_due_beyond_the_hour_counts_in_the_long_run_alone() -> None:
    load = forecast("h:5060", [Alike(100, MINUTES, 50.0, 1, 1)], 0)
    assert (load.largest, load.level, load.due) == (0.0, 2.0, 0)


def test_an_un_register_goes_once_and_is_no_registration() -> None:
    load = forecast("h:5060", [Alike(120, 3, 0.0, 2, 0)], 0)
    assert (load.registrations, load.per_minute[3], sum(load.per_minute), load.level) == (0, 4.0, 4.0, 0.0)


def test_a_limit_holds_back_what_is_too_much_and_loses_none_of_it() -> None:
    load = forecast("h:5060", [Alike(1000, 0, 7200.0, 2, 1)], 10)
    assert load.per_minute[:5] == pytest.approx((10, 10, 10, 200 / 60, 0))


@pytest.mark.parametrize(
    ("limit", "verdict", "fits"),
    [
        (0, "no limit", True),
        (100, "fits", True),
        (70, "tight: 86% of the limit for refreshes alone", False),
        (59, "does not fit: refreshes alone need 60 a second", False),
    ],
)
def test_a_limit_is_judged_by_what_the_refreshes_need(limit: int, verdict: str, fits: bool) -> None:
    load = forecast("h:5060", [Alike(60_000, 59, 1000.0, 1, 1)], limit)
    assert (load.verdict, load.fits) == (verdict, fits)
