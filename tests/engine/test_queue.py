"""Which registrar has work next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sipregistrant.engine.queue import DueQueue


def all_due(queue: DueQueue, now: float) -> list[int]:
    found = []
    while (registrar_id := queue.pop(now)) is not None:
        found.append(registrar_id)
    return found


def test_nobody_is_due_in_an_empty_queue() -> None:
    queue = DueQueue()
    assert queue.pop(1e12) is None
    assert queue.next_at is None


def test_the_one_that_is_due_longest_comes_first() -> None:
    queue = DueQueue()
    for registrar_id, due_at in ((1, 30.0), (2, 10.0), (3, 20.0)):
        queue.push(registrar_id, due_at)
    assert all_due(queue, 30.0) == [2, 3, 1]


def test_nobody_comes_early() -> None:
    queue = DueQueue()
    queue.push(1, 10.0)
    assert queue.pop(9.999) is None
    assert queue.next_at == 10.0
    assert queue.pop(10.0) == 1


def test_an_earlier_note_stays() -> None:
    queue = DueQueue()
    queue.push(1, 10.0)
    queue.push(1, 20.0)
    assert all_due(queue, 10.0) == [1]
    assert all_due(queue, 100.0) == []


def test_a_note_that_is_earlier_takes_the_place_of_one_that_is_later() -> None:
    queue = DueQueue()
    queue.push(1, 20.0)
    queue.push(1, 10.0)
    assert all_due(queue, 10.0) == [1]
    assert all_due(queue, 100.0) == []


def test_who_was_popped_may_come_again() -> None:
    queue = DueQueue()
    queue.push(1, 10.0)
    queue.pop(10.0)
    queue.push(1, 15.0)
    assert all_due(queue, 15.0) == [1]


def test_a_million_knocks_leave_no_more_than_a_handful_behind() -> None:
    queue = DueQueue()
    queue.push(1, 1e9)
    for now in range(10_000):
        queue.push(1, float(now))
        assert queue.pop(float(now)) == 1
        queue.push(1, 1e9)
    assert len(queue._heap) < 100
    assert all_due(queue, 1e9) == [1]


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 50), st.booleans()), max_size=300))
def test_it_is_a_table_of_earliest_instants(steps: list[tuple[int, int, bool]]) -> None:
    queue, known = DueQueue(), dict[int, float]()
    for registrar_id, at, is_push in steps:
        if is_push:
            queue.push(registrar_id, float(at))
            known[registrar_id] = min(known.get(registrar_id, float(at)), float(at))
        elif (popped := queue.pop(float(at))) is None:
            assert all(due_at > at for due_at in known.values())
        else:
            assert known.pop(popped) <= at
            assert queue.next_at is None or queue.next_at <= min(known.values(), default=float("inf"))
