"""A stream of bytes, cut into SIP messages and keep-alives.

    framer = Framer()
    for frame in framer.feed(data): ...        PING, PONG, or the bytes of one message

RFC 3261 §18.3: over a stream every message has a Content-Length, and what it counts is the body; §7.5: empty lines before
a start line are not of a message. RFC 5626 §3.5.1: a double CRLF between messages is a ping, a single one the answer to it.
Where the stream cannot be followed any more (no length, two of them, too much of it) `SipParseError` is raised: the next
message begins nobody knows where, and the connection is of no use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..errors import SipParseError

__all__ = ["PING", "PONG", "Framer"]

PING = b"\r\n\r\n"
PONG = b"\r\n"

END_OF_HEADERS = b"\r\n\r\n"

# As of a datagram: what a registrar has to say fits into one.
MOST_HEADER_BYTES = 65535
MOST_BODY_BYTES = 65535

LENGTHS = re.compile(rb"\r\n(?:content-length|l)[ \t]*:([^\r]*)", re.IGNORECASE)
LONGEST_NUMBER = 10


class Framer:
    """Keeps what is not a whole message yet."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        # How far the end of the headers was looked for in vain.
        self._looked_at = 0
        # Where the message ends whose headers are complete; 0 where none is.
        self._end = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take what has come; give what is complete. Raises `SipParseError` where the stream cannot be followed."""
        self._buffer += data
        while (frame := self._next()) is not None:
            yield frame

    def _next(self) -> bytes | None:
        buffer = self._buffer
        if not self._end:
            if buffer.startswith(b"\r"):
                return self._keep_alive()
            found = buffer.find(END_OF_HEADERS, max(0, self._looked_at - 3))
            if found < 0:
                self._looked_at = len(buffer)
                if len(buffer) > MOST_HEADER_BYTES:
                    raise SipParseError("headers", f"longer than {MOST_HEADER_BYTES} bytes")
                return None
            headers = found + len(END_OF_HEADERS)
            self._end = headers + _body_length(bytes(buffer[:headers]))
        if len(buffer) < self._end:
            return None
        message = bytes(buffer[: self._end])
        del buffer[: self._end]
        self._end = self._looked_at = 0
        return message

    def _keep_alive(self) -> bytes | None:
        for frame in (PING, PONG):
            if self._buffer.startswith(frame):
                del self._buffer[: len(frame)]
                return frame
        if len(self._buffer) >= len(PONG):
            raise SipParseError("stream", "CR without LF")
        return None


def _body_length(headers: bytes) -> int:
    """Return what Content-Length says; it must be there, and of one mind."""
    found = {value.strip(b" \t") for value in LENGTHS.findall(headers)}
    if len(found) != 1:
        raise SipParseError("Content-Length", "missing" if not found else "given twice, differently")
    (value,) = found
    if not value.isdigit() or len(value) > LONGEST_NUMBER:
        raise SipParseError("Content-Length", "not a number")
    length = int(value)
    if length > MOST_BODY_BYTES:
        raise SipParseError("Content-Length", f"more than {MOST_BODY_BYTES}")
    return length
