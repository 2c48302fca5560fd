"""Peers that take too long: real connections to a real server, with deadlines of moments."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from sipregistrant.api.http_protocol import MOST_HEAD_BYTES, HttpDeadlines
from sipregistrant.api.web_server import WebServer, listen_on

# As long as a test waits for what must happen. What must not happen is given `MOMENT` instead.
PATIENCE_SECONDS = 10.0
MOMENT = 0.15
NEVER = 3600.0

GET = b"GET /echo HTTP/1.1\r\nHost: h\r\n\r\n"
HEAD_OF_POST = b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"

Peer = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def echo(request: Request) -> Response:
    try:
        return PlainTextResponse(await request.body())
    except ClientDisconnect:
        return Response()


async def endless(request: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65536
            await asyncio.sleep(0)  # what is sent to a peer that has gone waits for nobody

    async def told() -> AsyncIterator[bytes]:
        try:
            async for piece in pieces():
                yield piece
        finally:
            request.app.state.ended.set()

    return StreamingResponse(told())


@contextlib.asynccontextmanager
async def server_with(deadlines: HttpDeadlines) -> AsyncIterator[tuple[int, Starlette]]:
    app = Starlette(routes=[Route("/echo", echo, methods=["GET", "POST"]), Route("/endless", endless)])
    app.state.ended = asyncio.Event()
    listening = listen_on("127.0.0.1", 0, "--https")
    server = WebServer(app, listening, deadlines=deadlines)
    await server.start()
    try:
        yield listening.getsockname()[1], app
    finally:
        await server.stop()


@contextlib.asynccontextmanager
async def peer_of(port: int) -> AsyncIterator[Peer]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def all_until_the_end(reader: asyncio.StreamReader) -> bytes:
    """Return what comes until the connection is closed: a TimeoutError says that it is not."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


@pytest.mark.parametrize("begin", [b"", b"G", b"\r\n", GET[:-2], b"POST /echo HTTP/1.1\r\nContent-Length: 5\r\n"])
async def test_a_head_that_does_not_end_closes_the_connection(begin: bytes) -> None:
    async with server_with(HttpDeadlines(MOMENT, NEVER, NEVER)) as (port, _), peer_of(port) as (reader, writer):
        writer.write(begin)
        assert await all_until_the_end(reader) == b""


async def test_a_head_that_comes_in_drips_has_no_more_time_than_another() -> None:
    async with server_with(HttpDeadlines(MOMENT, NEVER, NEVER)) as (port, _), peer_of(port) as (reader, writer):
        end = asyncio.create_task(all_until_the_end(reader))
        writer.write(b"GET /echo HTTP/1.1\r\nX: ")
        for _ in range(1000):
            writer.write(b"x")
            await asyncio.sleep(MOMENT / 15)
            if end.done():
                break
        assert await end == b""


@pytest.mark.parametrize("begin", [b"G", b"\r\n"])
async def test_a_second_request_that_does_not_end_closes_the_connection(begin: bytes) -> None:
    async with server_with(HttpDeadlines(MOMENT, NEVER, NEVER)) as (port, _), peer_of(port) as (reader, writer):
        writer.write(GET)
        first = await reader.readuntil(b"\r\n\r\n")
        assert first.startswith(b"HTTP/1.1 200 ")
        writer.write(begin)
        assert await all_until_the_end(reader) == b""


async def test_a_body_that_does_not_end_closes_the_connection_without_an_answer() -> None:
    async with server_with(HttpDeadlines(NEVER, MOMENT, NEVER)) as (port, _), peer_of(port) as (reader, writer):
        writer.write(HEAD_OF_POST + b"1234")
        assert await all_until_the_end(reader) == b""


async def test_the_time_of_the_head_is_not_taken_from_the_body() -> None:
    async with server_with(HttpDeadlines(MOMENT, NEVER, NEVER)) as (port, _), peer_of(port) as (reader, writer):
        writer.write(HEAD_OF_POST + b"1234")
        await asyncio.sleep(2 * MOMENT)
        writer.write(b"5" + GET.replace(b"Host", b"Connection: close\r\nHost"))
        replies = await all_until_the_end(reader)
        assert replies.count(b"HTTP/1.1 200 ") == 2
        assert b"\r\n\r\n12345HTTP/1.1 200 " in replies


