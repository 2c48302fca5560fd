"""What comes in: believed, answered or dropped, and nothing of what is unsolicited stays in memory."""

from __future__ import annotations

import gc
import tracemalloc
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from sipregistrant.engine.dispatcher import T4_SECONDS, Dispatcher
from sipregistrant.engine.transport.flows import Address, Exchanged, GroupAddress, UdpFlow
from sipregistrant.sip.message import Response, parse_message

PEER = ("198.51.100.1", 5060)
STRANGER = ("203.0.113.66", 5060)
BRANCH = "z9hG4bK0123456789abcdef"


@dataclass
class Waiting:
    """An attempt in flight."""

    flow: UdpFlow
    cseq: int = 7
    peer_host: str = PEER[0]
    exchanged: list[Exchanged] = field(default_factory=list)


class Replies(UdpFlow):
    """A flow that only notes what is sent."""

    def __init__(self) -> None:
        self.address = GroupAddress(1, 1, "192.0.2.1", 5070, 0)
        self.sent: list[tuple[bytes, Address]] = []

    def send(self, datagram: bytes, to: Address) -> str:
        self.sent.append((datagram, to))
        return ""


class Connection(Replies):
    """A connection."""

    is_reliable = True


class Desk:
    """A dispatcher with one request in flight."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.flow = Replies()
        self.passed: list[tuple[Waiting, int]] = []
        self.dispatcher: Dispatcher[Waiting] = Dispatcher(lambda: self.now, b"secret", self.answered)
        self.waiting = Waiting(self.flow)
        self.dispatcher.expect(BRANCH, self.waiting)
        self.counters = self.dispatcher.counters

    def answered(self, waiting: Waiting, response: Response, now: float) -> None:
        assert now == self.now
        self.passed.append((waiting, response.status_code))

    def receive(self, datagram: bytes, source: Address = PEER) -> None:
        self.dispatcher.receive(self.flow, datagram, source)

    def counted(self) -> dict[str, int]:
        """Return what was counted, without what was not."""
        return {name: number for name, number in self.counters.as_dict().items() if number}


@pytest.fixture
def desk() -> Desk:
    return Desk()


def answer(code: int = 200, *, branch: str = BRANCH, cseq: str = "7 REGISTER") -> bytes:
    return (
        f"SIP/2.0 {code} Whatever\r\nVia: SIP/2.0/UDP 192.0.2.1:5070;rport=5070;branch={branch}\r\n"
        f"From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: c\r\nCSeq: {cseq}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def request(method: str = "OPTIONS", *, headers: str = "") -> bytes:
    return (
        f"{method} sip:a@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.66;rport;branch=z9hG4bKx\r\n"
        f"From: <sip:x@y>;tag=1\r\nTo: <sip:a@192.0.2.1>\r\nCall-ID: c\r\nCSeq: 1 {method}\r\n{headers}"
        "Content-Length: 0\r\n\r\n"
    ).encode()


# Answers


@pytest.mark.parametrize("code", [100, 200, 401, 503, 699])
def test_an_answer_goes_to_the_attempt_that_waits_for_it(desk: Desk, code: int) -> None:
    desk.receive(answer(code))
    assert desk.passed == [(desk.waiting, code)]
    assert desk.counted() == {"answers": 1}


def test_an_answer_may_come_from_another_port_of_its_target(desk: Desk) -> None:
    desk.receive(answer(), (PEER[0], 49152))
    assert desk.passed


@pytest.mark.parametrize("forged", [
    answer(branch="z9hG4bKfedcba9876543210"),
    answer(branch=""),
    answer(cseq="6 REGISTER"),
    answer(cseq="8 REGISTER"),
    answer(cseq="7 OPTIONS"),
    answer(cseq="7 register"),
    answer().replace(b"Via:", b"X-Via:"),
    answer(branch=BRANCH.upper()),
])  # fmt: skip
def test_an_answer_to_nothing_that_we_asked_is_dropped_and_counted(desk: Desk, forged: bytes) -> None:
    desk.receive(forged)
    assert not desk.passed
    assert desk.counted() == {"foreign_answers": 1}
    desk.receive(answer())
    assert desk.passed


def test_an_answer_from_another_address_is_dropped_even_when_all_of_it_is_right(desk: Desk) -> None:
    desk.receive(answer(401), STRANGER)
    assert not desk.passed
    assert desk.counted() == {"foreign_answers": 1}


def test_the_cseq_that_counts_is_that_of_the_request_in_flight_now(desk: Desk) -> None:
    desk.waiting.cseq = 8
    desk.receive(answer())
    assert not desk.passed
    desk.receive(answer(cseq="8 REGISTER"))
    assert desk.passed


def test_a_repeated_answer_is_known_as_such_for_as_long_as_timer_k(desk: Desk) -> None:
    desk.dispatcher.forget(BRANCH, desk.now)
    for _ in range(3):
        desk.receive(answer())
        desk.now += T4_SECONDS / 3
    assert desk.counted() == {"repeated_answers": 3}
    assert not desk.passed


def test_a_repeated_answer_is_known_although_others_were_completed_since(desk: Desk) -> None:
    desk.dispatcher.expect("z9hG4bKold", Waiting(desk.flow))
    desk.dispatcher.forget("z9hG4bKold", desk.now)
    desk.now += T4_SECONDS - 0.1
    desk.dispatcher.forget(BRANCH, desk.now)
    desk.now += T4_SECONDS
    for number in range(10):
        desk.dispatcher.expect(f"z9hG4bK{number}", Waiting(desk.flow))
        desk.dispatcher.forget(f"z9hG4bK{number}", desk.now)
    desk.receive(answer())
    assert desk.counted() == {"repeated_answers": 1}


def test_what_was_completed_long_ago_is_forgotten(desk: Desk) -> None:
    dispatcher = desk.dispatcher
    for number in range(1000):
        desk.now += 1.0
        dispatcher.expect(f"z9hG4bK{number}", Waiting(desk.flow))
        dispatcher.forget(f"z9hG4bK{number}", desk.now)
    assert len(dispatcher._completed) + len(dispatcher._completed_before) <= 2 * (T4_SECONDS + 2)
    assert len(dispatcher) == 1


def test_what_was_not_awaited_need_not_be_forgotten(desk: Desk) -> None:
    desk.dispatcher.forget("z9hG4bKnever", desk.now)
    desk.receive(answer(branch="z9hG4bKnever"))
    assert desk.counted() == {"foreign_answers": 1}


def test_it_tells_how_many_are_awaited(desk: Desk) -> None:
    assert len(desk.dispatcher) == 1
    desk.dispatcher.forget(BRANCH, desk.now)
    desk.dispatcher.forget(BRANCH, desk.now)
    assert len(desk.dispatcher) == 0


# Requests


@pytest.mark.parametrize(("method", "code"), [
    ("OPTIONS", 200), ("INVITE", 480), ("NOTIFY", 481), ("BYE", 481), ("CANCEL", 481), ("SUBSCRIBE", 489),
    ("REGISTER", 405), ("MESSAGE", 405), ("FOO", 405),
])  # fmt: skip
def test_a_request_is_answered_to_where_it_came_from(desk: Desk, method: str, code: int) -> None:
    desk.receive(request(method), STRANGER)
    ((reply, to),) = desk.flow.sent
    message = parse_message(reply)
    assert isinstance(message, Response)
    assert (message.status_code, to) == (code, STRANGER)
    assert desk.counters.requests == 1


def test_an_ack_is_absorbed(desk: Desk) -> None:
    desk.receive(request("ACK"), STRANGER)
    assert not desk.flow.sent
    assert desk.counted() == {"requests": 1}


def test_a_retransmission_is_answered_with_the_same_bytes(desk: Desk) -> None:
    for _ in range(2):
        desk.receive(request("INVITE"), STRANGER)
    first, second = desk.flow.sent
    assert first == second


def test_a_request_that_nobody_could_answer_is_absorbed(desk: Desk) -> None:
    desk.receive(request().replace(b"Via:", b"X-Via:"), STRANGER)
    assert not desk.flow.sent


def test_calls_are_counted_and_the_first_is_warned_of_with_the_way_out(desk: Desk) -> None:
    with capture_logs() as logs:
        for _ in range(3):
            desk.receive(request("INVITE"), STRANGER)
    assert desk.counted() == {"requests": 3, "invites": 3}
    (line,) = logs
    assert (line["event"], line["log_level"], line["source"]) == ("call.unanswered", "warning", STRANGER[0])
    assert "URIn" in line["hint"]


# Garbage


@pytest.mark.parametrize("datagram", [
    b"\x00", b"hello", b"\xff" * 1400, b"SIP/2.0 200 OK\r\n\r\n", answer()[:-2], answer().replace(b"CSeq: 7", b"CSeq: x"),
    answer() .replace(b"200", b"99"), b"\x00\x01\x00\x00!\x12\xa4B" + bytes(12), request().replace(b"SIP/2.0\r", b"SIP/3.0\r"),
])  # fmt: skip
def test_garbage_is_dropped_and_counted(desk: Desk, datagram: bytes) -> None:
    desk.receive(datagram)
    assert desk.counted() == {"garbage": 1}
    assert not desk.flow.sent
    assert not desk.passed


@pytest.mark.parametrize("datagram", [b"\r\n\r\n", b"\r\n", b"", b"\r\n\r\n\r\n\r\n"])
def test_a_keep_alive_is_no_garbage(desk: Desk, datagram: bytes) -> None:
    desk.receive(datagram)
    assert desk.counted() == {}
    assert not desk.flow.sent


def test_a_flood_of_what_is_unsolicited_leaves_nothing_in_memory(desk: Desk) -> None:
    def flood(times: int) -> None:
        for number in range(times):
            source = (f"203.0.113.{number % 250}", number % 60000 + 1)
            desk.receive(answer(branch=f"z9hG4bK{number}"), source)
            desk.receive(answer(401), source)
            desk.receive(request("INVITE").replace(b"z9hG4bKx", b"z9hG4bK%d" % number), source)
            desk.receive(b"garbage %d" % number, source)
        desk.flow.sent.clear()
        gc.collect()

    flood(100)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        flood(500)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 5_000
    assert len(desk.dispatcher) == 1
    assert not desk.passed


def test_over_a_connection_an_answer_is_believed_from_that_connection_alone(desk: Desk) -> None:
    over, other = Connection(), Connection()
    waiting = Waiting(over)
    desk.dispatcher.expect("z9hG4bKover", waiting)
    datagram = answer(branch="z9hG4bKover")
    desk.dispatcher.receive(other, datagram, PEER)
    assert not desk.passed
    desk.dispatcher.receive(over, datagram, PEER)
    assert desk.passed == [(waiting, 200)]


# What is no REGISTER


@dataclass
class Question(Waiting):
    """An OPTIONS in flight."""

    method: str = "OPTIONS"
    got: int = 0

    def answered(self, response: Response, now: float) -> None:
        self.got += 1


@pytest.fixture
def question(desk: Desk) -> Question:
    waiting = Question(desk.flow)
    desk.dispatcher.expect_exchange("z9hG4bKoptions", waiting)
    return waiting


def test_an_answer_goes_to_the_options_that_waits_for_it(desk: Desk, question: Question) -> None:
    desk.receive(answer(405, branch="z9hG4bKoptions", cseq="7 OPTIONS"))
    assert question.got == 1
    assert not desk.passed
    assert desk.counted() == {"answers": 1}


def test_and_not_where_it_is_forged(desk: Desk, question: Question) -> None:
    desk.receive(answer(branch="z9hG4bKoptions", cseq="7 REGISTER"))
    desk.receive(answer(branch="z9hG4bKoptions", cseq="8 OPTIONS"))
    desk.receive(answer(branch="z9hG4bKoptions", cseq="7 OPTIONS"), STRANGER)
    desk.receive(answer(cseq="7 OPTIONS"))
    assert question.got == 0
    assert desk.counted() == {"foreign_answers": 4}


def test_a_repeated_answer_to_an_options_is_known_as_such(desk: Desk, question: Question) -> None:
    desk.dispatcher.forget_exchange("z9hG4bKoptions", desk.now)
    desk.dispatcher.forget_exchange("z9hG4bKoptions", desk.now)
    desk.receive(answer(branch="z9hG4bKoptions", cseq="7 OPTIONS"))
    assert question.got == 0
    assert desk.counted() == {"repeated_answers": 1}


def test_over_a_connection_it_comes_from_that_connection(desk: Desk) -> None:
    waiting = Question(Connection())
    desk.dispatcher.expect_exchange("z9hG4bKoptions", waiting)
    datagram = answer(branch="z9hG4bKoptions", cseq="7 OPTIONS")
    desk.dispatcher.receive(Connection(), datagram, PEER)
    assert waiting.got == 0
    desk.dispatcher.receive(waiting.flow, datagram, PEER)
    assert waiting.got == 1
