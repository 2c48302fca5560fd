"""What concerns the whole instance: its clock, its address, and taking leave of all registrars at once."""

from __future__ import annotations

import pytest

from sipregistrant.errors import ConfigurationError
from sipregistrant.model.schedule import Class
from sipregistrant.store import instance
from sipregistrant.store.schema import PURGE

from .support import Clock, Site, removed


async def leave(site: Site) -> int:
    """Un-register everything; return in how many steps."""
    steps, after = 0, 0
    last: int | None = after
    while last is not None:
        last = await site.store.write(instance.leave_step, last)
        steps += 1
    return steps


async def arrive(site: Site) -> None:
    last: int | None = 0
    while last is not None:
        last = await site.store.write(instance.arrive_step, last)


async def test_leaving_un_registers_everything(site: Site, clock: Clock) -> None:
    await site.put_chain(3)
    await site.register()
    await leave(site)
    rows = await site.rows()
    assert [(row.desired, row.klass, row.due_at) for row in rows] == [(0, Class.UNREGISTER, clock.ms)] * 3


async def test_leaving_is_bounded_in_each_step(site: Site) -> None:
    await site.put_chain(1)
    await site.put_copies(1200)
    await site.post("sipserver", "1:1", Host="h")
    await site.reconcile()
    assert await leave(site) == 4


async def test_leaving_is_over_when_everything_was_un_registered(site: Site, clock: Clock) -> None:
    await site.put_chain(2)
    await site.register()
    assert not await site.store.read(instance.is_leaving)
    await leave(site)
    assert await site.store.read(instance.is_leaving)
    await site.settle(*(removed(row, clock) for row in (await site.claim()).rows))
    assert not await site.store.read(instance.is_leaving)


async def test_what_was_never_sent_needs_no_leave(site: Site) -> None:
    await site.put_chain(2)
    await leave(site)
    assert not await site.store.read(instance.is_leaving)


async def test_arriving_registers_again_what_was_left(site: Site, clock: Clock) -> None:
    await site.put_chain(2)
    await site.register()
    await leave(site)
    await site.settle(*(removed(row, clock) for row in (await site.claim()).rows))
    await site.reopen()
    await arrive(site)
    assert [(row.desired, row.klass) for row in await site.rows()] == [(1, Class.NEW)] * 2


async def test_arriving_leaves_alone_what_is_switched_off(site: Site) -> None:
    await site.put_chain(2)
    await site.post("sipsg", "1", customAdminState=0)
    await site.reconcile()
    await arrive(site)
    assert [row.desired for row in await site.rows()] == [0, 0]


async def test_arriving_brings_no_tombstone_back(site: Site) -> None:
    await site.put_chain(2)
    await site.register()
    await site.delete("sipregistrantentry", "1:1")
    await arrive(site)
    assert [row.desired for row in await site.rows()] == [0, 1]


async def test_that_everything_was_left_is_remembered(site: Site) -> None:
    assert not await site.store.read(instance.has_left)
    await site.store.write(instance.mark_left, True)
    await site.reopen()
    assert await site.store.read(instance.has_left)
    await site.store.write(instance.mark_left, False)
    assert not await site.store.read(instance.has_left)


async def test_another_address_of_ours_is_told_to_all_registrars(site: Site, clock: Clock) -> None:
    await site.put_chain(2)
    await site.register()
    clock.advance(60)
    await site.store.write(instance.take_address, "us.example")
    await site.reconcile()
    assert await site.due() == [1, 2]


async def test_the_same_address_as_before_is_told_to_nobody(site: Site, clock: Clock) -> None:
    await site.put_chain(2)
    await site.store.write(instance.take_address, "us.example")
    await site.reconcile()
    await site.register()
    before = await site.rows()
    clock.advance(60)
    await site.store.write(instance.take_address, "us.example")
    await site.reconcile()
    assert await site.rows() == before


@pytest.mark.parametrize("address", ["us example", "us.example:5060", "sip:us.example", "[::1"])
async def test_an_address_that_no_uri_can_hold_is_refused(site: Site, address: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        await site.store.write(instance.take_address, address)
    assert refused.value.setting == "--advertise"


@pytest.mark.parametrize("address", ["us.example", "192.0.2.1", "2001:db8::1", "[2001:db8::1]", ""])
async def test_a_name_or_an_address_is_taken(site: Site, address: str) -> None:
    await site.store.write(instance.take_address, address)


async def test_the_clock_is_kept_for_the_next_start(site: Site, clock: Clock) -> None:
    await site.store.write(instance.save_clock, "boot", 17)
    await site.store.write(instance.save_clock, "boot", 18)
    await site.reopen()
    assert clock.saved == ("boot", 18)


async def test_a_trial_reaches_the_disk_and_leaves_nothing(site: Site) -> None:
    before = await site.store.read(lambda tx: tx.conn.exec_driver_sql("PRAGMA data_version").scalar())
    size = (site.directory / "sipregistrant.db-wal").stat().st_size
    await site.store.write(instance.try_to_write)
    await site.store.write(instance.try_to_write)
    assert (site.directory / "sipregistrant.db-wal").stat().st_size > size
    assert before is not None
    assert await site.all(PURGE) == []
