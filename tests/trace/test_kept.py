"""What is kept is bounded in bytes, in messages, in age and in number; the oldest goes first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sipregistrant.trace.kept import FIRST_EXAMPLES, SECONDS_OF_EXAMPLE, KeptTraces, Limits
from tests.trace.support import NOW, attempt, message

FAILED = ("server", "refused", 403)


def test_it_is_kept_in_the_order_of_time_and_by_registration() -> None:
    kept = KeptTraces()
    for number in range(6):
        kept.put(attempt(1 + number % 2, ended=number), NOW + number)
    assert [one.ended_at - NOW for one in kept.of(1, NOW)] == [0, 2, 4]
    assert [one.ended_at - NOW for one in kept.of(2, NOW)] == [1, 3, 5]
    assert list(kept.registrations(NOW)) == [1, 2]
    assert kept.of(3, NOW) == []


def test_what_is_too_old_is_forgotten() -> None:
    kept = KeptTraces(Limits(age_seconds=60))
    kept.put(attempt(1, ended=0), NOW)
    kept.put(attempt(1, ended=50), NOW + 50)
    assert len(kept.of(1, NOW + 60)) == 2
    assert len(kept.of(1, NOW + 61)) == 1
    assert list(kept.registrations(NOW + 200)) == []
    assert kept.bytes == 0


def test_a_registration_keeps_its_last_messages() -> None:
    kept = KeptTraces(Limits(messages_each=5))
    for number in range(4):
        kept.put(attempt(1, ended=number), NOW)
    assert [one.ended_at - NOW for one in kept.of(1, NOW)] == [2, 3]
    kept.put(attempt(1, *(message(n) for n in range(9)), ended=9), NOW)
    (last,) = kept.of(1, NOW)
    assert [one.at - NOW for one in last.messages] == [4, 5, 6, 7, 8]


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3000), st.integers(0, 30)), max_size=60))
def test_it_never_takes_more_than_it_may(attempts: list[tuple[int, int, int]]) -> None:
    kept = KeptTraces(Limits(bytes=20_000, messages_each=10, age_seconds=100))
    now = NOW
    for registration, size, later in attempts:
        now += later
        kept.put(attempt(registration, message(data=b"x" * size), ended=now - NOW), now)
        assert 0 <= kept.bytes <= 20_000
        held = [one for id in kept.registrations(now) for one in kept.of(id, now)]
        assert sum(len(m.data) for one in held for m in one.messages) <= kept.bytes
        assert all(now - one.ended_at <= 100 for one in held)
    for id in list(kept.registrations(now)):
        kept.forget(id)
    assert kept.bytes == 0


def test_what_is_traced_is_wanted_and_what_succeeds_otherwise_is_not() -> None:
    kept = KeptTraces()
    assert not kept.wants(1, "server", "accepted", 200, NOW, has_failed=False)
    assert kept.trace(1, 60, NOW) == NOW + 60
    assert kept.wants(1, "server", "accepted", 200, NOW + 59, has_failed=False)
    assert not kept.wants(2, "server", "accepted", 200, NOW + 59, has_failed=False)
    assert not kept.wants(1, "server", "accepted", 200, NOW + 60, has_failed=False)
    assert kept.traced(NOW + 60) == {}


def test_nobody_traces_for_ever_nor_everything() -> None:
    kept = KeptTraces(Limits(traced=2, longest_seconds=100))
    assert kept.trace(1, 1e9, NOW) == NOW + 100
    assert kept.trace(2, 50, NOW) == NOW + 50
    assert kept.trace(3, 50, NOW) is None
    assert kept.trace(1, 10, NOW) == NOW + 10
    assert kept.trace(3, 50, NOW + 10) == NOW + 60


def test_to_forget_ends_a_trace_too() -> None:
    kept = KeptTraces()
    kept.trace(1, 60, NOW)
    kept.put(attempt(1), NOW)
    kept.forget(1)
    assert (kept.of(1, NOW), kept.traced(NOW), kept.bytes) == ([], {}, 0)


def test_of_a_mass_outage_there_are_examples() -> None:
    kept = KeptTraces()
    wanted = sum(kept.wants(id, *FAILED, NOW, has_failed=True) for id in range(50_000))
    assert wanted == FIRST_EXAMPLES
    assert not kept.wants(1, *FAILED, NOW + SECONDS_OF_EXAMPLE - 0.1, has_failed=True)
    assert kept.wants(1, *FAILED, NOW + SECONDS_OF_EXAMPLE, has_failed=True)
    assert kept.wants(1, "server", "refused", 404, NOW, has_failed=True)
    assert kept.wants(1, "other", "refused", 403, NOW, has_failed=True)
    kept.trace(7, 60, NOW)
    assert kept.wants(7, *FAILED, NOW, has_failed=True)
