"""Cold registrations, beside the peer: REGISTER, 401, REGISTER, 200 for each of many AORs, at a real Kamailio.

    ./do bench [--aors 20000] [--rounds 1] [--without-peer]

In turn, this service and the `uac` module of another Kamailio are the registrants, pinned to one processor; the registrar
(two workers, bindings in memory, MD5 with qop=auth) has the other. CPU is user + system of all processes of a registrant,
from its start until all are registered, loading included. Ours are settled on disk (SQLite, WAL, `synchronous=FULL`);
Kamailio keeps what it knows in memory. Machines are noisy: the ratio of one run says more than the figures of two.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kamailio import Kamailio
from tests.ports import free_port
from tests.service import ServiceProcess

from bench.chain import attach, load
from bench.uac import MODULES, UacKamailio
from sipregistrant import __version__
from sipregistrant.store.store import Store

__all__ = [
    "REGISTRANT_PROCESSOR", "REGISTRAR_PROCESSOR", "cost_of_a_start", "cpu_seconds", "main", "pin", "pinned_registrar",
    "report", "resident_megabytes", "watch",
]  # fmt: skip

REGISTRANT_PROCESSOR, REGISTRAR_PROCESSOR = 0, 1
LONGEST_SECONDS = 300
LOOK_EVERY_SECONDS = 0.05
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Result:
    """What one run came to."""

    who: str
    aors: int
    registered: int
    wall: float
    cpu: float
    """Seconds, loading included."""
    loading: float
    """Seconds of CPU before the first REGISTER."""
    resent: int
    """REGISTERs beyond two for each AOR."""
    megabytes: float
    """Resident, each shared page counted once."""

    @property
    def micros(self) -> float:
        return self.cpu / self.aors * 1e6


def cpu_seconds(pids: Sequence[int]) -> float:
    """Return user + system time of processes."""
    found = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        found += int(fields[11]) + int(fields[12])
    return found / CLOCK_TICKS


def resident_megabytes(pids: Sequence[int]) -> float:
    """Return the proportional set size of processes."""
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def pin(pids: Sequence[int], processor: int) -> None:
    """Keep processes, with all their threads, on one processor."""
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {processor})


def run_ours(aors: int) -> Result:
    """Let this service register them."""
    with tempfile.TemporaryDirectory() as folder, pinned_registrar(aors) as registrar:
        directory = Path(folder) / "data"
        now = int(time.time() * 1000)
        Store.once(directory, lambda *saved: lambda: now, load, registrar, aors, sip_port := free_port())
        Store.once(directory, lambda *saved: lambda: now, attach)
        idle = cost_of_a_start(Path(folder) / "idle")
        with ServiceProcess(directory, sip_port) as service:
            pin([service.pid], REGISTRANT_PROCESSOR)
            return watch("sipregistrant", registrar, aors, lambda: [service.pid], idle)


def cost_of_a_start(directory: Path) -> float:
    """Return the CPU of a start with nothing to register."""
    with ServiceProcess(directory, free_port()) as service:
        time.sleep(0.5)
        return cpu_seconds([service.pid])


def run_peer(aors: int) -> Result:
    """Let Kamailio's `uac` register them."""
    with pinned_registrar(aors) as registrar, UacKamailio(registrar, aors, REGISTRANT_PROCESSOR) as peer:
        loading = cpu_seconds(peer.pids)
        while registrar.requests() == 0:  # its timer comes by every five seconds
            loading = cpu_seconds(peer.pids)
            time.sleep(LOOK_EVERY_SECONDS)
        return watch("Kamailio uac", registrar, aors, lambda: peer.pids, loading)


def pinned_registrar(contacts: int, **options: Any) -> Kamailio:
    """Return the registrar, on its own processor, not yet started."""
    return _Pinned(workers=2, contacts=contacts, **options)


class _Pinned(Kamailio):
    def start(self) -> None:
        super().start()
        assert self._process is not None
        group = str(self._process.pid)
        stats = [stat.read_text() for stat in Path("/proc").glob("[0-9]*/stat")]
        pin([int(s.split()[0]) for s in stats if s.rpartition(")")[2].split()[2] == group], REGISTRAR_PROCESSOR)


def watch(who: str, registrar: Kamailio, aors: int, pids: Callable[[], Sequence[int]], loading: float) -> Result:
    """Wait until all are registered, or no longer; the registrar is asked, not the registrant."""
    began = time.monotonic()
    while (registered := registrar.count()) < aors and time.monotonic() - began < LONGEST_SECONDS:
        time.sleep(LOOK_EVERY_SECONDS)
    wall = time.monotonic() - began
    time.sleep(0.2)  # the last outcomes are on their way to the disk
    every = pids()
    return Result(
        who, aors, registered, wall, cpu_seconds(every), loading, max(0, registrar.requests() - 2 * aors),
        resident_megabytes(every),
    )  # fmt: skip


def report(results: Sequence[Result]) -> str:
    """Return the table."""
    lines = [
        f"{'':14}{'CPU µs each':>12}{'of it load':>12}{'wall s':>8}{'a second':>10}{'resent':>8}{'missing':>9}{'MB':>6}"
    ]
    for one in results:
        lines.append(
            f"{one.who:14}{one.micros:>12.1f}{one.loading / one.aors * 1e6:>12.1f}{one.wall:>8.1f}"
            f"{one.registered / one.wall:>10.0f}{one.resent:>8}{one.aors - one.registered:>9}{one.megabytes:>6.0f}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it and print the table; the last line is the ratio."""
    parser = argparse.ArgumentParser(prog="./do bench", description="Cold registrations, beside Kamailio's uac.")
    parser.add_argument("--aors", type=int, default=20_000, metavar="N", help="how many (20000)")
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="how often, in turn (1)")
    parser.add_argument("--without-peer", action="store_true", help="this service alone")
    options = parser.parse_args(arguments)
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("Two processors are wanted: one for the registrants, one for the registrar.")
    has_peer = not options.without_peer
    if has_peer and not (MODULES / "db_sqlite.so").exists():
        sys.exit(f"{MODULES}/db_sqlite.so is missing: apt-get install kamailio-sqlite-modules, or --without-peer")
    if has_peer and shutil.which("taskset") is None:
        sys.exit("taskset is missing: apt-get install util-linux")
    print(
        f"{options.aors} AORs, sipregistrant {__version__}, Python {platform.python_version()}, {os.cpu_count()} processors"
    )
    results: list[Result] = []
    for _ in range(options.rounds):
        results.append(run_ours(options.aors))
        if has_peer:
            results.append(run_peer(options.aors))
    print(report(results))
    if has_peer:
        ours, peer = (statistics.median(r.micros for r in results[at::2]) for at in (0, 1))
        print(f"peer/ours: {peer / ours:.2f}")


if __name__ == "__main__":
    main()
