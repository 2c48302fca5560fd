"""Registrations over flows (RFC 5626), in virtual time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from sipregistrant.engine.transport.flows import GroupAddress
from sipregistrant.engine.transport.keep_alives import CRLF, EVERY_SECONDS
from sipregistrant.model.schedule import Claimed, RegistrarSettings
from sipregistrant.model.status import State
from sipregistrant.sip.message import Request
from sipregistrant.sip.stun import HEADER, MAGIC
from tests.engine.listed import (
    GROUP,
    HOST,
    REGISTRAR,
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
from tests.engine.zone import Zone

PATTERN = re.compile(r';\+sip\.instance="<(urn:uuid:[0-9a-f-]{36})>";reg-id=([0-9]+)$')


def flow_of(contact: str) -> tuple[str, int] | None:
    """Return instance and reg-id of a Contact."""
    found = PATTERN.search(contact)
    return None if found is None else (found[1], int(found[2]))


def keeps_flows(request: Request, *, timer: int = 0) -> list[bytes]:
    """Answer as a registrar that keeps flows."""
    extra = "Require: outbound\r\n" + (f"Flow-Timer: {timer}\r\n" if timer else "")
    listed = b"".join(f"Contact: {value}\r\n".encode() for value in request.all("contact") if ";expires=0" not in value)
    head, _, rest = refuse(request, 200).partition(b"\r\n")
    return [head + b"\r\n" + listed + extra.encode() + rest]


def row_of(id: int, *, registrar_id: int = 1, aor: str = "", **values: str) -> Claimed:
    user = aor or f"u{id}"
    return make_row(
        id, registrar_id=registrar_id, entry=entry(f"sip:{user}@example.com", **values), entry_uid=100, binding_key=7000
    )


def flows_of(number: int, host: str = REGISTRAR[0]) -> list[RegistrarSettings]:
    """Return the settings of a server's registrars, one for each of its flows."""
    made = [make_settings(flow + 1, OutboundFlows=number, Host=host) for flow in range(number)]
    for flow, settings in enumerate(made):
        settings.flow = flow
    return made


class Wire(Network):
    """A network in which STUN goes beside SIP: `mapped` is the address that is seen, "" where nobody answers."""

    def __init__(self, mapped: str = "203.0.113.7:40001") -> None:
        super().__init__(keeps_flows)
        self.mapped = mapped
        self.stun: list[float] = []
        self.crlf: list[float] = []

    def carry(self, flow, datagram, to) -> None:  # type: ignore[no-untyped-def]
        at = self._loop.time()
        if datagram == CRLF:
            self.crlf.append(at)
        elif datagram[0] < 0x40:
            self.stun.append(at)
            if self.mapped:
                self._loop.call_later(2 * self.latency, flow.hear, self._mapped(datagram), to)
        else:
            super().carry(flow, datagram, to)

    def _mapped(self, request: bytes) -> bytes:
        host, _, port = self.mapped.rpartition(":")
        value = bytes([0, 1]) + int(port).to_bytes(2, "big") + bytes(map(int, host.split(".")))
        return HEADER.pack(0x0101, 12, MAGIC, request[8:20]) + b"\x00\x01\x00\x08" + value


@in_virtual_time
async def test_a_register_names_its_flow_and_what_it_supports() -> None:
    schedule, network = ListSchedule([row_of(1)], *flows_of(1)), Wire()
    async with engine_on(schedule, network):
        await asyncio.sleep(1)
    (request,) = network.registers(1)
    instance, reg_id = flow_of(request.first("contact") or "") or ("", 0)
    assert (instance[:9], reg_id) == ("urn:uuid:", 1)
    assert request.first("supported") == "path, outbound"
    (settled,) = schedule.settled
    assert settled.sent is not None
    assert [(contact.matched, contact.flow) for contact in settled.sent.contacts] == [("uri", f"1 {instance}")]


@in_virtual_time
async def test_of_an_entry_with_two_contacts_nothing_is_said_of_flows() -> None:
    rows = [row_of(1, URI1="sip:a@192.0.2.1", URI2="sip:b@192.0.2.1")]
    schedule, network = ListSchedule(rows, *flows_of(1)), Network()
    async with engine_on(schedule, network):
        await asyncio.sleep(1)
    (request,) = network.registers(1)
    assert request.first("supported") is None
    assert [flow_of(value) for value in request.all("contact")] == [None, None]


@in_virtual_time
async def test_two_flows_are_two_registrations_of_one_instance_at_two_targets() -> None:
    zone = Zone()
    zone.records["registrar.example"] = ["198.51.100.1", "198.51.100.2"]
    rows = [row_of(1, aor="u"), row_of(2, registrar_id=2, aor="u")]
    schedule, network = ListSchedule(rows, *flows_of(2, "registrar.example")), Wire()
    async with engine_on(schedule, network, zone=zone):
        await asyncio.sleep(10)
    first, second = network.heard
    assert {first.to[0], second.to[0]} == {"198.51.100.1", "198.51.100.2"}
    flows = [flow_of(one.request.first("contact") or "") or ("", 0) for one in (first, second)]
    assert flows[0][0] == flows[1][0]
    assert {flow[1] for flow in flows} == {1, 2}
    assert first.request.first("call-id") != second.request.first("call-id")


