"""What is scraped of the database."""

from __future__ import annotations

import pytest

from sipregistrant.model.status import OVERDUE_MS, State
from sipregistrant.store import measured
from sipregistrant.store.measured import measure

from .support import Clock, Site, failed


async def test_counts_the_soonest_lapse_and_what_is_overdue_are_told_by_server(site: Site, clock: Clock) -> None:
    await site.put_chain(3)
    seen = await site.store.read(measure, 10)
    ((uid, key),) = seen.servers.items()
    one = seen.by_server[uid]
    assert (key, one.counts, one.first_due_at) == ("1:1", {State.UNREGISTERED: 3}, None)
    await site.register(granted=3600)
    one = (await site.store.read(measure, 10)).by_server[uid]
    assert one.counts == {State.UNREGISTERED: 0, State.REGISTERED: 3}
    assert (one.first_due_at, one.first_lapse_at) == (clock.ms + 1_800_000, clock.ms + 3_600_000)
    clock.advance(1800 + OVERDUE_MS / 1000)
    assert (await site.store.read(measure, 10)).by_server[uid].overdue == 0
    clock.advance(0.001)
    assert (await site.store.read(measure, 10)).by_server[uid].overdue == 3


async def test_one_that_failed_and_is_still_held_counts_for_the_soonest_lapse(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.register(granted=600)
    lapses_at = clock.ms + 600_000
    clock.advance(300)
    await site.settle(failed(await site.claim_one(), clock, wait=60))
    (one,) = (await site.store.read(measure, 10)).by_server.values()
    assert one.first_lapse_at == lapses_at
    assert one.counts[State.RETRY_WAIT] == 1


async def test_servers_beyond_the_bound_are_one(site: Site) -> None:
    await site.put_chain()
    await site.put_server("1:2", Host="203.0.113.6")
    await site.put_server("1:3", Host="203.0.113.7")
    await site.reconcile()
    seen = await site.store.read(measure, 1)
    assert list(seen.servers.values()) == ["1:1"]
    assert seen.by_server[0].counts == {State.UNREGISTERED: 2}


async def test_no_more_is_counted_than_may_be(site: Site, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    await site.put_chain(5)
    await site.put_server("1:2", Host="203.0.113.6")
    await site.reconcile()
    await site.register(1)
    await site.register(2)
    clock.advance(3600)
    monkeypatch.setattr(measured, "MOST_OVERDUE", 7)
    by_server = (await site.store.read(measure, 10)).by_server
    assert sum(one.overdue for one in by_server.values()) == 7


@pytest.mark.parametrize(("admin_state", "overdue"), [(1, 1), (3, 0)])
async def test_of_a_server_in_maintenance_nothing_is_due(
    site: Site, clock: Clock, admin_state: int, overdue: int
) -> None:
    await site.put_chain()
    await site.register()
    await site.post("sipserver", "1:1", AdminState=admin_state)
    await site.reconcile()
    clock.advance(3600)
    seen = await site.store.read(measure, 10)
    (one,) = seen.by_server.values()
    assert (one.overdue, one.first_lapse_at is not None) == (overdue, bool(overdue))
    assert len(seen.enabled) == overdue


async def test_the_sizes_of_the_files_and_the_room_are_told(site: Site) -> None:
    seen = await site.store.read(measure, 10)
    assert seen.file_bytes["database"] == site.database.stat().st_size
    assert seen.free_bytes > 0
    assert not seen.is_paused
