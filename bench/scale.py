"""How it grows: from ten thousand AORs to a million, at a real Kamailio, each registration settled on disk.

    ./do bench-scale [--aors 10000,1000000]
    ./do bench-scale --refresh 100000

For each size: loading (a table named in a server, carried out in steps), the first REGISTER after the start of the process,
CPU and memory of the service while it registers all of them, and what goes out after a restart with all bindings alive,
which is to be nothing. The service has one processor, Kamailio the other.

With `--refresh`, what a refresh costs: bindings of a minute, from their third cycle on, when the schedule is not in the order
of loading any more, with the nonce sent ahead.
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.kamailio import Kamailio
from tests.ports import free_port
from tests.service import ServiceProcess

from bench.chain import attach, load
from bench.peer import (
    REGISTRANT_PROCESSOR,
    cost_of_a_start,
    cpu_seconds,
    pin,
    pinned_registrar,
    resident_megabytes,
)
from sipregistrant import __version__
from sipregistrant.store.store import DATABASE, Store

__all__ = ["main"]

LONGEST_SECONDS_PER_AOR = 0.002
LONGEST_START_SECONDS = 60
QUIET_SECONDS = 5.0
LOOK_EVERY_SECONDS = 0.002
REFRESHED_TTL = 60


@dataclass(slots=True)
class Result:
    """What one size came to; seconds, but `micros`."""

    aors: int
    attached: float
    """How long it took to make the registrations of a table that a server names."""
    first: float
    """From the start of the process to its first REGISTER."""
    wall: float
    micros: float
    """CPU of one registration, the start of the process left out."""
    resent: int
    megabytes: float
    file_megabytes: float
    after_restart: int
    """REGISTERs within five seconds of a restart."""


def run(aors: int) -> Result:
    """Measure one size."""
    with tempfile.TemporaryDirectory() as folder, pinned_registrar(aors) as registrar:
        directory, now = Path(folder) / "data", int(time.time() * 1000)
        sip_port = free_port()
        Store.once(directory, lambda *saved: lambda: now, load, registrar, aors, sip_port)
        began = time.monotonic()
        Store.once(directory, lambda *saved: lambda: now, attach)
        attached = time.monotonic() - began
        idle = cost_of_a_start(Path(folder) / "idle")
        began = time.monotonic()
        with ServiceProcess(directory, sip_port) as service:
            pin([service.pid], REGISTRANT_PROCESSOR)
            first = _wait_for_requests(registrar, began)
            wall = _wait_until_registered(directory, aors)
            used, resident = cpu_seconds([service.pid]), resident_megabytes([service.pid])
            resent = registrar.requests() - 2 * aors
            service.stop()
            before = registrar.requests()
            service.start()
            time.sleep(QUIET_SECONDS)
            after = registrar.requests() - before
        size = (directory / DATABASE).stat().st_size / 1e6
        return Result(aors, attached, first, wall, (used - idle) / aors * 1e6, resent, resident, size, after)


def run_refresh(aors: int) -> str:
    """Measure refreshes; return a sentence."""
    with tempfile.TemporaryDirectory() as folder, pinned_registrar(aors) as registrar:
        directory, now = Path(folder) / "data", int(time.time() * 1000)
        sip_port = free_port()
        Store.once(directory, lambda *saved: lambda: now, load, registrar, aors, sip_port, REFRESHED_TTL)
        Store.once(directory, lambda *saved: lambda: now, attach)
        with ServiceProcess(directory, sip_port) as service:
            pin([service.pid], REGISTRANT_PROCESSOR)
            _wait_until_registered(directory, aors)
            time.sleep(REFRESHED_TTL)
            cpu, sent, written = cpu_seconds([service.pid]), registrar.requests(), _written(service.pid)
            accepted = registrar.statistic("registrar:accepted_regs")
            time.sleep(REFRESHED_TTL)
            cpu, sent = cpu_seconds([service.pid]) - cpu, registrar.requests() - sent
            written = _written(service.pid) - written
            accepted = registrar.statistic("registrar:accepted_regs") - accepted
            missing = aors - registrar.count()
    return (
        f"{aors} AORs, bindings of {REFRESHED_TTL} s: {accepted / REFRESHED_TTL:.0f} refreshes a second, "
        f"{cpu / accepted * 1e6:.0f} µs of CPU and {written / accepted / 1000:.1f} kB written each, "
        f"{sent / accepted:.2f} REGISTERs each; {missing} missing"
    )


def _written(pid: int) -> int:
    """Return the bytes that a process has handed to the disk."""
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes:"))


def _wait_for_requests(registrar: Kamailio, began: float) -> float:
    while registrar.requests() == 0:
        if time.monotonic() - began > LONGEST_START_SECONDS:
            sys.exit(f"no REGISTER within {LONGEST_START_SECONDS} s")
        time.sleep(LOOK_EVERY_SECONDS)
    return time.monotonic() - began


def _wait_until_registered(directory: Path, aors: int) -> float:
    """Wait for all; the database is asked, not the service."""
    began, most = time.monotonic(), 30 + aors * LONGEST_SECONDS_PER_AOR
    reader = sqlite3.connect(f"{(directory / DATABASE).as_uri()}?mode=ro", uri=True)
    count = "SELECT sum(registrations) FROM registrar_count WHERE state = 1"
    while (done := reader.execute(count).fetchone()[0] or 0) < aors:
        if time.monotonic() - began > most:
            sys.exit(f"only {done} of {aors} within {most:.0f} s")
        time.sleep(0.1)
    reader.close()
    return time.monotonic() - began


def report(results: Sequence[Result]) -> str:
    """Return the table."""
    head = (
        f"{'AORs':>9}{'attached s':>12}{'first s':>9}{'wall s':>8}{'a second':>10}{'CPU µs each':>13}{'resent':>8}"
        f"{'resident MB':>13}{'file MB':>9}{'after restart':>15}"
    )
    return "\n".join([head, *(
        f"{r.aors:>9}{r.attached:>12.1f}{r.first:>9.2f}{r.wall:>8.1f}{r.aors / r.wall:>10.0f}{r.micros:>13.0f}{r.resent:>8}"
        f"{r.megabytes:>13.0f}{r.file_megabytes:>9.0f}{r.after_restart:>15}"
        for r in results
    )])  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it and print the table; the last line has the ratios of the largest size to the smallest."""
    parser = argparse.ArgumentParser(
        prog="./do bench-scale", description="How CPU, memory and start grow with the AORs."
    )
    parser.add_argument("--aors", default="10000,1000000", metavar="N,N", help="sizes (10000,1000000)")
    parser.add_argument("--refresh", type=int, metavar="N", help="measure refreshes of so many instead")
    options = parser.parse_args(arguments)
    sizes = sorted(int(size) for size in options.aors.split(","))
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("Two processors are wanted: one for the service, one for the registrar.")
    print(f"sipregistrant {__version__}, Python {platform.python_version()}, {os.cpu_count()} processors", flush=True)
    if options.refresh:
        print(run_refresh(options.refresh))
        return
    results = [run(size) for size in sizes]
    print(report(results))
    small, large = results[0], results[-1]
    print(f"CPU {large.micros / small.micros:.2f}, memory {large.megabytes / small.megabytes:.2f}")


if __name__ == "__main__":
    main()
