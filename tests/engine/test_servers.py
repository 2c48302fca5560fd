"""What the engine remembers of a server: whether it refuses everybody, how long its nonces last."""

from __future__ import annotations

from structlog.testing import capture_logs

from sipregistrant.engine.servers import (
    BUCKETS,
    FEWEST_REFUSED,
    PROBE_EVERY_SECONDS,
    NonceLife,
    RefusalGuard,
    ServerMemory,
)

GOOD = 1000


def refuse(guard: RefusalGuard, number: int, *, good: int = GOOD, at: float = 0.0, every: float = 0.0) -> None:
    for count in range(number):
        guard.attempted(at + count * every, good, "registrar", is_refused=True)


def accept(guard: RefusalGuard, number: int, *, good: int = GOOD, at: float = 0.0) -> None:
    for _ in range(number):
        guard.attempted(at, good, "registrar", is_refused=False)


# The guard


def test_up_to_five_in_a_hundred_are_their_own_fault() -> None:
    guard = RefusalGuard()
    accept(guard, 60)
    refuse(guard, 50)
    assert not guard.is_closed
    assert guard.limit(80, 1.0) == 80


def test_one_more_within_a_minute_is_the_registrars_and_is_said_once() -> None:
    guard = RefusalGuard()
    accept(guard, 60)
    with capture_logs() as logs:
        refuse(guard, 60)
    assert guard.is_closed
    assert guard.closed_until == PROBE_EVERY_SECONDS
    assert [line["event"] for line in logs] == ["server.refuses_all"]


def test_more_than_half_of_those_that_are_tried_are_enough_however_many_there_are() -> None:
    guard = RefusalGuard()
    accept(guard, FEWEST_REFUSED, good=1_000_000)
    refuse(guard, FEWEST_REFUSED, good=1_000_000)
    assert not guard.is_closed
    refuse(guard, 1, good=1_000_000)
    assert guard.is_closed


def test_a_handful_of_lines_is_no_outage() -> None:
    guard = RefusalGuard()
    refuse(guard, FEWEST_REFUSED, good=3)
    assert not guard.is_closed
    refuse(guard, 1, good=3)
    assert guard.is_closed


def test_refusals_that_are_spread_over_hours_do_not_add_up() -> None:
    guard = RefusalGuard()
    refuse(guard, 500, every=6.5)
    assert not guard.is_closed


def test_while_it_is_closed_there_is_one_probe_a_minute() -> None:
    guard = RefusalGuard()
    refuse(guard, 60)
    assert guard.limit(80, 60.0) == 1
    assert guard.closed_until == 60.0 + PROBE_EVERY_SECONDS


def test_one_that_is_accepted_opens_it() -> None:
    guard = RefusalGuard()
    refuse(guard, 60)
    with capture_logs() as logs:
        assert guard.accepted("registrar")
        assert not guard.accepted("registrar")
    assert [line["event"] for line in logs] == ["server.accepts_again"]
    assert guard.limit(80, 100.0) == 80
    refuse(guard, 10, at=100.0)
    assert not guard.is_closed


def test_when_it_opens_each_registrar_is_told_once_since_when_rows_were_refused() -> None:
    guard = RefusalGuard()
    assert guard.refused_since(1) == 0.0
    refuse(guard, 60, at=1000.0)
    assert guard.refused_since(1) == 0.0
    guard.accepted("registrar")
    assert [guard.refused_since(id) for id in (1, 2, 1, 2)] == [940.0, 940.0, 0.0, 0.0]


def test_it_remembers_no_more_than_it_needs() -> None:
    guard = RefusalGuard()
    refuse(guard, 100_000, every=0.01)
    assert len(guard._counts) <= BUCKETS


def test_the_strength_of_a_digest_is_written_when_it_is_news() -> None:
    memory = ServerMemory()
    assert not memory.is_news("r", 0, 0.0)
    assert [memory.is_news("r", strength, 0.0) for strength in (1, 1, 2, 1, 2)] == [True, False, True, False, False]
    assert memory.is_news("r", 2, 86401.0)


# Nonces


def test_a_nonce_is_tried_until_one_of_that_age_was_refused() -> None:
    nonces = NonceLife()
    assert nonces.may_send_ahead(3000)
    nonces.used(3000, was_accepted=False)
    nonces.used(250, was_accepted=True)
    assert not nonces.may_send_ahead(3000)
    assert nonces.may_send_ahead(250)


def test_now_and_then_an_old_one_is_tried_again_and_what_is_taken_counts() -> None:
    nonces = NonceLife()
    nonces.used(10, was_accepted=False)
    assert sum(nonces.may_send_ahead(3000) for _ in range(160)) == 10
    nonces.used(3000, was_accepted=True)
    assert all(nonces.may_send_ahead(3000) for _ in range(100))


def test_nonces_for_one_use_are_refused_at_any_age() -> None:
    nonces = NonceLife()
    nonces.used(0.5, was_accepted=False)
    assert sum(nonces.may_send_ahead(age) for age in range(1, 1000)) < 100


def test_a_nonce_that_is_a_moment_younger_than_a_refused_one_is_not_tried() -> None:
    nonces = NonceLife()
    nonces.used(3240.5, was_accepted=False)
    assert not nonces.may_send_ahead(3239.9)
