"""SIP messages in a WebSocket: RFC 7118, over the parser of `websockets` that has no socket of its own.

So the connection stays what it is over TCP and TLS, a `StreamFlow` with its one owner; only what lies on it differs. A message
of SIP is a message of the WebSocket (§4.2 of the RFC), which has a length: a Content-Length is not needed.
"""

from __future__ import annotations

from collections.abc import Iterator

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus, InvalidURI, NegotiationError
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from ...sip.framing import MOST_BODY_BYTES, MOST_HEADER_BYTES, PING, PONG
from ..naming.targets import Unreachable
from .framings import FramingFault

__all__ = ["MOST_MESSAGE_BYTES", "SUB_PROTOCOL", "WebSocketFraming"]

SUB_PROTOCOL = Subprotocol("sip")
MOST_MESSAGE_BYTES = MOST_HEADER_BYTES + MOST_BODY_BYTES

# Of what a server says itself about an end of its making.
LONGEST_REASON = 100


class WebSocketFraming:
    """The client's side of one WebSocket."""

    __slots__ = ("_parts", "_protocol", "is_ready", "owes_pongs")

    def __init__(self, uri: str) -> None:
        """`uri` is ws://host:port/path or wss://host:port/path. Raises `Unreachable` where it is none."""
        try:
            parsed = parse_uri(uri)
        except (InvalidURI, ValueError):
            raise Unreachable(f"not the address of a WebSocket: {uri}") from None
        self.is_ready = False
        self.owes_pongs = True  # RFC 6455 §5.5.2
        # No extension is offered: nothing is compressed.
        self._protocol = ClientProtocol(parsed, subprotocols=[SUB_PROTOCOL], max_size=MOST_MESSAGE_BYTES)
        # Of a message that comes in several frames.
        self._parts = bytearray()

    def begin(self) -> None:
        """Ask for a WebSocket."""
        self._protocol.send_request(self._protocol.connect())

    def wrap(self, message: bytes) -> bytes:
        """Return a message as text, as others send it; one that is not UTF-8 cannot be text (RFC 6455 §5.6)."""
        try:
            message.decode()
        except UnicodeDecodeError:
            self._protocol.send_binary(message)
        else:
            self._protocol.send_text(message)
        return self.to_say()

    def ping(self) -> bytes:
        """Return a ping of the WebSocket (RFC 7118 §6)."""
        self._protocol.send_ping(b"")
        return self.to_say()

    def end(self) -> bytes:
        """Return a farewell."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close()
        return self.to_say()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give whole messages; pings are answered. Raises `FramingFault`."""
        protocol = self._protocol
        if protocol.state is State.CONNECTING:
            protocol.receive_data(data)
            self._check_handshake()
        else:
            protocol.receive_data(data)
        self.is_ready = protocol.state is State.OPEN
        for event in protocol.events_received():
            if isinstance(event, Frame) and (message := self._message(event)):
                yield message
        if protocol.parser_exc is not None:
            raise FramingFault(f"its bytes are no WebSocket: {protocol.parser_exc}")
        if protocol.close_rcvd is not None:
            reason = " ".join(protocol.close_rcvd.reason[:LONGEST_REASON].split())
            raise FramingFault(f"the registrar closed the WebSocket: {protocol.close_rcvd.code} {reason}".rstrip())

    def to_say(self) -> bytes:
        """Return the handshake, and the answers to pings."""
        return b"".join(self._protocol.data_to_send())

    def fault_at_end(self) -> str:
        """Return what the handshake lacked where an answer without a length ends with the connection."""
        if self._protocol.state is not State.CONNECTING:
            return ""
        self._protocol.receive_eof()
        return _fault(self._protocol.handshake_exc) if self._protocol.events_received() else ""

    def _check_handshake(self) -> None:
        if self._protocol.handshake_exc is not None:
            raise FramingFault(_fault(self._protocol.handshake_exc))
        if self._protocol.state is not State.CONNECTING and self._protocol.subprotocol != SUB_PROTOCOL:
            raise FramingFault("no SIP over this WebSocket: the server has not confirmed the sub-protocol sip")

    def _message(self, frame: Frame) -> bytes:
        """Return a message that is complete, b"" where there is none yet or it was a keep-alive."""
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return b""
        self._parts += frame.data
        if not frame.fin:
            return b""
        message, self._parts = bytes(self._parts), bytearray()
        # RFC 5626 §3.5.1, which RFC 7118 §6 leaves to those who like it.
        if message == PING and self.is_ready:
            self._protocol.send_text(PONG)
        return message if message.strip(b"\r\n") else b""


def _fault(error: Exception | None) -> str:
    match error:
        case InvalidStatus():
            reason = " ".join(error.response.reason_phrase[:LONGEST_REASON].split())
            return f"no WebSocket there: HTTP {error.response.status_code} {reason}".rstrip()
        case NegotiationError():
            return f"no SIP over this WebSocket: {error}"
        case _:
            return f"no WebSocket there: {error}"