async def test_a_kept_connection_takes_one_request_after_another() -> None:
    deadlines = HttpDeadlines(2 * MOMENT, 2 * MOMENT, NEVER)
    async with server_with(deadlines) as (port, _), peer_of(port) as (reader, writer):
        for _ in range(6):
            writer.write(HEAD_OF_POST + b"12345")
            async with asyncio.timeout(PATIENCE_SECONDS):
                await reader.readuntil(b"\r\n\r\n12345")
            await asyncio.sleep(MOMENT)
        writer.write(GET.replace(b"Host", b"Connection: close\r\nHost"))
        assert (await all_until_the_end(reader)).startswith(b"HTTP/1.1 200 ")


async def test_a_body_that_is_not_whole_at_the_stop_is_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    async with contextlib.AsyncExitStack() as peers:
        async with server_with(HttpDeadlines(NEVER, NEVER, NEVER, stop_seconds=MOMENT)) as (port, _):
            reader, writer = await peers.enter_async_context(peer_of(port))
            writer.write(HEAD_OF_POST.replace(b"Host", b"Expect: 100-continue\r\nHost") + b"1234")
            await reader.readuntil(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert await all_until_the_end(reader) == b""
    assert caplog.records == []


async def test_a_body_that_becomes_whole_after_the_stop_is_answered() -> None:
    async with contextlib.AsyncExitStack() as peers:
        async with server_with(HttpDeadlines(stop_seconds=1.0)) as (port, _):
            reader, writer = await peers.enter_async_context(peer_of(port))
            writer.write(HEAD_OF_POST.replace(b"Host", b"Expect: 100-continue\r\nHost") + b"1234")
            await reader.readuntil(b"HTTP/1.1 100 Continue\r\n\r\n")
            asyncio.get_running_loop().call_later(MOMENT, writer.write, b"5")
        assert (await all_until_the_end(reader)).endswith(b"\r\n\r\n12345")


@pytest.mark.parametrize("length", [b"Content-Length: 5", b"Transfer-Encoding: chunked"])
async def test_an_upgrade_with_a_body_is_refused_rather_than_taken_for_one_without(length: bytes) -> None:
    async with server_with(HttpDeadlines()) as (port, app), peer_of(port) as (reader, writer):
        writer.write(b"POST /echo HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n" + length + b"\r\n\r\n12345")
        assert (await all_until_the_end(reader)).startswith(b"HTTP/1.1 400 ")


async def test_an_upgrade_without_a_body_is_answered_as_if_none_was_asked_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with server_with(HttpDeadlines()) as (port, _), peer_of(port) as (reader, writer):
        for _ in range(2):
            writer.write(GET.replace(b"Host", b"Connection: Upgrade\r\nUpgrade: h2c\r\nHost"))
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    assert caplog.records == []


async def test_a_reply_that_nobody_reads_ends_with_its_connection() -> None:
    async with server_with(HttpDeadlines(NEVER, NEVER, MOMENT)) as (port, app), peer_of(port) as (_, writer):
        writer.write(b"GET /endless HTTP/1.1\r\nHost: h\r\n\r\n")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await app.state.ended.wait()


@pytest.mark.parametrize("begin", [b"GET /echo HTTP/1.1\r\nHost: h\r\nX: ", GET + b"GET /echo HTTP/1.1\r\nX: "])
async def test_a_head_that_is_too_long_closes_the_connection_before_it_ends(begin: bytes) -> None:
    async with server_with(HttpDeadlines()) as (port, _), peer_of(port) as (reader, writer):
        writer.write(begin)
        closed_after = None
        for sent in range(0, 16 * MOST_HEAD_BYTES, 4096):
            try:
                writer.write(b"a" * 4096)
                await writer.drain()
            except ConnectionError:
                closed_after = sent
                break
            await asyncio.sleep(0.001)
        assert closed_after is not None
        assert closed_after < 8 * MOST_HEAD_BYTES
