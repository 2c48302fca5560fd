"""Actions: register, unregister, refresh, on an entry at once and on tables and servers in steps."""

from __future__ import annotations

import pytest

from sipregistrant.errors import ActionUnknown, ObjectMissing
from sipregistrant.model.registry import RESOURCES
from sipregistrant.model.schedule import Class
from sipregistrant.store import actions
from sipregistrant.store.schema import REGISTRAR

from .support import Clock, Site, failed, key, removed

ENTRY, TABLE, SERVER = "sipregistrantentry", "sipcontactregistrant", "sipserver"
EVERYWHERE = [(ENTRY, "1:1"), (TABLE, "1"), (SERVER, "1:1")]


async def act(site: Site, resource: str, id: str, word: str) -> None:
    await site.store.write(actions.act, RESOURCES[resource], key(id), word)
    await site.reconcile()


async def shown(site: Site, id: str = "1:1") -> tuple[str | int, str | int]:
    found = await site.runtime(ENTRY, id)
    return found["rt_RegistrationState"], found["rt_LastReason"]


@pytest.mark.parametrize(("resource", "id"), EVERYWHERE)
async def test_refresh_makes_registrations_due_now(site: Site, resource: str, id: str) -> None:
    await site.put_chain()
    await site.register()
    assert await site.due() == []
    site.commits.clear()
    await act(site, resource, id, "refresh")
    assert await site.due() == [1]
    assert (await site.row()).klass == Class.HELD
    assert any(1 in tx.knocks for tx in site.commits), "the engine hears of it"


