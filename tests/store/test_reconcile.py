"""Fan-outs: what a change of a server, group, profile, table or credential means for many registrations."""

from __future__ import annotations

import pytest

from sipregistrant.model.addressing import SHAPES_REGISTER
from sipregistrant.model.schedule import Class
from sipregistrant.store import reconcile
from sipregistrant.store.reconcile import ROWS_CLEARED, ROWS_PER_STEP
from sipregistrant.store.registrars import APPLY, IDLE
from sipregistrant.store.schema import OBJECTS, PURGE, REGISTRAR, REGISTRATION, TOMBSTONE

from .support import Clock, Site, registered, removed

MANY = 1000


async def put_many(site: Site) -> None:
    await site.put_table(1)
    await site.put_copies(MANY - 1)


async def phases(site: Site) -> list[int]:
    return [row.phase for row in await site.all(REGISTRAR)]


async def orphans(site: Site) -> list[object]:
    """Return the rows whose entry is not there."""
    uids = {row.uid for row in await site.all(OBJECTS["sipregistrantentry"])}
    return [row for row in await site.rows() if row.entry_uid is not None and row.entry_uid not in uids]


# A table is named


async def test_a_thousand_entries_get_their_rows_a_step_at_a_time(site: Site) -> None:
    await put_many(site)
    await site.put("sipserver", "1:1", Host="h", ContactRegistrantTableID=1)
    assert await site.rows() == []
    numbers = []
    while await site.store.write(reconcile.step):
        numbers.append(len(await site.rows()))
    assert numbers[-1] == MANY
    assert max(after - before for before, after in zip([0, *numbers], numbers, strict=False)) <= ROWS_PER_STEP
    assert {row.entry_uid for row in await site.rows()} == {
        row.uid for row in await site.all(OBJECTS["sipregistrantentry"])
    }


async def test_a_request_that_starts_a_fan_out_says_so_to_the_reconciler(site: Site) -> None:
    await site.put_table(1)
    site.commits.clear()
    await site.put("sipserver", "1:1", Host="h", ContactRegistrantTableID=1)
    assert [tx.fan_out for tx in site.commits] == [True]


async def test_a_fan_out_goes_on_where_it_was_after_a_restart(site: Site) -> None:
    await put_many(site)
    await site.put("sipserver", "1:1", Host="h", ContactRegistrantTableID=1)
    for _ in range(2):
        await site.store.write(reconcile.step)
    before = await site.rows()
    assert 0 < len(before) < MANY
    await site.reopen()
    assert await site.reconcile() < MANY / ROWS_PER_STEP + MANY / ROWS_PER_STEP + 3
    rows = await site.rows()
    assert len(rows) == MANY
    assert rows[: len(before)] == before


async def test_get_shows_the_new_configuration_before_it_is_carried_out(site: Site) -> None:
    await put_many(site)
    await site.put("sipserver", "1:1", Host="h", ContactRegistrantTableID=1)
    assert (await site.get("sipserver", "1:1"))["ContactRegistrantTableID"] == 1


async def test_an_entry_that_is_put_during_a_fan_out_has_one_row(site: Site) -> None:
    await put_many(site)
    await site.put("sipserver", "1:1", Host="h", ContactRegistrantTableID=1)
    await site.store.write(reconcile.step)
    await site.put("sipregistrantentry", "1:5000", AOR="sip:late")
    await site.reconcile()
    assert len(await site.rows()) == MANY + 1


async def test_what_is_done_has_no_more_steps(site: Site) -> None:
    await site.put_chain()
    assert not await site.store.write(reconcile.step)
    assert await phases(site) == [IDLE]


# A server goes, or changes


async def test_a_server_that_is_deleted_leaves_tombstones_with_their_credentials(site: Site) -> None:
    await site.put_chain(2)
    await site.register()
    await site.delete("sipserver", "1:1")
    await site.reconcile()
    rows = (await site.claim()).rows
    assert [(row.is_tombstone, row.desired, row.klass) for row in rows] == [(True, False, Class.UNREGISTER)] * 2
    assert [[c.password for c in row.credentials] for row in rows] == [["secret-of-u1"], ["secret-of-u2"]]


