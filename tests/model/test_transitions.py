"""The state table of a registration: every case has a way on."""

from __future__ import annotations

import pytest

from sipregistrant.model.schedule import Class
from sipregistrant.model.status import State
from sipregistrant.model.transitions import WAY_ON, Result, Wish

# What cannot be: an un-REGISTER binds nothing, a REGISTER that is wanted removes nothing and does not lapse unseen.
IMPOSSIBLE = {
    (Wish.REGISTER, Result.REMOVED), (Wish.REGISTER, Result.LAPSED), (Wish.CLEAR, Result.ACCEPTED),
    (Wish.CLEAR, Result.LAPSED), (Wish.UNREGISTER, Result.ACCEPTED),
}  # fmt: skip


def test_every_case_that_can_be_has_a_way_on() -> None:
    assert set(WAY_ON) == {(wish, result) for wish in Wish for result in Result} - IMPOSSIBLE


@pytest.mark.parametrize("result", [Result.FAILED, Result.REFUSED, Result.CRASHED])
def test_what_is_wanted_is_never_given_up(result: Result) -> None:
    for wish in (Wish.REGISTER, Wish.CLEAR):
        state, klass = WAY_ON[wish, result]
        assert state in (State.RETRY_WAIT, State.REJECTED)
        assert klass is Class.FAILING


def test_only_a_200_with_our_contact_is_shown_as_registered() -> None:
    assert [case for case, (state, _) in WAY_ON.items() if state is State.REGISTERED] == [
        (Wish.REGISTER, Result.ACCEPTED)
    ]


def test_what_is_not_wanted_is_over_only_when_it_is_gone() -> None:
    over = {result for (wish, result), (state, _) in WAY_ON.items()
            if wish is Wish.UNREGISTER and state is State.UNREGISTERED}  # fmt: skip
    assert over == {Result.REMOVED, Result.LAPSED}
