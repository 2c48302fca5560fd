"""Connections, with a real peer on loopback at the other end."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sipregistrant.engine.transport.flows import Address
from sipregistrant.engine.transport.streams import (
    DRAIN_WITHIN_SECONDS,
    FIRST_BACK_OFF_SECONDS,
    LASTING_SECONDS,
    LONGEST_BACK_OFF_SECONDS,
    LOOK_EVERY_SECONDS,
    MOST_UNSENT_BYTES,
    PING_EVERY_SECONDS,
    PONG_WITHIN_SECONDS,
    BackingOff,
    BackOff,
    Place,
    StreamFlow,
    Streams,
)
from sipregistrant.sip.framing import PING

MESSAGE = b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"
OWN = ("192.0.2.1", 5060)


class Peer:
    """A registrar that notes what comes, and does as it is told."""

    def __init__(self) -> None:
        self.heard = b""
        self.connections: list[asyncio.StreamWriter] = []
        self.has_heard = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)
        while data := await reader.read(65536):
            self.heard += data
            self.has_heard.set()
        writer.close()

    async def until(self, count: int) -> bytes:
        """Wait until so many bytes have come."""
        async with asyncio.timeout(5):
            while len(self.heard) < count:
                self.has_heard.clear()
                await self.has_heard.wait()
        return self.heard


class Desk:
    """Connections of ours, and a clock that is set by hand."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.now = 1000.0
        self.dscp = 40
        self.place = Place(1, host, port, "tcp")
        self.heard: list[bytes] = []
        self.lost: list[tuple[StreamFlow, str]] = []
        self.changed = asyncio.Event()
        self.streams = Streams(self.receive, self.lose, lambda: self.now, random.Random(1))

    def receive(self, flow: StreamFlow, message: bytes, source: Address) -> None:
        assert source == (self.place.host, self.place.port)
        self.heard.append(message)
        self.changed.set()

    def lose(self, flow: StreamFlow, reason: str) -> None:
        self.lost.append((flow, reason))
        self.changed.set()

    def flow(self, *, idle: float = 0.0) -> StreamFlow:
        return self.streams.of(self.place, OWN, None, idle, self.dscp)

    async def change(self) -> None:
        async with asyncio.timeout(5):
            await self.changed.wait()
        self.changed.clear()


@asynccontextmanager
async def connected(host: str = "127.0.0.1", peer: Peer | None = None) -> AsyncIterator[tuple[Desk, Peer]]:
    """A peer that listens, and connections to it that are closed at the end."""
    peer = peer or Peer()
    server = await asyncio.start_server(peer.serve, host, 0)
    desk = Desk(server.sockets[0].getsockname()[1], host)
    try:
        yield desk, peer
    finally:
        await desk.streams.close()
        server.close()
        for writer in peer.connections:
            writer.close()


async def test_what_is_sent_before_the_connection_stands_waits_for_it_and_comes_in_order() -> None:
    async with connected() as (desk, peer):
        flow = desk.flow()
        assert [flow.send(bytes([n]) * 10, OWN) for n in range(65, 70)] == [""] * 5
        assert await peer.until(50) == b"".join(bytes([n]) * 10 for n in range(65, 70))
        assert desk.flow() is flow
        assert len(peer.connections) == 1
        assert flow.local_host_towards("127.0.0.1") == "127.0.0.1"


@pytest.mark.parametrize(("host", "option"), [
    ("127.0.0.1", (socket.IPPROTO_IP, socket.IP_TOS)), ("::1", (socket.IPPROTO_IPV6, socket.IPV6_TCLASS)),
])  # fmt: skip
async def test_packets_are_marked_with_the_dscp_and_with_another_at_the_next_send(
    host: str, option: tuple[int, int]
) -> None:
    async with connected(host) as (desk, peer):
        desk.flow().send(b"x", OWN)
        await peer.until(1)
        assert mark_of(desk.flow(), option) == 40 << 2
        desk.dscp = 8
        desk.flow().send(b"y", OWN)
        assert mark_of(desk.flow(), option) == 8 << 2
        await peer.until(2)
        assert len(peer.connections) == 1
        peer.connections[0].close()
        await desk.change()
        desk.lost[0][0].take_dscp(1)  # it has ended: nothing to mark


