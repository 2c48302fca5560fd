"""The sandbox registrar on a UDP socket.

    async with SandboxServer("127.0.0.1", 0, registrar) as server:
        ...                       # register at 127.0.0.1:server.port

A datagram is answered before the next one is read, so nothing waits in here: what comes too fast stays in the socket's
buffer, and what does not fit there is lost, as UDP may. Answers are dropped likewise while the loop has more of them in
hand than the kernel takes.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from types import TracebackType
from typing import Self, cast

from ..engine.clock import Clock
from .registrar import SandboxRegistrar

__all__ = ["SandboxServer"]


class SandboxServer:
    """A context manager: listens while it is open. OSError on entry tells that the port cannot be had."""

    def __init__(
        self, host: str, port: int, registrar: SandboxRegistrar, *, clock: Callable[[], float] | None = None
    ) -> None:
        """Take `port` 0 for a free one; `clock` gives the `now` of the registrar, by default that of this machine."""
        self.host = host
        self.port = port
        self.registrar = registrar
        self._clock = clock or Clock().now
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        # Bound by us: event loops tell of a port in use in words of their own, without its number.
        info = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)[0]
        bound = socket.socket(info[0], socket.SOCK_DGRAM)
        try:
            bound.setblocking(False)
            bound.bind(info[4])
            self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _Endpoint(self.registrar, self._clock), sock=bound
            )
        except BaseException:
            bound.close()
            raise
        self.port = bound.getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None


class _Endpoint(asyncio.DatagramProtocol):
    def __init__(self, registrar: SandboxRegistrar, clock: Callable[[], float]) -> None:
        self._registrar = registrar
        self._clock = clock
        self._transport: asyncio.DatagramTransport | None = None
        self._has_backlog = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not every loop derives its transports from this class, but each keeps its contract.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def pause_writing(self) -> None:
        self._has_backlog = True

    def resume_writing(self) -> None:
        self._has_backlog = False

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        # IPv6 addresses come with flow and scope behind the port.
        answer = self._registrar.receive(data, (addr[0], addr[1]), self._clock())
        if answer is not None and self._transport is not None and not self._has_backlog:
            self._transport.sendto(answer, addr)