async def test_a_server_that_is_deleted_before_anything_was_sent_leaves_nothing(site: Site) -> None:
    await site.put_chain(2)
    await site.delete("sipserver", "1:1")
    await site.reconcile()
    assert await site.rows() == []
    assert await site.all(REGISTRAR) == []


async def test_when_the_last_tombstone_of_a_deleted_server_is_done_nothing_is_left_of_it(
    site: Site, clock: Clock
) -> None:
    await site.put_chain(2)
    await site.register()
    await site.delete("sipserver", "1:1")
    await site.reconcile()
    await site.settle(*(removed(row, clock) for row in (await site.claim()).rows))
    await site.reconcile()
    assert await site.rows() == []
    assert await site.all(REGISTRAR) == []


async def test_another_domain_un_registers_at_the_old_and_registers_at_the_new(site: Site) -> None:
    await site.put_chain()
    await site.register()
    await site.post("sipserver", "1:1", DomainName="example.net")
    await site.reconcile()
    assert [(row.entry_uid, row.desired) for row in await site.rows()] == [(None, 0), (1, 1)]


async def test_another_host_of_the_same_domain_is_registered_at_once(site: Site, clock: Clock) -> None:
    await site.put_chain(2)
    await site.register()
    clock.advance(60)
    await site.post("sipserver", "1:1", Host="203.0.113.99")
    await site.reconcile()
    assert await site.due() == [1, 2]


@pytest.mark.parametrize("change", [{"Priority": 3}, {"Weight": 5}, {"StaggerRegistration": 1}])
async def test_what_shapes_no_register_sends_none(site: Site, clock: Clock, change: dict[str, int]) -> None:
    await site.put_chain()
    await site.register()
    before = await site.rows()
    clock.advance(60)
    await site.post("sipserver", "1:1", **change)
    await site.reconcile()
    assert await site.rows() == before


async def test_any_change_of_a_server_reaches_the_engine_with_the_next_claim(site: Site) -> None:
    await site.put_chain()
    first = (await site.claim()).settings
    assert first is not None
    assert (await site.claim(known_rev=first.rev)).settings is None
    await site.post("sipserver", "1:1", AuthorizationOnRefresh=0)
    second = (await site.claim(known_rev=first.rev)).settings
    assert second is not None
    assert second.server["AuthorizationOnRefresh"] == 0


# A TLS profile changes


async def registered_over_tls(site: Site, clock: Clock) -> None:
    await site.put_chain(2)
    await site.post("sipserver", "1:1", Protocol=4, TLSProfileID=1)
    await site.reconcile()
    await site.register()
    clock.advance(60)
    assert await site.due() == []


@pytest.mark.parametrize("name", sorted(SHAPES_REGISTER["siptlsprofile"]))
async def test_what_shapes_the_connection_is_registered_over_another_at_once(
    site: Site, clock: Clock, name: str
) -> None:
    await registered_over_tls(site, clock)
    before = await site.get("siptlsprofile", "1")
    await site.post("siptlsprofile", "1", **{name: 0 if before[name] else 1})
    await site.reconcile()
    assert await site.due() == [1, 2]


async def test_what_shapes_no_connection_sends_nothing_and_reaches_the_engine_with_the_next_claim(
    site: Site, clock: Clock
) -> None:
    await registered_over_tls(site, clock)
    first = (await site.claim()).settings
    assert first is not None
    await site.post(
        "siptlsprofile", "1", Description="x", TLSVersion=2, HandshakeTimeout=7, ClientCipher=6, ClientCipherSequence="6,5",
        ValidateClientFQDN=1, FallbackCompatibleMode=1,
    )  # fmt: skip
    await site.reconcile()
    assert await site.due() == []
    second = (await site.claim(known_rev=first.rev)).settings
    assert second is not None
    assert second.tls is not None
    assert second.tls["HandshakeTimeout"] == 7


# A table is swapped


async def test_a_table_that_is_swapped_binds_the_new_entries_and_takes_leave_of_the_old(site: Site) -> None:
    await site.put_chain(2)
    await site.register()
    await site.put("sipcontactregistrant", "2")
    await site.put("sipregistrantentry", "2:1", AOR="sip:new", AorType=2)
    await site.post("sipserver", "1:1", ContactRegistrantTableID=2)
    await site.reconcile()
    assert [(row.entry_uid, row.desired) for row in await site.rows()] == [(None, 0), (None, 0), (3, 1)]


