"""What is shown of a registration: the table of states, row by row."""

from __future__ import annotations

import pytest

from sipregistrant.model.status import OVERDUE_MS, SEVERITY, State, Status, status

NOW = 1_800_000_000_000
LATER, EARLIER = NOW + 60_000, NOW - 60_000


def shown(*, desired: int = 1, state: State, expires_at: int = 0, maybe_held_until: int = 0,
          due_at: int | None = LATER) -> Status:  # fmt: skip
    return status(desired=desired, state=state, expires_at=expires_at, maybe_held_until=maybe_held_until,
                  due_at=due_at, now=NOW)  # fmt: skip


@pytest.mark.parametrize("state", list(State))
def test_what_is_not_wanted_and_not_held_is_disabled(state: State) -> None:
    assert shown(desired=0, state=state, due_at=None) is Status.DISABLED


@pytest.mark.parametrize("state", list(State))
def test_what_is_not_wanted_but_held_is_unregistering(state: State) -> None:
    assert shown(desired=0, state=state, expires_at=LATER) is Status.UNREGISTERING


@pytest.mark.parametrize("state", list(State))
def test_what_is_not_wanted_but_maybe_held_is_unregistering(state: State) -> None:
    assert shown(desired=0, state=state, maybe_held_until=LATER) is Status.UNREGISTERING


def test_what_is_wanted_for_the_first_time_is_registering() -> None:
    assert shown(state=State.UNREGISTERED, due_at=NOW) is Status.REGISTERING
    assert shown(state=State.UNREGISTERED, due_at=NOW, maybe_held_until=LATER) is Status.REGISTERING


def test_what_is_held_and_whose_last_attempt_was_good_is_registered() -> None:
    assert shown(state=State.REGISTERED, expires_at=LATER) is Status.REGISTERED


@pytest.mark.parametrize("state", [State.RETRY_WAIT, State.REJECTED])
def test_what_is_held_and_whose_refresh_failed_is_degraded(state: State) -> None:
    assert shown(state=state, expires_at=LATER) is Status.DEGRADED


def test_what_is_not_held_and_failed_for_now_is_failing() -> None:
    assert shown(state=State.RETRY_WAIT) is Status.FAILING
    assert shown(state=State.RETRY_WAIT, expires_at=NOW) is Status.FAILING


def test_what_is_not_held_and_was_refused_is_rejected() -> None:
    assert shown(state=State.REJECTED) is Status.REJECTED
    assert shown(state=State.REJECTED, expires_at=EARLIER) is Status.REJECTED


def test_what_was_registered_and_lapsed_is_not_registered_whatever_its_last_answer_was() -> None:
    assert shown(state=State.REGISTERED, expires_at=NOW, due_at=EARLIER) is Status.FAILING


def test_what_is_held_but_overdue_is_degraded_although_its_last_attempt_was_good() -> None:
    assert shown(state=State.REGISTERED, expires_at=LATER, due_at=NOW - OVERDUE_MS - 1) is Status.DEGRADED


def test_a_refresh_that_may_be_in_flight_is_not_overdue() -> None:
    assert shown(state=State.REGISTERED, expires_at=LATER, due_at=NOW - OVERDUE_MS) is Status.REGISTERED


def test_a_held_row_that_is_parked_is_not_overdue() -> None:
    assert shown(state=State.REGISTERED, expires_at=LATER, due_at=None) is Status.REGISTERED


def test_what_is_wanted_again_after_an_un_register_that_failed_is_degraded_while_held() -> None:
    assert shown(state=State.UNREGISTERING, expires_at=LATER, due_at=NOW) is Status.DEGRADED


def test_what_is_wanted_again_after_an_un_register_that_failed_is_registering_when_it_has_lapsed() -> None:
    assert shown(state=State.UNREGISTERING, due_at=NOW) is Status.REGISTERING


def test_every_status_has_a_severity_of_its_own() -> None:
    assert set(SEVERITY) == set(Status)
    assert len(set(SEVERITY.values())) == len(Status)


def test_what_holds_nothing_is_worse_than_what_does() -> None:
    best_first = sorted(Status, key=SEVERITY.__getitem__)
    assert best_first == [
        Status.REGISTERED, Status.DISABLED, Status.UNREGISTERING, Status.REGISTERING, Status.DEGRADED, Status.FAILING,
        Status.REJECTED,
    ]  # fmt: skip