@in_virtual_time
async def test_who_lacks_outbound_gets_a_register_without_it_and_no_other_for_a_day() -> None:
    def lacks(request: Request) -> Sequence[bytes]:
        return [ok(request)] if request.first("supported") is None else [answer_439(request)]

    rows = [row_of(1), row_of(2)]
    rows[1].due_at += 100
    schedule, network = ListSchedule(rows, *flows_of(1)), Network(lacks)
    with capture_logs() as logs:
        async with engine_on(schedule, network):
            await asyncio.sleep(200)
    assert [len(network.registers(id)) for id in (1, 2)] == [2, 1]
    assert all(row.state == State.REGISTERED for row in schedule.rows.values())
    assert [line["event"] for line in logs].count("server.lacks_outbound") == 1


@in_virtual_time
async def test_an_un_register_names_the_flow_that_was_bound() -> None:
    schedule, network = ListSchedule([row_of(1)], *flows_of(1)), Wire()
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(1)
        schedule.change(1, desired=False)
        engine.knock([1])
        await asyncio.sleep(1)
    bound, gone = (request.first("contact") or "" for request in network.registers(1))
    assert flow_of(gone) == flow_of(bound) is not None
    assert ";expires=0;" in gone
    assert schedule.rows[1].state == State.UNREGISTERED


@in_virtual_time
async def test_a_flow_is_kept_open_with_stun() -> None:
    schedule, network = ListSchedule([row_of(1), row_of(2)], *flows_of(1)), Wire()
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(600)
        assert engine.counters["garbage"] == 0
    gaps = [later - earlier for earlier, later in zip(network.stun, network.stun[1:], strict=False)]
    assert len(gaps) >= 600 / (EVERY_SECONDS[1] + 2)
    assert all(EVERY_SECONDS[0] <= gap <= EVERY_SECONDS[1] + 2 for gap in gaps)
    assert len(network.heard) == 2


@in_virtual_time
async def test_the_registrar_says_how_often_it_wants_to_hear_of_it() -> None:
    schedule, network = ListSchedule([row_of(1)], *flows_of(1)), Wire()
    network.answer = lambda request: keeps_flows(request, timer=100)
    async with engine_on(schedule, network):
        await asyncio.sleep(600)
    assert 5 <= len(network.stun) <= 8


@pytest.mark.parametrize("mapped", ["", "203.0.113.7:40002"])
@in_virtual_time
async def test_what_was_over_a_flow_that_is_dead_registers_again(mapped: str) -> None:
    schedule, network = ListSchedule([row_of(id) for id in range(1, 21)], *flows_of(1)), Wire()
    for row in schedule.rows.values():
        row.binding_key = row.id
    with capture_logs() as logs:
        async with engine_on(schedule, network):
            await asyncio.sleep(100)
            assert len(network.heard) == 20
            network.mapped = mapped
            await asyncio.sleep(100)
    assert len(network.heard) == 40
    assert [line["event"] for line in logs].count("flow.lost") == 1


@in_virtual_time
async def test_who_answers_no_stun_is_taken_for_nobody_that_is_dead() -> None:
    schedule, network = ListSchedule([row_of(1)], *flows_of(1)), Wire("")
    async with engine_on(schedule, network):
        await asyncio.sleep(600)
    assert len(network.heard) == 1
    assert len(network.stun) == 6
    assert len(network.crlf) >= 15


@in_virtual_time
async def test_a_flow_that_nobody_is_bound_to_any_more_is_not_kept() -> None:
    schedule, network = ListSchedule([row_of(1)], *flows_of(1)), Wire()
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(10)
        schedule.change(1, desired=False)
        engine.knock([1])
        await asyncio.sleep(3700)
        assert len(engine._keep_alives) == 0


@in_virtual_time
async def test_flows_go_out_of_ports_of_their_own_where_there_are() -> None:
    rows = [row_of(1, aor="u"), row_of(2, registrar_id=2, aor="u")]
    schedule, network = ListSchedule(rows, *flows_of(2)), Wire()
    groups = [GroupAddress(GROUP.group_uid, 1, HOST, 5070 + number, 40, number) for number in range(2)]
    async with engine_on(schedule, network, groups=groups):
        await asyncio.sleep(10)
    assert sorted(heard.flow.port for heard in network.heard) == [5070, 5071]


@in_virtual_time
async def test_with_a_challenge_the_flow_is_named_again() -> None:
    schedule, network = ListSchedule([row_of(1)], *flows_of(1)), Wire()
    network.answer = lambda request: keeps_flows(request) if request.first("authorization") else [challenge(request)]
    async with engine_on(schedule, network):
        await asyncio.sleep(1)
    first, second = network.registers(1)
    assert flow_of(first.first("contact") or "") == flow_of(second.first("contact") or "") is not None


def answer_439(request: Request) -> bytes:
    return refuse(request, 403).replace(b"SIP/2.0 403 Forbidden", b"SIP/2.0 439 First Hop Lacks Outbound Support")


@in_virtual_time
async def test_after_another_address_was_seen_the_contact_names_it() -> None:
    settings = flows_of(1)
    settings[0].profile["ContactAsSeen"] = 1
    port = 40001

    def behind_a_nat(request: Request) -> Sequence[bytes]:
        return [answer.replace(b";rport;", f";received=203.0.113.7;rport={port};".encode(), 1)
                for answer in keeps_flows(request)]  # fmt: skip

    schedule, network = ListSchedule([row_of(1, URI1="")], *settings), Wire()
    network.answer = behind_a_nat
    async with engine_on(schedule, network):
        await asyncio.sleep(100)
        port, network.mapped = 40002, "203.0.113.7:40002"
        await asyncio.sleep(100)
    contacts = [(request.first("contact") or "").partition(">")[0] for request in network.registers(1)]
    own, first, second = f"<sip:u1@{HOST}:5070", "<sip:u1@203.0.113.7:40001", "<sip:u1@203.0.113.7:40002"
    assert contacts == [own, first, first, second]
