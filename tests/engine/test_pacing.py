"""How much may go to one target, and when."""

from __future__ import annotations

import math

import pytest

from sipregistrant.engine.pacing import (
    BURST_SECONDS,
    FIRST_WINDOW,
    LARGEST_WINDOW,
    LATE_SECONDS,
    MOST_LATE,
    QUEUED_SECONDS,
    SMALLEST_WINDOW,
    Pacing,
    Rate,
    Window,
)

# The window


def answered(window: Window, times: int, *, waited: float = 0.01, now: float = 0.0) -> Window:
    for _ in range(times):
        window.answered(waited, now)
    return window


def test_it_begins_with_twenty() -> None:
    assert Window().size == FIRST_WINDOW == 20


def test_it_doubles_with_the_answers_of_one_round() -> None:
    assert answered(Window(), 20).size == 40


def test_it_does_not_outgrow_a_receive_buffer() -> None:
    assert answered(Window(), 100_000).size == LARGEST_WINDOW


def test_a_loss_halves_it() -> None:
    window = answered(Window(), 20)
    window.lost(0.0)
    assert window.size == 20


def test_losses_within_one_round_are_one() -> None:
    window = Window()
    for now in (0.0, 0.1, 0.2, 0.49):
        window.lost(now)
    assert window.size == 10
    window.lost(0.5)
    assert window.size == 5


def test_it_never_closes() -> None:
    window = Window()
    for now in range(20):
        window.lost(float(now))
    assert window.size == SMALLEST_WINDOW


def test_after_a_loss_it_grows_slowly() -> None:
    window = answered(Window(), 80)
    for _ in range(4):
        window.lost(0.0)
    assert window.size == 50
    assert answered(window, 51).size == 51
    assert answered(window, 10_000).size == LARGEST_WINDOW


def test_one_loss_among_many_answers_is_no_loss_of_the_way() -> None:
    window = answered(Window(), 200)
    for _ in range(9):
        window.lost(0.4)
    assert window.size == LARGEST_WINDOW
    window.lost(0.4)
    assert window.size == LARGEST_WINDOW / 2


def test_the_answers_of_the_round_before_count_for_a_loss_and_older_ones_do_not() -> None:
    window = answered(Window(), 200)
    window.lost(0.6)
    assert window.size == LARGEST_WINDOW
    window.lost(1.7)
    assert window.size == LARGEST_WINDOW / 2


def test_it_does_not_grow_while_answers_stand_in_a_queue_and_narrows_where_they_do_more_and_more() -> None:
    window = answered(Window(), 5)
    answered(window, 100, waited=0.01 + 1.5 * QUEUED_SECONDS)
    held = window.size
    assert held < 40
    answered(window, 100, waited=0.01 + 1.5 * QUEUED_SECONDS)
    assert window.size == held
    for now in range(1, 4):
        answered(window, 20, waited=0.01 + 3 * QUEUED_SECONDS, now=float(now))
    assert window.size == int(held * 0.875**3)


def test_a_long_way_is_no_queue() -> None:
    assert answered(Window(), 1000, waited=0.4).size == LARGEST_WINDOW


def test_an_answer_that_may_be_to_a_repetition_says_nothing_of_a_queue() -> None:
    assert answered(answered(Window(), 5), 1000, waited=2.0).size == LARGEST_WINDOW


# The rate


def overloaded(rate: Rate, now: float, *, sent: int, refused: int) -> None:
    """Let a second pass in which so many are sent and so many of them refused."""
    for number in range(sent):
        at = now + number / sent
        rate.sent(at)
        rate.answered(at, is_overloaded=number >= sent - refused)


def test_nothing_bounds_it_at_first() -> None:
    rate = Rate()
    overloaded(rate, 0.0, sent=1000, refused=0)
    assert rate.allowed(1.0) == math.inf


def test_a_registrar_that_is_overloaded_gets_half_of_what_it_got() -> None:
    rate = Rate()
    overloaded(rate, 0.0, sent=1000, refused=40)
    assert rate.per_second == pytest.approx(500, rel=0.05)


@pytest.mark.parametrize(("sent", "refused"), [(1000, 15), (10, 1)])
def test_an_aor_that_makes_a_registrar_stumble_slows_nothing(sent: int, refused: int) -> None:
    rate = Rate()
    overloaded(rate, 0.0, sent=sent, refused=refused)
    assert rate.per_second == math.inf


def test_it_is_slowed_once_a_second_and_never_below_one() -> None:
    rate = Rate()
    for second in range(30):
        overloaded(rate, float(second), sent=64, refused=64)
    assert rate.per_second == 1.0


def test_it_comes_back_to_half_of_what_was_too_much_at_once_and_from_there_step_by_step() -> None:
    rate, rates = Rate(), []
    overloaded(rate, 0.0, sent=800, refused=0)
    for second in range(1, 5):
        overloaded(rate, float(second), sent=800 >> (second - 1), refused=800 >> (second - 1))
    assert rate.per_second == pytest.approx(50, rel=0.1)
    for second in range(5, 13):
        overloaded(rate, float(second), sent=int(rate.per_second), refused=0)
        rates.append(rate.per_second)
    assert rates[-1] > 400
    assert all(later <= 2 * earlier + 1 for earlier, later in zip(rates, rates[1:], strict=False))
    assert rates[-1] == pytest.approx(rates[-2] * 1.05)


