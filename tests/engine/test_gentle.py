"""What a registrar gets of many registrations when it is limited, overloaded, gone, or back again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from sipregistrant.engine.breaker import BETWEEN_PROBES_SECONDS, FEWEST_SILENT
from sipregistrant.engine.naming.targets import Unreachable
from sipregistrant.engine.pacing import BURST_SECONDS, FIRST_WINDOW
from sipregistrant.engine.transport.flows import Flow
from sipregistrant.engine.transport.ways import Ways
from sipregistrant.model.schedule import Class, RegistrarSettings
from sipregistrant.model.standing import HeldBack
from sipregistrant.model.status import State
from sipregistrant.sip.message import Request
from sipregistrant.sip.targets import Target
from tests.engine.listed import EPOCH, ListSchedule, Network, challenge, engine_on, make_row, make_settings, ok, refuse
from tests.engine.virtual_time import in_virtual_time
from tests.engine.zone import Zone

Answer = Callable[[Request], Sequence[bytes]]


def with_digest(request: Request) -> Sequence[bytes]:
    return [ok(request) if request.first("authorization") else challenge(request)]


def a_registrar(rows: int, answer: Answer = with_digest, *, per_second: int = 0,
                in_flight: int = 0) -> tuple[ListSchedule, Network]:  # fmt: skip
    """Return so many rows that are due at one registrar, and the limits of its server."""
    settings = make_settings(MaxRegistersPerSecond=per_second, MaxRegistrationsInFlight=in_flight)
    return ListSchedule([make_row(id) for id in range(1, rows + 1)], settings), Network(answer)


def registered(schedule: ListSchedule) -> int:
    return sum(row.state == State.REGISTERED for row in schedule.rows.values())


def largest_second(network: Network) -> int:
    """Return the most requests that were heard within any second."""
    moments = [heard.at for heard in network.heard]
    most = first = 0
    for last, at in enumerate(moments):
        while moments[first] <= at - 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


class Slow:
    """A registrar that can answer so many requests a second; for the others it says 503."""

    def __init__(self, capacity: float) -> None:
        self.capacity = capacity
        self.codes: Counter[int] = Counter()
        self._spare = capacity / 10
        self._at = 0.0

    def __call__(self, request: Request) -> Sequence[bytes]:
        now = asyncio.get_running_loop().time()
        self._spare = min(self.capacity / 10, self._spare + (now - self._at) * self.capacity)
        self._at = now
        if self._spare < 1:
            self.codes[503] += 1
            return [refuse(request, 503)]
        self._spare -= 1
        self.codes[200] += 1
        return with_digest(request)


@in_virtual_time
async def test_the_operators_rate_counts_every_register() -> None:
    schedule, network = a_registrar(300, per_second=20)
    async with engine_on(schedule, network):
        await asyncio.sleep(29)
        assert registered(schedule) < 300
        await asyncio.sleep(3)
        assert registered(schedule) == 300
    assert largest_second(network) <= 20 + 2 * 20 * BURST_SECONDS


@in_virtual_time
async def test_one_register_a_second_is_one_a_second() -> None:
    schedule, network = a_registrar(10, per_second=1)
    async with engine_on(schedule, network):
        await asyncio.sleep(21)
    assert registered(schedule) == 10
    assert len(network.heard) == 20
    assert largest_second(network) <= 2  # a challenge is answered at once, and owed


@in_virtual_time
async def test_the_operators_limit_of_what_is_in_flight() -> None:
    schedule, network = a_registrar(300, in_flight=3)
    network.latency = 0.05
    async with engine_on(schedule, network):
        await asyncio.sleep(30)
    assert registered(schedule) == 300
    assert network.most_under_way == 3


@in_virtual_time
async def test_servers_that_are_one_registrar_share_their_limits() -> None:
    rows = [make_row(id, registrar_id=1 + id % 2) for id in range(1, 201)]
    schedule = ListSchedule(rows, make_settings(1), make_settings(2, MaxRegistersPerSecond=40))
    network = Network(with_digest)
    async with engine_on(schedule, network):
        await asyncio.sleep(12)
    assert registered(schedule) == 200
    later = [heard for heard in network.heard if heard.at > 1.0]
    assert len(later) <= 40 * 11


@in_virtual_time
async def test_a_registrar_gets_what_it_can_do_and_one_in_a_hundred_answers_is_a_refusal() -> None:
    slow = Slow(100)
    schedule, network = a_registrar(4000, slow)
    async with engine_on(schedule, network):
        await asyncio.sleep(120)
        assert registered(schedule) > 3900
        await asyncio.sleep(130)  # those that were refused come again after their timer
    assert registered(schedule) == 4000
    assert slow.codes[503] <= 0.015 * slow.codes[200]


@in_virtual_time
async def test_a_registrar_that_refuses_all_with_503_is_hardly_asked() -> None:
    schedule, network = a_registrar(2000, lambda request: [refuse(request, 503)])
    async with engine_on(schedule, network):
        await asyncio.sleep(60)
        soon = len(network.heard)
        await asyncio.sleep(600)
    assert soon < 300
    assert len(network.heard) - soon <= 1.5 * 600


@in_virtual_time
async def test_of_a_silent_registrar_one_aor_every_five_seconds_is_asked_for() -> None:
    schedule, network = a_registrar(3000, lambda request: [])
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(33)
        why = engine.standings[1].held_back
        assert why is not None
        assert why[0] is HeldBack.SILENT
        claims = len(schedule.claims)
        probes = {heard.aor for heard in network.heard}
        await asyncio.sleep(3600)
        asked = {heard.aor for heard in network.heard} - probes
        assert len(asked) <= 3600 / BETWEEN_PROBES_SECONDS + 2
        assert len(schedule.claims) - claims <= 2 * len(asked)


@in_virtual_time
async def test_a_registrar_that_cannot_be_reached_is_not_tried_without_a_pause() -> None:
    schedule, network = a_registrar(3000)
    network.no_route["198.51.100.1"] = "Connection refused"
    async with engine_on(schedule, network):
        await asyncio.sleep(1)
        soon = len(schedule.settled)
        assert FEWEST_SILENT <= soon <= 5 * FIRST_WINDOW
        await asyncio.sleep(600)
        assert len(schedule.settled) - soon <= 600 / BETWEEN_PROBES_SECONDS + 1
        network.no_route.clear()
        await asyncio.sleep(BETWEEN_PROBES_SECONDS + 5)
        assert registered(schedule) > 2500


@in_virtual_time
async def test_while_no_connection_may_be_opened_nothing_is_tried_and_all_go_at_once_when_one_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schedule, network = a_registrar(3000)
    until = asyncio.get_running_loop().time() + EPOCH + 100
    asked = 0

    def to(ways: Ways, target: Target, settings: RegistrarSettings, row_id: int) -> Flow:
        nonlocal asked
        asked += 1
        if asyncio.get_running_loop().time() + EPOCH < until:
            raise Unreachable("tcp:198.51.100.1:5060: refused", until)
        return way_of(ways, target, settings, row_id)

    way_of = Ways.to
    monkeypatch.setattr(Ways, "to", to)
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(90)
        standing = engine.standings[1]
        assert (standing.held_back, standing.fault) == ((HeldBack.RECONNECTS, until), "tcp:198.51.100.1:5060: refused")
        assert (asked, len(schedule.settled), len(network.heard)) == (1, 0, 0)
        await asyncio.sleep(20)
        assert registered(schedule) == 3000


@in_virtual_time
async def test_nor_is_one_whose_name_has_no_address() -> None:
    schedule = ListSchedule([make_row(id) for id in range(1, 3001)], make_settings(Host="registrar.example"))
    zone = Zone()
    async with engine_on(schedule, Network(with_digest), zone=zone):
        await asyncio.sleep(60)
        soon = len(schedule.settled)
        await asyncio.sleep(600)
        assert len(schedule.settled) - soon <= 600 / BETWEEN_PROBES_SECONDS + 1
        zone.records["registrar.example"] = ["198.51.100.1"]
        await asyncio.sleep(100)
    assert registered(schedule) > 2500


@in_virtual_time
async def test_a_registrar_that_is_back_is_noticed_within_four_seconds_and_gets_its_window_step_by_step() -> None:
    is_silent = True
    schedule, network = a_registrar(3000, lambda request: [] if is_silent else with_digest(request))
    network.latency = 0.05
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(1000)
        is_silent = False
        before = len(network.heard)
        await asyncio.sleep(4.2)
        assert registered(schedule) >= 1
        await asyncio.sleep(10)
        assert registered(schedule) >= 2700  # some were tried in the outage, and wait for their next try
        assert len(network.heard) - before <= 6100
        assert engine.standings[1].held_back is None
    after = [round(heard.at - 1000.0, 1) for heard in network.heard[before:]]
    first = Counter(at for at in after if at <= min(after) + 0.3)
    assert all(number <= FIRST_WINDOW << 1 + round(10 * (at - min(after))) for at, number in first.items())


@in_virtual_time
async def test_what_has_lapsed_at_a_silent_registrar_is_not_kept_for_one_probe_each() -> None:
    schedule, network = a_registrar(3000, lambda request: [])
    async with engine_on(schedule, network):
        await asyncio.sleep(100)
        for id in schedule.rows:
            schedule.change(id, desired=False, klass=Class.UNREGISTER, expires_at=0.0, maybe_held_until=0.0)
        await asyncio.sleep(40)
        assert sum(row.due_at == float("inf") for row in schedule.rows.values()) > 2950
        assert len({heard.aor for heard in network.heard if heard.at > 100}) <= 45


@in_virtual_time
async def test_a_silent_registrar_keeps_nobody_else_waiting() -> None:
    rows = [make_row(id, registrar_id=1 + id % 2) for id in range(1, 2001)]
    schedule = ListSchedule(rows, make_settings(1), make_settings(2, Host="198.51.100.2"))
    network = Network(lambda request: [])
    network.at["198.51.100.2"] = with_digest
    async with engine_on(schedule, network):
        await asyncio.sleep(5)
    assert registered(schedule) == 1000


@in_virtual_time
async def test_aors_that_a_registrar_is_silent_to_do_not_keep_the_others_waiting() -> None:
    def answer(request: Request) -> Sequence[bytes]:
        number = int((request.first("to") or "").partition("u")[2].partition("@")[0])
        return [] if number % 10 == 0 else with_digest(request)

    schedule, network = a_registrar(2000, answer)
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(200)
        assert registered(schedule) == 1800
        await asyncio.sleep(3600)
        assert registered(schedule) == 1800
        # By now those that get no answer are all that is tried, and the registrar is taken for silent. One who is answered
        # ends that.
        before = len(network.heard)
        schedule.rows[1].due_at = EPOCH  # first of all, as one that is held would be
        engine.knock([1])
        await asyncio.sleep(8)  # a slot, or a probe
        assert any(heard.aor == "sip:u1@example.com" for heard in network.heard[before:])
        assert not any(pacing.breaker.is_open for pacing in engine._claims.pacings.values())


@in_virtual_time
async def test_after_a_pause_that_a_registrar_asked_for_it_is_not_stormed() -> None:
    is_busy = True

    def answer(request: Request) -> Sequence[bytes]:
        return [refuse(request, 503, ("Retry-After", "60"))] if is_busy else with_digest(request)

    schedule, network = a_registrar(1000, answer)
    network.latency = 0.05
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(30)
        is_busy = False
        why = engine.standings[1].held_back
        assert why is not None
        assert why[0] is HeldBack.PAUSED
        before = len(network.heard)
        await asyncio.sleep(30.6)
        assert 0 < len(network.heard) - before <= 4 * FIRST_WINDOW
        await asyncio.sleep(100)
    assert registered(schedule) == 1000


@in_virtual_time
async def test_a_slot_that_a_late_attempt_gives_back_is_used_at_once() -> None:
    """Not only when the next outcome is on disk: there may be none for half a minute."""
    schedule, network = a_registrar(4, in_flight=2)
    network.answer = lambda request: [] if str(request.first("to"))[5:7] in ("u1", "u3") else with_digest(request)
    schedule.rows[3].due_at, schedule.rows[4].due_at = EPOCH + 0.3, EPOCH + 0.6
    async with engine_on(schedule, network):
        await asyncio.sleep(1)
        assert {heard.aor[4:6] for heard in network.heard} == {"u1", "u2", "u3"}
        await asyncio.sleep(1.5)
        assert registered(schedule) == 2