async def test_refresh_lets_waits_go_on_growing(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.settle(failed(await site.claim_one(), clock))
    await act(site, ENTRY, "1:1", "refresh")
    row = await site.row()
    assert (row.due_at, row.failures) == (clock.ms, 1)


@pytest.mark.parametrize(("resource", "id"), EVERYWHERE)
async def test_unregister_un_registers_and_register_registers_again(
    site: Site, clock: Clock, resource: str, id: str
) -> None:
    await site.put_chain()
    await site.register()
    await act(site, resource, id, "unregister")
    claimed = await site.claim_one()
    assert not claimed.desired
    assert (await shown(site))[0] == "unregistering"
    await site.settle(removed(claimed, clock))
    assert await shown(site) == ("disabled", "un-registered by action; action register registers it again")
    assert await site.due() == []
    await act(site, resource, id, "register")
    assert (await site.claim_one()).desired
    assert (await shown(site))[0] == "registering"


async def test_what_was_never_registered_is_parked_by_unregister(site: Site) -> None:
    await site.put_chain()
    await act(site, ENTRY, "1:1", "unregister")
    row = await site.row()
    assert (row.desired, row.due_at) == (0, None)


@pytest.mark.parametrize(
    ("resource", "id", "change"),
    [
        (ENTRY, "1:1", {"URI1": "sip:other@192.0.2.9"}),
        (ENTRY, "1:1", {"AOR": "sip:other"}),
        (SERVER, "1:1", {"Port": 5070}),
        (SERVER, "1:1", {"DomainName": "other.example"}),
        ("sipremoteauthentry", "1:1", {"EncryptedPassword": "another"}),
        ("sipprofile", "1", {"FQDNinFromHeader": 2}),
    ],
)
async def test_what_was_un_registered_stays_so_whatever_is_changed(
    site: Site, clock: Clock, resource: str, id: str, change: dict[str, str | int]
) -> None:
    await site.put_chain()
    await act(site, ENTRY, "1:1", "unregister")
    await site.post(resource, id, **change)
    await site.reconcile()
    await site.reopen()
    assert (await site.claim()).rows == []
    assert (await shown(site))[0] == "disabled"
    await act(site, ENTRY, "1:1", "register")
    assert (await site.claim_one()).desired


async def test_a_group_that_is_off_and_on_again_leaves_it_off(site: Site) -> None:
    await site.put_chain(2)
    await act(site, ENTRY, "1:1", "unregister")
    await site.post("sipsg", "1", customAdminState=0)
    await site.reconcile()
    await site.post("sipsg", "1", customAdminState=1)
    await site.reconcile()
    assert [row.id for row in (await site.claim()).rows if row.desired] == [2]


async def test_an_entry_made_anew_is_not_off(site: Site) -> None:
    await site.put_chain()
    await site.register()
    await act(site, ENTRY, "1:1", "unregister")
    await site.delete(ENTRY, "1:1")
    await site.put(ENTRY, "1:1", AOR="sip:u1", AorType=2)
    (claimed,) = (await site.claim()).rows
    assert claimed.desired


async def test_register_wants_nothing_of_a_group_that_is_off(site: Site) -> None:
    await site.put_chain()
    await site.post("sipsg", "1", customAdminState=0)
    await site.reconcile()
    await act(site, ENTRY, "1:1", "register")
    assert (await site.claim()).rows == []


async def test_an_entry_acts_on_itself_alone(site: Site) -> None:
    await site.put_chain(3)
    await site.register()
    await act(site, ENTRY, "1:2", "refresh")
    assert await site.due() == [2]


async def test_a_server_acts_on_its_own_registrations_alone(site: Site) -> None:
    await site.put_chain(2)
    await site.put_server("1:2", Host="203.0.113.6")
    await site.reconcile()
    await site.register(1)
    await site.register(2)
    await act(site, SERVER, "1:2", "unregister")
    assert {row.registrar_id for row in await site.rows() if row.due_at == site.clock.ms} == {2}


async def test_a_large_table_is_gone_through_in_steps_that_survive_a_restart(site: Site) -> None:
    await site.put_chain()
    await site.put_copies(1200)
    await site.post("sipserver", "1:1", Port=5070)
    await site.reconcile()
    await site.register()
    await site.store.write(actions.act, RESOURCES[TABLE], key("1"), "refresh")
    assert await site.due() == []
    assert (await site.runtime(TABLE, "1"))["rt_Pending"] == 1
    assert (await site.runtime(SERVER, "1:1"))["rt_Pending"] == 1
    assert (await site.runtime("sipsg", "1"))["rt_Pending"] == 1
    assert await site.store.write(actions.step)
    assert len(await site.due()) == actions.ROWS_PER_STEP
    await site.reopen()
    await site.reconcile()
    assert len(await site.due()) == 1201
    assert (await site.runtime(TABLE, "1"))["rt_Pending"] == 0


async def test_the_later_of_register_and_unregister_counts_and_refresh_gives_way(site: Site) -> None:
    await site.put_chain()
    for word, kept in (("refresh", 3), ("unregister", 2), ("refresh", 2), ("register", 1)):
        await site.store.write(actions.act, RESOURCES[TABLE], key("1"), word)
        assert [row.action for row in await site.all(REGISTRAR)] == [kept]


async def test_a_table_that_no_server_uses_has_nothing_to_do(site: Site) -> None:
    await site.put_table(1)
    site.commits.clear()
    await act(site, TABLE, "1", "refresh")
    assert not any(tx.fan_out for tx in site.commits)


@pytest.mark.parametrize("word", ["", "reboot", "Refresh", "REGISTER"])
@pytest.mark.parametrize(("resource", "id"), [*EVERYWHERE, (ENTRY, "9:9")])
async def test_an_unknown_action_is_refused(site: Site, resource: str, id: str, word: str) -> None:
    await site.put_chain()
    with pytest.raises(ActionUnknown):
        await act(site, resource, id, word)


@pytest.mark.parametrize("resource", sorted(set(RESOURCES) - {ENTRY, TABLE, SERVER}))
async def test_other_resources_have_no_actions(site: Site, resource: str) -> None:
    with pytest.raises(ActionUnknown):
        await act(site, resource, "1:1" if RESOURCES[resource].parent else "1", "refresh")


@pytest.mark.parametrize(("resource", "id"), [(ENTRY, "1:9"), (ENTRY, "9:1"), (TABLE, "9"), (SERVER, "1:9")])
async def test_what_is_not_there_is_missing(site: Site, resource: str, id: str) -> None:
    await site.put_chain()
    with pytest.raises(ObjectMissing):
        await act(site, resource, id, "refresh")