async def test_the_same_aor_in_the_new_table_is_never_removed(site: Site) -> None:
    await site.put_chain(1, URI1="sip:c@h")
    await site.register(contacts=["sip:c@h"])
    await site.put("sipcontactregistrant", "2")
    await site.put("sipregistrantentry", "2:1", AOR="sip:u1", AorType=2, URI1="sip:c@h")
    await site.post("sipserver", "1:1", ContactRegistrantTableID=2)
    await site.reconcile()
    rows = (await site.claim()).rows
    (leaving,) = [row for row in rows if row.is_tombstone]
    assert [rival.entry["URI1"] for rival in leaving.rivals] == ["sip:c@h"]


async def test_a_table_that_is_taken_from_its_server_and_deleted_is_un_registered(site: Site) -> None:
    await site.put_chain(2)
    await site.register()
    await site.post("sipserver", "1:1", ContactRegistrantTableID=0)
    await site.delete("sipcontactregistrant", "1")
    await site.reconcile()
    assert [(row.entry_uid, row.desired) for row in await site.rows()] == [(None, 0), (None, 0)]
    assert len(await site.all(TOMBSTONE)) == 2
    assert await site.all(OBJECTS["sipregistrantentry"]) == []
    assert await site.all(PURGE) == []


async def test_nothing_clears_entries_away_before_their_rows_have_taken_leave(site: Site) -> None:
    await site.put_chain(2)
    await site.register()
    await site.put("sipservertable", "2")
    await site.post("sipserver", "1:1", ContactRegistrantTableID=0)
    await site.delete("sipcontactregistrant", "1")
    await site.delete("sipservertable", "2")
    assert await orphans(site) == []
    await site.reconcile()
    assert await orphans(site) == []
    assert len(await site.all(TOMBSTONE)) == 2


async def test_a_deleted_table_of_a_thousand_entries_is_cleared_a_step_at_a_time(site: Site) -> None:
    await put_many(site)
    await site.delete("sipcontactregistrant", "1")
    left = [MANY]
    while await site.store.write(reconcile.step):
        left.append(len(await site.all(OBJECTS["sipregistrantentry"])))
    assert left[-1] == 0
    assert max(before - after for before, after in zip(left, left[1:], strict=False)) <= ROWS_CLEARED


# A group is switched


@pytest.mark.parametrize(
    "off", [{"customAdminState": 0}, {"customAdminState": 2}, {"ConfigIEState": 0}], ids=["off", "drain", "older name"]
)
async def test_a_group_that_is_switched_off_un_registers_and_its_entries_stay(
    site: Site, clock: Clock, off: dict[str, int]
) -> None:
    await site.put_chain(2)
    await site.register()
    clock.advance(60)
    await site.post("sipsg", "1", **off)
    await site.reconcile()
    rows = await site.rows()
    assert [(row.entry_uid, row.desired, row.klass, row.due_at) for row in rows] == [
        (1, 0, Class.UNREGISTER, clock.ms), (2, 0, Class.UNREGISTER, clock.ms),
    ]  # fmt: skip


async def test_a_group_that_is_switched_on_again_registers(site: Site, clock: Clock) -> None:
    await site.put_chain(2)
    await site.register()
    await site.post("sipsg", "1", customAdminState=0)
    await site.reconcile()
    await site.settle(*(removed(row, clock) for row in (await site.claim()).rows))
    assert await site.due() == []
    await site.post("sipsg", "1", customAdminState=1)
    await site.reconcile()
    assert [(row.desired, row.klass, row.due_at) for row in await site.rows()] == [(1, Class.NEW, clock.ms)] * 2


async def test_an_entry_that_is_put_while_its_group_is_off_waits_for_it(site: Site) -> None:
    await site.put_chain(0)
    await site.post("sipsg", "1", customAdminState=0)
    await site.reconcile()
    await site.put("sipregistrantentry", "1:1", AOR="sip:u1")
    assert await site.due() == []
    await site.post("sipsg", "1", customAdminState=1)
    await site.reconcile()
    assert len(await site.due()) == 1


