"""A million entries imported, attached to a server, detached and deleted, while others are refreshed all the time.

    ./do bench-bulk [--entries 1000000] [--refreshing 100000] [--ttl 180]

The service has one processor; Kamailio, the command that imports and whoever watches share the other. Those that refresh are
registered with bindings of `--ttl` seconds. The import goes through `sipregistrant entry import`, so its time has the start of
that command and the way of the lines in it. Printed for each step: seconds until it was answered, until it was carried
out, the p99 of a GET of an entry meanwhile, how late the latest refresh was, and how many bindings lapsed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.kamailio import Kamailio
from tests.ports import free_port
from tests.service import PASSWORD, USER, Rest, ServiceProcess, run_command

from bench.chain import attach, load
from bench.peer import REGISTRANT_PROCESSOR, cpu_seconds, pin, pinned_registrar, resident_megabytes
from sipregistrant import __version__
from sipregistrant.model.registry import RESOURCES
from sipregistrant.model.status import State
from sipregistrant.store import config
from sipregistrant.store.store import DATABASE, Store
from sipregistrant.store.tx import Key, Tx

__all__ = ["main"]

LONGEST_SECONDS = 1800
LOOK_EVERY_SECONDS = 0.05
WATCH_EVERY_SECONDS = 1.0
GET_EVERY_SECONDS = 0.02

# The new ones are registered beside, as an operator who minds his registrar would have it.
NEW_A_SECOND = 200

TABLE = 2
SERVER = "sipservertable/1/sipserver/2"


@dataclass(slots=True)
class Seen:
    """What was seen during one step."""

    gets: list[float] = field(default_factory=list)
    """Seconds of each GET."""
    latest: float = 0.0
    """Seconds that the most overdue refresh was late by."""
    lapsed: int = 0
    """Most bindings of those that refresh that had lapsed at one moment, as the database has it."""


class Watch:
    """Watches the refreshes from outside, and asks for entries as an operator would."""

    def __init__(self, directory: Path, rest: Rest, refreshing: int) -> None:
        self.seen = Seen()
        self._directory, self._rest, self._refreshing = directory, rest, refreshing
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._look, self._get)]

    def __enter__(self) -> Watch:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def take(self) -> Seen:
        """Return what was seen since the last time."""
        seen, self.seen = self.seen, Seen()
        return seen

    def _look(self) -> None:
        reader = sqlite3.connect(f"{(self._directory / DATABASE).as_uri()}?mode=ro", uri=True)
        overdue = (
            "SELECT min(due_at) FROM registration WHERE registrar_id = 1 AND class IN (0, 1) AND due_at IS NOT NULL"
        )
        lapsed = "SELECT count(*) FROM registration WHERE registrar_id = 1 AND expires_at <= ?"
        while not self._is_over.wait(WATCH_EVERY_SECONDS):
            seen, now = self.seen, int(time.time() * 1000)
            due = reader.execute(overdue).fetchone()[0]
            seen.latest = max(seen.latest, (now - due) / 1000)
            seen.lapsed = max(seen.lapsed, reader.execute(lapsed, (int(time.time() * 1000),)).fetchone()[0])
        reader.close()

    def _get(self) -> None:
        number = 0
        while not self._is_over.wait(GET_EVERY_SECONDS):
            number = number % self._refreshing + 1
            began = time.perf_counter()
            reply = self._rest.get(f"sipcontactregistrant/1/sipregistrantentry/{number}")
            self.seen.gets.append(time.perf_counter() - began)
            assert reply.http_code == 200, reply


@dataclass(slots=True)
class Step:
    """One thing that was asked for, and what it came to."""

    name: str
    answered: float
    carried_out: float
    cpu: float
    seen: Seen


def second_chain(tx: Tx, registrar: Kamailio) -> None:
    """Create the table that is imported to, and the server that it will be attached to."""
    config.create(tx, RESOURCES["sipcontactregistrant"], Key(TABLE), {})
    server = {"Host": registrar.host, "DomainName": registrar.realm, "Port": registrar.port, "Protocol": 1, "Monitor": 0,
              "RemoteAuthorizationTableID": 1, "MaxRegistersPerSecond": NEW_A_SECOND}  # fmt: skip
    config.create(tx, RESOURCES["sipserver"], Key(2, 1), {name: str(value) for name, value in server.items()})


def write_file(path: Path, entries: int) -> None:
    """Write the lines that are imported."""
    with path.open("w") as file:
        for id in range(1, entries + 1):
            line = {"id": id, "AorType": 2, "AOR": f"sip:new{id}", "AorTtl": 3600, "URI1": f"sip:new{id}@192.0.2.7"}
            file.write(json.dumps(line) + "\n")


class Bench:
    """One service with its registrar, and the steps that are timed."""

    def __init__(self, directory: Path, service: ServiceProcess, watch: Watch) -> None:
        self._directory, self._service, self._watch = directory, service, watch
        self._reader = sqlite3.connect(f"{(directory / DATABASE).as_uri()}?mode=ro", uri=True)
        self.steps: list[Step] = []

    def step(self, name: str, ask: Callable[[], object], waiting: str) -> None:
        """Ask for something, and wait until the query `waiting` finds nothing more."""
        self._watch.take()
        cpu, began = cpu_seconds([self._service.pid]), time.monotonic()
        ask()
        answered = time.monotonic() - began
        while self._reader.execute(waiting).fetchone() is not None:
            if time.monotonic() - began > LONGEST_SECONDS:
                sys.exit(f"{name}: not carried out within {LONGEST_SECONDS} s")
            time.sleep(LOOK_EVERY_SECONDS)
        carried_out = time.monotonic() - began
        time.sleep(WATCH_EVERY_SECONDS)
        cpu = cpu_seconds([self._service.pid]) - cpu
        self.steps.append(Step(name, answered, carried_out, cpu, self._watch.take()))
        print(line_of(self.steps[-1]), flush=True)


HEAD = (
    f"{'':22}{'answered s':>11}{'carried out s':>15}{'CPU s':>8}{'GET p50 ms':>12}{'p99 ms':>8}{'latest s':>10}"
    f"{'lapsed':>8}"
)


def line_of(step: Step) -> str:
    """Return a line of the table."""
    gets = sorted(step.seen.gets) or [0.0]
    middle, p99 = (gets[min(len(gets) - 1, int(len(gets) * share))] * 1000 for share in (0.5, 0.99))
    return (
        f"{step.name:22}{step.answered:>11.2f}{step.carried_out:>15.1f}{step.cpu:>8.1f}{middle:>12.0f}{p99:>8.0f}"
        f"{step.seen.latest:>10.1f}{step.seen.lapsed:>8}"
    )


def run(entries: int, refreshing: int, ttl: int) -> None:
    """Measure, and print the table line by line."""
    # One of its own for the new ones: a limit is for a host and port, whoever registers there.
    with (
        tempfile.TemporaryDirectory() as folder,
        pinned_registrar(refreshing) as registrar,
        pinned_registrar(entries) as second,
    ):
        directory, file, now = Path(folder) / "data", Path(folder) / "entries.ndjson", int(time.time() * 1000)
        write_file(file, entries)
        sip_port = free_port()
        for function, *rest in ((load, registrar, refreshing, sip_port, ttl), (second_chain, second), (attach,)):
            Store.once(directory, lambda *saved: lambda: now, function, *rest)
        added = ("user", "add", USER, "--password-stdin", "--data-dir", str(directory))
        assert run_command(*added, stdin=PASSWORD).returncode == 0
        with ServiceProcess(directory, sip_port) as service:
            pin([service.pid], REGISTRANT_PROCESSOR)
            _wait_until_registered(directory, refreshing)
            time.sleep(ttl * 0.6)  # from half of a binding on they are refreshed
            with Watch(directory, service.rest(), refreshing) as watch:
                _measure(Bench(directory, service, watch), service.rest(), file, ttl)
                sent = registrar.statistic("registrar:accepted_regs")
            print(f"{resident_megabytes([service.pid]):.0f} MB resident at the end; {sent} REGISTERs accepted in all")


def _measure(bench: Bench, rest: Rest, file: Path, ttl: int) -> None:
    print(HEAD, flush=True)
    bulk, busy = "SELECT 1 FROM bulk", "SELECT 1 FROM registrar WHERE phase <> 0"
    bench.step("nothing", lambda: time.sleep(ttl / 4), "SELECT 1 WHERE 0")
    bench.step("import", lambda: _import(bench, file), bulk)
    bench.step("the same again", lambda: _import(bench, file), bulk)
    bench.step("table attached", lambda: _post(rest, TABLE), busy)
    bench.step("table detached", lambda: _post(rest, 0), busy)
    bench.step(
        "table deleted", lambda: _expect(rest.delete(f"sipcontactregistrant/{TABLE}").http_code), "SELECT 1 FROM purge"
    )


def _import(bench: Bench, file: Path) -> None:
    command = [sys.executable, "-m", "sipregistrant", "entry", "import", str(TABLE), str(file), "--yes", "--no-wait"]
    ended = subprocess.run(
        [*command, "--data-dir", str(bench._directory)], capture_output=True, text=True, timeout=LONGEST_SECONDS
    )
    if ended.returncode:
        sys.exit(ended.stderr)


def _post(rest: Rest, table: int) -> None:
    _expect(rest.post(SERVER, ContactRegistrantTableID=table).http_code)


def _expect(http_code: int) -> None:
    if http_code != 200:
        sys.exit(f"refused: {http_code}")


def _wait_until_registered(directory: Path, number: int) -> None:
    reader = sqlite3.connect(f"{(directory / DATABASE).as_uri()}?mode=ro", uri=True)
    count = f"SELECT sum(registrations) FROM registrar_count WHERE state = {State.REGISTERED:d}"
    until = time.monotonic() + LONGEST_SECONDS
    while (done := reader.execute(count).fetchone()[0] or 0) < number:
        if time.monotonic() > until:
            sys.exit(f"only {done} of {number} within {LONGEST_SECONDS} s")
        time.sleep(LOOK_EVERY_SECONDS)
    reader.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it and print the table."""
    parser = argparse.ArgumentParser(prog="./do bench-bulk", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--entries", type=int, default=1_000_000, metavar="N", help="how many are imported (1000000)")
    parser.add_argument("--refreshing", type=int, default=100_000, metavar="N", help="how many refresh (100000)")
    parser.add_argument("--ttl", type=int, default=180, metavar="S", help="seconds of their bindings (180)")
    options = parser.parse_args(arguments)
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("Two processors are wanted: one for the service, one for the registrar.")
    print(
        f"{options.entries} entries, {options.refreshing} AORs refreshing, bindings of {options.ttl} s; "
        f"sipregistrant {__version__}, Python {platform.python_version()}, {os.cpu_count()} processors", flush=True,
    )  # fmt: skip
    run(options.entries, options.refreshing, options.ttl)


if __name__ == "__main__":
    main()
