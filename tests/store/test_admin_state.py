"""A server that is disabled, drained, or in maintenance (AdminState, ours)."""

from __future__ import annotations

import pytest

from sipregistrant.model.registry import RESOURCES
from sipregistrant.model.schedule import Class
from sipregistrant.model.standing import HeldBack, Standing
from sipregistrant.store import actions, instance
from sipregistrant.store.schedule import heads
from sipregistrant.store.schema import REGISTRAR
from sipregistrant.store.tx import Key

from .support import Clock, Site, registered, removed

DISABLED, ENABLED, DRAIN, MAINTENANCE = range(4)
WAITS = "waits: the server is in maintenance"


async def make(site: Site, state: int, server: str = "1:1") -> None:
    await site.post("sipserver", server, AdminState=state)
    await site.reconcile()


async def shown(site: Site, id: str = "1:1") -> dict[str, str | int]:
    return await site.runtime("sipregistrantentry", id)


async def status(site: Site) -> str | int:
    return (await site.runtime("sipserver", "1:1"))["rt_ServerStatus"]


# Disabled and drained


@pytest.mark.parametrize("off", [DISABLED, DRAIN])
async def test_a_server_that_is_off_un_registers_there_and_nowhere_else(site: Site, clock: Clock, off: int) -> None:
    await site.put_chain(2)
    await site.put_server("1:2", Host="203.0.113.6")
    await site.reconcile()
    await site.register(1)
    await site.register(2)
    clock.advance(60)
    await make(site, off)
    rows = await site.rows()
    assert [(row.desired, row.klass, row.due_at) for row in rows if row.registrar_id == 1] == [
        (0, Class.UNREGISTER, clock.ms)
    ] * 2
    assert {row.desired for row in rows if row.registrar_id == 2} == {1}


async def test_a_server_that_is_on_again_registers_also_what_came_meanwhile(site: Site, clock: Clock) -> None:
    await site.put_chain(1)
    await site.register()
    await make(site, DISABLED)
    await site.settle(removed(await site.claim_one(), clock))
    await site.put("sipregistrantentry", "1:2", AOR="sip:u2")
    assert await site.due() == []
    assert (await shown(site, "1:2"))[
        "rt_LastReason"
    ] == "the signaling group, or the server, that uses this table is off"
    await make(site, ENABLED)
    assert [(row.desired, row.due_at) for row in await site.rows()] == [(1, clock.ms)] * 2


async def test_a_server_is_off_while_its_group_is(site: Site) -> None:
    await site.put_chain(1)
    await site.post("sipsg", "1", customAdminState=0)
    await site.reconcile()
    for state in (DISABLED, ENABLED, MAINTENANCE, ENABLED):
        await make(site, state)
        assert await site.due() == []
    await site.post("sipsg", "1", customAdminState=1)
    await site.reconcile()
    assert len(await site.due()) == 1


async def test_what_the_operator_has_made_of_a_server_is_its_status(site: Site, clock: Clock) -> None:
    await site.put_chain(1)
    await site.register()
    assert await status(site) == "Unknown"
    await make(site, DISABLED)
    assert await status(site) == "Disabled"
    await make(site, DRAIN)
    assert await status(site) == "Draining"
    await site.settle(removed(await site.claim_one(), clock))
    assert await status(site) == "Drained"
    await make(site, MAINTENANCE)
    site.store.standings = {1: Standing(is_up=True, since=clock.seconds - 60)}
    found = await site.runtime("sipserver", "1:1")
    assert (found["rt_ServerStatus"], found["rt_UpTime"], found["rt_DownTime"]) == ("Maintenance", 0, 0)
    await make(site, ENABLED)
    found = await site.runtime("sipserver", "1:1")
    assert (found["rt_ServerStatus"], found["rt_UpTime"]) == ("Up", 60)


# Maintenance


async def test_in_maintenance_nothing_is_claimed_and_nobody_asks(site: Site, clock: Clock) -> None:
    await site.put_chain(3)
    await site.register()
    before = await site.rows()
    await make(site, MAINTENANCE)
    assert await site.rows() == before
    clock.advance(7200)
    assert (await site.claim()).rows == []
    assert (await site.claim()).next_due_at is None
    assert await site.store.read(heads) == []
    assert (await site.all(REGISTRAR))[0].phase == 0


