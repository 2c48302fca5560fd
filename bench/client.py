"""What asks the wire API in measurements: HTTP by hand, so that it is not what is measured."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

from tests.service import PASSWORD, USER, ServiceProcess

__all__ = ["Connection"]


class Connection:
    """One kept-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, cookie: str) -> None:
        self._reader = reader
        self._writer = writer
        self._host = host
        self.cookie = cookie

    @classmethod
    async def connect(cls, service: ServiceProcess, cookie: str = "") -> Connection:
        """Connect, with the session of another connection or without any."""
        parts = urlsplit(service.base)
        context = ssl.create_default_context(cafile=service.data_dir / "https.crt")
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=context)
        return cls(reader, writer, parts.netloc, cookie)

    @classmethod
    async def open(cls, service: ServiceProcess) -> Connection:
        """Connect and log in."""
        connection = await cls.connect(service)
        head, _ = await connection.request("POST", "login", f"Username={USER}&Password={PASSWORD}")
        line = next(line for line in head.split("\r\n") if line.lower().startswith("set-cookie:"))
        connection.cookie = line.split(":", 1)[1].strip().split(";")[0]
        return connection

    async def request(self, method: str, path: str, form: str = "") -> tuple[str, bytes]:
        """Send a request to the wire API, return head and body of its reply."""
        return await self._request(method, f"/rest/{path}", form)

    async def health(self) -> dict[str, Any]:
        """Return what /healthz says."""
        _, body = await self._request("GET", "/healthz", "")
        health: dict[str, Any] = json.loads(body)
        return health

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        await self._writer.wait_closed()

    async def _request(self, method: str, path: str, form: str) -> tuple[str, bytes]:
        self._writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\nCookie: {self.cookie}\r\n"
            f"Content-Length: {len(form)}\r\n\r\n{form}".encode()
        )
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        for line in head.lower().split("\r\n"):
            if line.startswith("content-length:"):
                return head, await self._reader.readexactly(int(line.split(":")[1]))
        return head, b"".join([chunk async for chunk in self._chunks()])

    async def _chunks(self) -> AsyncIterator[bytes]:
        """Give the chunks of a body that came without its length."""
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            yield (await self._reader.readexactly(size + 2))[:-2]
        await self._reader.readexactly(2)
