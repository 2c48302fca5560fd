"""What a cold registration costs: REGISTER, 401, REGISTER, 200 for each of many AORs at a real Kamailio, settled
durably.

    ./do bench-cold [--aors 20000]

The entries are loaded below the API first; then the service is started on them, pinned to one processor and Kamailio
to the other, until all are registered. CPU is user + system of the service's process from its start, its start alone
(an empty directory) taken off.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.kamailio import Kamailio, free_udp_port
from tests.service import ServiceProcess

from sipregistrant.model.registry import RESOURCES
from sipregistrant.store import config, reconcile
from sipregistrant.store.store import Store
from sipregistrant.store.tx import Key, Tx

LONGEST_SECONDS = 300
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return user + system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def load(tx: Tx, registrar: Kamailio, aors: int, sip_port: int) -> None:
    """Create the chain and the entries through the functions that /rest uses."""

    def put(resource: str, id: int, parent: int | None = None, **form: str | int) -> None:
        config.create(tx, RESOURCES[resource], Key(id, parent), {name: str(value) for name, value in form.items()})

    # What the first start would write, and go through all entries again for it.
    config.change(tx, RESOURCES["sipsg"], Key(1), {"ListenPort_1": str(sip_port)})
    put("sipremoteauthtable", 1)
    put(
        "sipremoteauthentry",
        1,
        1,
        User="trunk",
        EncryptedPassword=registrar.password,
        FromURIUserMatch=1,
        MatchRegex=".*",
    )
    put("sipcontactregistrant", 1)
    put("sipserver", 1, 1, Host=registrar.host, DomainName=registrar.realm, Port=registrar.port, Protocol=1,
        RemoteAuthorizationTableID=1, ContactRegistrantTableID=1)  # fmt: skip
    for number in range(1, aors + 1):
        put("sipregistrantentry", number, 1, AorType=2, AOR=f"sip:user{number}")
    while reconcile.step(tx):
        pass


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--aors", type=int, default=20_000)
    aors = parser.parse_args().aors
    with tempfile.TemporaryDirectory() as folder, Kamailio(workers=2) as registrar:
        directory = Path(folder) / "data"
        began = time.monotonic()
        now = int(time.time() * 1000)
        Store.once(directory, lambda *saved: lambda: now, load, registrar, aors, sip_port := free_udp_port())
        print(f"loaded {aors} entries in {time.monotonic() - began:.1f} s")
        idle = idle_cpu(Path(folder) / "idle")
        with ServiceProcess(directory, sip_port) as service:
            os.sched_setaffinity(service.pid, {0})
            began = time.monotonic()
            rest_seconds = wait_until_registered(service, aors)
            used = cpu_seconds(service.pid)
            print(f"registered {aors} in {rest_seconds:.2f} s: {aors / rest_seconds:.0f} a second")
            print(
                f"CPU {(used - idle) / aors * 1e6:.0f} µs a registration ({used:.2f} s, {idle:.2f} s of it the start)"
            )
            print(f"REGISTERs that Kamailio saw: {registrar.requests()} (two each make {2 * aors})")


def idle_cpu(directory: Path) -> float:
    """Return what a start costs with nothing to register."""
    with ServiceProcess(directory, free_udp_port()) as service:
        time.sleep(0.5)
        return cpu_seconds(service.pid)


def wait_until_registered(service: ServiceProcess, aors: int) -> float:
    """Return the seconds from the ready line until all are registered. The database is asked, not the service."""
    import sqlite3

    began = time.monotonic()
    reader = sqlite3.connect(f"{(service.data_dir / 'sipregistrant.db').as_uri()}?mode=ro", uri=True)
    while time.monotonic() - began < LONGEST_SECONDS:
        done = reader.execute("SELECT sum(registrations) FROM registrar_count WHERE state = 1").fetchone()[0]
        if done == aors:
            return time.monotonic() - began
        time.sleep(0.05)
    sys.exit(f"only {done} of {aors} within {LONGEST_SECONDS} s; the log:\n{service.log()[-2000:]}")


if __name__ == "__main__":
    main()