async def test_the_engine_is_told_with_the_next_claim(site: Site) -> None:
    await site.put_chain(1)
    first = await site.claim()
    assert first.settings is not None
    site.commits.clear()
    await site.post("sipserver", "1:1", AdminState=MAINTENANCE)
    assert {id for tx in site.commits for id in tx.knocks} == {1}
    assert any(tx.registrars_changed for tx in site.commits)
    claim = await site.claim(known_rev=first.settings.rev)
    assert claim.settings is not None
    assert claim.settings.server["AdminState"] == MAINTENANCE
    assert (await site.claim(known_rev=claim.settings.rev)).settings is None


async def test_maintenance_outlasts_a_restart(site: Site) -> None:
    await site.put_chain(2)
    await make(site, MAINTENANCE)
    await site.reopen()
    assert await site.store.read(heads) == []
    assert (await site.claim()).rows == []
    await make(site, ENABLED)
    assert [id for id, _ in await site.store.read(heads)] == [1]
    assert len((await site.claim()).rows) == 2


async def test_only_the_server_itself_is_left_alone(site: Site) -> None:
    await site.put_chain(1)
    await site.put_server("1:2", Host="203.0.113.6")
    await site.reconcile()
    await make(site, MAINTENANCE)
    assert [id for id, _ in await site.store.read(heads)] == [2]
    assert len((await site.claim(2)).rows) == 1


async def test_all_flows_of_a_server_are_left_alone(site: Site) -> None:
    await site.put_chain(1)
    await site.post("sipserver", "1:1", OutboundFlows=2)
    await site.reconcile()
    assert len(await site.store.read(heads)) == 2
    await make(site, MAINTENANCE)
    assert await site.store.read(heads) == []


async def test_after_it_what_holds_longest_waits_longest_and_what_lapsed_comes_behind(site: Site, clock: Clock) -> None:
    await site.put_chain(6)
    rows = (await site.claim()).rows
    grants = (600, 1200, 1800, 2400, 3000, 3600)
    await site.settle(*(registered(row, clock, granted=s) for row, s in zip(rows, grants, strict=True)))
    await make(site, MAINTENANCE)
    clock.advance(3500)
    await make(site, ENABLED)
    held = (await site.claim(limit=1)).rows
    assert [row.entry_uid for row in held] == [6]
    assert [row.klass for row in (await site.claim(limit=6)).rows if row.entry_uid != 6] == [Class.NEW] * 5


@pytest.mark.parametrize("lapses", [False, True])
async def test_an_entry_says_why_it_waits(site: Site, clock: Clock, lapses: bool) -> None:
    await site.put_chain(1)
    await site.register(granted=600)
    await make(site, MAINTENANCE)
    assert (await shown(site))["rt_LastReason"] == "OK"
    site.store.standings = {1: Standing(held_back=(HeldBack.SILENT, 0.0))}
    clock.advance(700 if lapses else 599)
    found = await shown(site)
    assert (found["rt_LastReason"], found["rt_RegistrationState"]) == (WAITS, "failing" if lapses else "degraded")


async def test_what_is_deleted_in_maintenance_is_un_registered_after_it(site: Site) -> None:
    await site.put_chain(1)
    await site.register()
    await make(site, MAINTENANCE)
    await site.delete("sipregistrantentry", "1:1")
    assert (await site.claim()).rows == []
    await make(site, ENABLED)
    assert (await site.claim_one()).is_tombstone


async def test_a_server_that_is_deleted_is_in_maintenance_no_more(site: Site) -> None:
    await site.put_chain(1)
    await site.register()
    await make(site, MAINTENANCE)
    await site.delete("sipserver", "1:1")
    await site.reconcile()
    assert (await site.claim_one()).is_tombstone


async def test_actions_wait_for_the_end_of_it(site: Site) -> None:
    await site.put_chain(1)
    await site.register()
    await make(site, MAINTENANCE)
    await site.store.write(actions.act, RESOURCES["sipregistrantentry"], Key(1, 1), "refresh")
    assert (await site.claim()).rows == []
    await make(site, ENABLED)
    assert len((await site.claim()).rows) == 1


async def test_who_stops_takes_no_leave_of_a_server_in_maintenance(site: Site) -> None:
    await site.put_chain(1)
    await site.put_server("1:2", Host="203.0.113.6")
    await site.reconcile()
    await site.register(1)
    await site.register(2)
    await make(site, MAINTENANCE)
    await site.store.write(instance.leave_step, 0)
    assert [(row.registrar_id, row.desired) for row in await site.rows()] == [(1, 1), (2, 0)]
    assert await site.store.read(instance.is_leaving)
    await make(site, MAINTENANCE, "1:2")
    assert not await site.store.read(instance.is_leaving)
