"""The sandbox registrar on a real socket of loopback."""

from __future__ import annotations

import asyncio
import socket

import pytest

from sipregistrant.sandbox.registrar import SandboxRegistrar
from sipregistrant.sandbox.server import SandboxServer

OPTIONS = (
    b"OPTIONS sip:sip.test SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1;rport\r\n"
    b"From: <sip:a@sip.test>;tag=1\r\nTo: <sip:sip.test>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


def make_server(host: str = "127.0.0.1", port: int = 0) -> SandboxServer:
    registrar = SandboxRegistrar("sip.test", "secret", secret=b"s")
    return SandboxServer(host, port, registrar)


async def ask(host: str, port: int, *datagrams: bytes) -> bytes:
    """Send the datagrams and return the first answer."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    loop = asyncio.get_running_loop()
    with socket.socket(family, socket.SOCK_DGRAM) as phone:
        phone.setblocking(False)
        phone.connect((host, port))
        for datagram in datagrams:
            await loop.sock_sendall(phone, datagram)
        async with asyncio.timeout(5):
            return await loop.sock_recv(phone, 65535)


async def test_it_answers_at_the_port_that_it_tells() -> None:
    async with make_server() as server:
        assert server.port != 0
        assert (await ask("127.0.0.1", server.port, OPTIONS)).startswith(b"SIP/2.0 200 ")


async def test_garbage_does_not_keep_it_from_answering() -> None:
    async with make_server() as server:
        answer = await ask("127.0.0.1", server.port, b"", b"\r\n\r\n", b"\xff" * 2000, OPTIONS)
        assert answer.startswith(b"SIP/2.0 200 ")


async def test_it_answers_over_ipv6() -> None:
    async with make_server("::1") as server:
        assert (await ask("::1", server.port, OPTIONS)).startswith(b"SIP/2.0 200 ")


async def test_the_port_is_free_when_it_ends() -> None:
    async with make_server() as first:
        pass
    await asyncio.sleep(0)
    async with make_server(port=first.port) as second:
        assert second.port == first.port


async def test_a_port_in_use_is_an_error_on_entry() -> None:
    async with make_server() as first:
        with pytest.raises(OSError, match="in use"):
            await make_server(port=first.port).__aenter__()
