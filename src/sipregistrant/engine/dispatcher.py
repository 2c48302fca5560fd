"""What comes in: answers go to the attempt that waits for them, requests are answered without a state, the rest is
dropped and counted.

An answer is believed only if its branch, method and CSeq are those of a request in flight (RFC 3261 §17.1.3, and our
CSeq beyond it) and it comes from the address that the request went to. So nobody else can have us answer a challenge.
What is unsolicited allocates nothing that lives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Generic, Protocol, TypeVar

import structlog

from ..errors import SipParseError
from ..sip.message import Request, Response, parse_message
from ..sip.uas import answer
from .transport.flows import Address, Exchanged, Flow

__all__ = ["Counters", "Dispatcher", "Exchange", "InFlight", "Pending"]

log = structlog.get_logger()

# Timer K, RFC 3261 §17.1.2.2: so long a completed transaction absorbs repeated answers.
T4_SECONDS = 5.0

# A keep-alive of a peer: CRLFs and nothing else (RFC 5626 §3.5.1).
KEEP_ALIVE = b"\r\n"


class Pending(Protocol):
    """An attempt in flight, as far as the dispatcher knows it."""

    @property
    def cseq(self) -> int: ...

    @property
    def peer_host(self) -> str: ...

    @property
    def flow(self) -> Flow: ...


class InFlight(Pending, Protocol):
    """The same, with what was exchanged of it."""

    @property
    def exchanged(self) -> list[Exchanged]: ...


class Exchange(Pending, Protocol):
    """A request in flight that is no REGISTER: `method` and `cseq` are what stands in its CSeq."""

    @property
    def method(self) -> str: ...

    def answered(self, response: Response, now: float) -> None:
        """Take what matches."""


@dataclass(slots=True)
class Counters:
    """What came in, since the start."""

    answers: int = 0
    repeated_answers: int = 0
    foreign_answers: int = 0
    requests: int = 0
    invites: int = 0
    garbage: int = 0

    def as_dict(self) -> dict[str, int]:
        """Return all counters by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


P = TypeVar("P", bound=InFlight)


def nobody(flow: Flow, datagram: bytes, source: Address) -> bool:
    """Take nothing."""
    return False


class Dispatcher(Generic[P]):
    """Knows the branches in flight. `secret` makes the To tags of our answers; `answered` is called with what
    matches.
    """

    def __init__(self, now: Callable[[], float], secret: bytes, answered: Callable[[P, Response, float], None]) -> None:
        self._now = now
        self._secret = secret
        self._answered = answered
        self._pending: dict[str, P] = {}
        # What is no REGISTER: few, and looked for only where a branch is none of those.
        self._exchanges: dict[str, Exchange] = {}
        # Branches of completed transactions in two generations, each at least T4 old when it is forgotten: Timer K
        # without a timer for each.
        self._completed: set[str] = set()
        self._completed_before: set[str] = set()
        self._turned_at = float("-inf")
        self.counters = Counters()
        self.receive_other: Callable[[Flow, bytes, Address], bool] = nobody
        """Takes what is no SIP; tells whether it was for somebody."""

    def __len__(self) -> int:
        return len(self._pending)

    def expect(self, branch: str, pending: P) -> None:
        """Wait for answers to a request."""
        self._pending[branch] = pending

    def forget(self, branch: str, now: float) -> None:
        """Wait no longer: the transaction is complete. What comes late is known as such for a while."""
        if self._pending.pop(branch, None) is not None:
            self._complete(branch, now)

    def expect_exchange(self, branch: str, exchange: Exchange) -> None:
        """Wait for answers to a request that is no REGISTER."""
        self._exchanges[branch] = exchange

    def forget_exchange(self, branch: str, now: float) -> None:
        """Do as `forget`."""
        if self._exchanges.pop(branch, None) is not None:
            self._complete(branch, now)

    def _complete(self, branch: str, now: float) -> None:
        if now - self._turned_at > T4_SECONDS:
            self._completed_before, self._completed = self._completed, set()
            self._turned_at = now
        self._completed.add(branch)

    def receive(self, flow: Flow, datagram: bytes, source: Address) -> None:
        """Take one datagram."""
        try:
            message = parse_message(datagram)
        except SipParseError:
            if datagram.strip(KEEP_ALIVE) and not self.receive_other(flow, datagram, source):
                self.counters.garbage += 1
            return
        if isinstance(message, Response):
            self._receive_response(flow, message, source, datagram)
        else:
            self._receive_request(flow, message, source)

    def _receive_response(self, flow: Flow, response: Response, source: Address, datagram: bytes) -> None:
        pending = self._pending.get(response.branch)
        if pending is None:
            self._receive_for_exchange(flow, response, source)
            return
        # Over a connection only from that connection (RFC 3261 §18.2.2), over UDP from any port of the peer.
        is_from_elsewhere = source[0] != pending.peer_host or (flow.is_reliable and flow is not pending.flow)
        if response.cseq != (pending.cseq, "REGISTER") or is_from_elsewhere:
            self.counters.foreign_answers += 1
            return
        self.counters.answers += 1
        now = self._now()
        pending.exchanged.append((now, flow, source, datagram, False))
        self._answered(pending, response, now)

    def _receive_for_exchange(self, flow: Flow, response: Response, source: Address) -> None:
        """Take an answer that belongs to no attempt."""
        exchange = self._exchanges.get(response.branch)
        if exchange is None:
            is_late = response.branch in self._completed or response.branch in self._completed_before
            self.counters.repeated_answers += is_late
            self.counters.foreign_answers += not is_late
            return
        is_from_elsewhere = source[0] != exchange.peer_host or (flow.is_reliable and flow is not exchange.flow)
        if response.cseq != (exchange.cseq, exchange.method) or is_from_elsewhere:
            self.counters.foreign_answers += 1
            return
        self.counters.answers += 1
        exchange.answered(response, self._now())

    def _receive_request(self, flow: Flow, request: Request, source: Address) -> None:
        self.counters.requests += 1
        if request.method == "INVITE":
            self.counters.invites += 1
            if self.counters.invites == 1:
                log.warning("call.unanswered", source=source[0],
                            hint="a call came to the registrant; put the call server's address into URIn")  # fmt: skip
        reply = answer(request, source=source, secret=self._secret)
        if reply is not None:
            flow.send(reply, source)