def test_a_rate_that_is_not_used_does_not_grow() -> None:
    rate = Rate()
    overloaded(rate, 0.0, sent=1000, refused=40)
    overloaded(rate, 2.0, sent=5, refused=0)
    slow = rate.per_second
    for second in range(3, 60):
        overloaded(rate, float(second), sent=5, refused=0)
    assert rate.per_second == slow


def test_the_operators_limit_holds_and_is_taken_back() -> None:
    rate = Rate()
    rate.limit(50)
    rate.sent(0.0)
    assert rate.allowed(10.0) == 50 * BURST_SECONDS
    overloaded(rate, 11.0, sent=10, refused=10)
    for second in range(12, 60):
        overloaded(rate, float(second), sent=int(rate.per_second) + 1, refused=0)
    assert rate.per_second == 50
    rate.limit(math.inf)
    rate = Rate()
    rate.limit(50)
    rate.limit(math.inf)
    assert rate.allowed(0.0) == math.inf


def test_a_bucket_fills_with_time_and_owes_what_was_sent_beyond_it() -> None:
    rate = Rate()
    rate.limit(100)
    assert rate.allowed(1.0) == 10
    for _ in range(15):
        rate.sent(1.0)
    assert rate.allowed(1.0) == -5
    assert rate.next_at(5, 1.0) == pytest.approx(1.1)
    assert rate.allowed(1.1) == pytest.approx(5)


# All of it


def test_what_is_taken_is_no_room() -> None:
    pacing = Pacing()
    pacing.taken = 15
    assert pacing.room(0.0) == 5
    pacing.taken = 25
    assert pacing.room(0.0) == 0


def test_the_strictest_of_the_limits_of_a_target_holds() -> None:
    pacing = Pacing()
    pacing.limit(1, 0, 7)
    pacing.limit(2, 30, 9)
    assert (pacing.size, pacing.rate.per_second, pacing.room(1.0)) == (7, 30, 3)
    pacing.limit(1, 20, 0)
    assert (pacing.size, pacing.rate.per_second) == (9, 20)
    pacing.limit(1, 0, 0)
    pacing.limit(2, 0, 0)
    assert (pacing.size, pacing.room(1.0)) == (FIRST_WINDOW, FIRST_WINDOW)


def test_room_that_comes_by_the_clock_is_told_and_room_that_comes_by_an_answer_is_not() -> None:
    pacing = Pacing()
    assert pacing.next_at(0.0) == math.inf
    pacing.limit(1, 10, 0)
    pacing.started()
    pacing.sent(1.0)
    assert pacing.room(1.0) == 0
    assert pacing.next_at(1.0) == pytest.approx(1.1)


def test_an_attempt_that_waits_while_others_are_answered_gives_its_slot_back() -> None:
    pacing = Pacing()
    pacing.started()
    assert not pacing.lost(0.5, 0.4, 0.5, is_late=False)
    assert not pacing.lost(LATE_SECONDS, -1.0, LATE_SECONDS, is_late=False)
    assert pacing.lost(LATE_SECONDS, 0.4, LATE_SECONDS, is_late=False)
    assert (pacing.taken, pacing.late) == (0, 1)
    pacing.started()
    assert pacing.lost(7.5, -1.0, 7.5, is_late=False)
    pacing.ended(is_late=True)
    assert not pacing.lost(3.5, 3.4, 3.5, is_late=True)
    pacing.ended(is_late=True)
    assert (pacing.taken, pacing.late) == (0, 0)


def test_so_many_of_them_there_may_be_and_no_more() -> None:
    pacing = Pacing()
    for _ in range(MOST_LATE + 1):
        pacing.started()
    late = [pacing.lost(2.0, 1.0, 2.0, is_late=False) for _ in range(MOST_LATE + 1)]
    assert (late.count(True), late[-1], pacing.taken) == (MOST_LATE, False, 1)


def test_after_a_pause_it_begins_small_and_slow() -> None:
    pacing = Pacing()
    for number in range(1000):
        pacing.rate.sent(number / 1000)
        pacing.answered(200, 0.01, number / 1000)
    pacing.pause(61.0, 1.0)
    assert pacing.paused_until == 61.0
    assert pacing.window.size == FIRST_WINDOW
    assert pacing.rate.per_second == pytest.approx(500, rel=0.01)
    pacing.pause(31.0, 1.5)
    assert pacing.paused_until == 61.0


def test_while_the_target_is_silent_there_is_room_for_one_probe_and_any_answer_ends_it() -> None:
    pacing = Pacing()
    opened = [pacing.was_silent(id, 1.0, was_sent=True) for id in range(20)]
    assert opened == [False] * 19 + [True]
    assert (pacing.room(1.0), pacing.worth()) == (1, 1)
    pacing.started()
    assert pacing.room(1.0) == 1
    pacing.sent(1.0)
    assert pacing.room(1.0) == 0
    assert pacing.answered(503, 0.01, 5.0)
    assert not pacing.answered(200, 0.01, 5.0)
    assert pacing.size <= FIRST_WINDOW + 1
