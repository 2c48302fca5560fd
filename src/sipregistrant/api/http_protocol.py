"""HTTP/1.1 on one connection, which ends when the peer takes too long.

Uvicorn bounds only the pause between two requests. Whoever sends a request a byte at a time, or never reads the reply,
would hold a connection for good, and a file descriptor with it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["MOST_HEAD_BYTES", "HttpDeadlines", "protocol_with"]

# Uvicorn holds what comes until the head is whole, before anybody has logged in.
MOST_HEAD_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class HttpDeadlines:
    """How long a peer may take: for the head of a request, for its body, for reading some of the reply.

    And for what is missing of a body when the service stops.
    """

    head_seconds: float = 30.0
    body_seconds: float = 60.0
    reading_seconds: float = 60.0
    stop_seconds: float = 1.0


class Part(Enum):
    """What of a request is awaited."""

    NONE = 0
    HEAD = 1
    BODY = 2


def protocol_with(deadlines: HttpDeadlines) -> type[asyncio.Protocol]:
    """Return the class for uvicorn to make a protocol of, for each connection."""

    class Protocol(BoundedProtocol):
        pass

    Protocol.deadlines = deadlines
    return Protocol


class BoundedProtocol(HttpToolsProtocol):
    """Closes the connection at a deadline. The application is told as if the peer had gone."""

    deadlines = HttpDeadlines()

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._begun = 0
        self._part = Part.HEAD
        self._head_bytes = 0
        self._timed: tuple[int, Part] | None = None
        self._request_timer: asyncio.TimerHandle | None = None
        self._reading_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._mind_the_time()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._request_timer, self._reading_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._part is Part.HEAD:
            # The piece that ends a head may have some of its body in it, too: no honest head is near the limit.
            self._head_bytes += len(data)
        super().data_received(data)
        if self._part is Part.HEAD and self._head_bytes > MOST_HEAD_BYTES:
            self.transport.abort()  # closing in peace would go on reading from one who does not stop
        self._mind_the_time()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._begun += 1
        self._part = Part.HEAD
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade() and self._announces_body:
            # The parser takes the body for the other protocol: the application would see a form without fields.
            raise ValueError("an upgrade with a body")  # the parser makes a 400 of it
        super().on_headers_complete()
        self._part = Part.BODY

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._part = Part.NONE

    def shutdown(self) -> None:
        """Called at the stop. A reply is waited for, a body that may never end is not."""
        super().shutdown()
        if self._part is Part.BODY:
            self._wait_for_request(self.deadlines.stop_seconds)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reading_timer = self.loop.call_later(self.deadlines.reading_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reading_timer is not None:
            self._reading_timer.cancel()
            self._reading_timer = None

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: uvicorn would advise to install WebSockets. To go on without an upgrade is an answer, too."""

    @property
    def _announces_body(self) -> bool:
        return any(name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0"))
                   for name, value in self.headers)  # fmt: skip

    def _mind_the_time(self) -> None:
        """Time what is awaited now: from its beginning, however many pieces of it come."""
        part = self._part
        if part is Part.NONE and (self.cycle is None or self.cycle.response_complete):
            # Line ends between two requests: uvicorn takes them for a request, the parser does not mention them.
            part = Part.HEAD
        if (self._begun, part) == self._timed:
            return
        self._timed = self._begun, part
        if self._request_timer is not None:
            self._request_timer.cancel()
            self._request_timer = None
        if part is not Part.NONE:
            self._wait_for_request(self.deadlines.head_seconds if part is Part.HEAD else self.deadlines.body_seconds)

    def _wait_for_request(self, seconds: float) -> None:
        if self._request_timer is not None:
            self._request_timer.cancel()
        self._request_timer = self.loop.call_later(seconds, self._request_is_late, seconds)

    def _request_is_late(self, seconds: float) -> None:
        if self.flow.read_paused:  # it is we who do not read: an earlier request is not answered yet
            self._wait_for_request(seconds)
        else:
            self.transport.close()
