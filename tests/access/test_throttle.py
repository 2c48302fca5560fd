"""Holding back the answers to failed logins."""

from __future__ import annotations

import pytest

from sipregistrant.access import throttle as module
from sipregistrant.access.throttle import FREE_FAILURES, LONGEST_DELAY_SECONDS, Throttle

from ..rest.support import ManualClock, Naps


@pytest.fixture
def throttle(clock: ManualClock, naps: Naps) -> Throttle:
    return Throttle(clock=clock, sleep=naps)


async def fail(throttle: Throttle, times: int, user: str = "scripts", peer: str = "192.0.2.1") -> None:
    for _ in range(times):
        await throttle.failed(user, peer)


async def test_five_failures_are_free(throttle: Throttle, naps: Naps) -> None:
    await fail(throttle, FREE_FAILURES)
    assert naps.taken == []


async def test_later_ones_wait_longer_each_time_up_to_five_seconds(throttle: Throttle, naps: Naps) -> None:
    await fail(throttle, FREE_FAILURES + 7)
    assert naps.taken == [1.0, 2.0, 3.0, 4.0, 5.0, 5.0, 5.0]
    assert max(naps.taken) == LONGEST_DELAY_SECONDS


async def test_a_right_password_takes_as_long_once_and_starts_anew(throttle: Throttle, naps: Naps) -> None:
    await fail(throttle, FREE_FAILURES + 2)
    await throttle.succeeded("scripts", "192.0.2.1")
    await throttle.succeeded("scripts", "192.0.2.1")
    await fail(throttle, FREE_FAILURES)
    assert naps.taken == [1.0, 2.0, 2.0]


async def test_the_owner_of_a_name_is_not_slowed_down_by_who_guesses_elsewhere(throttle: Throttle, naps: Naps) -> None:
    await fail(throttle, FREE_FAILURES, peer="198.51.100.9")
    await fail(throttle, 1, peer="192.0.2.1")
    assert naps.taken == []


async def test_one_name_does_not_slow_down_another(throttle: Throttle, naps: Naps) -> None:
    await fail(throttle, FREE_FAILURES, user="boss")
    await fail(throttle, 1, user="scripts")
    assert naps.taken == []


async def test_failures_are_forgotten_after_a_while(throttle: Throttle, naps: Naps, clock: ManualClock) -> None:
    await fail(throttle, FREE_FAILURES)
    clock.now += module.FORGOTTEN_AFTER_SECONDS
    await fail(throttle, 1)
    assert naps.taken == []


async def test_what_is_counted_does_not_grow_without_end(throttle: Throttle) -> None:
    for number in range(module.MOST_COUNTED + 10):
        await throttle.failed(f"user{number}", "192.0.2.1")
    assert len(throttle) == module.MOST_COUNTED


async def test_names_that_nobody_has_are_counted_by_their_beginning(throttle: Throttle, naps: Naps) -> None:
    for number in range(FREE_FAILURES + 1):
        await throttle.failed("x" * 60_000 + str(number), "192.0.2.1")
    assert naps.taken == [1.0]
