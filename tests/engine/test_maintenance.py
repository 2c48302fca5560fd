"""What the engine does when the operator takes a server out for maintenance (AdminState 3), and back: the real store, in
virtual time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sipregistrant.engine.departure import EngineSettings
from sipregistrant.engine.engine import Engine
from sipregistrant.engine.pacing import FIRST_WINDOW, LARGEST_WINDOW
from sipregistrant.model.registry import RESOURCES
from sipregistrant.model.status import State
from sipregistrant.store import config
from sipregistrant.store.tx import Key
from tests.engine.listed import GROUP, Network, clock_of, ok
from tests.engine.stored import StoredSchedule
from tests.engine.virtual_time import in_virtual_time
from tests.engine.zone import Zone

MAINTENANCE, ENABLED = 3, 1
TTL = 3600

# What was claimed ahead goes within these seconds (`claims.py`), what is in flight is over after them.
SETTLED_SECONDS = 3.0


class Site:
    """A server with entries, the engine on it, and who counts what it is asked."""

    def __init__(self, rows: int, *, monitor: int = 0) -> None:
        self.network = Network()
        self.schedule = StoredSchedule(clock_of(asyncio.get_running_loop()).now)
        server = {"Monitor": monitor}
        form: dict[str, str | int] = {"AorTtl": TTL}
        self.schedule.make(rows, "secret", form, uri=lambda n: f"sip:u{n}@192.0.2.1:5070", server=server)
        self.engine = self._make()
        self.schedule.commit_seconds = 0.002
        self.claims = 0
        claim = self.schedule.claim

        async def counted(*args: object, **kwargs: object) -> object:
            self.claims += 1
            return await claim(*args, **kwargs)  # type: ignore[arg-type]

        self.schedule.claim = counted  # type: ignore[method-assign,assignment]

    def _make(self) -> Engine:
        loop = asyncio.get_running_loop()
        engine = Engine(
            self.schedule, clock_of(loop), b"key", EngineSettings(), make_flow=self.network.make_flow, names=Zone()
        )  # fmt: skip
        self.schedule.knocked = engine.knock
        return engine

    async def restart(self) -> None:
        await self.engine.stop()
        self.engine = self._make()
        await self.engine.start((GROUP,))

    def set(self, state: int) -> None:
        """Change AdminState as a request does, the monitor told as the service tells it."""
        self.schedule.write(config.change, RESOURCES["sipserver"], Key(1, 1), {"AdminState": str(state)})
        self.engine.monitor.look_again()

    def heard_since(self, at: float) -> list[float]:
        return [one.at for one in self.network.heard if one.at > at]

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def registered(self) -> int:
        now = self.schedule.now
        return sum(row.state == State.REGISTERED and row.expires_at > now for row in self.schedule.rows.values())


@asynccontextmanager
async def site_of(rows: int, **options: int) -> AsyncIterator[Site]:
    site = Site(rows, **options)
    await site.engine.start((GROUP,))
    try:
        yield site
    finally:
        await site.engine.stop()
        site.schedule.close()
    assert site.engine.counters["crashed"] == 0


@in_virtual_time
async def test_nothing_is_sent_and_nobody_spins() -> None:
    async with site_of(60) as site:
        await asyncio.sleep(10)
        assert site.registered == 60
        site.set(MAINTENANCE)
        await asyncio.sleep(SETTLED_SECONDS)
        since, claims = site.now, site.claims
        await asyncio.sleep(3 * TTL)
        assert site.heard_since(since) == []
        # The one instant that was known of before is come to, and no other.
        assert site.claims - claims <= 1
        assert site.engine.in_flight == 0


@in_virtual_time
async def test_a_return_begins_small_and_then_all_are_back() -> None:
    rows = 400
    async with site_of(rows) as site:
        await asyncio.sleep(10)
        site.set(MAINTENANCE)
        await asyncio.sleep(2 * TTL)
        assert site.registered == 0
        site.network.latency = 0.05
        at = site.now
        site.set(ENABLED)
        await asyncio.sleep(0.09)
        # Before the first answer; the window had been wide open.
        assert 0 < len(site.heard_since(at)) <= FIRST_WINDOW
        await asyncio.sleep(0.1)
        assert len(site.heard_since(at)) <= 3 * FIRST_WINDOW
        await asyncio.sleep(10)
        assert site.registered == rows
        assert site.network.most_under_way <= LARGEST_WINDOW
        assert len(site.heard_since(at)) == rows


@in_virtual_time
async def test_after_a_short_one_what_is_not_due_stays_as_it_is() -> None:
    async with site_of(50) as site:
        await asyncio.sleep(10)
        site.set(MAINTENANCE)
        await asyncio.sleep(60)
        at = site.now
        site.set(ENABLED)
        await asyncio.sleep(60)
        assert site.heard_since(at) == []
        assert site.registered == 50


@in_virtual_time
async def test_it_outlasts_a_restart() -> None:
    async with site_of(30) as site:
        await asyncio.sleep(10)
        site.set(MAINTENANCE)
        await asyncio.sleep(SETTLED_SECONDS)
        await site.restart()
        since = site.now
        await asyncio.sleep(2 * TTL)
        assert site.heard_since(since) == []
        site.set(ENABLED)
        await asyncio.sleep(10)
        assert site.registered == 30


@in_virtual_time
async def test_what_begins_in_the_midst_of_a_rush_ends_it() -> None:
    async with site_of(1000) as site:
        site.network.latency = 0.2
        await asyncio.sleep(1)
        site.set(MAINTENANCE)
        await asyncio.sleep(SETTLED_SECONDS)
        since, done = site.now, site.registered
        assert 0 < done < 1000
        await asyncio.sleep(600)
        assert site.heard_since(since) == []
        site.set(ENABLED)
        await asyncio.sleep(30)
        assert site.registered == 1000


@in_virtual_time
async def test_what_waits_for_its_turn_waits_on() -> None:
    # The two have one AOR: the second goes when the first is answered.
    async with site_of(2) as site:
        site.network.latency = 0.2
        await asyncio.sleep(0.1)
        site.set(MAINTENANCE)
        await asyncio.sleep(600)
        assert len(site.network.heard) == 1
        site.set(ENABLED)
        await asyncio.sleep(10)
        assert site.registered == 2


@in_virtual_time
async def test_nobody_asks_with_options_either() -> None:
    async with site_of(1, monitor=1) as site:
        site.network.answer = _silent_to_options
        await asyncio.sleep(36)
        # One is in flight, and would be sent again every four seconds for half a minute.
        assert [one.at > 30 for one in site.network.heard if one.request.method == "OPTIONS"][0]
        site.set(MAINTENANCE)
        await asyncio.sleep(SETTLED_SECONDS)
        since = site.now
        await asyncio.sleep(TTL)
        assert site.heard_since(since) == []
        site.set(ENABLED)
        await asyncio.sleep(120)
        assert {one.request.method for one in site.network.heard if one.at > since} == {"REGISTER", "OPTIONS"}


def _silent_to_options(request: object) -> Sequence[bytes]:
    return [ok(request)] if request.method == "REGISTER" else []  # type: ignore[attr-defined,arg-type]