def mark_of(flow: StreamFlow, option: tuple[int, int]) -> int:
    """What the kernel marks the packets of a connection with. A TCP socket does not show what it receives."""
    assert flow._socket is not None
    return flow._socket.getsockopt(*option) & ~3


async def test_messages_come_in_whole_and_a_ping_is_answered() -> None:
    async with connected() as (desk, peer):
        flow = desk.flow()
        flow.send(b"x", OWN)
        await peer.until(1)
        for piece in (MESSAGE[:9], MESSAGE[9:] + PING + MESSAGE[:3], MESSAGE[3:]):
            peer.connections[0].write(piece)
            await peer.connections[0].drain()
        assert await peer.until(3) == b"x\r\n"
        while len(desk.heard) < 2:
            await desk.change()
        assert desk.heard == [MESSAGE, MESSAGE]


async def test_a_connection_that_ends_is_lost_once_and_is_opened_anew_only_after_its_back_off() -> None:
    async with connected() as (desk, peer):
        flow = desk.flow()
        flow.send(b"x", OWN)
        await peer.until(1)
        peer.connections[0].close()
        await desk.change()
        assert desk.lost == [(flow, "the connection ended: closed by the registrar")]
        assert flow.send(b"y", OWN) == "the connection is closed"
        with pytest.raises(BackingOff, match="^the connection ended: closed by the registrar$") as told:
            desk.flow()
        assert FIRST_BACK_OFF_SECONDS / 2 <= told.value.until - desk.now <= FIRST_BACK_OFF_SECONDS
        desk.now += FIRST_BACK_OFF_SECONDS
        assert desk.flow() is not flow


async def test_a_connection_that_has_lasted_is_opened_anew_at_once() -> None:
    async with connected() as (desk, peer):
        desk.flow().send(b"x", OWN)
        await peer.until(1)
        desk.now += LASTING_SECONDS
        peer.connections[0].close()
        await desk.change()
        desk.flow().send(b"y", OWN)
        assert await peer.until(2) == b"xy"


async def test_nobody_listens() -> None:
    async with connected() as (desk, _):
        pass
    desk.streams = Streams(desk.receive, desk.lose, lambda: desk.now, random.Random(1))
    desk.flow().send(b"x", OWN)
    await desk.change()
    assert "no connection: " in desk.lost[0][1]
    await desk.streams.close()


async def test_bytes_that_are_no_sip_end_the_connection() -> None:
    async with connected() as (desk, peer):
        desk.flow().send(b"x", OWN)
        await peer.until(1)
        peer.connections[0].write(b"SIP/2.0 200 OK\r\n\r\n")
        await desk.change()
        assert desk.lost[0][1] == "its bytes are no SIP: Content-Length: missing"


