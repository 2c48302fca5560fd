"""Serves ASGI applications on sockets that we have opened, inside the event loop that is already there."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Iterator, Mapping

import uvicorn
from starlette.types import ASGIApp

from ..engine.tasks import spawn
from ..errors import ConfigurationError
from .http_protocol import HttpDeadlines, protocol_with

__all__ = ["WebServer", "listen_on", "listen_on_all"]

# How long open requests may go on after the stop.
STOP_WAIT_SECONDS = 2

USUAL = HttpDeadlines()


def listen_on(host: str, port: int, option: str) -> socket.socket:
    """Return a listening TCP socket; raise `ConfigurationError` that names the option to change."""
    where = f"{host}:{port}"
    try:
        info = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.socket(info[0], socket.SOCK_STREAM)
    except OSError as error:
        raise ConfigurationError(option, f"{where} is no address of this machine: {error.strerror or error}") from None
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(info[4])
        listening.listen(2048)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise ConfigurationError(option, f"{where} is in use; name another with {option} HOST:PORT") from None
        raise ConfigurationError(option, f"{where} cannot be listened on: {error.strerror}") from None
    return listening


def listen_on_all(places: Mapping[str, tuple[str, int] | None]) -> list[socket.socket]:
    """Return listening sockets, by the option that names the place of each, None for none; all of them or none."""
    opened: list[socket.socket] = []
    try:
        for option, place in places.items():
            if place is not None:
                opened.append(listen_on(*place, option))
    except ConfigurationError:
        for one in opened:
            one.close()
        raise
    return opened


class _Server(uvicorn.Server):
    """Uvicorn, without its hands on the signals of the process: those are the service's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class WebServer:
    """One application on one socket."""

    def __init__(self, app: ASGIApp, listening: socket.socket, tls: ssl.SSLContext | None = None,
                 deadlines: HttpDeadlines = USUAL) -> None:  # fmt: skip
        """Without `tls` it is plain HTTP, for a unix socket."""
        config = uvicorn.Config(
            app, http=protocol_with(deadlines), ws="none", log_config=None, access_log=False, lifespan="off",
            server_header=False, proxy_headers=False, timeout_graceful_shutdown=STOP_WAIT_SECONDS,
            ssl_context_factory=None if tls is None else lambda config, default: tls,
        )  # fmt: skip
        self._server = _Server(config)
        self._listening = listening
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serve; returns once requests are taken."""
        self._task = spawn(self._server.serve(sockets=[self._listening]), "web-server")
        while not self._server.started and not self._task.done():
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Take no more requests, let those under way end, for a moment."""
        self._server.should_exit = True
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        self._listening.close()
