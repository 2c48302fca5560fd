"""Contacts that name the address that the registrar sees, in virtual time: behind a NAT that keeps, moves or wanders."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count

from sipregistrant.engine.transport.flows import GroupAddress
from sipregistrant.engine.transport.seen import MOST_SHORT_STAYS, SHORTEST_STAY_SECONDS, SeenAddresses
from sipregistrant.model.profiles import PROFILE
from sipregistrant.model.resource import Values
from sipregistrant.model.schedule import Claimed, RegistrarSettings
from sipregistrant.model.status import State
from sipregistrant.sip.message import Request
from sipregistrant.sip.targets import Target
from tests.engine.listed import (
    GROUP,
    HOST,
    ListSchedule,
    Network,
    challenge,
    engine_on,
    entry,
    make_row,
    make_settings,
    ok,
)
from tests.engine.virtual_time import in_virtual_time

OWN = f"<sip:u1@{HOST}:5070>;q=1;expires=3600"


class Nat:
    """A registrar behind a NAT: it answers as `answer` does, and tells the address that it sees."""

    def __init__(self, address: str = "203.0.113.7:40001", *, has_digest: bool = False) -> None:
        self.address = address
        self.has_digest = has_digest

    def __call__(self, request: Request) -> Sequence[bytes]:
        is_known = not self.has_digest or request.first("authorization")
        answer = ok(request) if is_known else challenge(request)
        host, _, port = self.address.rpartition(":")
        seen = f";received={host};rport={port};" if host else ";rport;"
        return [answer.replace(b";rport;", seen.encode(), 1)]


def at(address: str, user: str = "u1") -> str:
    return f"<sip:{user}@{address}>;q=1;expires=3600"


def behind(rows: int = 1, *, group: Values | None = None, as_seen: int = 1) -> ListSchedule:
    """Return so many rows with a contact at our address, which is to be the one that the registrar sees."""
    profile = {**PROFILE.to_create({"Description": "p"}), "ContactAsSeen": as_seen}
    return ListSchedule([row_of(id) for id in range(1, rows + 1)], make_settings(profile=profile, group=group))


def row_of(id: int) -> Claimed:
    return make_row(id, entry=entry(f"sip:u{id}@example.com", URI1=""))


def contacts(network: Network, id: int = 1) -> list[list[str]]:
    return [list(request.all("contact")) for request in network.registers(id)]


@in_virtual_time
async def test_without_a_challenge_it_registers_again_at_once_and_takes_the_other_contact_back() -> None:
    schedule, network = behind(), Network(Nat())
    async with engine_on(schedule, network):
        await asyncio.sleep(60)
    assert contacts(network) == [
        [OWN], [at("203.0.113.7:40001"), f"<sip:u1@{HOST}:5070>;expires=0"],
    ]  # fmt: skip
    assert schedule.rows[1].state == State.REGISTERED


@in_virtual_time
async def test_what_the_challenge_tells_is_in_the_request_that_answers_it() -> None:
    schedule, network = behind(3), Network(Nat(has_digest=True))
    async with engine_on(schedule, network):
        await asyncio.sleep(60)
    assert contacts(network) == [[OWN], [at("203.0.113.7:40001")]]
    sent = schedule.rows[1].sent
    assert sent is not None
    assert [contact.uri for contact in sent.contacts] == ["sip:u1@203.0.113.7:40001"]
    assert len(network.heard) == 6


@in_virtual_time
async def test_once_it_is_known_all_begin_with_it() -> None:
    schedule, network = behind(), Network(Nat())
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(10)
        schedule.rows[2] = row_of(2)
        engine.knock([1])
        await asyncio.sleep(10)
    assert contacts(network, 2) == [[at("203.0.113.7:40001", "u2")]]


@in_virtual_time
async def test_another_address_has_all_registered_again_that_had_the_one_before() -> None:
    nat = Nat()
    schedule, network = behind(50), Network(nat)
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(100)
        nat.address = "203.0.113.7:40002"
        schedule.change(7)
        engine.knock([1])
        await asyncio.sleep(100)
    moved = [at("203.0.113.7:40002"), "<sip:u1@203.0.113.7:40001>;expires=0"]
    assert all(contacts(network, id)[-1][0] == at("203.0.113.7:40002", f"u{id}") for id in range(1, 51))
    assert contacts(network, 1)[2:] == [moved]


@in_virtual_time
async def test_a_nat_that_wanders_with_each_request_is_not_followed_with_each() -> None:
    ports = count(40001)
    nat = Nat()

    def wander(request: Request) -> Sequence[bytes]:
        nat.address = f"203.0.113.7:{next(ports)}"
        return nat(request)

    schedule, network = behind(20), Network(wander)
    async with engine_on(schedule, network):
        await asyncio.sleep(SHORTEST_STAY_SECONDS - 1)
        # Once with our own address, and once for each move that is followed.
        assert len(network.heard) <= (2 + MOST_SHORT_STAYS) * 20
        assert all(row.state == State.REGISTERED for row in schedule.rows.values())


@in_virtual_time
async def test_after_a_start_a_refresh_names_what_its_last_answer_told() -> None:
    schedule, network = behind(), Network(Nat())
    async with engine_on(schedule, network):
        await asyncio.sleep(10)
    before = len(network.heard)
    schedule.rows[1].due_at = 0.0
    async with engine_on(schedule, network):
        await asyncio.sleep(10)
    assert contacts(network)[before:] == [[at("203.0.113.7:40001")]]


@in_virtual_time
async def test_no_nat_no_change() -> None:
    schedule, network = behind(), Network(Nat(""))
    async with engine_on(schedule, network):
        await asyncio.sleep(60)
    assert contacts(network) == [[OWN]]


@in_virtual_time
async def test_an_ipv6_address_stands_in_brackets() -> None:
    schedule, network = behind(), Network(Nat("2001:db8::7:40001"))
    async with engine_on(schedule, network):
        await asyncio.sleep(60)
    assert contacts(network)[-1][0] == at("[2001:db8::7]:40001")


@in_virtual_time
async def test_where_the_profile_does_not_say_so_our_own_address_stays() -> None:
    schedule, network = behind(as_seen=0), Network(Nat())
    async with engine_on(schedule, network):
        await asyncio.sleep(60)
    assert contacts(network) == [[OWN]]


@in_virtual_time
async def test_a_public_address_of_the_group_is_named_whatever_is_seen() -> None:
    schedule = behind(group={**group_values(), "PublicAddress": "sbc.example.com:5090"})
    network = Network(Nat())
    async with engine_on(schedule, network):
        await asyncio.sleep(60)
    assert contacts(network) == [[at("sbc.example.com:5090")]]
    assert "SIP/2.0/UDP sbc.example.com:5090;" in (network.registers()[0].first("via") or "")


@in_virtual_time
async def test_an_un_register_names_what_was_bound() -> None:
    schedule, network = behind(), Network(Nat())
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(10)
        schedule.change(1, desired=False)
        engine.knock([1])
        await asyncio.sleep(10)
    assert contacts(network)[-1] == ["<sip:u1@203.0.113.7:40001>;expires=0"]


@in_virtual_time
async def test_registrations_are_spread_over_the_ports_of_their_group() -> None:
    schedule, network = behind(40, as_seen=0), Network()
    groups = [GroupAddress(GROUP.group_uid, 1, HOST, 5070 + number, 40, number) for number in range(4)]
    async with engine_on(schedule, network, groups=groups):
        await asyncio.sleep(60)
    by_port: dict[int, set[str]] = {}
    for heard in network.heard:
        by_port.setdefault(heard.flow.port, set()).add(heard.aor)
        assert f"{HOST}:{heard.flow.port}" in (heard.request.first("contact") or "")
    assert {port: len(aors) for port, aors in by_port.items()} == {5070 + number: 10 for number in range(4)}


def group_values() -> Values:
    settings: RegistrarSettings = make_settings()
    return dict(settings.group)


def test_memory_is_bounded() -> None:
    known = SeenAddresses()
    flow = object()
    for port in range(10_000):
        known.note(flow, Target("192.0.2.1", port), "203.0.113.7:1", 0.0)  # type: ignore[arg-type]
    assert len(known._known) <= 4096
