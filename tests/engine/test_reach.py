"""Several targets behind one name: who goes where, and what becomes of it when one is silent."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial

import pytest

from sipregistrant.engine.breaker import BETWEEN_PROBES_WITH_OTHERS_SECONDS
from sipregistrant.engine.naming.names import Service
from sipregistrant.engine.pacing import Pacing
from sipregistrant.engine.reach import Reach
from sipregistrant.model.schedule import RegistrarSettings
from sipregistrant.model.status import State
from sipregistrant.sip.message import Request
from sipregistrant.sip.targets import Target, Weighted
from tests.engine.listed import Heard, ListSchedule, Network, engine_on, make_row, make_settings, ok, refuse
from tests.engine.virtual_time import in_virtual_time
from tests.engine.zone import Zone

FIRST, SECOND = "198.51.100.11", "198.51.100.12"
SRV = "_sip._udp.example.com"


def a_zone(first: tuple[int, int] = (10, 1), second: tuple[int, int] = (20, 1)) -> Zone:
    """Return a domain with two servers, of these priorities and weights."""
    return Zone({
        SRV: [Service(*first, 5060, "a.example.com"), Service(*second, 5060, "b.example.com")],
        "a.example.com": [FIRST], "b.example.com": [SECOND],
    })  # fmt: skip


def by_srv() -> RegistrarSettings:
    """Return the settings of that domain."""
    return make_settings(ServerLookup=1, DomainName="example.com", Host="example.com")


class Servers:
    """The two servers: those that are in `silent` or `busy` do not do what they should."""

    def __init__(self) -> None:
        self.silent: set[str] = set()
        self.busy: dict[str, list[tuple[str, str]]] = {}
        self.network = Network()
        for host in (FIRST, SECOND):
            self.network.at[host] = partial(self._answer, host)

    def _answer(self, host: str, request: Request) -> list[bytes]:
        if host in self.silent:
            return []
        return [refuse(request, 503, *self.busy[host])] if host in self.busy else [ok(request)]

    def heard_at(self, host: str) -> list[Heard]:
        """Return what a server has heard."""
        return [heard for heard in self.network.heard if heard.to[0] == host]


def registered_at(schedule: ListSchedule) -> Counter[str]:
    """Return how many rows are registered at each address."""
    return Counter(row.sent.host for row in schedule.rows.values() if row.sent and row.state == State.REGISTERED)


@in_virtual_time
async def test_all_go_to_the_server_of_the_lowest_priority() -> None:
    servers, schedule = Servers(), ListSchedule([make_row(id) for id in range(1, 101)], by_srv())
    async with engine_on(schedule, servers.network, zone=a_zone()):
        await asyncio.sleep(10)
    assert registered_at(schedule) == {FIRST: 100}


@in_virtual_time
async def test_among_servers_of_one_priority_the_weight_decides() -> None:
    servers, schedule = Servers(), ListSchedule([make_row(id) for id in range(1, 1001)], by_srv())
    async with engine_on(schedule, servers.network, zone=a_zone((10, 80), (10, 20))):
        await asyncio.sleep(30)
    found = registered_at(schedule)
    assert found.total() == 1000
    assert 750 < found[FIRST] < 850


@in_virtual_time
async def test_the_next_is_tried_when_one_is_silent_with_a_new_branch() -> None:
    servers, schedule = Servers(), ListSchedule([make_row()], by_srv())
    servers.silent.add(FIRST)
    async with engine_on(schedule, servers.network, zone=a_zone()):
        await asyncio.sleep(35)
        assert registered_at(schedule) == {SECOND: 1}
        assert servers.heard_at(SECOND)[0].at == pytest.approx(32, abs=1)
    branches = {heard.request.first("via") for heard in servers.network.heard}
    assert len(branches) == 2


@in_virtual_time
async def test_one_that_is_silent_is_not_tried_by_all_and_is_gone_back_to_when_it_answers() -> None:
    servers, schedule = Servers(), ListSchedule([make_row(id, due_in=20.0 * id) for id in range(1, 101)], by_srv())
    servers.silent.add(FIRST)
    async with engine_on(schedule, servers.network, zone=a_zone()):
        await asyncio.sleep(20 * 60)
        attempts = {heard.request.first("call-id") for heard in servers.heard_at(FIRST)}
        assert 2 <= len(attempts) <= 20 * 60 / BETWEEN_PROBES_WITH_OTHERS_SECONDS + 1
        assert registered_at(schedule)[SECOND] >= 55
        servers.silent.clear()
        await asyncio.sleep(3600)
    assert registered_at(schedule) == {FIRST: 100}


@in_virtual_time
async def test_who_is_to_stay_stays_where_it_was_answered() -> None:
    settings = make_settings(ServerLookup=1, DomainName="example.com", Host="example.com", StayWithTarget=1)
    servers, schedule = Servers(), ListSchedule([make_row(id) for id in range(1, 51)], settings)
    servers.silent.add(FIRST)
    async with engine_on(schedule, servers.network, zone=a_zone()):
        await asyncio.sleep(120)
        assert registered_at(schedule) == {SECOND: 50}
        servers.silent.clear()
        await asyncio.sleep(2 * 3600)
        assert registered_at(schedule) == {SECOND: 50}
        servers.silent.add(SECOND)
        await asyncio.sleep(3600)
        assert registered_at(schedule) == {FIRST: 50}


@in_virtual_time
async def test_after_503_the_next_is_tried_at_once() -> None:
    servers, schedule = Servers(), ListSchedule([make_row()], by_srv())
    servers.busy[FIRST] = []
    async with engine_on(schedule, servers.network, zone=a_zone()):
        await asyncio.sleep(2)
    assert registered_at(schedule) == {SECOND: 1}
    assert len(servers.heard_at(FIRST)) == 1


@in_virtual_time
async def test_a_server_that_asked_for_a_pause_gets_one_while_the_others_do_the_work() -> None:
    servers, schedule = Servers(), ListSchedule([make_row(id) for id in range(1, 51)], by_srv())
    servers.busy[FIRST] = [("Retry-After", "300")]
    async with engine_on(schedule, servers.network, zone=a_zone()):
        await asyncio.sleep(60)
        assert registered_at(schedule) == {SECOND: 50}
        heard = len(servers.heard_at(FIRST))
        await asyncio.sleep(200)
        assert len(servers.heard_at(FIRST)) == heard <= 50


@in_virtual_time
async def test_after_all_of_them_the_wait_is_the_usual_one() -> None:
    servers, schedule = Servers(), ListSchedule([make_row()], by_srv())
    servers.silent.update((FIRST, SECOND))
    async with engine_on(schedule, servers.network, zone=a_zone()):
        await asyncio.sleep(100)
        assert len({heard.request.first("via") for heard in servers.network.heard}) == 2
        (_, last) = schedule.settled
        assert 120 <= (last.due_at or 0) - last.attempted_at <= 132
        servers.silent.clear()
        await asyncio.sleep(200)
    assert registered_at(schedule).total() == 1


@in_virtual_time
async def test_a_refusal_is_no_reason_to_ask_another() -> None:
    servers, schedule = Servers(), ListSchedule([make_row()], by_srv())
    servers.network.at[FIRST] = lambda request: [refuse(request, 403)]
    async with engine_on(schedule, servers.network, zone=a_zone()):
        await asyncio.sleep(60)
    assert {heard.to[0] for heard in servers.network.heard} == {FIRST}


@in_virtual_time
async def test_a_changed_answer_is_noticed_before_the_next_refresh() -> None:
    servers, schedule, zone = Servers(), ListSchedule([make_row()], by_srv()), a_zone()
    async with engine_on(schedule, servers.network, zone=zone):
        await asyncio.sleep(10)
        assert registered_at(schedule) == {FIRST: 1}
        zone.records["a.example.com"] = [SECOND]
        await asyncio.sleep(3600)
    assert registered_at(schedule) == {SECOND: 1}


@in_virtual_time
async def test_what_is_known_is_used_while_no_name_server_answers() -> None:
    servers, schedule, zone = Servers(), ListSchedule([make_row()], by_srv()), a_zone()
    async with engine_on(schedule, servers.network, zone=zone):
        await asyncio.sleep(10)
        zone.is_down = True
        await asyncio.sleep(3 * 3600)
        assert len(servers.heard_at(FIRST)) >= 3
    assert schedule.rows[1].expires_at > schedule.now


@in_virtual_time
async def test_what_was_bound_at_one_server_is_removed_there() -> None:
    servers, schedule = Servers(), ListSchedule([make_row(id) for id in range(1, 41)], by_srv())
    async with engine_on(schedule, servers.network, zone=a_zone((10, 1), (10, 1))) as engine:
        await asyncio.sleep(10)
        bound = {id: row.sent.host for id, row in schedule.rows.items() if row.sent}
        assert set(bound.values()) == {FIRST, SECOND}
        servers.network.heard.clear()
        for id in list(schedule.rows):
            schedule.change(id, desired=False)
        engine.knock([1])
        await asyncio.sleep(10)
    gone = {(heard.request.first("to") or ""): heard.to[0] for heard in servers.network.heard}
    assert gone == {f"<sip:u{id}@example.com>": host for id, host in bound.items()}


@in_virtual_time
async def test_one_server_that_is_slow_does_not_hold_up_the_other() -> None:
    servers, schedule = Servers(), ListSchedule([make_row(id) for id in range(1, 2001)], by_srv())
    servers.silent.add(FIRST)
    async with engine_on(schedule, servers.network, zone=a_zone((10, 1), (10, 1))):
        await asyncio.sleep(20)
        assert registered_at(schedule)[SECOND] > 900


# Of its own


def a_reach(*, stays: bool = False) -> tuple[Reach, dict[Target, Pacing]]:
    """Return a reach of two targets, the first one preferred, and their pacings."""
    pacings = {Target(FIRST, 5060): Pacing(), Target(SECOND, 5060): Pacing()}
    targets = [Weighted(target, at) for at, target in enumerate(pacings)]
    return Reach(targets, pacings.__getitem__, Pacing(), stays=stays), pacings


def test_room_is_that_of_all_targets_and_is_promised_once() -> None:
    reach, pacings = a_reach()
    room = reach.room(0.0)
    assert room == sum(pacing.room(0.0) for pacing in pacings.values())
    promised = reach.promise(room - 5, 0.0)
    assert sum(number for _, number in promised) == room - 5
    assert reach.room(0.0) == 5


def test_it_is_silent_when_all_targets_are() -> None:
    reach, pacings = a_reach()
    first, second = pacings.values()
    first.breaker.open(5.0)
    assert not reach.is_silent
    second.breaker.open(7.0)
    assert reach.is_silent
    assert reach.silent_since == 7.0
