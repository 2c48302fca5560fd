"""What the wire API and the event loop suffer while all register at once, at a real Kamailio.

    ./do bench-storm [--aors 100000]

All AORs are due when the service starts; it has one processor, with all its threads. Kamailio and the client have the
other: over one kept-alive TLS connection the client GETs one entry after the other, drawn at random, fifty a second, and
now and then a list of a hundred with details. A GET takes from its moment to the last byte of its reply; where the one
before was late, from the moment when it should have been sent. How late the event loop was, the service itself says
(`/healthz`): the worst of what it said of any minute.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.ports import free_port
from tests.service import ServiceProcess

from bench.chain import add_user, attach, load, put_server, put_table
from bench.client import Connection
from bench.peer import REGISTRANT_PROCESSOR, REGISTRAR_PROCESSOR, pinned_registrar
from sipregistrant import __version__
from sipregistrant.engine.lag import percentile
from sipregistrant.model.status import State
from sipregistrant.store.store import DATABASE, Store
from sipregistrant.store.tx import Tx

__all__ = ["main", "registered"]

LISTED_TABLE = 2
LISTED = 100
EVERY_SECONDS = 0.02
LIST_EVERY_SECONDS = 1.0
LOOK_EVERY_SECONDS = 0.2
LAG_EVERY_SECONDS = 5.0
LONGEST_SECONDS = 60
LONGEST_SECONDS_PER_AOR = 0.002

COUNT = f"SELECT sum(registrations) FROM registrar_count WHERE state = {State.REGISTERED:d}"


@dataclass(slots=True)
class Seen:
    """What the client saw: seconds that replies took, and the figures of the loop in milliseconds."""

    entries: list[float] = field(default_factory=list)
    lists: list[float] = field(default_factory=list)
    lag: list[dict[str, float]] = field(default_factory=list)


def registered(reader: sqlite3.Connection) -> int:
    """Return how many registrations are held; the database is asked, not the service."""
    return int(reader.execute(COUNT).fetchone()[0] or 0)


async def storm(service: ServiceProcess, aors: int) -> tuple[Seen, int, float]:
    """Look on until all are registered, or no longer; return what was seen, how many are, and the seconds it took."""
    seen, began = Seen(), time.monotonic()
    watchers = [asyncio.create_task(_get_entries(service, aors, seen.entries)),
                asyncio.create_task(_get_lists(service, seen.lists)),
                asyncio.create_task(_ask_for_lag(service, seen.lag))]  # fmt: skip
    reader = sqlite3.connect(f"{(service.data_dir / DATABASE).as_uri()}?mode=ro", uri=True)
    try:
        longest = LONGEST_SECONDS + aors * LONGEST_SECONDS_PER_AOR
        while (done := registered(reader)) < aors + LISTED and time.monotonic() - began < longest:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            for task in watchers:
                if task.done():
                    task.result()
        wall = time.monotonic() - began
        seen.lag.append(await _lag(service))
    finally:
        reader.close()
        for task in watchers:
            task.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
    return seen, done, wall


async def _get_entries(service: ServiceProcess, aors: int, taken: list[float]) -> None:
    connection, draw = await Connection.open(service), random.Random(1)
    due = time.monotonic()
    while True:
        if (wait := due - time.monotonic()) > 0:
            await asyncio.sleep(wait)
            due = time.monotonic()
        path = f"sipcontactregistrant/1/sipregistrantentry/{draw.randint(1, aors)}"
        _, body = await connection.request("GET", path)
        taken.append(time.monotonic() - due)
        assert b"<rt_RegistrationState>" in body, body
        due += EVERY_SECONDS


async def _get_lists(service: ServiceProcess, taken: list[float]) -> None:
    connection = await Connection.open(service)
    while True:
        began = time.monotonic()
        path = f"sipcontactregistrant/{LISTED_TABLE}/sipregistrantentry?details=true"
        _, body = await connection.request("GET", path)
        taken.append(time.monotonic() - began)
        assert body.count(b"<rt_RegistrationState>") == LISTED, body[:300]
        await asyncio.sleep(LIST_EVERY_SECONDS)


async def _ask_for_lag(service: ServiceProcess, lag: list[dict[str, float]]) -> None:
    while True:
        await asyncio.sleep(LAG_EVERY_SECONDS)
        lag.append(await _lag(service))


async def _lag(service: ServiceProcess) -> dict[str, float]:
    connection = await Connection.connect(service)
    health = await connection.health()
    await connection.close()
    return dict(health["loop_lag_ms"])


def run(aors: int) -> str:
    """Measure it; return what came of it, in lines."""
    with tempfile.TemporaryDirectory() as folder, pinned_registrar(aors) as registrar:
        directory, now = Path(folder) / "data", int(time.time() * 1000)
        sip_port = free_port()

        def prepare(tx: Tx) -> None:
            add_user(tx)
            load(tx, registrar, aors, sip_port)
            put_table(tx, LISTED_TABLE, LISTED, user="listed")
            put_server(tx, LISTED_TABLE, registrar.host, registrar.port, registrar.realm)

        Store.once(directory, lambda *saved: lambda: now, prepare)
        Store.once(directory, lambda *saved: lambda: now, attach, 1, LISTED_TABLE)
        os.sched_setaffinity(0, {REGISTRANT_PROCESSOR})  # and of what is started
        with ServiceProcess(directory, sip_port) as service:
            os.sched_setaffinity(0, {REGISTRAR_PROCESSOR})
            every = aors + LISTED
            seen, done, wall = asyncio.run(storm(service, aors))
            resent = registrar.requests() - 2 * every
    lag = {name: max(said[name] for said in seen.lag) for name in ("p99", "max")}
    return "\n".join([
        f"registered {done} of {every} in {wall:.1f} s: {done / wall:.0f} a second; "
        f"REGISTERs sent again: {max(0, resent)}",
        _in_words("GET of an entry", seen.entries),
        _in_words(f"GET of a list of {LISTED}", seen.lists),
        f"event loop late: p99 {lag['p99']:.1f} ms, max {lag['max']:.1f} ms",
    ])  # fmt: skip


def _in_words(what: str, taken: Sequence[float]) -> str:
    p50, p99, most = (percentile(taken, percent) * 1000 for percent in (50, 99, 100))
    return f"{what}: {len(taken)} times, p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {most:.1f} ms"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(prog="./do bench-storm", description="The wire API while all register at once.")
    parser.add_argument("--aors", type=int, default=100_000, metavar="N", help="how many (100000)")
    options = parser.parse_args(arguments)
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("Two processors are wanted: one for the service, one for the registrar and the client.")
    print(f"sipregistrant {__version__}, Python {platform.python_version()}, {os.cpu_count()} processors", flush=True)
    print(run(options.aors))


if __name__ == "__main__":
    main()
