"""What is too large for a datagram goes over TCP, where the server wants that."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from sipregistrant.engine.engine import Engine
from sipregistrant.engine.naming.targets import Unreachable
from sipregistrant.engine.transport.flows import Flow, UdpFlow
from sipregistrant.model.registrants import CONTACTS
from sipregistrant.model.schedule import Claimed, Class, RegistrarSettings
from sipregistrant.model.status import State
from sipregistrant.sip.message import Request
from sipregistrant.sip.targets import Target
from tests.engine.listed import (
    GROUP,
    REGISTRAR,
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


class Streams:
    """Stands for the connections of an engine: what goes over them is heard in the same network."""

    def __init__(self, engine: Engine, network: Network) -> None:
        self.fault = ""
        self.stands = True
        self.made: list[UdpFlow] = []
        self._engine, self._network = engine, network
        self._to = engine._ways.to
        engine._ways.to = self.to  # type: ignore[method-assign]

    def to(self, target: Target, settings: RegistrarSettings, row_id: int) -> Flow:
        if target.transport != "tcp":
            return self._to(target, settings, row_id)
        if self.fault:
            raise Unreachable(self.fault)
        flow = self._network.make_flow(GROUP, self._engine._dispatcher.receive)
        flow.is_reliable, flow.transport, flow.id = True, "tcp", 7
        flow.opened_at = 1.0 if self.stands else 0.0  # type: ignore[attr-defined]
        if not self.stands:
            flow.send = lambda datagram, to: ""  # type: ignore[method-assign]
        self.made.append(flow)
        return flow

    def lose(self) -> None:
        flow = self.made[-1]
        self._engine._stream_lost(flow, "refused")  # type: ignore[arg-type]


def large(length: int = 200) -> Claimed:
    """Return a row with eight contacts, each so much longer than it need be."""
    contacts = {f"URI{n}": f"sip:u{n}@192.0.2.1:5070;x={'y' * length}" for n in range(1, CONTACTS + 1)}
    return make_row(entry=entry("sip:u1@example.com", **contacts))


def with_digest(request: Request) -> Sequence[bytes]:
    return [ok(request) if request.first("authorization") else challenge(request)]


def silence(request: Request) -> Sequence[bytes]:
    return []


def transports(network: Network) -> list[str]:
    """Return over what each request came; its Via says the same."""
    for heard in network.heard:
        assert (heard.request.first("via") or "").startswith(f"SIP/2.0/{heard.flow.transport.upper()} 192.0.2.1:5070;")
    return [heard.flow.transport for heard in network.heard]


@in_virtual_time
async def test_a_large_request_goes_over_tcp_and_names_our_udp_socket() -> None:
    schedule, network = ListSchedule([large()], make_settings(SwitchToTcp=1)), Network(with_digest)
    async with engine_on(schedule, network) as engine:
        Streams(engine, network)
        await asyncio.sleep(1)
        assert transports(network) == ["tcp", "tcp"]
        assert {heard.to for heard in network.heard} == {REGISTRAR}
        assert "transport=" not in "".join(network.heard[-1].request.all("contact"))
        (settled,) = schedule.settled
        assert (settled.state, settled.flow_id) == (State.REGISTERED, 7)
        sent = schedule.rows[1].sent
        assert sent is not None
        assert (sent.host, sent.port, sent.transport) == (*REGISTRAR, "udp")
        schedule.change(1, desired=False, klass=Class.UNREGISTER)
        engine.knock([1])
        await asyncio.sleep(1)
    assert schedule.rows[1].state == State.UNREGISTERED


@in_virtual_time
async def test_the_answer_to_a_challenge_may_be_the_first_that_is_too_large() -> None:
    schedule, network = ListSchedule([large(45)], make_settings(SwitchToTcp=1)), Network(with_digest)
    async with engine_on(schedule, network) as engine:
        Streams(engine, network)
        await asyncio.sleep(1)
    assert transports(network) == ["udp", "tcp"]
    first, second = (heard.request.first("cseq") for heard in network.heard)
    assert int((second or "").split()[0]) == int((first or "").split()[0]) + 1
    assert schedule.rows[1].state == State.REGISTERED


@pytest.mark.parametrize(("row", "switch"), [(large(), 0), (make_row(), 1)])
@in_virtual_time
async def test_what_is_small_and_what_is_not_to_switch_stays_on_udp(row: Claimed, switch: int) -> None:
    schedule, network = ListSchedule([row], make_settings(SwitchToTcp=switch)), Network(with_digest)
    async with engine_on(schedule, network) as engine:
        streams = Streams(engine, network)
        await asyncio.sleep(1)
    assert transports(network) == ["udp", "udp"]
    assert not streams.made
    assert schedule.rows[1].state == State.REGISTERED


@in_virtual_time
async def test_where_no_connection_stands_the_same_request_goes_over_udp() -> None:
    schedule, network = ListSchedule([large()], make_settings(SwitchToTcp=1)), Network(with_digest)
    async with engine_on(schedule, network) as engine:
        streams = Streams(engine, network)
        streams.stands = False
        await asyncio.sleep(1)
        assert not network.heard
        streams.lose()
        await asyncio.sleep(1)
        assert transports(network) == ["udp", "udp"]
        (settled,) = schedule.settled
        assert (settled.state, settled.flow_id, settled.failures) == (State.REGISTERED, 0, 0)
        # Within ten minutes nobody asks for a connection again, after that somebody does.
        schedule.change(1)
        engine.knock([1])
        await asyncio.sleep(100)
        assert transports(network) == ["udp", "udp", "udp"]
        assert len(streams.made) == 1
        streams.stands = True
        await asyncio.sleep(3600)
    assert len(streams.made) == 2
    assert transports(network)[-1] == "tcp"


@in_virtual_time
async def test_what_goes_over_udp_after_all_is_sent_again_as_over_udp() -> None:
    schedule, network = ListSchedule([large()], make_settings(SwitchToTcp=1)), Network(silence)
    async with engine_on(schedule, network) as engine:
        streams = Streams(engine, network)
        streams.stands = False
        await asyncio.sleep(1)
        streams.lose()
        await asyncio.sleep(2)
        assert [round(heard.at, 1) for heard in network.heard] == [1.0, 1.5, 2.5]
        assert len({heard.branch for heard in network.heard}) == 1


@in_virtual_time
async def test_while_connections_back_off_it_goes_over_udp() -> None:
    schedule, network = ListSchedule([large()], make_settings(SwitchToTcp=1)), Network()
    async with engine_on(schedule, network) as engine:
        Streams(engine, network).fault = "refused"
        await asyncio.sleep(1)
    assert transports(network) == ["udp"]
    assert schedule.rows[1].state == State.REGISTERED


@in_virtual_time
async def test_a_connection_that_stood_and_ended_is_a_failure_as_any() -> None:
    schedule, network = ListSchedule([large()], make_settings(SwitchToTcp=1)), Network(silence)
    async with engine_on(schedule, network) as engine:
        streams = Streams(engine, network)
        await asyncio.sleep(1)
        streams.lose()
        await asyncio.sleep(1)
        assert transports(network) == ["tcp"]
        (settled,) = schedule.settled
        assert settled.last_reason == "no answer from 198.51.100.1:5060: refused"
        assert engine.in_flight == 0
