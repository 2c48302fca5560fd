"""Half an hour of refreshes with failures among them: what grows?

    ./do soak [--minutes 30] [--rate 500]

The service in a process of its own keeps bindings of a minute at a real Kamailio, as many as make the refreshes of a
second (each is refreshed after half a minute), and tries in vain, or with changing luck, at six registrars that refuse
(403), know nobody (404), are busy (503), are silent, ask for a password again and again, or fail one time in four. Over
the wire API three times a second an entry is made, changed or deleted, and lists are read: one of a hundred every ten
seconds, one of all once a minute, both with details.

Each ten seconds the figures of the service are taken; their means are printed each minute. At the end each is judged by
`bench/steady.py`. The status is 1 where one grows, where Kamailio held less than it should at any time after the first
third, or where the service logged a mistake of ours.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from tests.kamailio import Kamailio
from tests.ports import free_port
from tests.service import ServiceProcess

from bench.chain import add_user, attach, load, put_server, put_table
from bench.client import Connection
from bench.faults import Faults
from bench.peer import cpu_seconds
from bench.steady import WARM_UP, judge
from sipregistrant import __version__
from sipregistrant.model.status import State
from sipregistrant.store.store import DATABASE, Store
from sipregistrant.store.tx import Tx

__all__ = ["main"]

TTL = 60
REFRESHED_AFTER_SECONDS = 30
FAILING_EACH = 100
FIRST_FAULTY_SERVER = 2

SAMPLE_SECONDS = 10
SAMPLES_A_LINE = 6
CHURN_SECONDS = 1.0
FIRST_NEW_ID = 1_000_000
CHANGED_AFTER, DELETED_AFTER = 20, 40
LIST_SECONDS = 10
LISTS_FOR_ONE_OF_ALL = 6
REPLY_SECONDS = 60

# What a figure wavers by; those that are not here are shown and not judged.
FLOORS = {"resident_mb": 1.0, "files": 2.0, "database_mb": 1.0, "wal_mb": 0.5, "lag_ms": 5.0}

MISTAKES = ("crashed", '"task.failed"', '"attempt.overdue"', '"rest.fault"')


@dataclass(slots=True)
class Sample:
    """The figures of one moment, and what was done in the ten seconds before."""

    resident_mb: float
    files: int
    database_mb: float
    wal_mb: float
    lag_ms: float
    cpu_percent: float
    registered: int
    failing: int
    held: int
    """By Kamailio."""
    registers: float
    """That came in at Kamailio in a second."""
    changes: float
    """Over the wire API in a second."""


class Soak:
    """What runs beside the service, and what was seen of it."""

    def __init__(self, service: ServiceProcess, registrar: Kamailio) -> None:
        self.service = service
        self.registrar = registrar
        self.samples: list[Sample] = []
        self._changes = 0
        self._reader = sqlite3.connect(f"{(service.data_dir / DATABASE).as_uri()}?mode=ro", uri=True)

    async def run(self, seconds: float) -> None:
        """Go on for so long."""
        others = [asyncio.create_task(self._change()), asyncio.create_task(self._list())]
        print(HEAD, flush=True)
        try:
            began = before = time.monotonic()
            counted = self._counted()
            while before - began < seconds:
                await asyncio.sleep(began + (len(self.samples) + 1) * SAMPLE_SECONDS - time.monotonic())
                now, count = time.monotonic(), self._counted()
                rates = [(after - earlier) / (now - before) for after, earlier in zip(count, counted, strict=True)]
                self.samples.append(await self._sample(*rates))
                before, counted = now, count
                if len(self.samples) % SAMPLES_A_LINE == 0:
                    print(line(f"{(now - began) / 60:.0f} min", self.samples[-SAMPLES_A_LINE:]), flush=True)
                for task in others:
                    if task.done():
                        task.result()
        finally:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            self._reader.close()

    def _counted(self) -> tuple[float, float, float]:
        return cpu_seconds([self.service.pid]), float(self.registrar.requests()), float(self._changes)

    async def _sample(self, cpu: float, registers: float, changes: float) -> Sample:
        connection = await Connection.connect(self.service)
        async with asyncio.timeout(REPLY_SECONDS):
            lag = (await connection.health())["loop_lag_ms"]
        await connection.close()
        states = dict(self._reader.execute("SELECT state, sum(registrations) FROM registrar_count GROUP BY state"))
        process, database = Path(f"/proc/{self.service.pid}"), self.service.data_dir / DATABASE
        resident = next(row for row in (process / "status").read_text().splitlines() if row.startswith("VmRSS:"))
        return Sample(
            resident_mb=int(resident.split()[1]) / 1024,
            files=len(list((process / "fd").iterdir())),
            database_mb=database.stat().st_size / 1e6,
            wal_mb=database.with_name(f"{DATABASE}-wal").stat().st_size / 1e6,
            lag_ms=lag["p99"],
            cpu_percent=cpu * 100,
            registered=states.get(State.REGISTERED, 0),
            failing=states.get(State.RETRY_WAIT, 0) + states.get(State.REJECTED, 0),
            held=self.registrar.count(),
            registers=registers,
            changes=changes,
        )

    async def _change(self) -> None:
        """Make an entry, change one that was made some time ago, delete one that was made longer ago."""
        connection, number = await Connection.open(self.service), 0
        due = time.monotonic()
        while True:
            entry = f"AorType=2&AOR=sip:new{number}&AorTtl={TTL}"
            await self._ask(connection, "PUT", number, entry)
            if number >= CHANGED_AFTER:
                await self._ask(connection, "POST", number - CHANGED_AFTER, "Q1=50")
            if number >= DELETED_AFTER:
                await self._ask(connection, "DELETE", number - DELETED_AFTER)
            number += 1
            due += CHURN_SECONDS
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _ask(self, connection: Connection, method: str, number: int, form: str = "") -> None:
        path = f"sipcontactregistrant/1/sipregistrantentry/{FIRST_NEW_ID + number}"
        async with asyncio.timeout(REPLY_SECONDS):
            _, body = await connection.request(method, path, form)
        assert b"<http_code>200</http_code>" in body, body
        self._changes += 1

    async def _list(self) -> None:
        connection, number = await Connection.open(self.service), 0
        while True:
            await connection.close()  # the service would do it: the next request is too far off
            await asyncio.sleep(LIST_SECONDS)
            number += 1
            table = 1 if number % LISTS_FOR_ONE_OF_ALL == 0 else FIRST_FAULTY_SERVER
            connection = await Connection.connect(self.service, connection.cookie)
            async with asyncio.timeout(REPLY_SECONDS):
                _, body = await connection.request(
                    "GET", f"sipcontactregistrant/{table}/sipregistrantentry?details=true"
                )
            assert body.count(b"<rt_RegistrationState>") >= FAILING_EACH, body[:300]


NAMES = [field.name for field in fields(Sample)]
HEAD = f"{'':>8}" + "".join(f"{name:>13}" for name in NAMES)


def line(name: str, samples: Sequence[Sample]) -> str:
    """Return the means of some samples as a line of the table."""
    means = (statistics.mean(getattr(sample, field) for sample in samples) for field in NAMES)
    return f"{name:>8}" + "".join(f"{mean:>13.1f}" for mean in means)


def faults_of(samples: Sequence[Sample], aors: int, log: str) -> list[str]:
    """Print the verdicts; return what is not as it should be."""
    found = []
    print(f"\n{'':14}{'first quarter':>15}{'last quarter':>14}{'at most':>10}")
    for name in NAMES:
        verdict = judge([getattr(sample, name) for sample in samples], SAMPLE_SECONDS, FLOORS.get(name, 0.0))
        words = ("grows" if verdict.grows else "flat") if name in FLOORS else ""
        most = f"{verdict.most:>10.1f}" if name in FLOORS else f"{'':10}"
        print(f"{name:14}{verdict.first:>15.1f}{verdict.last:>14.1f}{most}  {words}")
        if name in FLOORS and verdict.grows:
            found.append(f"{name} grows")
    least = min(sample.held for sample in samples[round(len(samples) * WARM_UP) :])
    print(f"held at Kamailio at least: {least} of {aors}")
    if least < aors:
        found.append(f"Kamailio held no more than {least} of {aors}")
    if mistakes := [row for row in log.splitlines() if any(word in row for word in MISTAKES)]:
        found.append(f"{len(mistakes)} mistakes of ours in the log, first {mistakes[0]}")
    return found


def prepare(tx: Tx, registrar: Kamailio, faults: Mapping[str, int], aors: int, sip_port: int) -> None:
    """Create everything but the naming of the tables in the servers."""
    add_user(tx)
    load(tx, registrar, aors, sip_port, TTL)
    for id, port in enumerate(faults.values(), FIRST_FAULTY_SERVER):
        put_table(tx, id, FAILING_EACH, user=f"fails{id}x", ttl=TTL)
        put_server(tx, id, registrar.host, port, f"r{id}.test")


def run(minutes: float, rate: int) -> list[str]:
    """Do it; return what is not as it should be."""
    aors = rate * REFRESHED_AFTER_SECONDS
    with tempfile.TemporaryDirectory() as folder, Kamailio(contacts=2 * aors) as registrar, Faults() as faults:
        directory, now = Path(folder) / "data", int(time.time() * 1000)
        sip_port = free_port()
        Store.once(directory, lambda *saved: lambda: now, prepare, registrar, faults.ports, aors, sip_port)
        Store.once(directory, lambda *saved: lambda: now, attach, *range(1, FIRST_FAULTY_SERVER + len(faults.ports)))
        with ServiceProcess(directory, sip_port) as service:
            soak = Soak(service, registrar)
            asyncio.run(soak.run(minutes * 60))
            return faults_of(soak.samples, aors, service.log())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it, print the figures and the verdicts."""
    parser = argparse.ArgumentParser(
        prog="./do soak", description="What grows while half an hour of refreshes goes by?"
    )
    parser.add_argument("--minutes", type=float, default=30, metavar="N", help="for how long (30, at least 3)")
    parser.add_argument("--rate", type=int, default=500, metavar="N", help="refreshes a second (500)")
    options = parser.parse_args(arguments)
    if options.minutes < 3:
        parser.error("--minutes: at least 3")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the processes are ended
    print(
        f"{options.minutes:g} minutes at {options.rate} refreshes a second, sipregistrant {__version__}, "
        f"Python {platform.python_version()}, {os.cpu_count()} processors", flush=True,
    )  # fmt: skip
    if found := run(options.minutes, options.rate):
        sys.exit("\n".join(["NOT STEADY:", *found]))
    print("steady")


if __name__ == "__main__":
    main()
