"""How messages lie on a connection: one after the other (RFC 3261 §18.3) here, in a WebSocket in `web_sockets.py`.

A framing owns no socket. What it wants to say by itself (a handshake, the answer to a ping) is taken from it with `to_say`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ...errors import SipParseError, SipRegistrantError
from ...sip.framing import PING, PONG, Framer

__all__ = ["Framing", "FramingFault", "SipFraming", "make_framing"]


class FramingFault(SipRegistrantError):
    """The connection is of no use any more; the sentence says why."""


class Framing(Protocol):
    """What a connection asks of its framing."""

    is_ready: bool
    """Messages can be wrapped: the peer has agreed, where it is asked, and has not taken its leave."""

    owes_pongs: bool
    """The peer answers pings, so that one without an answer is a fault."""

    def begin(self) -> None:
        """Have said what opens the connection."""

    def wrap(self, message: bytes) -> bytes:
        """Return a message as it is sent."""

    def ping(self) -> bytes:
        """Return a keep-alive."""

    def end(self) -> bytes:
        """Return what is said before we close the connection."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take what has come; give the messages that are complete. Raises `FramingFault`."""

    def to_say(self) -> bytes:
        """Return, once, what is to be sent that nobody asked to send."""

    def fault_at_end(self) -> str:
        """Return what can be told of an end that the peer has made, "" for no more than that."""


class SipFraming:
    """Messages one after the other, with CRLFs as keep-alives (RFC 5626 §3.5.1)."""

    __slots__ = ("_framer", "_has_pinged", "_to_say", "is_ready", "owes_pongs")

    def __init__(self) -> None:
        self.is_ready = False
        # Who has answered one knows them. Not everybody does.
        self.owes_pongs = False
        self._framer = Framer()
        self._has_pinged = False
        self._to_say = b""

    def begin(self) -> None:
        """Nothing has to be agreed."""
        self.is_ready = True

    def wrap(self, message: bytes) -> bytes:
        """Return it as it is."""
        return message

    def ping(self) -> bytes:
        """Return a double CRLF."""
        self._has_pinged = True
        return PING

    def end(self) -> bytes:
        """Return nothing."""
        return b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give whole messages; pings are answered."""
        try:
            for frame in self._framer.feed(data):
                if frame == PING:
                    self._to_say += PONG
                elif frame == PONG:
                    self.owes_pongs = self.owes_pongs or self._has_pinged
                else:
                    yield frame
        except SipParseError as error:
            raise FramingFault(f"its bytes are no SIP: {error}") from None

    def to_say(self) -> bytes:
        """Return the answers to pings."""
        said, self._to_say = self._to_say, b""
        return said

    def fault_at_end(self) -> str:
        """Return nothing."""
        return ""


def make_framing(uri: str) -> Framing:
    """Return the framing of a new connection; `uri` is that of a WebSocket, "" for none."""
    if not uri:
        return SipFraming()
    # Who has no WebSocket does not wait for the library.
    from .web_sockets import WebSocketFraming

    return WebSocketFraming(uri)
