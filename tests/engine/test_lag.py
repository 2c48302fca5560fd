"""How late the event loop is, in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from sipregistrant.engine.lag import EVERY_SECONDS, LoopLag, percentile

from .virtual_time import in_virtual_time, virtual_loop


def started() -> LoopLag:
    lag = LoopLag(virtual_loop().time)
    assert lag.figures() == {}
    lag.start()
    return lag


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 50), (99, 99), (99.5, 100), (100, 100)])
def test_a_percentile_is_the_nearest_rank(percent: float, value: float) -> None:
    assert percentile(range(100, 0, -1), percent) == value
    assert percentile([7.0], percent) == 7.0


@in_virtual_time
async def test_a_loop_that_nothing_holds_is_never_late() -> None:
    lag = started()
    await asyncio.sleep(10)
    assert lag.figures() == {"p99": 0.0, "max": 0.0}


@in_virtual_time
async def test_a_loop_that_is_held_is_late_for_each_moment_of_that_time() -> None:
    lag = started()
    await asyncio.sleep(100.51 * EVERY_SECONDS)
    virtual_loop().hold(2 * EVERY_SECONDS)
    await asyncio.sleep(97 * EVERY_SECONDS)  # of 199 moments one was 75.5 ms late and one 25.5 ms
    assert lag.figures() == {"p99": 25.5, "max": 75.5}


@in_virtual_time
async def test_what_is_older_than_a_minute_is_forgotten() -> None:
    lag = started()
    virtual_loop().hold(0.33)
    await asyncio.sleep(59)
    assert lag.figures()["max"] == 280.0
    await asyncio.sleep(2)
    assert lag.figures()["max"] == 0.0


@in_virtual_time
async def test_hours_of_sleep_leave_a_minute_of_figures() -> None:
    lag = started()
    virtual_loop().hold(36_000)
    await asyncio.sleep(0)
    await asyncio.sleep(1)
    assert lag.figures()["max"] <= 60_000.0
    await asyncio.sleep(60)
    assert lag.figures() == {"p99": 0.0, "max": 0.0}


@in_virtual_time
async def test_after_the_stop_nothing_is_measured() -> None:
    lag = started()
    await asyncio.sleep(1)
    lag.stop()
    virtual_loop().hold(5)
    await asyncio.sleep(1)
    assert lag.figures()["max"] == 0.0
