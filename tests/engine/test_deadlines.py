"""One heap and one timer for all deadlines."""

from __future__ import annotations

import asyncio

import pytest

from sipregistrant.engine.deadlines import FEWEST_SWEPT, Deadlines
from sipregistrant.sip.transaction import NEVER
from tests.engine.virtual_time import in_virtual_time, virtual_loop


class Item:
    """Wants to be called at each of some instants, then never."""

    def __init__(self, *times: float) -> None:
        self.times = list(times)

    @property
    def next_timeout(self) -> float:
        return self.times[0] if self.times else NEVER


class Calls:
    """Deadlines on the loop's time, and what they called when."""

    def __init__(self) -> None:
        self.made: list[tuple[float, Item]] = []
        self.deadlines = Deadlines(virtual_loop().time, self.expired)

    def expired(self, item: Item, now: float) -> None:
        self.made.append((now, item))
        item.times.pop(0)

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.made]


@in_virtual_time
async def test_an_item_is_called_at_each_of_its_deadlines_and_then_let_go() -> None:
    calls = Calls()
    calls.deadlines.watch(Item(1.0, 3.0, 7.0))
    await asyncio.sleep(60)
    assert calls.times == pytest.approx([1.0, 3.0, 7.0])
    assert not calls.deadlines._heap


@in_virtual_time
async def test_items_are_called_in_the_order_of_their_deadlines() -> None:
    calls = Calls()
    late, early, between = Item(3.0), Item(1.0), Item(2.0)
    for item in (late, early, between):
        calls.deadlines.watch(item)
    await asyncio.sleep(10)
    assert [item for _, item in calls.made] == [early, between, late]


@in_virtual_time
async def test_a_deadline_that_moved_on_calls_nobody_at_its_old_moment() -> None:
    calls, item = Calls(), Item(1.0)
    calls.deadlines.watch(item)
    await asyncio.sleep(0.5)
    item.times = [5.0]
    await asyncio.sleep(10)
    assert calls.times == pytest.approx([5.0])


@in_virtual_time
async def test_a_deadline_that_comes_nearer_is_kept_when_it_is_told() -> None:
    calls, item = Calls(), Item(8.0, 9.0)
    calls.deadlines.watch(item)
    item.times = [2.0, 9.0]
    calls.deadlines.watch(item)
    await asyncio.sleep(20)
    assert calls.times == pytest.approx([2.0, 9.0])


@in_virtual_time
async def test_an_item_that_is_over_is_let_go_without_a_call() -> None:
    calls, item = Calls(), Item(1.0)
    calls.deadlines.watch(item)
    item.times = []
    await asyncio.sleep(2)
    assert not calls.made
    assert not calls.deadlines._heap


@in_virtual_time
async def test_what_has_no_deadline_is_not_held() -> None:
    calls = Calls()
    calls.deadlines.watch(Item())
    assert not calls.deadlines._heap


@in_virtual_time
async def test_an_item_that_is_always_due_does_not_stop_the_loop() -> None:
    calls = Calls()
    calls.deadlines.watch(Item(*[0.0] * 50))
    for turn in range(1, 20):
        await asyncio.sleep(0)
        assert len(calls.made) <= turn
    await asyncio.sleep(1)
    assert len(calls.made) == 50


@in_virtual_time
async def test_a_deadline_that_has_passed_already_is_called_at_once() -> None:
    calls = Calls()
    await asyncio.sleep(5)
    calls.deadlines.watch(Item(1.0))
    await asyncio.sleep(0.001)
    assert calls.times == pytest.approx([5.0])


@in_virtual_time
async def test_thousands_share_one_timer() -> None:
    calls = Calls()
    for number in range(3000):
        calls.deadlines.watch(Item(1.0 + number % 7))
    assert len(virtual_loop()._scheduled) < 10  # type: ignore[attr-defined]
    await asyncio.sleep(10)
    assert len(calls.made) == 3000


@in_virtual_time
async def test_after_close_nobody_is_called() -> None:
    calls = Calls()
    calls.deadlines.watch(Item(1.0))
    calls.deadlines.close()
    await asyncio.sleep(5)
    assert not calls.made


@in_virtual_time
async def test_what_is_over_is_let_go_long_before_its_deadline() -> None:
    calls = Calls()
    waiting = Item(32.0)
    calls.deadlines.watch(waiting)
    for _ in range(10 * FEWEST_SWEPT):
        item = Item(32.0)
        calls.deadlines.watch(item)
        item.times.clear()  # answered
    assert len(calls.deadlines._heap) <= FEWEST_SWEPT
    await asyncio.sleep(33)
    assert calls.times == pytest.approx([32.0])
    assert calls.made[0][1] is waiting
