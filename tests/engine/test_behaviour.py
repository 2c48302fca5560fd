"""What the options of a server and the answers of a registrar do to many registrations at once, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from sipregistrant.model.schedule import Claimed, Class
from sipregistrant.model.status import State
from sipregistrant.sip.message import Request
from tests.engine.listed import (
    EPOCH,
    ListSchedule,
    Network,
    challenge,
    engine_on,
    entry,
    make_row,
    make_settings,
    ok,
    refuse,
)
from tests.engine.virtual_time import in_virtual_time


def silence(request: Request) -> Sequence[bytes]:
    return []


def held(id: int, **changes: Any) -> Claimed:
    """Return a row that is registered, and due."""
    return make_row(id, klass=Class.HELD, state=State.REGISTERED, expires_at=EPOCH + 3000, **changes)


# StaggerRegistration


@in_virtual_time
async def test_first_registers_go_out_one_a_second() -> None:
    settings = make_settings(1, StaggerRegistration=1)
    schedule, network = ListSchedule([make_row(id) for id in range(1, 31)], settings), Network()
    async with engine_on(schedule, network):
        await asyncio.sleep(60)
    times = [heard.at for heard in network.heard]
    assert len(times) == 30
    assert all(0.99 <= later - earlier < 1.2 for earlier, later in zip(times, times[1:], strict=False))


@in_virtual_time
async def test_a_first_register_that_comes_alone_keeps_its_distance_from_the_one_before() -> None:
    rows = [make_row(1), make_row(2, due_in=0.3), make_row(3, due_in=0.6)]
    schedule, network = ListSchedule(rows, make_settings(1, StaggerRegistration=1)), Network()
    async with engine_on(schedule, network):
        await asyncio.sleep(10)
    times = [heard.at for heard in network.heard]
    assert [round(at) for at in times] == [0, 1, 2]


@in_virtual_time
async def test_refreshes_and_answers_to_challenges_are_not_staggered() -> None:
    def with_digest(request: Request) -> Sequence[bytes]:
        return [ok(request) if request.first("authorization") else challenge(request)]

    rows = [*(held(id) for id in range(1, 16)), *(make_row(id) for id in range(16, 21))]
    schedule, network = ListSchedule(rows, make_settings(1, StaggerRegistration=1)), Network(with_digest)
    async with engine_on(schedule, network):
        await asyncio.sleep(0.5)
        assert len([heard for heard in network.heard if heard.aor < "sip:u2"]) >= 15
        await asyncio.sleep(20)
    assert len({heard.aor for heard in network.heard}) == 20


@in_virtual_time
async def test_many_that_stagger_are_warned_of() -> None:
    rows = [make_row(id) for id in range(1, 1802)]
    schedule = ListSchedule(rows, make_settings(1, StaggerRegistration=1))
    with capture_logs() as logs:
        async with engine_on(schedule, Network()):
            await asyncio.sleep(1)
    assert [line["registrations"] for line in logs if line["event"] == "server.staggers_long"] == [1801]


# Retry-After


@in_virtual_time
async def test_a_503_with_retry_after_pauses_the_target_for_all() -> None:
    answers: list[str] = ["busy"]

    def busy_first(request: Request) -> Sequence[bytes]:
        return [refuse(request, 503, ("Retry-After", "90"))] if answers else [ok(request)]

    rows = [make_row(id, due_in=2.0 * (id - 1)) for id in range(1, 21)]
    schedule, network = ListSchedule(rows), Network(busy_first)
    with capture_logs() as logs:
        async with engine_on(schedule, network):
            await asyncio.sleep(60)
            assert len(network.heard) == 1
            answers.clear()
            await asyncio.sleep(29)
            assert len(network.heard) == 1
            await asyncio.sleep(200)
    assert {heard.aor for heard in network.heard} == {f"sip:u{id}@example.com" for id in range(1, 21)}
    assert [line["seconds"] for line in logs if line["event"] == "target.paused"] == [90]


@in_virtual_time
async def test_a_pause_ends_after_ten_minutes_whatever_was_asked() -> None:
    heard: list[int] = []

    def far_too_long(request: Request) -> Sequence[bytes]:
        heard.append(1)
        return [refuse(request, 503, ("Retry-After", "86400"))] if len(heard) == 1 else [ok(request)]

    schedule, network = ListSchedule([make_row(1), make_row(2, due_in=5)]), Network(far_too_long)
    async with engine_on(schedule, network):
        await asyncio.sleep(599)
        assert len(network.heard) == 1
        await asyncio.sleep(10)
    assert len(network.heard) == 2


@pytest.mark.parametrize("code", [403, 486, 500, 600])
def test_retry_after_of_other_codes_is_for_the_row_alone(code: int) -> None:
    @in_virtual_time
    async def play() -> None:
        def refused(request: Request) -> Sequence[bytes]:
            is_first = "u1@" in (request.first("to") or "")
            return [refuse(request, code, ("Retry-After", "500"))] if is_first else [ok(request)]

        schedule, network = ListSchedule([make_row(1), make_row(2, due_in=3)]), Network(refused)
        async with engine_on(schedule, network):
            await asyncio.sleep(499)
        assert len(network.heard) == 2

    play()


# Refusals of all


@in_virtual_time
async def test_when_a_registrar_refuses_everybody_one_is_tried_a_minute() -> None:
    is_refusing: list[bool] = [True]

    def refusing(request: Request) -> Sequence[bytes]:
        return [refuse(request, 403)] if is_refusing else [ok(request)]

    rows = [held(id, due_in=0.5 * id) for id in range(1, 201)]
    schedule, network = ListSchedule(rows), Network(refusing)
    with capture_logs() as logs:
        async with engine_on(schedule, network):
            await asyncio.sleep(100)
            before = len(network.heard)
            assert before <= 40
            await asyncio.sleep(600)
            assert 8 <= len(network.heard) - before <= 11
            is_refusing.clear()
            await asyncio.sleep(1500)
    assert [line["event"] for line in logs if line["event"].startswith("server.")] == [
        "server.refuses_all", "server.accepts_again",
    ]  # fmt: skip
    assert all(row.state == State.REGISTERED for row in schedule.rows.values())


# Nonces


@in_virtual_time
async def test_credentials_that_were_refused_are_given_up_for_an_hour_where_that_is_wanted() -> None:
    def never(request: Request) -> Sequence[bytes]:
        return [challenge(request, f"n{len(network.heard)}")]

    schedule, network = ListSchedule([make_row()], make_settings(1, RetryNonStaleNonce=0)), Network(never)
    async with engine_on(schedule, network):
        await asyncio.sleep(3500)
        assert len(network.heard) == 2
        await asyncio.sleep(700)
    assert len(network.heard) == 4


@in_virtual_time
async def test_nonces_for_one_use_are_soon_not_sent_ahead_any_more() -> None:
    used: set[str] = set()

    def once(request: Request) -> Sequence[bytes]:
        sent = request.first("authorization") or ""
        nonce = sent.partition('nonce="')[2].partition('"')[0]
        if not nonce or nonce in used:
            return [challenge(request, f"n{len(network.heard)}")]
        used.add(nonce)
        return [ok(request)]

    rows = [make_row(id) for id in range(1, 9)]
    schedule, network = ListSchedule(rows), Network(once)
    async with engine_on(schedule, network):
        await asyncio.sleep(10 * 3600)
    ahead = [heard for heard in network.heard if heard.request.first("authorization") and heard.at > 7 * 3600]
    challenged = [heard for heard in network.heard if not heard.request.first("authorization") and heard.at > 7 * 3600]
    assert len(challenged) > 20, "most refreshes ask for a nonce first"
    assert len(ahead) < 1.4 * len(challenged)


# ContactURIRandomizer, ClearRemoteRegistrationOnStartup


@in_virtual_time
async def test_a_random_user_stands_in_each_contact_at_our_address_and_stays() -> None:
    settings = make_settings(1, ContactURIRandomizer=1)
    both = entry("sip:u1@example.com", URI1="alice", URI2="sip:bob@192.0.2.77")
    rows = [make_row(1, entry=both), make_row(2, entry=entry("sip:u2@example.com", URI1="carol"))]
    schedule, network = ListSchedule(rows, settings), Network()
    async with engine_on(schedule, network):
        await asyncio.sleep(4000)
    contacts = [heard.request.all("contact") for heard in network.heard if "u1@" in heard.aor]
    assert len(contacts) == 2
    assert contacts[0] == contacts[1]
    assert contacts[0][0].startswith("<sip:SBC")
    assert contacts[0][0].partition("@")[0].endswith("alice")
    assert contacts[0][1].startswith("<sip:bob@192.0.2.77>")
    others = {heard.request.all("contact")[0][8:15] for heard in network.heard}
    assert len(others) == 2


@in_virtual_time
async def test_a_row_to_be_cleared_is_un_registered_and_then_registered() -> None:
    schedule, network = ListSchedule([make_row(1, clears=True, klass=Class.UNREGISTER)]), Network()
    async with engine_on(schedule, network):
        await asyncio.sleep(5)
    first, second = network.heard
    assert first.request.all("contact") == ["<sip:u1@192.0.2.1:5070>;expires=0"]
    assert first.request.first("expires") == "0"
    assert second.request.all("contact") == ["<sip:u1@192.0.2.1:5070>;q=1;expires=3600"]
    assert schedule.rows[1].state == State.REGISTERED


# The watchdog


@in_virtual_time
async def test_an_attempt_that_was_lost_is_ended_and_tried_again() -> None:
    schedule, network = ListSchedule([make_row()]), Network(silence)
    with capture_logs() as logs:
        async with engine_on(schedule, network) as engine:
            await asyncio.sleep(1)
            engine._deadlines.close()  # a mistake of ours: nobody is called any more
            await asyncio.sleep(400)
            assert engine.counters["healed"] == 1
            assert engine.in_flight == 0
            assert not len(engine._turns)
    assert [line["event"] for line in logs if line["event"] == "attempt.overdue"] == ["attempt.overdue"]
    assert schedule.rows[1].due_at < float("inf")


@in_virtual_time
async def test_what_is_due_and_was_forgotten_is_claimed_within_a_minute() -> None:
    schedule, network = ListSchedule([make_row(due_in=100.0)]), Network()
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(1)
        engine._claims._queue._due.clear()
        engine._claims._queue._heap.clear()
        await asyncio.sleep(170)
    assert len(network.heard) == 1


# A 200 that does not say what it did


@in_virtual_time
async def test_what_a_200_did_not_list_is_un_registered_all_the_same() -> None:
    schedule, network = ListSchedule([make_row(1)]), Network(lambda request: [refuse(request, 200)])
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(5)
        assert schedule.rows[1].state == State.RETRY_WAIT
        schedule.change(1, desired=False, klass=Class.UNREGISTER)
        engine.knock([1])
        await asyncio.sleep(5)
    assert network.registers()[-1].all("contact") == ["<sip:u1@192.0.2.1:5070>;expires=0"]
    assert schedule.rows[1].state == State.UNREGISTERED
