"""Who is asked with OPTIONS, when, and what comes of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from sipregistrant.engine.engine import Engine
from sipregistrant.engine.monitor import GRAIN_SECONDS, MOST_AT_ONCE
from sipregistrant.engine.naming.targets import Unreachable
from sipregistrant.engine.pacing import FIRST_WINDOW, Pacing
from sipregistrant.engine.transport.flows import Address, Flow
from sipregistrant.engine.transport.ways import Ways
from sipregistrant.engine.watches import FIRST_AFTER_SECONDS
from sipregistrant.model.attributes import Value
from sipregistrant.model.schedule import RegistrarSettings
from sipregistrant.model.standing import HeldBack
from sipregistrant.model.status import State
from sipregistrant.sip.message import Request
from sipregistrant.sip.targets import Target
from tests.engine.listed import (
    EPOCH,
    GROUP,
    REGISTRAR,
    Heard,
    ListSchedule,
    Network,
    engine_on,
    make_row,
    make_settings,
    ok,
    refuse,
    unavailable,
)
from tests.engine.virtual_time import in_virtual_time
from tests.engine.zone import Zone

SERVER = 1
TARGET = Target(*REGISTRAR)
TIMER_F = 32.0


class Server:
    """A registrar that answers as it is told: `code` to OPTIONS, None for not at all."""

    def __init__(self) -> None:
        self.code: int | None = 200
        self.registers = True
        self.headers: list[tuple[str, str]] = []
        self.network = Network(self._answer)

    def _answer(self, request: Request) -> Sequence[bytes]:
        if request.method == "OPTIONS":
            return [] if self.code is None else [refuse(request, self.code, *self.headers)]
        return [ok(request)] if self.registers else []

    def be_silent(self) -> None:
        self.code, self.registers = None, False

    def be_there(self) -> None:
        self.code, self.registers = 200, True

    @property
    def options(self) -> list[Heard]:
        """Return what was heard of OPTIONS, those sent again left out."""
        first: dict[str, Heard] = {}
        for heard in self.network.heard:
            if heard.request.method == "OPTIONS":
                first.setdefault(heard.branch, heard)
        return list(first.values())

    @property
    def asked_at(self) -> list[float]:
        return [heard.at for heard in self.options]

    @property
    def aors(self) -> set[str]:
        return {heard.aor for heard in self.network.heard if heard.request.method == "REGISTER"}


def watched(id: int = 1, rev: int = 1, **server: Value) -> RegistrarSettings:
    made = make_settings(id, rev)
    made.server = {**made.server, "Monitor": 1, **server}
    return made


def pacing_of(engine: Engine, target: Target = TARGET) -> Pacing:
    return engine._claims.pacing_of(target)


def registered(schedule: ListSchedule) -> int:
    return sum(row.state == State.REGISTERED for row in schedule.rows.values())


def about(*instants: float) -> object:
    return pytest.approx(instants, abs=3 * GRAIN_SECONDS)


@in_virtual_time
async def test_a_server_of_which_nothing_is_heard_is_asked_again_and_again() -> None:
    server = Server()
    async with engine_on(ListSchedule([], watched()), server.network) as engine:
        await asyncio.sleep(FIRST_AFTER_SECONDS + 1)
        standing = engine.standings[SERVER]
        assert (standing.word, standing.transactions, standing.failures) == ("Up", 1, 0)
        await asyncio.sleep(90)
    assert server.asked_at == about(2, 32, 62, 92)
    assert len(server.network.heard) == 4


@in_virtual_time
async def test_what_is_asked() -> None:
    server = Server()
    settings = watched(LocalUserName="us", PeerUserName="them", DomainName="example.com")
    settings.profile = {**settings.profile, "UserAgentHeader": "ours", "AllowHeader": 1}
    async with engine_on(ListSchedule([], settings), server.network):
        await asyncio.sleep(40)
    first, second = [heard.request for heard in server.options]
    assert first.uri == "sip:them@example.com"
    assert first.first("to") == "<sip:them@example.com>"
    assert (first.first("from") or "").startswith("<sip:us@192.0.2.1>;tag=")
    assert first.first("contact") == "<sip:us@192.0.2.1:5070>"
    assert first.all("user-agent") == ["ours"]
    assert first.all("allow") == ["OPTIONS"]
    assert [first.first(name) for name in ("call-id", "from")] == [second.first(name) for name in ("call-id", "from")]
    numbers = [int((request.first("cseq") or "").split()[0]) for request in (first, second)]
    assert numbers[0] < numbers[1]


@in_virtual_time
async def test_answered_registers_say_as_much() -> None:
    server = Server()
    rows = [make_row(id, due_in=20.0 * (id - 1)) for id in range(1, 11)]
    async with engine_on(ListSchedule(rows, watched()), server.network) as engine:
        await asyncio.sleep(205)
        assert server.options == []
        await asyncio.sleep(10)
        assert server.asked_at == about(210)
        assert engine.standings[SERVER].transactions == 11


@pytest.mark.parametrize("code", [200, 401, 404, 405, 481, 503])
def test_any_answer_is_one_and_no_pace_is_learned_from_it(code: int) -> None:
    @in_virtual_time
    async def play() -> None:
        server = Server()
        server.code, server.headers = code, [("Retry-After", "600")]
        async with engine_on(ListSchedule([], watched()), server.network) as engine:
            await asyncio.sleep(40)
            pacing = pacing_of(engine)
            assert engine.standings[SERVER].word == "Up"
            assert (pacing.paused_until, pacing.size, pacing.soon) == (0.0, FIRST_WINDOW, 1_000_000)
        assert len(server.network.heard) == 2

    play()


@in_virtual_time
async def test_silence_is_noticed_before_registrations_wait_for_it_and_its_end_within_seconds() -> None:
    server = Server()
    rows = [make_row(id, due_in=100.0) for id in range(1, 101)]
    schedule = ListSchedule(rows, watched())
    async with engine_on(schedule, server.network) as engine:
        await asyncio.sleep(40)
        server.be_silent()
        await asyncio.sleep(62 + TIMER_F + 1 - 40)
        standing = engine.standings[SERVER]
        assert (standing.word, standing.failures) == ("Down", 1)
        assert pacing_of(engine).breaker.is_open
        await asyncio.sleep(40)
        # A probe every five seconds, and not a window full of them.
        assert 5 <= len(server.aors) <= 9
        assert standing.held_back is not None
        assert standing.held_back[0] is HeldBack.SILENT
        server.be_there()
        await asyncio.sleep(10)
        assert standing.word == "Up"
        # Probes that have ended in silence wait for their own retry timer.
        assert registered(schedule) >= 98


@in_virtual_time
async def test_an_answered_options_lets_go_what_waits() -> None:
    server = Server()
    schedule = ListSchedule([make_row(id, due_in=100.0) for id in range(1, 101)], watched())
    async with engine_on(schedule, server.network) as engine:
        await asyncio.sleep(40)
        server.be_silent()
        await asyncio.sleep(80)
        pacing_of(engine).breaker.probe_at = float("inf")  # no REGISTER finds out
        heard = len(server.aors)
        server.be_there()
        await asyncio.sleep(10)
        assert not pacing_of(engine).breaker.is_open
        assert heard < 10
        assert registered(schedule) == 100


@in_virtual_time
async def test_while_it_is_silent_it_is_asked_as_often_as_that_is_wanted() -> None:
    server = Server()
    async with engine_on(ListSchedule([], watched(RecoverFrequency=60)), server.network) as engine:
        await asyncio.sleep(5)
        server.be_silent()
        await asyncio.sleep(300)
        assert server.asked_at[:5] == about(2, 32, 92, 152, 212)
        server.be_there()
        await asyncio.sleep(60)
        assert engine.standings[SERVER].word == "Up"


@in_virtual_time
async def test_a_lost_answer_is_no_silence() -> None:
    server = Server()
    async with engine_on(ListSchedule([], watched()), server.network) as engine:
        await asyncio.sleep(31)
        server.code = None
        await asyncio.sleep(10)
        server.code = 200
        await asyncio.sleep(5)
        assert (engine.standings[SERVER].word, engine.standings[SERVER].failures) == ("Up", 0)


@in_virtual_time
async def test_nor_is_one_where_registers_were_answered_meanwhile() -> None:
    server = Server()
    rows = [make_row(1, due_in=50.0)]
    async with engine_on(ListSchedule(rows, watched()), server.network) as engine:
        await asyncio.sleep(31)
        server.code = None
        await asyncio.sleep(60)
        standing = engine.standings[SERVER]
        assert not pacing_of(engine).breaker.is_open
        assert (standing.word, standing.failures) == ("Up", 0)


@in_virtual_time
async def test_one_that_answers_registers_and_options_no_more_is_taken_for_silent_once_and_then_left_alone() -> None:
    server = Server()
    schedule = ListSchedule([make_row(id, due_in=20.0 + 200.0 * id) for id in range(1, 11)], watched())
    async with engine_on(schedule, server.network) as engine:
        await asyncio.sleep(31)
        server.code = None
        await asyncio.sleep(100)
        assert engine.standings[SERVER].word == "Down"
        await asyncio.sleep(150)
        failures = engine.standings[SERVER].failures
        asked = len(server.options)
        await asyncio.sleep(2000)
        standing = engine.standings[SERVER]
        assert (standing.word, standing.failures) == ("Up", failures)
        assert len(server.options) - asked <= 2000 / 300 + 1
    assert registered(schedule) == 10


@in_virtual_time
async def test_of_a_registrar_that_answers_no_options_nothing_is_learned() -> None:
    server = Server()
    server.code = None
    with capture_logs() as logs:
        async with engine_on(ListSchedule([make_row()], watched()), server.network) as engine:
            await asyncio.sleep(1000)
            standing = engine.standings[SERVER]
            assert not pacing_of(engine).breaker.is_open
            assert (standing.word, standing.failures) == ("Up", 0)
    assert server.asked_at == about(30, 330, 630, 930)
    assert [line["event"] for line in logs if line["event"] == "options.unanswered"] == ["options.unanswered"]


@in_virtual_time
async def test_one_that_was_never_heard_is_asked_at_the_usual_pace_until_it_comes() -> None:
    server = Server()
    server.be_silent()
    async with engine_on(ListSchedule([], watched()), server.network) as engine:
        await asyncio.sleep(200)
        assert engine.standings[SERVER].word == "Unknown"
        server.be_there()
        await asyncio.sleep(35)
        assert engine.standings[SERVER].word == "Up"


@pytest.mark.parametrize("monitor", [0, 2])
def test_who_is_not_to_be_watched_is_not(monitor: int) -> None:
    @in_virtual_time
    async def play() -> None:
        server = Server()
        async with engine_on(ListSchedule([], watched(Monitor=monitor)), server.network):
            await asyncio.sleep(600)
        assert server.network.heard == []

    play()


@in_virtual_time
async def test_a_frequency_of_0_is_never() -> None:
    server = Server()
    rows = [make_row(id) for id in range(1, 31)]
    async with engine_on(ListSchedule(rows, watched(KeepAliveFrequency=0)), server.network) as engine:
        server.be_silent()
        await asyncio.sleep(30)
        assert server.options == []
        await asyncio.sleep(100)
        # REGISTERs have found it silent: then there is the other frequency.
        assert pacing_of(engine).breaker.is_open
        assert server.options


@in_virtual_time
async def test_what_is_changed_acts() -> None:
    server = Server()
    schedule = ListSchedule([], watched())
    async with engine_on(schedule, server.network) as engine:
        await asyncio.sleep(35)
        schedule.settings[1] = watched(1, 2, KeepAliveFrequency=300)
        engine.monitor.look_again()
        await asyncio.sleep(300)
        assert server.asked_at == about(2, 32, 332)
        schedule.settings[1] = watched(1, 3, KeepAliveFrequency=60)
        engine.monitor.look_again()
        await asyncio.sleep(65)
        assert server.asked_at == about(2, 32, 332, 392)
        schedule.settings[1] = watched(1, 4, Monitor=0)
        engine.monitor.look_again()
        await asyncio.sleep(600)
        assert server.asked_at == about(2, 32, 332, 392)


@in_virtual_time
async def test_a_server_that_moves_is_asked_where_it_is_now() -> None:
    server = Server()
    schedule = ListSchedule([], watched())
    async with engine_on(schedule, server.network) as engine:
        await asyncio.sleep(5)
        schedule.settings[1] = watched(1, 2, Host="198.51.100.2")
        engine.monitor.look_again()
        await asyncio.sleep(60)
        assert len(engine.monitor._watches) == 1
        schedule.settings[1] = watched(1, 3)
        engine.monitor.look_again()
        await asyncio.sleep(5)
        assert engine.standings[SERVER].word == "Up"
    assert [heard.to[0] for heard in server.options] == ["198.51.100.1", *["198.51.100.2"] * 2, "198.51.100.1"]


@in_virtual_time
async def test_servers_that_are_one_target_are_asked_once_by_the_shortest_frequency() -> None:
    server = Server()
    other = replace(watched(2, KeepAliveFrequency=60), server_uid=2)
    schedule = ListSchedule([], watched(), other)
    async with engine_on(schedule, server.network) as engine:
        await asyncio.sleep(95)
        assert [engine.standings[uid].word for uid in (1, 2)] == ["Up", "Up"]
        assert server.asked_at == about(2, 32, 62, 92)
        server.be_silent()
        await asyncio.sleep(70)
        assert [engine.standings[uid].word for uid in (1, 2)] == ["Down", "Down"]
        del schedule.settings[1]
        engine.monitor.look_again()
        server.be_there()
        await asyncio.sleep(70)
        assert engine.standings[2].word == "Up"


@in_virtual_time
async def test_a_server_whose_target_answers_others_is_up() -> None:
    server = Server()
    rows = [make_row(id, due_in=20.0 * (id - 1)) for id in range(1, 11)]
    schedule = ListSchedule(rows, watched(), replace(watched(2), server_uid=2))
    async with engine_on(schedule, server.network) as engine:
        await asyncio.sleep(100)
        assert server.options == []
        assert engine.standings[2].word == "Up"


@in_virtual_time
async def test_of_several_targets_the_silent_one_is_left_and_the_server_is_up() -> None:
    server = Server()
    first, second = "198.51.100.11", "198.51.100.12"
    zone = Zone({"registrar.example": [first, second]})
    schedule = ListSchedule([], watched(Host="registrar.example"))
    async with engine_on(schedule, server.network, zone=zone) as engine:
        await asyncio.sleep(5)
        server.network.at[first] = lambda request: []
        await asyncio.sleep(100)
        assert pacing_of(engine, Target(first, 5060)).breaker.is_open
        assert not pacing_of(engine, Target(second, 5060)).breaker.is_open
        assert engine.standings[SERVER].word == "Up"
        server.network.at[second] = lambda request: []
        await asyncio.sleep(100)
        assert engine.standings[SERVER].word == "Down"
        del server.network.at[second]
        await asyncio.sleep(10)
        assert engine.standings[SERVER].word == "Up"


@in_virtual_time
async def test_a_name_that_nobody_knows_is_down_and_keeps_nobody_waiting() -> None:
    server = Server()
    nowhere = [replace(watched(id, Host=f"h{id}.example"), server_uid=id) for id in range(2, 102)]
    zone = Zone({f"h{id}.example": None for id in range(2, 102)})
    async with engine_on(ListSchedule([], *nowhere, watched()), server.network, zone=zone) as engine:
        await asyncio.sleep(FIRST_AFTER_SECONDS + 1)
        assert engine.standings[SERVER].word == "Up"
        await asyncio.sleep(40)
        assert {engine.standings[id].word for id in range(2, 102)} == {"Down"}
        zone.records["h7.example"] = ["198.51.100.7"]
        await asyncio.sleep(120)
        assert engine.standings[7].word == "Up"


@in_virtual_time
async def test_thousands_are_asked_a_part_at_a_time() -> None:
    server = Server()
    settings = [replace(watched(id, Host=f"10.0.{id >> 8}.{id & 255}"), server_uid=id) for id in range(1, 2001)]
    async with engine_on(ListSchedule([], *settings), server.network) as engine:
        await asyncio.sleep(30)
        assert {engine.standings[id].word for id in range(1, 2001)} == {"Up"}
        await asyncio.sleep(60)
    at_once = Counter(round(heard.at, 3) for heard in server.network.heard)
    assert max(at_once.values()) <= MOST_AT_ONCE
    assert len(server.network.heard) == 3 * 2000


@in_virtual_time
async def test_nobody_is_asked_after_the_stop() -> None:
    server = Server()
    schedule = ListSchedule([], watched())
    async with engine_on(schedule, server.network) as engine:
        await asyncio.sleep(31)
        server.code = None
        await asyncio.sleep(5)
        assert len(engine.monitor) == 1
    heard = len(server.network.heard)
    engine.monitor.look_again()
    await asyncio.sleep(600)
    assert len(server.network.heard) == heard
    assert len(engine.monitor) == 0


@in_virtual_time
async def test_a_store_that_cannot_be_read_is_read_later(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    schedule = ListSchedule([], watched())
    faults = [unavailable(), unavailable()]
    read = schedule.monitored

    async def monitored(known: dict[int, int]) -> object:
        if faults:
            raise faults.pop()
        return await read(known)

    monkeypatch.setattr(schedule, "monitored", monitored)
    async with engine_on(schedule, server.network) as engine:
        await asyncio.sleep(10)
        assert engine.standings[SERVER].word == "Up"


@in_virtual_time
async def test_a_mistake_of_ours_with_one_server_is_logged_and_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    poison = replace(watched(2, LocalUserName="poison"), server_uid=2)
    to = Ways.to

    def poisoned(ways: Ways, target: Target, settings: RegistrarSettings, row_id: int) -> Flow:
        if settings.server["LocalUserName"] == "poison":
            raise ZeroDivisionError
        return to(ways, target, settings, row_id)

    monkeypatch.setattr(Ways, "to", poisoned)
    poison.server["Port"] = 5062
    async with engine_on(ListSchedule([], poison, watched()), server.network, crashes=2) as engine:
        await asyncio.sleep(70)
        assert engine.standings[SERVER].word == "Up"


# Connections


class Connection:
    """A flow over TCP that takes everything and answers nothing."""

    is_reliable = True
    transport = "tcp"
    host, port, id = "192.0.2.1", 5070, 7
    opened_at = 0.0

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, datagram: bytes, to: Address) -> str:
        self.sent.append(datagram)
        return ""

    def local_host_towards(self, host: str) -> str:
        return self.host


@in_virtual_time
async def test_over_a_connection_one_goes_out_and_its_end_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = Connection()
    monkeypatch.setattr(Ways, "to", lambda *arguments: connection)
    async with engine_on(ListSchedule([], watched(Protocol=2)), Network()) as engine:
        await asyncio.sleep(20)
        assert len(connection.sent) == 1
        assert b"Via: SIP/2.0/TCP " in connection.sent[0]
        assert b";transport=tcp>\r\n" in connection.sent[0]
        engine._stream_lost(connection, "refused")  # type: ignore[arg-type]
        assert (engine.standings[SERVER].word, engine.standings[SERVER].failures) == ("Down", 1)
        await asyncio.sleep(13)
        assert len(connection.sent) == 2


@in_virtual_time
async def test_while_no_connection_may_be_opened_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = Connection()
    asked: list[float] = []
    loop = asyncio.get_running_loop()

    def to(ways: Ways, target: Target, settings: RegistrarSettings, row_id: int) -> Connection:
        asked.append(loop.time())
        if loop.time() < 100:
            raise Unreachable("refused", EPOCH + 100)
        return connection

    monkeypatch.setattr(Ways, "to", to)
    async with engine_on(ListSchedule([], watched(Protocol=2)), Network()):
        await asyncio.sleep(110)
    assert asked == about(2, 100)
    assert len(connection.sent) == 1


@in_virtual_time
async def test_where_the_group_has_no_socket_the_server_is_down() -> None:
    server = Server()
    server.network.cannot_bind.add(GROUP.port)
    async with engine_on(ListSchedule([], watched()), server.network) as engine:
        await asyncio.sleep(10)
        assert engine.standings[SERVER].word == "Down"
        server.network.cannot_bind.clear()
        engine.flows.update([GROUP])
        await asyncio.sleep(40)
        assert engine.standings[SERVER].word == "Up"


@in_virtual_time
async def test_options_take_the_routes_of_the_registers() -> None:
    server = Server()
    settings = watched(RouteSet="<sip:198.51.100.9:5080;lr>")
    async with engine_on(ListSchedule([], settings), server.network):
        await asyncio.sleep(FIRST_AFTER_SECONDS + 1)
    (asked,) = server.options
    assert asked.to == ("198.51.100.9", 5080)
    assert asked.request.first("route") == "<sip:198.51.100.9:5080;lr>"
    assert asked.request.method == "OPTIONS"
