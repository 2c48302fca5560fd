"""The engine on a list, in virtual time: what goes out, when, and what is written of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from structlog.testing import capture_logs

from sipregistrant.engine.clock import Clock
from sipregistrant.engine.departure import EngineSettings
from sipregistrant.engine.engine import Engine
from sipregistrant.engine.servers import ServerMemory
from sipregistrant.engine.transport.flows import GroupAddress
from sipregistrant.model.resource import Values
from sipregistrant.model.schedule import Class, Sent, SentContact, Settled
from sipregistrant.model.status import State
from sipregistrant.sandbox.registrar import SandboxRegistrar
from sipregistrant.sandbox.server import SandboxServer
from sipregistrant.sip.message import Request
from sipregistrant.sip.transaction import SipTimers
from tests.engine.listed import (
    EPOCH,
    GROUP,
    HOST,
    REGISTRAR,
    ListSchedule,
    Network,
    challenge,
    clock_of,
    engine_on,
    entry,
    make_row,
    make_settings,
    ok,
    refuse,
    unavailable,
)
from tests.engine.virtual_time import in_virtual_time, virtual_loop
from tests.engine.zone import Zone

NEVER = float("inf")
OTHER_HOST = "198.51.100.2"

# RFC 3261 §17.1.2.2: T1, doubled up to T2, until Timer F.
RETRANSMISSIONS = [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]


def silence(request: Request) -> Sequence[bytes]:
    """Answer nothing."""
    return []


def with_digest(request: Request) -> Sequence[bytes]:
    """Ask for credentials, and take any."""
    return [ok(request) if request.first("authorization") else challenge(request)]


def bound(id: int = 1, host: str = REGISTRAR[0], *, contacts: Sequence[str] = (), expires: int = 3600) -> Sent:
    """Return what a registrar holds of a row."""
    uris = contacts or [f"sip:u{id}@192.0.2.1:5070"]
    return Sent(
        f"sip:u{id}@example.com", f"sip:u{id}@example.com", "sip:example.com", host, 5060, "udp",
        [SentContact(uri, 100, expires, expires, "uri") for uri in uris],
    )  # fmt: skip


def assert_holds_nothing(engine: Engine) -> None:
    """Look into the engine: nothing may be left of what is not in flight."""
    assert not engine._claims.registrars
    assert not engine._claims.waiting
    assert not len(engine._turns)
    assert not len(engine._settler)
    assert engine.in_flight == 0
    assert not engine._deadlines._heap
    assert all(pacing.taken == 0 for pacing in engine._claims.pacings.values())


# Registering


@in_virtual_time
async def test_a_row_that_is_due_is_registered_at_once() -> None:
    schedule, network = ListSchedule([make_row()]), Network()
    async with engine_on(schedule, network):
        await asyncio.sleep(1)
    (heard,) = network.heard
    assert (heard.at, heard.to, heard.request.method, heard.request.uri) == (
        0.0,
        REGISTRAR,
        "REGISTER",
        "sip:example.com",
    )
    assert heard.request.all("contact") == ["<sip:u1@192.0.2.1:5070>;q=1;expires=3600"]
    assert (heard.request.first("via") or "").startswith("SIP/2.0/UDP 192.0.2.1:5070;rport;branch=z9hG4bK")
    (settled,) = schedule.settled
    assert (settled.state, settled.klass, settled.last_code, settled.failures) == (State.REGISTERED, Class.HELD, 200, 0)
    assert settled.expires_at == pytest.approx(EPOCH + 3600, abs=1)


@in_virtual_time
async def test_a_binding_is_refreshed_for_a_day_and_never_lapses() -> None:
    schedule, network = ListSchedule([make_row()]), Network()
    async with engine_on(schedule, network):
        await asyncio.sleep(86400)
    times = [heard.at for heard in network.heard]
    assert len(times) == 27
    assert all(3239 < after - before < 3241 for before, after in zip(times, times[1:], strict=False))


@in_virtual_time
async def test_nothing_is_sent_early() -> None:
    rows = [make_row(id, due_in=10.0 * id) for id in range(1, 6)]
    schedule, network = ListSchedule(rows), Network()
    async with engine_on(schedule, network):
        await asyncio.sleep(60)
    assert [heard.aor for heard in network.heard] == [f"sip:u{id}@example.com" for id in range(1, 6)]
    for id, heard in enumerate(network.heard, 1):
        assert 10.0 * id <= heard.at < 10.0 * id + 0.01


@in_virtual_time
async def test_a_registrar_with_nothing_due_is_asked_for_nothing() -> None:
    rows = [make_row(1), make_row(2, registrar_id=2, due_in=5000.0)]
    schedule, network = ListSchedule(rows, make_settings(1), make_settings(2)), Network()
    async with engine_on(schedule, network):
        await asyncio.sleep(1000)
    assert {registrar_id for registrar_id, _ in schedule.claims} == {1}


@in_virtual_time
async def test_the_engine_holds_nothing_of_what_is_not_in_flight() -> None:
    rows = [make_row(id, registrar_id=1 + id % 3) for id in range(1, 101)]
    schedule, network = ListSchedule(rows, *map(make_settings, (1, 2, 3))), Network(with_digest)
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(60)
        assert len(schedule.settled) == 100
        assert_holds_nothing(engine)


@in_virtual_time
async def test_a_challenge_is_answered_in_the_same_attempt() -> None:
    schedule, network = ListSchedule([make_row()]), Network(with_digest)
    async with engine_on(schedule, network):
        await asyncio.sleep(1)
    first, second = network.registers()
    assert first.first("authorization") is None
    assert 'nonce="n1"' in (second.first("authorization") or "")
    assert schedule.rows[1].state == State.REGISTERED
    assert f"{schedule.rows[1].cseq} REGISTER" == second.first("cseq")


@in_virtual_time
async def test_a_refresh_answers_the_challenge_of_before_unasked() -> None:
    schedule, network = ListSchedule([make_row()]), Network(with_digest)
    async with engine_on(schedule, network):
        await asyncio.sleep(3300)
    *_, refresh = network.registers()
    assert len(network.heard) == 3
    assert "nc=00000002" in (refresh.first("authorization") or "")


@in_virtual_time
async def test_no_challenge_is_answered_unasked_where_the_server_says_so() -> None:
    schedule = ListSchedule([make_row()], make_settings(AuthorizationOnRefresh=0))
    network = Network(with_digest)
    async with engine_on(schedule, network):
        await asyncio.sleep(3300)
    assert [request.first("authorization") is None for request in network.registers()] == [True, False, True, False]


@in_virtual_time
async def test_min_expires_of_a_423_is_remembered_for_the_next_refresh() -> None:
    def answer(request: Request) -> Sequence[bytes]:
        is_brief = "expires=3600" in (request.first("contact") or "")
        return [refuse(request, 423, ("Min-Expires", "7200")) if is_brief else ok(request)]

    schedule, network = ListSchedule([make_row()]), Network(answer)
    async with engine_on(schedule, network):
        await asyncio.sleep(7000)
    assert [request.first("expires") for request in network.registers()] == ["3600", "7200", "7200"]


@in_virtual_time
async def test_call_id_stays_and_cseq_rises_over_a_restart() -> None:
    schedule, network = ListSchedule([make_row()]), Network()
    async with engine_on(schedule, network):
        await asyncio.sleep(1)
    async with engine_on(schedule, network):
        await asyncio.sleep(4000)
    first, second = network.registers()
    assert first.first("call-id") == second.first("call-id")
    assert int((first.first("cseq") or "").split()[0]) < int((second.first("cseq") or "").split()[0])


@in_virtual_time
async def test_a_restart_sends_nothing_that_is_still_registered() -> None:
    schedule, network = ListSchedule([make_row(id) for id in range(1, 31)]), Network()
    async with engine_on(schedule, network):
        await asyncio.sleep(5)
    async with engine_on(schedule, network):
        await asyncio.sleep(600)
    assert len(network.heard) == 30


# Silence


@in_virtual_time
async def test_an_unanswered_request_is_sent_again_and_given_up_after_timer_f() -> None:
    schedule, network = ListSchedule([make_row()]), Network(silence)
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(33)
        assert engine.counters["resent"] == len(RETRANSMISSIONS) - 1
    assert [heard.at for heard in network.heard] == pytest.approx(RETRANSMISSIONS, abs=0.001)
    assert len({heard.branch for heard in network.heard}) == 1
    (settled,) = schedule.settled
    assert settled.last_reason == "no answer from udp:198.51.100.1:5060 within 32 s"
    assert settled.attempted_at == pytest.approx(EPOCH + 32, abs=0.001)
    assert EPOCH + 32 + 120 <= (settled.due_at or 0) <= EPOCH + 32 + 133


@in_virtual_time
async def test_a_provisional_answer_slows_the_retransmissions_down() -> None:
    schedule, network = ListSchedule([make_row()]), Network(lambda request: [refuse(request, 100)])
    async with engine_on(schedule, network):
        await asyncio.sleep(13)
    assert [heard.at for heard in network.heard] == pytest.approx([0.0, 0.5, 4.5, 8.5, 12.5], abs=0.001)


@in_virtual_time
async def test_a_request_that_answers_a_late_challenge_has_retransmissions_of_its_own() -> None:
    def answer(request: Request) -> Sequence[bytes]:
        sends = len(network.heard)
        return [challenge(request)] if sends == 4 else [ok(request)] if sends == 6 else []

    schedule, network = ListSchedule([make_row()]), Network(answer)
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(60)
        assert_holds_nothing(engine)
    # The answer to the fourth send, at 3.5 s, is a challenge; that to its second send is good.
    assert [heard.at for heard in network.heard] == pytest.approx([0.0, 0.5, 1.5, 3.5, 3.52, 4.02], abs=0.001)


@in_virtual_time
async def test_a_lost_answer_is_repaired_by_a_retransmission() -> None:
    schedule, network = ListSchedule([make_row()]), Network()
    network.answer = lambda request: [ok(request)] if len(network.heard) == 3 else []
    async with engine_on(schedule, network):
        await asyncio.sleep(5)
    assert [settled.state for settled in schedule.settled] == [State.REGISTERED]


@in_virtual_time
async def test_a_repeated_answer_is_settled_once() -> None:
    schedule, network = ListSchedule([make_row()]), Network(lambda request: [ok(request)] * 3)
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(5)
        assert engine.counters["repeated_answers"] == 2
    assert len(schedule.settled) == 1


@in_virtual_time
async def test_an_unanswered_register_leaves_what_it_may_have_bound() -> None:
    schedule, network = ListSchedule([make_row()]), Network(silence)
    async with engine_on(schedule, network):
        await asyncio.sleep(33)
    row = schedule.rows[1]
    assert row.maybe_held_until == pytest.approx(EPOCH + 32 + 3600, abs=0.001)
    assert row.sent is not None
    assert [contact.uri for contact in row.sent.contacts] == ["sip:u1@192.0.2.1:5070"]


# Pacing


@in_virtual_time
async def test_at_most_twenty_are_in_flight_at_first_and_answers_double_that() -> None:
    schedule, network = ListSchedule([make_row(id) for id in range(1, 301)]), Network()
    network.latency = 0.1
    waves = []
    async with engine_on(schedule, network):
        for number in range(4):
            before = len(network.heard)
            await asyncio.sleep(0.2 if number else 0.1)  # between two rounds, not at their very moment
            waves.append(len(network.heard) - before)
    assert waves[0] == 20
    assert 20 < waves[1] <= 40
    assert waves[1] < waves[2] <= 80
    assert network.most_under_way <= 128


@in_virtual_time
async def test_registrars_of_one_target_share_its_window() -> None:
    rows = [make_row(id, registrar_id=1 + id % 3) for id in range(1, 601)]
    schedule, network = ListSchedule(rows, *map(make_settings, (1, 2, 3))), Network()
    network.latency = 0.1
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(30)
        assert_holds_nothing(engine)
    assert len(schedule.settled) == 600
    assert network.most_under_way <= 128


@in_virtual_time
async def test_a_registrar_that_is_silent_is_soon_asked_for_one_aor_every_five_seconds() -> None:
    schedule, network = ListSchedule([make_row(id) for id in range(1, 101)]), Network(silence)
    async with engine_on(schedule, network):
        await asyncio.sleep(7)
        assert len({heard.aor for heard in network.heard}) == 20
        await asyncio.sleep(26)
        before = {heard.aor for heard in network.heard}
        assert len(before) <= 20 + 2 * 4 + 1
        await asyncio.sleep(50)
        assert 9 <= len({heard.aor for heard in network.heard} - before) <= 11


@in_virtual_time
async def test_many_are_all_registered_without_one_of_them_twice() -> None:
    schedule, network = ListSchedule([make_row(id) for id in range(1, 1001)]), Network(with_digest)
    schedule.commit_seconds = 0.005
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(30)
        assert_holds_nothing(engine)
    assert len(network.heard) == 2000
    assert len(schedule.settled) == 1000


@in_virtual_time
async def test_a_slot_goes_back_to_the_target_that_it_was_taken_from() -> None:
    schedule, network = ListSchedule([make_row(id) for id in range(1, 11)]), Network()
    network.latency = 0.2
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(0.1)
        schedule.settings[1] = make_settings(1, rev=2, Host=OTHER_HOST)
        schedule.rows[11] = make_row(11)
        engine.knock([1])
        await asyncio.sleep(10)
        assert {heard.to[0] for heard in network.heard} == {REGISTRAR[0], OTHER_HOST}
        assert_holds_nothing(engine)


# One binding, one attempt (rule 7); no lost update (rule 1)


@in_virtual_time
async def test_two_rows_of_one_binding_take_turns() -> None:
    same: Values = entry("sip:u1@example.com", URI1="sip:u1@192.0.2.1:5070")
    rows = [make_row(id, registrar_id=id, binding_key=7, entry=same) for id in (1, 2, 3)]
    schedule, network = ListSchedule(rows, *map(make_settings, (1, 2, 3))), Network(with_digest)
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(60)
        assert_holds_nothing(engine)
    assert network.most_under_way == 1
    assert sorted(settled.id for settled in schedule.settled) == [1, 2, 3]
    # Nobody waited for anything but the one before: two round trips each.
    assert max(heard.at for heard in network.heard) < 0.2


@in_virtual_time
async def test_a_row_that_changed_in_flight_goes_out_again_at_once() -> None:
    schedule, network = ListSchedule([make_row()]), Network()
    network.latency = 0.2
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(0.1)
        schedule.change(1, entry=entry("sip:u1@example.com", URI1="sip:new@192.0.2.1:5070"))
        engine.knock([1])
        await asyncio.sleep(2)
    first, second = network.registers()
    assert second.all("contact") == [
        "<sip:new@192.0.2.1:5070>;q=1;expires=3600", "<sip:u1@192.0.2.1:5070>;expires=0",
    ]  # fmt: skip
    assert network.heard[1].at == pytest.approx(0.4, abs=0.01)


@in_virtual_time
async def test_a_row_that_changed_while_its_attempt_failed_does_not_wait() -> None:
    schedule, network = ListSchedule([make_row()]), Network(lambda request: [refuse(request, 403)])
    network.latency = 0.2
    async with engine_on(schedule, network):
        await asyncio.sleep(0.1)
        schedule.change(1)
        network.answer = lambda request: [ok(request)]
        await asyncio.sleep(2)
    assert [settled.last_code for settled in schedule.settled] == [403, 200]


@in_virtual_time
async def test_a_knock_sends_what_is_due_now() -> None:
    schedule, network = ListSchedule([make_row(due_in=NEVER)]), Network()
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(100)
        schedule.change(1)
        engine.knock([1])
        await asyncio.sleep(1)
    assert [heard.at for heard in network.heard] == [100.0]


@in_virtual_time
async def test_a_knock_before_the_start_waits_for_the_sockets() -> None:
    schedule, network = ListSchedule([make_row()]), Network()
    engine = Engine(
        schedule, clock_of(virtual_loop()), b"key", EngineSettings(), make_flow=network.make_flow
    )  # fmt: skip
    engine.knock([1])
    await asyncio.sleep(1)
    assert not schedule.claims
    await engine.start([GROUP])
    await asyncio.sleep(1)
    await engine.stop()
    assert [settled.state for settled in schedule.settled] == [State.REGISTERED]


# The store fails (rule 3)


@in_virtual_time
async def test_a_row_is_in_flight_until_it_is_on_disk() -> None:
    schedule, network = ListSchedule([make_row()]), Network()
    schedule.settle_fault = lambda outcomes: unavailable()
    async with engine_on(schedule, network) as engine:
        for _ in range(100):
            engine.knock([1])
            await asyncio.sleep(1)
        assert len(network.heard) == 1
        schedule.settle_fault = lambda outcomes: None
        await asyncio.sleep(2)
        assert_holds_nothing(engine)
    assert [settled.state for settled in schedule.settled] == [State.REGISTERED]


@in_virtual_time
async def test_while_nothing_is_settled_claims_stop_at_a_bound() -> None:
    ids = range(1, 151)
    rows = [make_row(20 * id + n, registrar_id=id, due_in=float(id)) for id in ids for n in range(20)]
    schedule, network = ListSchedule(rows, *map(make_settings, ids)), Network()
    schedule.settle_fault = lambda outcomes: unavailable()
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(300)
        assert 2000 < len(network.heard) <= 2020
        schedule.settle_fault = lambda outcomes: None
        await asyncio.sleep(10)
        assert_holds_nothing(engine)
    assert len(network.heard) == len(schedule.settled) == 3000


@in_virtual_time
async def test_a_failing_settle_is_logged_once_and_when_it_works_again() -> None:
    schedule, network = ListSchedule([make_row()]), Network()
    schedule.settle_fault = lambda outcomes: unavailable()
    with capture_logs() as logs:
        async with engine_on(schedule, network):
            await asyncio.sleep(10)
            schedule.settle_fault = lambda outcomes: None
            await asyncio.sleep(2)
    events = [line["event"] for line in logs if line["event"].startswith("settle.")]
    assert events == ["settle.failed", "settle.works_again"]


@in_virtual_time
async def test_a_failing_claim_is_tried_again_every_second() -> None:
    schedule, network = ListSchedule([make_row()]), Network()
    schedule.claim_fault = unavailable()
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(10.5)
        schedule.claim_fault = None
        await asyncio.sleep(2)
        assert_holds_nothing(engine)
    assert [heard.at for heard in network.heard] == pytest.approx([11.0], abs=0.01)


# Poison (rule 12)


def with_poison(row_changes: dict[str, Any]) -> ListSchedule:
    """Return a schedule whose middle row makes our code fail."""
    return ListSchedule([make_row(1), make_row(2, **row_changes), make_row(3)])


class FailingTokens:
    """Tokens that run out: the third branch, and that one only, cannot be made."""

    def __init__(self) -> None:
        self.count = 0

    def branch(self) -> str:
        self.count += 1
        if self.count == 3:
            raise ArithmeticError
        return f"b{self.count}"

    def cnonce(self) -> str:
        return "cnonce"


def assert_only_the_middle_one_was_put_off(schedule: ListSchedule) -> None:
    assert [schedule.rows[id].state for id in (1, 2, 3)] == [State.REGISTERED, State.RETRY_WAIT, State.REGISTERED]
    (crashed,) = [settled for settled in schedule.settled if settled.id == 2]
    assert crashed.last_reason == "internal error; the log has its trace"
    assert crashed.failures == 1
    assert (crashed.due_at or 0) - crashed.attempted_at == 3600


@pytest.mark.parametrize("changes", [
    {"challenge": "no challenge that we ever wrote"},
    {"entry": entry("sip:u2@example.com", FailedRegistrationRetryTimer="x", TTL1=64), "klass": Class.FAILING},
    {"entry": {}},
])  # fmt: skip
@in_virtual_time
async def test_a_row_that_makes_our_code_fail_is_put_off_and_the_others_go_on(changes: dict[str, Any]) -> None:
    schedule, network = with_poison(changes), Network()
    with capture_logs() as logs:
        async with engine_on(schedule, network, crashes=1) as engine:
            await asyncio.sleep(60)
            assert_holds_nothing(engine)
    assert_only_the_middle_one_was_put_off(schedule)
    assert [line["registration"] for line in logs if line.get("exc_info")] == [2]


@in_virtual_time
async def test_a_crash_of_the_core_while_it_judges_an_answer_is_put_off_and_the_others_go_on() -> None:
    schedule = ListSchedule([make_row(1, due_in=10.0), make_row(2), make_row(3, due_in=20.0)])

    def answer(request: Request) -> Sequence[bytes]:
        is_second = (request.first("to") or "") == "<sip:u2@example.com>"
        return [challenge(request, f"n{len(network.heard)}", stale=True)] if is_second else [ok(request)]

    network = Network(answer)
    async with engine_on(schedule, network, tokens=FailingTokens(), crashes=1) as engine:
        await asyncio.sleep(60)
        assert_holds_nothing(engine)
    assert_only_the_middle_one_was_put_off(schedule)
    # A REGISTER went out: it may have bound something (rule 8).
    assert schedule.rows[2].maybe_held_until > EPOCH + 3600


@in_virtual_time
async def test_a_crash_while_something_is_learned_of_a_server_is_put_off_and_the_others_go_on() -> None:
    schedule, network = with_poison({}), Network()
    async with engine_on(schedule, network, crashes=1) as engine:
        guard = engine._claims.servers.setdefault(1, ServerMemory()).guard

        def attempted(now: float, good: int, server: str, *, is_refused: bool) -> None:
            raise ArithmeticError

        guard.attempted = attempted  # type: ignore[method-assign]
        schedule.rows[2] = replace(schedule.rows[2], state=State.REGISTERED)
        await asyncio.sleep(60)
        assert_holds_nothing(engine)
    assert_only_the_middle_one_was_put_off(schedule)


class FailingTimers(SipTimers):
    """Timers that say only three times what Timer F is."""

    times: ClassVar[list[None]] = []

    @property
    def timeout(self) -> float:
        self.times.append(None)
        if len(self.times) == 4:
            raise ArithmeticError
        return 32.0


@in_virtual_time
async def test_a_crash_of_the_core_at_a_deadline_is_put_off_and_the_others_go_on() -> None:
    schedule, network = with_poison({}), Network()
    network.answer = lambda request: [] if "sip:u2@" in (request.first("to") or "") else [ok(request)]
    async with engine_on(schedule, network, timers=FailingTimers(), crashes=1) as engine:
        await asyncio.sleep(60)
        assert_holds_nothing(engine)
    assert_only_the_middle_one_was_put_off(schedule)
    assert schedule.rows[2].maybe_held_until > EPOCH + 3600


@in_virtual_time
async def test_an_outcome_that_the_store_cannot_take_is_settled_without_what_it_says() -> None:
    def fault(outcomes: Sequence[Settled]) -> Exception | None:
        return ValueError() if any(settled.id == 2 and settled.challenge for settled in outcomes) else None

    schedule, network = with_poison({}), Network(with_digest)
    schedule.settle_fault = fault
    async with engine_on(schedule, network, crashes=1) as engine:
        await asyncio.sleep(60)
        assert_holds_nothing(engine)
    assert {settled.id for settled in schedule.settled} == {1, 2, 3}
    assert schedule.rows[2].due_at == pytest.approx(EPOCH + 3600, abs=1)
    assert schedule.rows[1].challenge
    assert not schedule.rows[2].challenge


@in_virtual_time
async def test_a_store_that_takes_not_even_that_is_a_store_that_fails() -> None:
    schedule, network = ListSchedule([make_row(1), make_row(2)]), Network()
    schedule.settle_fault = lambda outcomes: ValueError() if any(settled.id == 2 for settled in outcomes) else None
    async with engine_on(schedule, network, crashes=1) as engine:
        await asyncio.sleep(30)
        assert {settled.id for settled in schedule.settled} == {1}
        schedule.settle_fault = lambda outcomes: None
        await asyncio.sleep(2)
        assert_holds_nothing(engine)
    assert {settled.id for settled in schedule.settled} == {1, 2}
    assert len(network.heard) == 2


@in_virtual_time
async def test_a_claim_that_makes_our_code_fail_is_tried_again_after_a_minute() -> None:
    schedule, network = ListSchedule([make_row()]), Network()
    schedule.claim_fault = ValueError()
    async with engine_on(schedule, network, crashes=1) as engine:
        await asyncio.sleep(30)
        schedule.claim_fault = None
        await asyncio.sleep(40)
        assert_holds_nothing(engine)
    assert [heard.at for heard in network.heard] == pytest.approx([60.0], abs=0.01)


# What cannot be sent


@pytest.mark.parametrize(("server", "sentence"), [
    ({"Protocol": 4}, "TLS needs a TLS profile: TLSProfileID of the server names none that exists"),
    ({"Host": "nowhere.invalid"}, "no address for nowhere.invalid: the name servers know none"),
    ({"Host": "silent.invalid"}, "no address for silent.invalid: no answer of the name server within 10 s"),
])  # fmt: skip
@in_virtual_time
async def test_a_server_that_cannot_be_reached_is_said_in_a_sentence(server: dict[str, Any], sentence: str) -> None:
    schedule, network = ListSchedule([make_row(1), make_row(2)], make_settings(**server)), Network()
    async with engine_on(schedule, network, zone=Zone({"silent.invalid": None})) as engine:
        await asyncio.sleep(20)
        assert_holds_nothing(engine)
    assert not network.heard
    assert [(settled.last_reason, settled.state) for settled in schedule.settled] == [(sentence, State.RETRY_WAIT)] * 2
    assert all(120 <= (settled.due_at or 0) - settled.attempted_at <= 132 for settled in schedule.settled)


@in_virtual_time
async def test_a_server_that_was_deleted_is_said_in_a_sentence() -> None:
    schedule, network = ListSchedule([make_row()], make_settings(is_gone=True, Host="")), Network()
    async with engine_on(schedule, network):
        await asyncio.sleep(1)
    assert [settled.last_reason for settled in schedule.settled] == ["the server or its signaling group was deleted"]


@in_virtual_time
async def test_a_group_without_socket_is_said_in_a_sentence() -> None:
    schedule, network = ListSchedule([make_row()]), Network()
    network.cannot_bind.add(GROUP.port)
    async with engine_on(schedule, network):
        await asyncio.sleep(1)
    sentence = "udp:192.0.2.1:5070 cannot be bound: Address already in use"
    assert [settled.last_reason for settled in schedule.settled] == [sentence]


@in_virtual_time
async def test_without_any_group_there_is_a_sentence_too() -> None:
    schedule, network = ListSchedule([make_row()]), Network()
    async with engine_on(schedule, network, groups=[]):
        await asyncio.sleep(1)
    assert [settled.last_reason for settled in schedule.settled] == ["no signaling group has a socket"]


@in_virtual_time
async def test_a_machine_without_a_route_says_so_and_tries_again() -> None:
    schedule, network = ListSchedule([make_row()]), Network()
    network.no_route[REGISTRAR[0]] = "Network is unreachable"
    async with engine_on(schedule, network, groups=[GroupAddress(1, 1, "0.0.0.0", 5070, 40)]):
        await asyncio.sleep(1)
        assert schedule.settled[0].last_reason == "no route to 198.51.100.1: Network is unreachable"
        network.no_route.clear()
        await asyncio.sleep(140)
    assert schedule.rows[1].state == State.REGISTERED


@in_virtual_time
async def test_a_sips_aor_needs_tls() -> None:
    row = make_row(entry=entry("sips:u1@example.com", URI1="sips:u1@192.0.2.1:5070"))
    schedule, network = ListSchedule([row]), Network()
    async with engine_on(schedule, network):
        await asyncio.sleep(1)
    assert not network.heard
    assert [settled.last_reason for settled in schedule.settled] == ["a sips AOR needs TLS: Protocol 4 of the server"]


@in_virtual_time
async def test_a_request_that_does_not_leave_is_settled_with_the_reason() -> None:
    schedule, network = ListSchedule([make_row()]), Network()
    network.no_route[REGISTRAR[0]] = "Operation not permitted"
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(60)
        assert_holds_nothing(engine)
    (settled,) = schedule.settled
    assert settled.last_reason == "not sent to 198.51.100.1:5060: Operation not permitted"
    assert settled.maybe_held_until == 0.0


@pytest.mark.parametrize("seconds", [0.01, 1.0])
@in_virtual_time
async def test_a_network_that_fails_within_an_attempt_ends_it_once(seconds: float) -> None:
    schedule, network = ListSchedule([make_row()]), Network(lambda request: [challenge(request)] if seconds < 1 else [])
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(seconds)
        network.no_route[REGISTRAR[0]] = "Network is unreachable"
        await asyncio.sleep(60)
        assert_holds_nothing(engine)
    reason = "not sent to 198.51.100.1:5060: Network is unreachable"
    assert [settled.last_reason for settled in schedule.settled] == [reason]


# Where to, and from where


@in_virtual_time
async def test_a_name_is_looked_up() -> None:
    zone = Zone({"sip.example.com": ["198.51.100.77"]})
    schedule, network = ListSchedule([make_row()], make_settings(Host="sip.example.com", Port=5080)), Network()
    async with engine_on(schedule, network, zone=zone):
        await asyncio.sleep(1)
    assert network.heard[0].to == ("198.51.100.77", 5080)
    assert schedule.rows[1].state == State.REGISTERED


@in_virtual_time
async def test_an_ipv6_address_may_be_written_as_one_likes() -> None:
    schedule, network = ListSchedule([make_row()], make_settings(Host="[2001:DB8::00:1]")), Network()
    async with engine_on(schedule, network):
        await asyncio.sleep(1)
    assert network.heard[0].to == ("2001:db8::1", 5060)
    assert schedule.rows[1].state == State.REGISTERED


@in_virtual_time
async def test_an_outbound_proxy_is_the_next_hop_and_stands_in_a_route() -> None:
    settings = make_settings(group={"OutboundProxy": "198.51.100.9", "OutboundProxyPort": 5090})
    schedule, network = ListSchedule([make_row()], settings), Network()
    async with engine_on(schedule, network):
        await asyncio.sleep(1)
    assert network.heard[0].to == ("198.51.100.9", 5090)
    assert network.registers()[0].all("route") == ["<sip:198.51.100.9:5090;lr>"]


@in_virtual_time
async def test_each_group_sends_from_its_own_socket() -> None:
    second = GroupAddress(2, 2, "192.0.2.2", 5072, 40)
    rows = [make_row(1), make_row(2, registrar_id=2)]
    schedule = ListSchedule(rows, make_settings(1), replace(make_settings(2), group_uid=2))
    network = Network()
    async with engine_on(schedule, network, groups=[GROUP, second]):
        await asyncio.sleep(1)
    vias = {heard.aor: (heard.request.first("via") or "").split(";")[0] for heard in network.heard}
    assert vias == {
        "sip:u1@example.com": "SIP/2.0/UDP 192.0.2.1:5070", "sip:u2@example.com": "SIP/2.0/UDP 192.0.2.2:5072",
    }  # fmt: skip


@in_virtual_time
async def test_the_address_that_the_operator_says_is_ours() -> None:
    row = make_row(entry=entry("sip:u1@example.com", URI1=""))
    schedule, network = ListSchedule([row]), Network()
    async with engine_on(schedule, network, own_address="203.0.113.5"):
        await asyncio.sleep(1)
    request = network.registers()[0]
    assert (request.first("via") or "").startswith("SIP/2.0/UDP 203.0.113.5:5070;")
    assert (request.first("contact") or "").startswith("<sip:u1@203.0.113.5:5070>")


@in_virtual_time
async def test_an_answer_from_another_address_is_not_believed() -> None:
    schedule, network = ListSchedule([make_row()]), Network(silence)
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(0.1)
        heard = network.heard[0]
        network.deliver(heard, challenge(heard.request), (OTHER_HOST, 5060))
        await asyncio.sleep(0.1)
        assert len(network.heard) == 1
        assert engine.counters["foreign_answers"] == 1
        network.deliver(heard, ok(heard.request), (REGISTRAR[0], 49152))
        await asyncio.sleep(0.1)
    assert schedule.rows[1].state == State.REGISTERED


# Un-REGISTER


@in_virtual_time
async def test_an_unregister_goes_where_the_binding_was_made() -> None:
    row = make_row(desired=False, sent=bound(host=OTHER_HOST), expires_at=EPOCH + 1000, state=State.REGISTERED)
    schedule, network = ListSchedule([row]), Network()
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(60)
        assert_holds_nothing(engine)
    (heard,) = network.heard
    assert heard.to == (OTHER_HOST, 5060)
    assert heard.request.all("contact") == ["<sip:u1@192.0.2.1:5070>;expires=0"]
    (settled,) = schedule.settled
    assert (settled.state, settled.due_at, settled.expires_at) == (State.UNREGISTERED, None, 0.0)


@in_virtual_time
async def test_an_unregister_goes_out_although_its_server_is_gone() -> None:
    row = make_row(
        desired=False, is_tombstone=True, entry=None, sent=bound(), expires_at=EPOCH + 1000, state=State.REGISTERED
    )
    schedule, network = ListSchedule([row], make_settings(is_gone=True, Host="")), Network(with_digest)
    async with engine_on(schedule, network, groups=[GroupAddress(9, 9, HOST, 5070, 40)]):
        await asyncio.sleep(1)
    assert [heard.to for heard in network.heard] == [REGISTRAR] * 2
    assert not schedule.rows


@in_virtual_time
async def test_an_unregister_of_what_has_lapsed_sends_nothing() -> None:
    row = make_row(desired=False, sent=bound(), expires_at=EPOCH - 1, state=State.REGISTERED)
    schedule, network = ListSchedule([row]), Network()
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(60)
        assert_holds_nothing(engine)
    assert not network.heard
    assert schedule.rows[1].state == State.UNREGISTERED


@in_virtual_time
async def test_an_unregister_that_nobody_answers_is_tried_until_the_binding_lapses() -> None:
    row = make_row(desired=False, sent=bound(), expires_at=EPOCH + 400, state=State.REGISTERED)
    schedule, network = ListSchedule([row]), Network(silence)
    async with engine_on(schedule, network):
        await asyncio.sleep(399)
        assert schedule.rows[1].state == State.UNREGISTERING
        tries = len({heard.branch for heard in network.heard})
        await asyncio.sleep(600)
        assert len({heard.branch for heard in network.heard}) == tries == 3
    assert schedule.rows[1].state == State.UNREGISTERED
    assert schedule.rows[1].due_at == NEVER


@in_virtual_time
async def test_a_row_that_is_no_longer_wanted_while_its_register_is_under_way_is_unregistered_after_it() -> None:
    schedule, network = ListSchedule([make_row()]), Network()
    network.latency = 0.2
    async with engine_on(schedule, network):
        await asyncio.sleep(0.1)
        schedule.change(1, desired=False)
        await asyncio.sleep(5)
    assert [request.first("contact") for request in network.registers()] == [
        "<sip:u1@192.0.2.1:5070>;q=1;expires=3600", "<sip:u1@192.0.2.1:5070>;expires=0",
    ]  # fmt: skip
    assert schedule.rows[1].state == State.UNREGISTERED


# Time (rule 10)


def engine_with_clock(schedule: ListSchedule, network: Network, clock: Clock) -> Engine:
    """Return an engine whose time, and that of its schedule, is not simply that of the event loop."""
    schedule.clock = clock.now
    return Engine(schedule, clock, b"key", EngineSettings(), make_flow=network.make_flow)


@in_virtual_time
async def test_what_fell_due_while_the_machine_slept_goes_out_soon_after() -> None:
    loop, asleep = virtual_loop(), [0.0]
    schedule, network = ListSchedule([make_row(due_in=3600.0)]), Network()
    clock = Clock(boot=lambda: loop.time() + asleep[0], wall=lambda: EPOCH + loop.time() + asleep[0])
    engine = engine_with_clock(schedule, network, clock)
    await engine.start([GROUP])
    await asyncio.sleep(60)
    asleep[0] = 7200.0
    await asyncio.sleep(11)
    await engine.stop()
    assert len(network.heard) == 1


@pytest.mark.parametrize("jump", [-86400.0, 86400.0])
@in_virtual_time
async def test_a_wall_clock_that_jumps_makes_nothing_due_and_stops_nothing(jump: float) -> None:
    loop, jumped = virtual_loop(), [0.0]
    schedule, network = ListSchedule([make_row(1), make_row(2, due_in=600.0)]), Network()
    clock = Clock(boot=loop.time, wall=lambda: EPOCH + loop.time() + jumped[0])
    engine = engine_with_clock(schedule, network, clock)
    await engine.start([GROUP])
    await asyncio.sleep(60)
    jumped[0] = jump
    assert clock.slew() == pytest.approx(jump)
    await asyncio.sleep(500)
    assert [heard.at for heard in network.heard] == [0.0]
    await asyncio.sleep(60)
    await engine.stop()
    # By then the clock was drawn after the wall by 0.05 %.
    assert [heard.at for heard in network.heard] == pytest.approx([0.0, 600.0], abs=0.5)


# The end


@in_virtual_time
async def test_stop_settles_what_is_answered_in_time_and_leaves_the_rest() -> None:
    schedule, network = ListSchedule([make_row(id) for id in range(1, 31)]), Network()
    network.latency = 0.25
    network.answer = lambda request: [] if "sip:u7@" in (request.first("to") or "") else [ok(request)]
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(0.1)
        stop_at = virtual_loop().time()
    assert virtual_loop().time() - stop_at == pytest.approx(2.0, abs=0.1)
    # Twenty were in flight; none was claimed after the stop began.
    assert {heard.aor for heard in network.heard} == {f"sip:u{id}@example.com" for id in range(1, 21)}
    assert {settled.id for settled in schedule.settled} == set(range(1, 21)) - {7}
    assert schedule.rows[7].due_at <= EPOCH
    claims, counters = list(schedule.claims), engine.counters
    engine.knock([1])
    await asyncio.sleep(100)
    assert (schedule.claims, engine.counters) == (claims, counters)


@in_virtual_time
async def test_stop_is_at_once_where_nothing_is_in_flight() -> None:
    schedule, network = ListSchedule([make_row()]), Network()
    async with engine_on(schedule, network):
        await asyncio.sleep(10)
        stop_at = virtual_loop().time()
    assert virtual_loop().time() == stop_at


@in_virtual_time
async def test_what_waits_for_its_binding_key_does_not_start_after_the_stop() -> None:
    rows = [make_row(id, binding_key=7) for id in (1, 2)]
    schedule, network = ListSchedule(rows), Network()
    network.latency = 0.2
    async with engine_on(schedule, network):
        await asyncio.sleep(0.1)
    assert [heard.aor for heard in network.heard] == ["sip:u1@example.com"]
    assert [settled.id for settled in schedule.settled] == [1]


@in_virtual_time
async def test_stop_does_not_wait_for_a_store_that_fails() -> None:
    schedule, network = ListSchedule([make_row()]), Network()
    schedule.settle_fault = lambda outcomes: unavailable()
    async with engine_on(schedule, network):
        await asyncio.sleep(1)
        stop_at = virtual_loop().time()
    assert virtual_loop().time() - stop_at < 3


# With real sockets


async def test_an_entry_is_registered_at_a_real_registrar_over_loopback() -> None:
    registrar = SandboxRegistrar("sip.test", "secret", secret=b"s")
    clock = Clock()
    async with SandboxServer("127.0.0.1", 0, registrar) as server:
        settings = make_settings(Host="127.0.0.1", Port=server.port)
        schedule = ListSchedule([make_row(entry=entry("sip:alice@sip.test"))], settings)
        schedule.clock = clock.now
        engine = Engine(schedule, clock, b"key", EngineSettings())
        await engine.start([GroupAddress(1, 1, "127.0.0.1", 0, 40)])
        async with asyncio.timeout(5):
            while not schedule.settled:
                await asyncio.sleep(0.005)
        await engine.stop()
        held = registrar.bindings(clock.now())
    assert [(aor, uri) for aor, uri, *_ in held] == [("sip:alice@sip.test", "sip:alice@192.0.2.1:5070")]


class HastySchedule(ListSchedule):
    """One in which a row changes with the commit that settles it."""

    async def settle(self, outcomes: Sequence[Settled]) -> Sequence[int]:
        changed = await super().settle(outcomes)
        if self.rows[1].wanted_rev == 1:
            self.change(1)
            self.knock()
            await asyncio.sleep(0.1)
        return changed

    knock: Callable[[], None]


@in_virtual_time
async def test_what_changes_as_it_is_settled_goes_out_again_at_once() -> None:
    schedule, network = HastySchedule([make_row()]), Network()
    async with engine_on(schedule, network) as engine:
        schedule.knock = lambda: engine.knock([1])
        await asyncio.sleep(1)
    assert len(network.registers(1)) == 2
