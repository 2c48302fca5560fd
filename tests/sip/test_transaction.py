"""The non-INVITE client transaction: RFC 3261 §17.1.2 and table 4."""

from __future__ import annotations

import pytest

from sipregistrant.errors import InvalidState
from sipregistrant.sip.transaction import IGNORED, TRANSITIONS, Action, ClientTransaction, Event, SipTimers, State

NEVER = float("inf")


def started(*, is_reliable: bool = False) -> ClientTransaction:
    transaction = ClientTransaction("z9hG4bK1", b"REGISTER", SipTimers(), is_reliable=is_reliable)
    assert transaction.start(0.0) is Action.SEND
    return transaction


def sends_until(transaction: ClientTransaction, end: float) -> list[float]:
    """Return the instants of all sends after the first, driving the timers as an engine does."""
    at: list[float] = []
    while transaction.next_timeout <= end:
        now = transaction.next_timeout
        if transaction.handle_timer(now) is Action.SEND:
            at.append(now)
    return at


def test_timer_e_doubles_up_to_t2() -> None:
    assert sends_until(started(), 20) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5]


def test_a_request_is_sent_eleven_times_before_timer_f_gives_up() -> None:
    transaction = started()
    assert sends_until(transaction, 31.9)[-1] == 31.5
    assert transaction.sends == 11
    assert transaction.next_timeout == 32.0
    assert transaction.handle_timer(32.0) is Action.TIME_OUT
    assert transaction.state is State.TERMINATED
    assert transaction.next_timeout == NEVER


def test_over_a_reliable_transport_nothing_is_sent_again() -> None:
    transaction = started(is_reliable=True)
    assert transaction.next_timeout == 32.0
    assert transaction.handle_timer(32.0) is Action.TIME_OUT


def test_a_provisional_answer_slows_retransmissions_to_t2_and_does_not_end_them() -> None:
    transaction = started()
    assert transaction.receive(100, 0.1) is Action.NOTHING
    assert transaction.state is State.PROCEEDING
    assert sends_until(transaction, 13) == [0.5, 4.5, 8.5, 12.5]


def test_a_provisional_answer_does_not_put_timer_f_off() -> None:
    transaction = started()
    transaction.receive(100, 31.0)
    assert transaction.handle_timer(32.0) is Action.TIME_OUT


def test_a_final_answer_is_passed_up_once_and_absorbed_afterwards_until_timer_k() -> None:
    transaction = started()
    assert transaction.receive(200, 1.0) is Action.PASS_UP
    assert transaction.receive(200, 1.1) is Action.NOTHING
    assert transaction.receive(100, 1.2) is Action.NOTHING
    assert transaction.next_timeout == 6.0
    assert transaction.handle_timer(6.0) is Action.NOTHING
    assert transaction.state is State.TERMINATED


def test_timer_k_is_zero_over_a_reliable_transport() -> None:
    transaction = started(is_reliable=True)
    transaction.receive(200, 1.0)
    assert transaction.next_timeout == 1.0


@pytest.mark.parametrize("code", [200, 301, 401, 404, 503, 603, 699])
def test_every_code_from_200_is_final(code: int) -> None:
    assert started().receive(code, 0.1) is Action.PASS_UP


def test_a_failed_transport_ends_the_transaction() -> None:
    transaction = started()
    assert transaction.transport_failed() is Action.FAIL
    assert transaction.next_timeout == NEVER


def test_what_comes_after_the_end_is_ignored() -> None:
    transaction = started()
    transaction.transport_failed()
    assert transaction.receive(200, 1.0) is Action.NOTHING
    assert transaction.transport_failed() is Action.NOTHING


def test_a_late_wake_up_sends_once_and_not_once_for_each_interval_missed() -> None:
    transaction = started()
    assert transaction.handle_timer(3.0) is Action.SEND
    assert transaction.handle_timer(3.1) is Action.NOTHING
    assert transaction.next_timeout == 4.0


def test_an_early_wake_up_does_nothing() -> None:
    assert started().handle_timer(0.4) is Action.NOTHING


def test_starting_twice_is_our_own_mistake() -> None:
    transaction = started()
    with pytest.raises(InvalidState, match="STARTED in state TRYING"):
        transaction.start(0.0)


def test_every_state_is_reached_and_every_pair_is_decided_or_impossible() -> None:
    reached = {State.INITIAL} | {state for steps in TRANSITIONS.values() for state, _ in steps.values()}
    assert reached == set(State)
    network = {Event.PROVISIONAL_RECEIVED, Event.FINAL_RECEIVED, Event.TRANSPORT_FAILED}
    for state in set(State) - {State.INITIAL}:
        decided = set(TRANSITIONS[state]) | set(IGNORED.get(state, ()))
        assert network <= decided, f"{state} has no answer to {network - decided}"
