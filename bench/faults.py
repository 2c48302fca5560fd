"""Registrars that do not do what is asked of them, each on a UDP port of loopback of its own, in one process.

with Faults() as faults:
    ...                       # register at 127.0.0.1:faults.ports["silent"]
"""

from __future__ import annotations

import asyncio
import random
import secrets
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from sipregistrant.errors import SipParseError
from sipregistrant.sip import uas
from sipregistrant.sip.message import REASON_PHRASES, Request, parse_message, render_response

__all__ = ["Faults"]

STOP_SECONDS = 10
PROJECT = Path(__file__).parent.parent

Answer = tuple[int, list[tuple[str, str]]]

# Of a hundred REGISTERs, so many fail at the moody one.
MOODY_PERCENT = 25


def challenge(request: Request) -> Answer:
    """Ask for a password, whatever was answered, each time with another nonce."""
    nonce = secrets.token_hex(16)
    return 401, [("WWW-Authenticate", f'Digest realm="sip.test", nonce="{nonce}", algorithm=MD5, qop="auth"')]


def be_moody(request: Request) -> Answer:
    """Take it, without a password, or fail."""
    if random.random() * 100 < MOODY_PERCENT:
        return 500, []
    expires = request.first("expires") or "60"
    if expires == "0":
        return 200, []
    return 200, [("Contact", c if ";expires=" in c else f"{c};expires={expires}") for c in request.all("contact")]


FAULTS: Mapping[str, Callable[[Request], Answer | None]] = {
    "refuses": lambda request: (403, []),
    "knows nobody": lambda request: (404, []),
    "busy": lambda request: (503, []),
    "silent": lambda request: None,
    "never content": challenge,
    "moody": be_moody,
}
"""What each does with a REGISTER; None is silence."""


class Faults:
    """The process. Ends with the block, by its id."""

    def __init__(self) -> None:
        self.ports: dict[str, int] = {}
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.faults"], cwd=PROJECT, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        ports = self._process.stdout.readline().split()
        assert len(ports) == len(FAULTS), "the registrars with faults did not start"
        self.ports = dict(zip(FAULTS, map(int, ports), strict=True))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.communicate(timeout=STOP_SECONDS)


class _Endpoint(asyncio.DatagramProtocol):
    def __init__(self, judge: Callable[[Request], Answer | None]) -> None:
        self._judge = judge
        self._secret = secrets.token_bytes(16)

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            request = parse_message(data)
            if not isinstance(request, Request) or (answer := self._judge(request)) is None:
                return
            common = uas.response_headers(request, addr, uas.to_tag(request, self._secret))
        except SipParseError:
            return
        status, headers = answer
        self._transport.sendto(render_response(status, REASON_PHRASES[status], [*common, *headers]), addr)


async def _serve() -> None:
    loop, ports = asyncio.get_running_loop(), []
    for judge in FAULTS.values():
        transport, _ = await loop.create_datagram_endpoint(partial(_Endpoint, judge), ("127.0.0.1", 0))
        ports.append(transport.get_extra_info("sockname")[1])
    print(*ports, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
