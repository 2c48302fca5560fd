"""How many entries a second are PUT over kept-alive TLS connections, each durably committed before its reply.

    ./do bench-put [--entries 3000] [--connections 16] [--there 0]

`--there` entries are loaded below the API first. The service is pinned to one processor, this load generator to the
other; it speaks HTTP by hand, so that it is not what is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import ssl
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from tests.kamailio import free_udp_port
from tests.service import PASSWORD, USER, ServiceProcess

from sipregistrant.model.registry import RESOURCES
from sipregistrant.store import config, users
from sipregistrant.store.passwords import hash_password_now
from sipregistrant.store.store import Store
from sipregistrant.store.tx import Key, Tx

FIRST_NEW_ID = 10_000_000


def load(tx: Tx, there: int) -> None:
    """Create a table and the entries that are there before."""
    users.add(tx, USER, "rest", hash_password_now(PASSWORD))
    config.create(tx, RESOURCES["sipcontactregistrant"], Key(1), {})
    for number in range(1, there + 1):
        form = {"AorType": "2", "AOR": f"sip:old{number}"}
        config.create(tx, RESOURCES["sipregistrantentry"], Key(number, 1), form)


class Connection:
    """One kept-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader = reader
        self._writer = writer
        self._host = host
        self.cookie = ""

    @classmethod
    async def open(cls, base: str, certificate: Path) -> Connection:
        """Connect and log in."""
        parts = urlsplit(base)
        context = ssl.create_default_context(cafile=certificate)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=context)
        connection = cls(reader, writer, parts.netloc)
        head, _ = await connection.request("POST", "login", f"Username={USER}&Password={PASSWORD}")
        line = next(line for line in head.split("\r\n") if line.lower().startswith("set-cookie:"))
        connection.cookie = line.split(":", 1)[1].strip().split(";")[0]
        return connection

    async def request(self, method: str, path: str, form: str) -> tuple[str, bytes]:
        """Send a request, return head and body of its reply."""
        self._writer.write(
            f"{method} /rest/{path} HTTP/1.1\r\nHost: {self._host}\r\nCookie: {self.cookie}\r\n"
            f"Content-Length: {len(form)}\r\n\r\n{form}".encode()
        )
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length:")
        )
        return head, await self._reader.readexactly(length)


async def put_all(service: ServiceProcess, entries: int, connections: int) -> float:
    """PUT so many entries over so many connections; return the seconds."""
    opened = [await Connection.open(service.base, service.data_dir / "https.crt") for _ in range(connections)]
    numbers = iter(range(FIRST_NEW_ID, FIRST_NEW_ID + entries))

    async def work(connection: Connection) -> None:
        for number in numbers:
            path = f"sipcontactregistrant/1/sipregistrantentry/{number}"
            _, body = await connection.request(
                "PUT", path, f"AorType=2&AOR=sip:user{number}&URI1=sip:u@192.0.2.1&Q1=50"
            )
            assert b"<http_code>200</http_code>" in body, body

    began = time.monotonic()
    await asyncio.gather(*(work(connection) for connection in opened))
    return time.monotonic() - began


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=3000)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--there", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "data"
        Store.once(directory, lambda *saved: lambda: int(time.time() * 1000), load, options.there)
        with ServiceProcess(directory, free_udp_port()) as service:
            os.sched_setaffinity(service.pid, {0})
            os.sched_setaffinity(0, {1})
            seconds = asyncio.run(put_all(service, options.entries, options.connections))
    print(
        f"{options.entries / seconds:.0f} PUTs a second over {options.connections} connections, {options.there} there before"
    )


if __name__ == "__main__":
    main()
