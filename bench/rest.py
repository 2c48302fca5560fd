"""What the wire API does in a second, over kept-alive TLS connections, with few and with many entries in the store.

    ./do bench-rest [--entries 3000] [--connections 16] [--there 1000,1000000]

PUT of entries, each durably committed before its reply, over one connection and over several; GET of a list of 1,000
entries with details. The entries that are there before are loaded below the API. The service is pinned to one processor,
this load generator to the other; it speaks HTTP by hand, so that it is not what is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path

from tests.ports import free_port
from tests.service import ServiceProcess

from bench.chain import add_user, copy_first_entry
from bench.client import Connection
from sipregistrant.model.registry import RESOURCES
from sipregistrant.store import config
from sipregistrant.store.store import Store
from sipregistrant.store.tx import Key, Tx

FIRST_NEW_ID = 10_000_000
LISTED_TABLE = 2
LISTED = 1000
LISTS = 20


def load(tx: Tx, there: int) -> None:
    """Create a table with the entries that are there before, and one with those that are listed."""
    add_user(tx)
    for table, number in ((1, there), (LISTED_TABLE, LISTED)):
        config.create(tx, RESOURCES["sipcontactregistrant"], Key(table), {})
        form = {"AorType": "2", "AOR": "sip:user1", "URI1": "sip:u@192.0.2.1", "Q1": "50"}
        config.create(tx, RESOURCES["sipregistrantentry"], Key(1, table), form)
        copy_first_entry(tx, table, number)


async def put_all(opened: list[Connection], first: int, entries: int) -> float:
    """PUT so many entries over all connections; return how many a second."""
    numbers = iter(range(first, first + entries))

    async def work(connection: Connection) -> None:
        for number in numbers:
            path = f"sipcontactregistrant/1/sipregistrantentry/{number}"
            _, body = await connection.request(
                "PUT", path, f"AorType=2&AOR=sip:user{number}&URI1=sip:u@192.0.2.1&Q1=50"
            )
            assert b"<http_code>200</http_code>" in body, body

    began = time.monotonic()
    await asyncio.gather(*(work(connection) for connection in opened))
    return entries / (time.monotonic() - began)


async def get_list(connection: Connection, times: int) -> float:
    """GET a list with details so many times; return how many a second."""
    began = time.monotonic()
    for _ in range(times):
        _, body = await connection.request(
            "GET", f"sipcontactregistrant/{LISTED_TABLE}/sipregistrantentry?details=true", ""
        )
        assert body.count(b"<AOR>") == LISTED, body[:300]
    return times / (time.monotonic() - began)


async def measure(service: ServiceProcess, entries: int, connections: int) -> list[float]:
    """Return PUTs a second over one connection, over all, and lists a second."""
    opened = [await Connection.open(service) for _ in range(connections)]
    await put_all(opened, FIRST_NEW_ID, entries // 10)  # a start that is not counted
    return [
        await put_all(opened[:1], FIRST_NEW_ID + entries, entries // 3),
        await put_all(opened, FIRST_NEW_ID + 2 * entries, entries),
        await get_list(opened[0], LISTS),
    ]


def run(there: int, entries: int, connections: int) -> list[float]:
    """Return the figures of a service that has so many entries before."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "data"
        Store.once(directory, lambda *saved: lambda: int(time.time() * 1000), load, there)
        with ServiceProcess(directory, free_port()) as service:
            os.sched_setaffinity(service.pid, {0})
            os.sched_setaffinity(0, {1})
            return asyncio.run(measure(service, entries, connections))


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=3000)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--there", default="1000,1000000", help="comma-separated")
    options = parser.parse_args()
    sizes = [int(size) for size in options.there.split(",")]
    columns = [run(there, options.entries, options.connections) for there in sizes]
    names = ["PUT, 1 connection", f"PUT, {options.connections} connections", f"GET list of {LISTED:,} with details"]
    print(f"{'a second, with so many entries there:':40}" + "".join(f"{size:>12,}" for size in sizes) + "       ratio")
    for name, figures in zip(names, zip(*columns, strict=True), strict=True):
        print(f"{name:40}" + "".join(f"{figure:12.1f}" for figure in figures) + f"{figures[0] / figures[-1]:12.2f}")


if __name__ == "__main__":
    main()
