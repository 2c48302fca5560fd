"""A pause: nothing is handed out, over restarts too."""

from __future__ import annotations

from sipregistrant.store import audit, instance
from sipregistrant.store.schedule import StoreSchedule

from .support import Site


async def rows_of(site: Site) -> int:
    schedule = StoreSchedule(site.store)
    (row, *_) = await site.rows()
    claim = await schedule.claim(
        row.registrar_id, known_rev=0, limit=10, in_flight=[], may_stagger=True, refused_since=0
    )
    return len(claim.rows)


async def test_while_it_is_paused_nothing_is_handed_out(site: Site) -> None:
    await site.put_chain(2)
    await site.store.write(instance.pause)
    schedule = StoreSchedule(site.store)
    assert await schedule.heads() == []
    assert await rows_of(site) == 0
    assert (await schedule.monitored({})).settings == []
    await site.store.write(instance.resume)
    assert len(await schedule.heads()) == 1
    assert await rows_of(site) == 2


async def test_what_a_deleted_server_holds_is_left_alone_as_well(site: Site) -> None:
    await site.put_chain(1)
    await site.register()
    await site.store.write(instance.pause)
    await site.delete("sipserver", "1:1")
    await site.reconcile()
    assert await StoreSchedule(site.store).heads() == []
    await site.store.write(instance.resume)
    assert len(await StoreSchedule(site.store).heads()) == 1


async def test_it_outlasts_a_restart_and_is_in_the_audit_log_once(site: Site) -> None:
    await site.store.write_as("local", instance.pause)
    await site.store.write_as("local", instance.pause)
    await site.reopen()
    assert await site.store.read(instance.is_paused)
    lines = await site.store.read(audit.page, 2**62, 10, resource="service")
    assert [(line.who, line.action) for line in lines] == [("local", "pause")]


async def test_what_waits_says_why(site: Site) -> None:
    await site.put_chain(1)
    site.clock.advance(1)
    await site.store.write(instance.pause)
    assert (await site.runtime("sipregistrantentry", "1:1"))["rt_LastReason"] == "waits: the service is paused"
