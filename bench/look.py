"""What the looks of the watcher cost at a size: for alarms every five seconds, for events after changes; and an explanation.

    ./do bench-look [--registrations 1000000]

Told are milliseconds of a reader of the database, which are none of the event loop.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.store.support import Clock, Site

from bench.scrape import hold, milliseconds
from sipregistrant.store import changes, explained, watched
from sipregistrant.store.tx import Tx

TIMES = 10
CHANGES = changes.MOST_AT_ONCE


def refuse_a_third(tx: Tx) -> None:
    """Have every third registration refused."""
    for statement in (
        "UPDATE registration SET failures = 1, last_code = 403, state = 3 WHERE id % 3 = 0",
        "DELETE FROM registrar_count",
        "INSERT INTO registrar_count SELECT registrar_id, state, count(*) FROM registration GROUP BY 1, 2",
    ):
        tx.sqlite.execute(statement)


def change(tx: Tx) -> None:
    """Write as many changes as one look takes."""
    tx.sqlite.execute(
        "INSERT INTO history (registration_id, at, old_state, state, code, reason) "
        "SELECT id, ?, 1, 3, 403, '403 Forbidden' FROM registration LIMIT ?", (tx.now, CHANGES),
    )  # fmt: skip


async def run(registrations: int, directory: Path) -> None:
    """Build the database, and look."""
    clock = Clock()
    site = Site(directory, clock)
    await site.open()
    read = site.store.read
    await site.put_table(1)
    await site.put_copies(registrations - 1)
    server = {"Host": "203.0.113.5", "DomainName": "example.com", "ContactRegistrantTableID": 1}
    await site.put_all(("sipserver", "1:1", server))
    await site.reconcile(most=1_000_000)
    await site.store.write(hold, clock.ms)
    print("alarms, all held:", await milliseconds(TIMES, lambda: read(watched.look)))
    await site.store.write(refuse_a_third)
    print("alarms, a third refused:", await milliseconds(TIMES, lambda: read(watched.look)))
    clock.advance(3700)
    print("alarms, all lapsed:", await milliseconds(TIMES, lambda: read(watched.look)))
    await site.store.write(change)
    print(f"events, {CHANGES:,} changes:", await milliseconds(TIMES, lambda: read(changes.look)))
    print("AOR to explain:", await milliseconds(TIMES, lambda: read(explained.by_aor, "sip:u77", "u77")))
    print("AOR that is none:", await milliseconds(TIMES, lambda: read(explained.by_aor, "sip:none", "none")))
    await site.store.close()


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--registrations", type=int, default=1_000_000, metavar="N", help="at one server (1000000)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(asked.registrations, Path(folder) / "var"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
