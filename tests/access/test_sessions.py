"""Sessions."""

from __future__ import annotations

from itertools import count

import pytest

from sipregistrant.access.sessions import IDLE_SECONDS, MOST_OF_ONE_USER, Sessions, make_token

from ..rest.support import ManualClock


@pytest.fixture
def sessions(clock: ManualClock) -> Sessions:
    numbers = count(1)
    return Sessions(clock=clock, tokens=lambda: f"token{next(numbers)}")


def test_a_session_is_found_by_its_token(sessions: Sessions) -> None:
    session = sessions.begin("scripts")
    assert sessions.find(["token1"]) is session


def test_an_unknown_token_is_nobody(sessions: Sessions) -> None:
    assert sessions.find(["token1", ""]) is None


def test_the_first_live_session_of_several_tokens_counts(sessions: Sessions) -> None:
    session = sessions.begin("scripts")
    assert sessions.find(["old", "token1"]) is session


def test_a_session_ends_after_ten_idle_minutes(sessions: Sessions, clock: ManualClock) -> None:
    sessions.begin("scripts")
    clock.now += IDLE_SECONDS
    assert sessions.find(["token1"]) is None
    assert len(sessions) == 0


def test_a_session_that_is_used_lives_on(sessions: Sessions, clock: ManualClock) -> None:
    sessions.begin("scripts")
    for _ in range(5):
        clock.now += IDLE_SECONDS - 1
        assert sessions.find(["token1"]) is not None


def test_of_too_many_sessions_the_one_unused_for_longest_goes(sessions: Sessions) -> None:
    for _ in range(MOST_OF_ONE_USER):
        sessions.begin("scripts")
    sessions.find(["token1"])
    sessions.begin("scripts")
    assert sessions.find(["token1"]) is not None
    assert sessions.find(["token2"]) is None
    assert len(sessions) == MOST_OF_ONE_USER


def test_the_sessions_of_one_user_do_not_cost_another_one(sessions: Sessions) -> None:
    sessions.begin("monitoring")
    for _ in range(MOST_OF_ONE_USER + 1):
        sessions.begin("scripts")
    assert sessions.find(["token1"]) is not None


def test_idle_sessions_are_forgotten_at_the_next_login(sessions: Sessions, clock: ManualClock) -> None:
    for _ in range(10):
        sessions.begin("scripts")
    clock.now += IDLE_SECONDS
    sessions.begin("scripts")
    assert len(sessions) == 1


def test_logging_out_ends_one_session(sessions: Sessions) -> None:
    first, _ = sessions.begin("scripts"), sessions.begin("scripts")
    sessions.end(first)
    assert sessions.find(["token1"]) is None
    assert sessions.find(["token2"]) is not None


def test_ending_a_session_twice_is_nothing(sessions: Sessions) -> None:
    session = sessions.begin("scripts")
    sessions.end(session)
    sessions.end(session)
    assert len(sessions) == 0


def test_all_sessions_of_a_user_can_be_ended(sessions: Sessions) -> None:
    sessions.begin("scripts"), sessions.begin("scripts"), sessions.begin("monitoring")
    sessions.end_all_of("scripts")
    assert [sessions.find([token]) is None for token in ("token1", "token2", "token3")] == [True, True, False]


def test_ending_all_sessions_of_nobody_is_nothing(sessions: Sessions) -> None:
    sessions.end_all_of("nobody")
    assert len(sessions) == 0


def test_a_token_is_128_bits_that_are_new_each_time() -> None:
    tokens = {make_token() for _ in range(100)}
    assert len(tokens) == 100
    assert {len(bytes.fromhex(token)) for token in tokens} == {16}