async def test_a_reset_in_mid_message_loses_what_came_of_it() -> None:
    async with connected() as (desk, peer):
        desk.flow().send(b"x", OWN)
        await peer.until(1)
        writer = peer.connections[0]
        writer.write(MESSAGE + MESSAGE[: len(MESSAGE) // 2])
        await writer.drain()
        await desk.change()
        # Closed with what is unread: a reset.
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        await desk.change()
        assert desk.heard == [MESSAGE]
        assert desk.lost[0][1] == "the connection ended: Connection reset by peer"


async def test_what_nobody_uses_is_closed_where_that_is_wanted() -> None:
    async with connected() as (desk, peer):
        flow = desk.flow(idle=60.0)
        flow.send(b"x", OWN)
        await peer.until(1)
        desk.now += 59
        desk.streams._look()
        assert not desk.lost
        desk.now += 2
        desk.streams._look()
        assert desk.lost == [(flow, "closed because it was not used")]
        assert flow.is_closed


async def test_a_silent_connection_is_pinged_and_one_that_used_to_answer_is_given_up() -> None:
    async with connected() as (desk, peer):
        flow = desk.flow()
        flow.send(b"x", OWN)
        await peer.until(1)
        desk.now += PING_EVERY_SECONDS + 1
        desk.streams._look()
        await peer.until(5)
        desk.now += PONG_WITHIN_SECONDS + 1
        desk.streams._look()
        assert not desk.lost  # it never answered one: it may not know what a ping is
        peer.connections[0].write(b"\r\n" + MESSAGE)
        await desk.change()
        desk.now += PING_EVERY_SECONDS + 1
        desk.streams._look()
        desk.now += PONG_WITHIN_SECONDS + 1
        desk.streams._look()
        assert desk.lost == [(flow, f"no answer to a keep-alive within {PONG_WITHIN_SECONDS:g} s")]


async def test_the_registrar_may_want_to_hear_of_a_connection_more_often() -> None:
    async with connected() as (desk, peer):
        flow = desk.flow()
        flow.send(b"x", OWN)
        await peer.until(1)
        flow.be_heard_within(30)
        desk.now += 30 - LOOK_EVERY_SECONDS + 0.1
        desk.streams._look()
        assert await peer.until(5) == b"x" + PING


class DeafPeer(Peer):
    """Accepts, and reads nothing; of TLS, it does not even begin the handshake."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()


LARGE = bytes(64 * 1024)
# More than the kernel holds for both ends of a connection on loopback.
MOST_SENDS = 1000


async def test_one_that_does_not_read_takes_no_more_than_its_share_and_is_given_up() -> None:
    async with connected(peer=DeafPeer()) as (desk, peer):
        flow = desk.flow()
        flow.send(b"x", OWN)
        async with asyncio.timeout(5):
            while not flow.opened_at:
                await asyncio.sleep(0)
        told = ""
        for _ in range(MOST_SENDS):
            if told := flow.send(LARGE, OWN):
                break
        assert told == "the registrar reads too slowly"
        assert flow._connection is not None
        assert flow._connection.get_write_buffer_size() <= MOST_UNSENT_BYTES + len(LARGE)
        desk.now += DRAIN_WITHIN_SECONDS - 1
        desk.streams._look()
        assert not desk.lost
        desk.now += 2
        desk.streams._look()
        assert desk.lost == [(flow, "the registrar has not read what was sent for 30 s")]
        assert flow.is_closed


async def test_one_that_reads_in_the_end_is_kept() -> None:
    async with connected() as (desk, peer):
        flow = desk.flow()
        flow.send(b"x", OWN)
        await peer.until(1)
        for _ in range(3):
            for _ in range(16):
                assert flow.send(LARGE, OWN) == ""
            await peer.until(len(peer.heard) + 1)
            async with asyncio.timeout(5):
                while flow._connection is not None and flow._connection.get_write_buffer_size():
                    await asyncio.sleep(0)
            desk.streams._look()
            desk.now += DRAIN_WITHIN_SECONDS - 1
        assert not desk.lost


async def test_what_waits_for_a_connection_is_bounded() -> None:
    async with connected() as (desk, _):
        flow = desk.flow()
        accepted = 0
        while not (told := flow.send(LARGE, OWN)):
            accepted += len(LARGE)
            assert accepted <= MOST_UNSENT_BYTES + len(LARGE)
        assert told == "the connection does not stand yet, and enough waits for it"
        assert accepted > MOST_UNSENT_BYTES


async def test_one_that_is_closed_before_it_stands_is_closed_at_the_peer_too() -> None:
    async with connected() as (desk, peer):
        desk.flow().close()
        async with asyncio.timeout(5):
            while desk.streams._connecting:
                await asyncio.sleep(0)
            while not peer.connections or not peer.connections[0].is_closing():
                await asyncio.sleep(0)
        assert not desk.lost


@pytest.mark.parametrize("spread", [0.0, 0.999])
def test_the_back_off_doubles_up_to_two_minutes(spread: float) -> None:
    back_off, waits = BackOff(), []
    for _ in range(8):
        back_off.failed("refused", 0.0, 1000.0, spread)
        waits.append(back_off.until - 1000.0)
    part = 0.5 + 0.5 * spread
    assert waits == pytest.approx(
        [min(LONGEST_BACK_OFF_SECONDS, FIRST_BACK_OFF_SECONDS * 2**n) * part for n in range(8)]
    )
