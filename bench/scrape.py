"""What a scrape of /metrics costs, by registrations and by servers.

    ./do bench-scrape [--registrations 1000000] [--servers 1] [--scrapes 30]

The registrations are written as held, in a service that is paused; then an hour passes and all are overdue. Told are the
milliseconds of the part in the database, of a whole scrape, the bytes of it, and how late the event loop was meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.store.support import Clock, Site

from sipregistrant.cli.serve import look_for_cycles_seldom
from sipregistrant.metrics.catalogue import MOST_SERVERS
from sipregistrant.metrics.exposition import Exposition
from sipregistrant.metrics.gather import Sources
from sipregistrant.service import Service, ServiceSettings
from sipregistrant.store.measured import measure
from sipregistrant.store.tx import Tx

LOOPBACK = ("127.0.0.1", 0)
HOLD = (
    "UPDATE registration SET state = 1, class = 0, due_at = ? + id % 1800 * 1000, expires_at = ? + (id % 1800 + 1800) * 1000",
    "DELETE FROM registrar_count",
    "INSERT INTO registrar_count SELECT registrar_id, 1, count(*) FROM registration GROUP BY 1",
)


def hold(tx: Tx, now: int) -> None:
    """Have all registrations held, their refreshes spread over half an hour."""
    first, *others = HOLD
    tx.sqlite.execute(first, (now, now))
    for statement in others:
        tx.sqlite.execute(statement)


async def milliseconds(times: int, what: Callable[[], Awaitable[object]]) -> str:
    """Return median and maximum."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        await what()
        taken.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.05)
    return f"median {statistics.median(taken):.1f} ms, most {max(taken):.1f} ms"


async def run(registrations: int, servers: int, scrapes: int, directory: Path) -> None:
    """Build the database, and scrape."""
    clock = Clock()
    site = Site(directory, clock)
    await site.open()
    await site.put_table(1)
    await site.put_copies(registrations // servers - 1)
    for n in range(1, servers + 1):
        host = f"203.0.{n // 250}.{n % 250 + 1}"
        await site.put_all(
            ("sipserver", f"1:{n}", {"Host": host, "DomainName": "example.com", "ContactRegistrantTableID": 1})
        )
    await site.reconcile(most=1_000_000)
    await site.store.write(hold, clock.ms)
    for title, seconds in (("held", 0), ("all overdue", 3600)):
        clock.advance(seconds)
        taken = await milliseconds(scrapes, lambda: site.store.read(measure, MOST_SERVERS))
        print(f"database, {title}: {taken}")
    await site.store.close()
    settings = ServiceSettings(directory, https=LOOPBACK, sip=LOOPBACK, paused=True)
    async with Service.running(settings) as service:
        for uid in (await service.store.read(measure, MOST_SERVERS)).servers:
            service.engine._claims.memory_of(uid).answered(200, 0.01, 1.0)
        exposition = Exposition(Sources(service.engine, service.store, service.lag, service.clock.now))
        text, _ = await exposition.render("")
        look_for_cycles_seldom()
        service.lag._late.clear()
        taken = await milliseconds(scrapes, lambda: exposition.render(""))
        print(f"scrape: {taken}, {len(text):,} bytes; event loop late {service.lag.figures()}")


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--registrations", type=int, default=1_000_000, metavar="N", help="of all servers together (1000000)"
    )
    parser.add_argument("--servers", type=int, default=1, metavar="N", help="how many, at most 999 (1)")
    parser.add_argument("--scrapes", type=int, default=30, metavar="N", help="how often (30)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(asked.registrations, asked.servers, asked.scrapes, Path(folder) / "var"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
