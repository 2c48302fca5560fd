"""How many registrations may be in flight towards one target."""

from __future__ import annotations

from sipregistrant.engine.pacing import FIRST_WINDOW, LARGEST_WINDOW, SMALLEST_WINDOW, Window


def answered(window: Window, times: int) -> Window:
    for _ in range(times):
        window.answered()
    return window


def test_it_begins_with_twenty() -> None:
    assert Window().room == FIRST_WINDOW == 20


def test_what_is_taken_is_no_room() -> None:
    window = Window()
    window.taken = 15
    assert window.room == 5
    window.taken = 25
    assert window.room == 0


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
    window.lost(0.0)
    assert window.size == 50
    assert answered(window, 51).size == 51
    assert answered(window, 10_000).size == LARGEST_WINDOW
