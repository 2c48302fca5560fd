"""One attempt that belongs to no row: sent, answered, sent again, to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ...sip.message import Response
from ...sip.outcome import Outcome
from ...sip.registration import Attempt
from ..dispatcher import Dispatcher
from ..transport.flows import Address, Flow
from ..transport.streams import StreamFlow

__all__ = ["RegisterExchange"]

# So often it is looked whether the connection has ended.
LOOK_EVERY_SECONDS = 0.2


class RegisterExchange:
    """A REGISTER and what follows of it; `answers` are those that came, in their order."""

    method = "REGISTER"

    def __init__(
        self, attempt: Attempt, flow: Flow, peer: Address, dispatcher: Dispatcher[Any], now: Callable[[], float]
    ) -> None:
        self.attempt = attempt
        self.flow = flow
        self.peer_host = peer[0]
        self.answers: list[Response] = []
        self._peer = peer
        self._dispatcher = dispatcher
        self._now = now
        self._news = asyncio.Event()

    @property
    def cseq(self) -> int:
        return self.attempt.cseq

    async def run(self) -> Outcome:
        """Return what it came to."""
        try:
            self._send(self.attempt.start(self._now()))
            while self.attempt.outcome is None:
                await self._go_on()
        finally:
            self._dispatcher.forget_exchange(self.attempt.branch, self._now())
        return self.attempt.outcome

    async def _go_on(self) -> None:
        """Wait for an answer, a timer, or the end of the connection."""
        left = self.attempt.next_timeout - self._now()
        try:
            async with asyncio.timeout(max(0.0, min(left, LOOK_EVERY_SECONDS))):
                await self._news.wait()
        except TimeoutError:
            pass
        self._news.clear()
        if self.attempt.outcome is None and isinstance(self.flow, StreamFlow) and self.flow.is_closed:
            self._fail(self.flow.fault or "the connection is closed", was_sent=self.flow.opened_at > 0)
        elif self.attempt.outcome is None and self.attempt.next_timeout <= self._now():
            datagram = self.attempt.handle_timer(self._now())
            if datagram is not None and (reason := self.flow.send(datagram, self._peer)):
                self._fail(reason)

    def answered(self, response: Response, now: float) -> None:
        """Take an answer to the request in flight."""
        branch = self.attempt.branch
        self.answers.append(response)
        datagram = self.attempt.receive(response, now)
        if datagram is not None or self.attempt.outcome is not None:
            self._dispatcher.forget_exchange(branch, now)
        if datagram is not None:
            self._send(datagram)
        self._news.set()

    def _send(self, datagram: bytes) -> None:
        self._dispatcher.expect_exchange(self.attempt.branch, self)
        if reason := self.flow.send(datagram, self._peer):
            self._fail(reason)

    def _fail(self, reason: str, *, was_sent: bool = False) -> None:
        what = "no answer from" if was_sent else "not sent to"
        self.attempt.transport_failed(f"{what} {self._peer[0]}:{self._peer[1]}: {reason}", was_sent=was_sent)