async def test_a_second_group_on_the_same_servers_registers_too(site: Site) -> None:
    await site.put_chain()
    await site.put("sipsg", "2", Description="second", ServerClusterId=1, ListenPort_1=5070)
    await site.reconcile()
    assert sorted(row.registrar_id for row in await site.rows()) == [1, 2]


async def test_a_group_that_is_deleted_un_registers(site: Site) -> None:
    await site.put_chain()
    await site.register()
    await site.delete("sipsg", "1")
    await site.reconcile()
    assert [(row.entry_uid, row.desired) for row in await site.rows()] == [(None, 0)]


async def test_a_group_that_changes_says_so_to_its_sockets(site: Site) -> None:
    site.commits.clear()
    await site.post("sipsg", "1", ListenPort_1=5070)
    assert [tx.groups_changed for tx in site.commits] == [True]


async def test_a_profile_that_changes_the_from_is_sent_at_once(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.register()
    clock.advance(60)
    await site.post("sipprofile", "1", FQDNinFromHeader=3, StaticHost="static.example")
    await site.reconcile()
    assert await site.due() == [1]


async def test_a_profile_that_changes_the_user_agent_waits_for_the_next_refresh(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.register()
    clock.advance(60)
    await site.post("sipprofile", "1", UserAgentHeader="x")
    await site.reconcile()
    assert await site.due() == []


# A credential changes


async def test_another_password_makes_only_its_users_row_due(site: Site, clock: Clock) -> None:
    await site.put_chain(3)
    await site.register()
    clock.advance(60)
    await site.post("sipremoteauthentry", "1:2", EncryptedPassword="other")
    assert await site.due() == [2]


async def test_another_user_of_a_credential_concerns_both(site: Site, clock: Clock) -> None:
    await site.put_chain(3)
    await site.register()
    clock.advance(60)
    await site.post("sipremoteauthentry", "1:2", User="u3")
    assert await site.due() == [2, 3]


async def test_a_credential_that_comes_or_goes_makes_its_users_row_due(site: Site, clock: Clock) -> None:
    await site.put_chain(2)
    await site.register()
    clock.advance(60)
    await site.delete("sipremoteauthentry", "1:1")
    assert await site.due() == [1]
    await site.put("sipremoteauthentry", "1:7", User="u2", EncryptedPassword="x")
    assert await site.due() == [1, 2]


async def test_a_credential_chosen_by_a_regular_expression_concerns_all_rows_of_its_table(
    site: Site, clock: Clock
) -> None:
    await site.put_chain(2)
    await site.register()
    clock.advance(60)
    await site.put("sipremoteauthentry", "1:7", User="x", EncryptedPassword="x", FromURIUserMatch=1, MatchRegex="u.*")
    await site.reconcile()
    assert await site.due() == [1, 2]


async def test_a_credential_of_more_rows_than_a_step_may_touch_is_carried_out_in_steps(
    site: Site, clock: Clock
) -> None:
    await site.put_chain(1)
    await site.put_copies(ROWS_PER_STEP)
    await site.store.write(lambda tx: tx.conn.exec_driver_sql("UPDATE sipregistrantentry SET from_user = 'u1'"))
    await site.post("sipserver", "1:1", Host="h")
    await site.reconcile()
    await site.register()
    clock.advance(60)
    await site.post("sipremoteauthentry", "1:1", EncryptedPassword="other")
    assert await site.due() == []
    await site.reconcile()
    assert len(await site.due()) == ROWS_PER_STEP + 1


async def test_a_credential_of_a_table_that_no_server_names_concerns_nobody(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.register()
    before = await site.rows()
    await site.put("sipremoteauthtable", "2")
    await site.put("sipremoteauthentry", "2:1", User="u1", EncryptedPassword="x")
    await site.reconcile()
    assert await site.rows() == before


async def test_the_mask_posted_back_makes_nothing_due(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.register()
    clock.advance(60)
    await site.post("sipremoteauthentry", "1:1", EncryptedPassword="**********")
    assert await site.due() == []


# Both at once


async def test_a_change_in_the_middle_of_a_fan_out_begins_it_anew(site: Site) -> None:
    await put_many(site)
    await site.put("sipserver", "1:1", Host="h", ContactRegistrantTableID=1)
    await site.store.write(reconcile.step)
    await site.post("sipserver", "1:1", DomainName="example.net")
    (registrar,) = await site.all(REGISTRAR)
    assert (registrar.phase, registrar.cursor) == (APPLY, 0)
    await site.reconcile()
    assert len({row.binding_key for row in await site.rows()}) == len(await site.rows()) == MANY


async def test_a_server_that_is_deleted_in_the_middle_of_a_fan_out_leaves_nothing(site: Site) -> None:
    await put_many(site)
    await site.put("sipserver", "1:1", Host="h", ContactRegistrantTableID=1)
    await site.store.write(reconcile.step)
    await site.delete("sipserver", "1:1")
    await site.reconcile()
    assert await site.rows() == []
    assert await site.all(REGISTRAR) == []


async def test_a_fan_out_touches_what_is_in_flight(site: Site, clock: Clock) -> None:
    await site.put_chain()
    in_flight = await site.claim_one()
    await site.post("sipserver", "1:1", Host="203.0.113.99")
    await site.reconcile()
    assert await site.settle(registered(in_flight, clock)) == [1]
    assert await site.due() == [1]


async def test_all_rows_of_a_table_have_an_entry(site: Site) -> None:
    await site.put_chain(3)
    assert await orphans(site) == []
    assert {column.name for column in REGISTRATION.columns} >= {"wanted_rev", "applied_rev"}


# Flows of RFC 5626


async def flows_of(site: Site) -> dict[int, list[int]]:
    """Return, for each flow, the ids of the entries that are registered over it."""
    rows = await site.store.read(lambda tx: tx.sqlite.execute(FLOWS_OF).fetchall())
    found: dict[int, list[int]] = {}
    for flow, id in rows:
        found.setdefault(flow, []).append(id)
    return found


FLOWS_OF = """
SELECT registrar.flow, entry.id FROM registration JOIN registrar ON registrar.id = registration.registrar_id
JOIN sipregistrantentry AS entry ON entry.uid = registration.entry_uid ORDER BY registrar.flow, entry.id
"""


async def test_an_entry_is_registered_over_each_flow_of_its_server(site: Site) -> None:
    await site.put_chain(2)
    await site.post("sipserver", "1:1", OutboundFlows=3)
    await site.reconcile()
    assert await flows_of(site) == {0: [1, 2], 1: [1, 2], 2: [1, 2]}
    assert (await site.get("sipregistrantentry", "1:1"))["AOR"]


async def test_one_with_two_contacts_is_registered_once(site: Site) -> None:
    await site.put_chain(2)
    await site.post("sipserver", "1:1", OutboundFlows=2)
    await site.reconcile()
    await site.post("sipregistrantentry", "1:1", URI1="sip:a@192.0.2.1", URI2="sip:b@192.0.2.1")
    assert await flows_of(site) == {0: [1, 2], 1: [2]}
    await site.post("sipregistrantentry", "1:1", URI2="")
    assert await flows_of(site) == {0: [1, 2], 1: [1, 2]}


async def test_fewer_flows_take_leave_of_what_they_held(site: Site, clock: Clock) -> None:
    await site.put_chain(1)
    await site.post("sipserver", "1:1", OutboundFlows=2)
    await site.reconcile()
    for registrar_id in (1, 2):
        (row,) = (await site.claim(registrar_id)).rows
        await site.settle(registered(row, clock))
    await site.post("sipserver", "1:1", OutboundFlows=0)
    await site.reconcile()
    assert await flows_of(site) == {0: [1]}
    (row,) = (await site.claim(2)).rows
    assert row.is_tombstone


async def test_the_first_flow_is_the_row_that_was_there_without_flows(site: Site) -> None:
    await site.put_chain(1)
    before = [row.id for row in await site.all(REGISTRATION)]
    await site.post("sipserver", "1:1", OutboundFlows=1)
    await site.reconcile()
    assert [row.id for row in await site.all(REGISTRATION)] == before
