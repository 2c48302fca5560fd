"""What the engine keeps of messages: of what failed, of what is traced, and of nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from sipregistrant.engine.clock import Clock
from sipregistrant.engine.departure import EngineSettings
from sipregistrant.engine.engine import Engine
from sipregistrant.engine.transport.flows import GroupAddress
from sipregistrant.sip.message import Request, parse_message
from sipregistrant.trace.collector import Collector, CollectorSettings
from sipregistrant.trace.kept import FIRST_EXAMPLES
from sipregistrant.trace.messages import Attempt, Message
from sipregistrant.trace.text import first_line
from tests.engine.listed import (  # fmt: skip
    EPOCH,
    HOST,
    REGISTRAR,
    ListSchedule,
    Network,
    challenge,
    engine_on,
    make_row,
    make_settings,
    ok,
    refuse,
)
from tests.engine.virtual_time import in_virtual_time
from tests.ports import free_port


def refusing(request: Request) -> Sequence[bytes]:
    """Ask for credentials, and refuse them."""
    return [refuse(request, 403) if request.first("authorization") else challenge(request)]


def silence(request: Request) -> Sequence[bytes]:
    return []


def kept_of(engine: Engine, id: int) -> list[Attempt]:
    return engine.tracing.kept.of(id, engine._clock.now())


def lines_of(attempt: Attempt) -> list[str]:
    return [first_line(message) for message in attempt.messages]


@in_virtual_time
async def test_of_what_succeeds_nothing_is_kept() -> None:
    network = Network(lambda request: [ok(request) if request.first("authorization") else challenge(request)])
    async with engine_on(ListSchedule([make_row()]), network) as engine:
        await asyncio.sleep(1)
        assert len(network.heard) == 2
        assert kept_of(engine, 1) == []
        assert engine.tracing.kept.bytes == 0


@in_virtual_time
async def test_a_refusal_is_kept_with_its_messages_and_without_its_secret() -> None:
    network = Network(refusing)
    async with engine_on(ListSchedule([make_row()]), network) as engine:
        await asyncio.sleep(1)
        (attempt,) = kept_of(engine, 1)
    assert (attempt.registration, attempt.aor, attempt.server) == (1, "sip:u1@example.com", "198.51.100.1:5060")
    assert (attempt.outcome, attempt.code, attempt.reason) == ("refused", 403, "403 Forbidden")
    cseqs = [(request.first("cseq") or "").split()[0] for request in network.registers()]
    assert lines_of(attempt) == [
        f"REGISTER, CSeq {cseqs[0]}", f"401 Unauthorized, CSeq {cseqs[0]}",
        f"REGISTER, CSeq {cseqs[1]}, with credentials", f"403 Forbidden, CSeq {cseqs[1]}",
    ]  # fmt: skip
    assert [message.at - EPOCH for message in attempt.messages] == pytest.approx([0, 0.02, 0.02, 0.04], abs=0.005)
    first = attempt.messages[0]
    assert (first.local, first.remote, first.transport, first.source) == ((HOST, 5070), REGISTRAR, "udp", (HOST, 5070))
    assert attempt.messages[1].source == REGISTRAR
    credentials = network.registers()[1].first("authorization") or ""
    secret = credentials.partition('response="')[2].partition('"')[0].encode()
    assert len(secret) == 32
    assert not any(secret in message.data for message in attempt.messages)


@in_virtual_time
async def test_silence_is_kept_with_every_retransmission() -> None:
    async with engine_on(ListSchedule([make_row()]), Network(silence)) as engine:
        await asyncio.sleep(40)
        attempt = kept_of(engine, 1)[0]
        held = engine.tracing.kept.bytes
    assert (attempt.outcome, attempt.code) == ("timed_out", 0)
    assert [message.is_repeated for message in attempt.messages] == [False] + [True] * 10
    assert len({id(message.data) for message in attempt.messages}) == 1
    assert held < 10_000


@in_virtual_time
async def test_what_did_not_leave_is_kept_with_its_reason_and_without_a_message() -> None:
    network = Network()
    network.no_route[REGISTRAR[0]] = "Network is unreachable"
    async with engine_on(ListSchedule([make_row()]), network) as engine:
        await asyncio.sleep(1)
        attempt = kept_of(engine, 1)[0]
    assert attempt.outcome == "not_sent"
    assert "Network is unreachable" in attempt.reason
    assert list(attempt.messages) == []


@in_virtual_time
async def test_a_name_that_stands_for_nothing_is_kept_too() -> None:
    schedule = ListSchedule([make_row()], make_settings(Host="nowhere.example.com"))
    async with engine_on(schedule, Network()) as engine:
        await asyncio.sleep(1)
        attempt = kept_of(engine, 1)[0]
    assert (attempt.outcome, list(attempt.messages), attempt.aor) == ("not_sent", [], "sip:u1@example.com")
    assert "nowhere.example.com" in attempt.reason


@in_virtual_time
async def test_what_is_traced_is_kept_when_it_succeeds_until_the_trace_ends() -> None:
    schedule, network = ListSchedule([make_row(1), make_row(2)]), Network()
    async with engine_on(schedule, network) as engine:
        engine.tracing.kept.trace(1, 4000, engine._clock.now())
        await asyncio.sleep(3500)
        assert [one.outcome for one in kept_of(engine, 1)] == ["accepted", "accepted"]
        assert kept_of(engine, 2) == []
        await asyncio.sleep(7000)
        assert kept_of(engine, 1) == []


@in_virtual_time
async def test_an_unregister_that_is_refused_is_kept() -> None:
    network = Network()
    schedule = ListSchedule([make_row()])
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(1)
        network.answer = lambda request: [refuse(request, 500)]
        schedule.change(1, desired=False)
        engine.knock([1])
        await asyncio.sleep(1)
        (attempt,) = kept_of(engine, 1)
    assert (attempt.outcome, attempt.code) == ("refused", 500)
    assert b"Expires: 0\r\n" in attempt.messages[0].data


@in_virtual_time
async def test_where_a_redirection_leads_is_of_the_same_attempt() -> None:
    elsewhere = "198.51.100.9"
    network = Network(lambda request: [refuse(request, 302, ("Contact", f"<sip:{elsewhere}>"))])
    network.at[elsewhere] = lambda request: [refuse(request, 403)]
    async with engine_on(ListSchedule([make_row()]), network, redirect_hosts=frozenset({elsewhere})) as engine:
        await asyncio.sleep(1)
        (attempt,) = kept_of(engine, 1)
    assert [message.remote[0] for message in attempt.messages] == [REGISTRAR[0]] * 2 + [elsewhere] * 2
    assert attempt.code == 403


@in_virtual_time
async def test_an_outage_of_thousands_leaves_examples() -> None:
    rows = [make_row(id) for id in range(1, 2001)]
    async with engine_on(ListSchedule(rows), Network(lambda request: [refuse(request, 403)])) as engine:
        await asyncio.sleep(300)
        kept = engine.tracing.kept
        number = sum(len(kept_of(engine, id)) for id in kept.registrations(engine._clock.now()))
        assert FIRST_EXAMPLES <= number <= FIRST_EXAMPLES + 31
        assert kept.bytes < 400_000


class Collecting(Collector):
    """A collector that notes what it gets."""

    def __init__(self, *, gets_all: bool) -> None:
        super().__init__()
        self.use(CollectorSettings(("192.0.2.99", 9060), gets_all=gets_all))
        self.got: list[str] = []

    def send(self, messages: Sequence[Message], correlation: str) -> None:
        self.got += [f"{correlation} {first_line(message).partition(',')[0]}" for message in messages]


@pytest.mark.parametrize("gets_all", [True, False])
@in_virtual_time
async def test_a_collector_gets_what_is_kept_or_everything(gets_all: bool) -> None:
    network = Network(lambda request: [ok(request) if "u1@" in (request.first("to") or "") else refuse(request, 403)])
    async with engine_on(ListSchedule([make_row(1), make_row(2)]), network) as engine:
        collector = engine.tracing.collector = Collecting(gets_all=gets_all)
        await asyncio.sleep(1)
        assert kept_of(engine, 1) == []
        assert len(kept_of(engine, 2)) == 1
    good = ["sip:u1@example.com REGISTER", "sip:u1@example.com 200 OK"] if gets_all else []
    assert collector.got == [*good, "sip:u2@example.com REGISTER", "sip:u2@example.com 403 Forbidden"]


# Over real connections


async def over_tcp(port: int) -> Attempt:
    """Return the attempt that fails at a port of loopback, over TCP."""
    schedule = ListSchedule([make_row()], make_settings(Host="127.0.0.1", Port=port, Protocol=2))
    clock = Clock()
    schedule.clock = clock.now
    engine = Engine(schedule, clock, b"key", EngineSettings())
    await engine.start([GroupAddress(1, 1, "127.0.0.1", 0, 40)])
    try:
        async with asyncio.timeout(10):
            while not schedule.settled:
                await asyncio.sleep(0.005)
        return engine.tracing.kept.of(1, clock.now())[0]
    finally:
        await engine.stop()


async def test_over_a_connection_our_port_is_that_of_the_connection() -> None:
    seen: list[tuple[str, int]] = []
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer.get_extra_info("peername")[:2])
        request = parse_message(await reader.readuntil(b"\r\n\r\n"))
        assert isinstance(request, Request)
        writer.write(refuse(request, 403))
        await reader.read()
        writer.close()
        await writer.wait_closed()
        ended.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        attempt = await over_tcp(port)
        async with asyncio.timeout(10):
            await ended.wait()
    assert [(one.is_sent, one.transport, one.local, one.remote) for one in attempt.messages] == [
        (True, "tcp", seen[0], ("127.0.0.1", port)), (False, "tcp", seen[0], ("127.0.0.1", port)),
    ]  # fmt: skip


async def test_what_waited_for_a_connection_that_there_never_was_is_no_message() -> None:
    attempt = await over_tcp(free_port())
    assert (attempt.outcome, list(attempt.messages)) == ("not_sent", [])
    assert "no connection" in attempt.reason
