"""The breaker of one target."""

from __future__ import annotations

from sipregistrant.engine.breaker import BETWEEN_PROBES_SECONDS, FEWEST_SILENT, Breaker


def opened(now: float = 100.0) -> Breaker:
    breaker = Breaker()
    for row in range(FEWEST_SILENT):
        breaker.ended(row, now, was_silent=True)
    return breaker


def test_twenty_aors_that_get_no_answer_open_it() -> None:
    breaker = Breaker()
    opens = [breaker.ended(row, 100.0 + row / 10, was_silent=True) for row in range(25)]
    assert opens == [False] * 19 + [True] + [False] * 5
    assert (breaker.is_open, breaker.since) == (True, 101.9)


def test_one_aor_that_gets_no_answer_twenty_times_does_not() -> None:
    breaker = Breaker()
    assert not any(breaker.ended(1, 100.0 + number / 10, was_silent=True) for number in range(50))


def test_twenty_of_more_than_ten_seconds_do_not() -> None:
    breaker = Breaker()
    assert not any(breaker.ended(row, 100.0 + row * 0.6, was_silent=True) for row in range(100))


def test_half_of_all_that_are_answered_keep_it_closed() -> None:
    breaker = Breaker()
    for row in range(100):
        breaker.ended(1000 + row, 100.0 + row / 100, was_silent=False)
    assert not any(breaker.ended(row, 101.0, was_silent=True) for row in range(100))
    assert breaker.ended(100, 101.0, was_silent=True)


def test_answers_of_more_than_ten_seconds_ago_do_not_keep_it_closed() -> None:
    breaker = Breaker()
    for row in range(10_000):
        breaker.ended(1000 + row, 50.0, was_silent=False)
    assert any(breaker.ended(row, 61.0, was_silent=True) for row in range(20))


def test_a_probe_may_go_at_once_and_the_next_five_seconds_later() -> None:
    breaker = opened(100.0)
    assert breaker.room(100.0) == 1
    breaker.probe_sent(100.0)
    breaker.ended(77, 100.1, was_silent=True)
    assert breaker.room(100.0 + BETWEEN_PROBES_SECONDS - 0.1) == 0
    assert breaker.room(100.0 + BETWEEN_PROBES_SECONDS) == 1


def test_once_closed_it_takes_twenty_again_to_open_it() -> None:
    breaker = opened(100.0)
    breaker.close()
    assert not breaker.is_open
    assert not any(breaker.ended(row, 101.0, was_silent=True) for row in range(FEWEST_SILENT - 1))
