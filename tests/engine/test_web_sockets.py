"""Connections that are WebSockets, with a peer on loopback that does as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from sipregistrant.engine.naming.targets import Unreachable
from sipregistrant.engine.transport import streams
from sipregistrant.engine.transport.framings import make_framing
from sipregistrant.engine.transport.streams import PING_EVERY_SECONDS, PONG_WITHIN_SECONDS, BackingOff
from sipregistrant.engine.transport.web_sockets import MOST_MESSAGE_BYTES
from tests.engine.test_streams import MESSAGE, OWN, Desk

NOT_FOUND = b"HTTP/1.1 404 Not Found\r\n"


class WebPeer:
    """A server of WebSockets that notes requests and frames; `says` is its answer to a handshake where it has another."""

    def __init__(
        self, says: bytes | None = None, *, sub_protocols: tuple[str, ...] = ("sip",), ends: bool = False
    ) -> None:
        self.says = says
        self.ends = ends
        self.sub_protocols = [Subprotocol(name) for name in sub_protocols]
        self.requests: list[Request] = []
        self.frames: list[Frame] = []
        self.is_mute = False
        self.connections: list[tuple[ServerProtocol, asyncio.StreamWriter]] = []
        self.changed = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        protocol = ServerProtocol(select_subprotocol=lambda server, offered: next(iter(self.sub_protocols), None))
        self.connections.append((protocol, writer))
        while data := await reader.read(65536):
            protocol.receive_data(data)
            for event in protocol.events_received():
                if isinstance(event, Frame):
                    self.frames.append(event)
                    continue
                assert isinstance(event, Request)
                self.requests.append(event)
                if self.says is None:
                    protocol.send_response(protocol.accept(event))
                else:
                    writer.write(self.says)
            said = b"".join(protocol.data_to_send())
            if not self.is_mute:
                writer.write(said)
            self.changed.set()
            if self.ends:
                break
        writer.close()

    def send(self, *frames: Frame) -> None:
        self.connections[-1][1].write(b"".join(frame.serialize(mask=False) for frame in frames))

    async def until(self, count: int) -> list[Frame]:
        """Wait until so many frames have come."""
        async with asyncio.timeout(5):
            while len(self.frames) < count:
                self.changed.clear()
                await self.changed.wait()
        return self.frames


@asynccontextmanager
async def connected(peer: WebPeer | None = None, path: str = "/sip?a=b") -> AsyncIterator[tuple[Desk, WebPeer]]:
    """A peer that listens, and connections to it that are closed at the end."""
    peer = peer or WebPeer()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    desk = Desk(port)
    desk.place = replace(desk.place, transport="ws", uri=f"ws://registrar.test:{port}{path}")
    try:
        yield desk, peer
    finally:
        await desk.streams.close()
        server.close()
        for _, writer in peer.connections:
            writer.close()


async def opened(desk: Desk, peer: WebPeer) -> None:
    desk.flow().send(b"x", OWN)
    await peer.until(1)
    peer.frames.clear()


def text(message: bytes, *, fin: bool = True) -> Frame:
    return Frame(Opcode.TEXT, message, fin)


async def test_the_handshake_asks_for_sip_and_nothing_is_compressed() -> None:
    async with connected() as (desk, peer):
        await opened(desk, peer)
        (request,) = peer.requests
        assert request.path == "/sip?a=b"
        assert request.headers["Host"] == f"registrar.test:{desk.place.port}"
        assert request.headers["Sec-WebSocket-Protocol"] == "sip"
        assert "Sec-WebSocket-Extensions" not in request.headers


async def test_messages_wait_for_the_handshake_and_each_is_one_of_the_web_socket() -> None:
    async with connected() as (desk, peer):
        flow = desk.flow()
        assert [flow.send(message, OWN) for message in (b"one", b"two", "drei".encode("utf-16"))] == [""] * 3
        frames = await peer.until(3)
        assert [bytes(frame.data) for frame in frames] == [b"one", b"two", "drei".encode("utf-16")]
        assert [frame.opcode for frame in frames] == [Opcode.TEXT, Opcode.TEXT, Opcode.BINARY]
        assert desk.flow() is flow
        assert len(peer.connections) == 1


async def test_messages_come_as_text_or_binary_in_one_frame_or_several() -> None:
    async with connected() as (desk, peer):
        await opened(desk, peer)
        peer.send(
            text(MESSAGE), Frame(Opcode.BINARY, MESSAGE), text(MESSAGE[:5], fin=False), Frame(Opcode.PING, b"?"),
            Frame(Opcode.CONT, MESSAGE[5:7], False), Frame(Opcode.CONT, MESSAGE[7:]), text(b"\r\n"),
        )  # fmt: skip
        assert await peer.until(1) == [Frame(Opcode.PONG, b"?")]
        while len(desk.heard) < 3:
            await desk.change()
        assert desk.heard == [MESSAGE] * 3
        assert not desk.lost


async def test_a_double_crlf_is_answered_with_a_single_one() -> None:
    async with connected() as (desk, peer):
        await opened(desk, peer)
        peer.send(text(b"\r\n\r\n"))
        assert [bytes(frame.data) for frame in await peer.until(1)] == [b"\r\n"]
        assert not desk.heard


@pytest.mark.parametrize(("says", "ends", "reason"), [
    (NOT_FOUND + b"Content-Length: 0\r\n\r\n", False, "no WebSocket there: HTTP 404 Not Found"),
    (NOT_FOUND + b"\r\nwhat has no length", True, "no WebSocket there: HTTP 404 Not Found"),
    (b"HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", False, "no WebSocket there: HTTP 301 Moved"),
    (b"HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n", False,
     "no WebSocket there: invalid Sec-WebSocket-Accept header: x"),
    (b"HTTP/1.1 101 Yes\r\n\r\n", False, "no WebSocket there: missing Connection header"),
    (MESSAGE, False, "no WebSocket there: did not receive a valid HTTP response"),
    (b"", True, "the connection ended: closed by the registrar"),
])  # fmt: skip
async def test_where_there_is_no_web_socket_is_said_and_nothing_is_sent_there(
    says: bytes, ends: bool, reason: str
) -> None:
    async with connected(WebPeer(says, ends=ends)) as (desk, peer):
        flow = desk.flow()
        flow.send(b"x", OWN)
        await desk.change()
        assert desk.lost == [(flow, reason)]
        assert not peer.frames
        with pytest.raises(BackingOff, match=reason):
            desk.flow()


@pytest.mark.parametrize(("sub_protocols", "reason"), [
    ((), "no SIP over this WebSocket: the server has not confirmed the sub-protocol sip"),
    (("msrp",), "no SIP over this WebSocket: unsupported subprotocol: msrp"),
])  # fmt: skip
async def test_who_does_not_confirm_the_sub_protocol_gets_nothing(sub_protocols: tuple[str, ...], reason: str) -> None:
    async with connected(WebPeer(sub_protocols=sub_protocols)) as (desk, peer):
        flow = desk.flow()
        flow.send(b"x", OWN)
        await desk.change()
        assert desk.lost == [(flow, reason)]
        assert not peer.frames


async def test_who_accepts_and_does_not_answer_the_handshake_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "CONNECT_SECONDS", 0.2)
    async with connected(WebPeer(b"")) as (desk, peer):
        desk.flow().send(b"x", OWN)
        await desk.change()
        assert desk.lost[0][1] == "no answer to the WebSocket handshake within its time"
        assert len(peer.requests) == 1


@pytest.mark.parametrize(("frames", "reason"), [
    ([Frame(Opcode.BINARY, bytes(MOST_MESSAGE_BYTES + 1))], "its bytes are no WebSocket: frame with 131071 bytes"),
    ([text(bytes(MOST_MESSAGE_BYTES), fin=False), Frame(Opcode.CONT, b"xx")], "its bytes are no WebSocket: frame with 2 b"),
    ([Frame(Opcode.CONT, b"x")], "its bytes are no WebSocket: unexpected continuation frame"),
    ([Frame(Opcode.CLOSE, b"\x03\xe9go\r\nhome")], "the registrar closed the WebSocket: 1001 go home"),
    ([Frame(Opcode.CLOSE, b"")], "the registrar closed the WebSocket: 1005"),
])  # fmt: skip
async def test_what_ends_a_web_socket_is_said_and_answered(frames: list[Frame], reason: str) -> None:
    async with connected() as (desk, peer):
        await opened(desk, peer)
        peer.send(*frames)
        await desk.change()
        assert desk.lost[0][1].startswith(reason)
        assert (await peer.until(1))[0].opcode is Opcode.CLOSE


async def test_what_came_before_a_farewell_is_heard_and_not_answered() -> None:
    async with connected() as (desk, peer):
        await opened(desk, peer)
        told: list[str] = []
        flow = desk.flow()
        flow._receiver = lambda flow, message, source: told.append(flow.send(b"answer", source))
        peer.send(text(MESSAGE), text(b"\r\n\r\n"), Frame(Opcode.CLOSE, b"\x03\xe8"))
        await desk.change()
        assert told == ["the registrar closes the connection"]
        assert desk.lost == [(flow, "the registrar closed the WebSocket: 1000")]


async def test_a_silent_web_socket_is_pinged_and_given_up_where_that_is_not_answered() -> None:
    async with connected() as (desk, peer):
        await opened(desk, peer)
        flow = desk.flow()
        desk.now += PING_EVERY_SECONDS + 1
        desk.streams._look()
        assert [frame.opcode for frame in await peer.until(1)] == [Opcode.PING]
        async with asyncio.timeout(5):
            while flow._heard_at < desk.now:
                await asyncio.sleep(0)
        desk.now += PONG_WITHIN_SECONDS + 1
        desk.streams._look()
        assert not desk.lost
        peer.is_mute = True
        desk.now += PING_EVERY_SECONDS + 1
        desk.streams._look()
        await peer.until(2)
        desk.now += PONG_WITHIN_SECONDS + 1
        desk.streams._look()
        assert desk.lost == [(flow, f"no answer to a keep-alive within {PONG_WITHIN_SECONDS:g} s")]


async def test_one_that_nobody_uses_is_closed_with_a_farewell_whatever_the_peer_pings() -> None:
    async with connected() as (desk, peer):
        await opened(desk, peer)
        flow = desk.flow(idle=60.0)
        desk.now += 59
        peer.send(Frame(Opcode.PING, b""))
        await peer.until(1)
        desk.now += 2
        desk.streams._look()
        assert desk.lost == [(flow, "closed because it was not used")]
        assert (await peer.until(2))[1].opcode is Opcode.CLOSE


def test_what_is_no_address_is_said() -> None:
    with pytest.raises(Unreachable, match=r"^not the address of a WebSocket: ws://registrar\.test:x/"):
        make_framing("ws://registrar.test:x/")
