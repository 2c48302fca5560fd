"""The life of a registration's row: made, touched, retired to a tombstone, adopted, removed."""

from __future__ import annotations

import json

import pytest

from sipregistrant.model.schedule import Class
from sipregistrant.model.status import State
from sipregistrant.store import registrations
from sipregistrant.store.schema import BOUND, REGISTRAR_COUNT, TOMBSTONE

from .support import Clock, Site, failed, registered, removed


async def test_an_entrys_row_is_made_in_its_own_transaction_and_is_due_at_once(site: Site, clock: Clock) -> None:
    await site.put_chain(0)
    await site.put("sipregistrantentry", "1:1", AOR="sip:alice")
    (row,) = await site.rows()
    assert (row.desired, row.klass, row.due_at, row.state) == (1, Class.NEW, clock.ms, State.UNREGISTERED)
    assert (row.wanted_rev, row.applied_rev) == (1, 0)


async def test_an_entry_has_a_row_at_each_server_that_uses_its_table(site: Site) -> None:
    await site.put_chain()
    await site.put_server("1:2", Host="203.0.113.6")
    await site.reconcile()
    await site.put("sipregistrantentry", "1:9", AOR="sip:nine")
    assert sorted((row.entry_uid, row.registrar_id) for row in await site.rows()) == [(1, 1), (1, 2), (2, 1), (2, 2)]


async def test_an_entry_of_a_table_that_nobody_uses_has_no_row(site: Site) -> None:
    await site.put_table(1)
    assert await site.rows() == []


async def test_a_change_of_an_entry_makes_its_row_due_and_bumps_what_is_wanted(site: Site, clock: Clock) -> None:
    await site.put_chain(2)
    await site.register()
    clock.advance(60)
    await site.post("sipregistrantentry", "1:2", AorTtl=600)
    assert await site.due() == [2]
    row = await site.row(2)
    assert (row.wanted_rev, row.klass, row.due_at) == (2, Class.HELD, clock.ms)


async def test_a_change_of_the_retry_timer_alone_touches_nothing(site: Site) -> None:
    await site.put_chain()
    await site.register()
    before = await site.rows()
    await site.post("sipregistrantentry", "1:1", FailedRegistrationRetryTimer=300)
    assert await site.rows() == before


async def test_a_change_starts_the_count_of_failures_anew(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.settle(failed(await site.claim_one(), clock, failures=7))
    await site.post("sipregistrantentry", "1:1", AorTtl=600)
    assert (await site.row()).failures == 0


async def test_a_commit_that_makes_rows_due_knocks_at_their_registrar(site: Site) -> None:
    await site.put_chain()
    site.commits.clear()
    await site.post("sipregistrantentry", "1:1", AorTtl=600)
    assert set().union(*(tx.knocks for tx in site.commits)) == {1}


# Tombstones


async def test_deleting_what_holds_nothing_leaves_nothing(site: Site) -> None:
    await site.put_chain()
    await site.delete("sipregistrantentry", "1:1")
    assert await site.rows() == []
    assert await site.all(TOMBSTONE) == []


async def test_deleting_what_is_held_leaves_a_tombstone_that_is_due(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.register()
    await site.delete("sipregistrantentry", "1:1")
    (row,) = await site.rows()
    assert (row.entry_uid, row.desired, row.klass, row.due_at) == (None, 0, Class.UNREGISTER, clock.ms)
    (tombstone,) = await site.all(TOMBSTONE)
    assert (tombstone.registration_id, tombstone.was) == (row.id, "1:1")


async def test_a_tombstone_is_claimed_with_what_was_sent_and_the_sealed_credential(site: Site) -> None:
    await site.put_chain()
    await site.register(contacts=["sip:a@192.0.2.10", "sip:b@192.0.2.10"])
    await site.delete("sipregistrantentry", "1:1")
    await site.delete("sipremoteauthentry", "1:1")
    claimed = await site.claim_one()
    assert claimed.is_tombstone
    assert claimed.sent is not None
    assert [contact.uri for contact in claimed.sent.contacts] == ["sip:a@192.0.2.10", "sip:b@192.0.2.10"]
    assert [(c.username, c.password) for c in claimed.credentials] == [("u1", "secret-of-u1")]


async def test_a_tombstone_keeps_that_its_credential_is_an_ha1(site: Site) -> None:
    await site.put_chain()
    ha1 = "0123456789abcdef" * 2
    await site.post("sipremoteauthentry", "1:1", PasswordKind=1, EncryptedPassword=ha1, Realm="r")
    await site.register()
    await site.delete("sipregistrantentry", "1:1")
    claimed = await site.claim_one()
    assert [(c.password, c.ha1_of) for c in claimed.credentials] == [(ha1, "MD5")]


async def test_a_tombstone_that_was_un_registered_is_gone(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.register()
    await site.delete("sipregistrantentry", "1:1")
    await site.settle(removed(await site.claim_one(), clock))
    assert await site.rows() == []
    assert await site.all(TOMBSTONE) == []
    assert await site.all(BOUND) == []


async def test_another_aor_of_an_entry_retires_the_old_row_and_makes_a_new_one(site: Site) -> None:
    await site.put_chain()
    await site.register()
    await site.post("sipregistrantentry", "1:1", AOR="sip:other")
    old, new = await site.rows()
    assert (old.entry_uid, old.desired) == (None, 0)
    assert (new.desired, new.klass, new.wanted_rev) == (1, Class.NEW, 1)
    assert old.binding_key != new.binding_key


async def test_the_tombstone_of_an_old_aor_keeps_the_credential_of_its_own_user(site: Site) -> None:
    await site.put_chain()
    await site.put("sipremoteauthentry", "1:2", User="bob", EncryptedPassword="secret-of-bob")
    await site.register()
    await site.post("sipregistrantentry", "1:1", AOR="sip:bob")
    rows = (await site.claim()).rows
    (tombstone,) = [row for row in rows if row.is_tombstone]
    assert [credential.username for credential in tombstone.credentials] == ["u1"]


async def test_a_re_put_of_the_same_aor_adopts_the_tombstone(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.register()
    before = await site.row()
    await site.delete("sipregistrantentry", "1:1")
    await site.put("sipregistrantentry", "1:1", AOR="sip:u1", AorType=2)
    (row,) = await site.rows()
    assert row.id == before.id
    assert (row.desired, row.klass, row.cseq, row.expires_at) == (1, Class.HELD, before.cseq, before.expires_at)
    assert row.wanted_rev > before.wanted_rev
    assert await site.all(TOMBSTONE) == []
    claimed = await site.claim_one()
    assert claimed.sent is not None
    assert not claimed.is_tombstone


async def test_a_re_put_of_another_aor_adopts_nothing(site: Site) -> None:
    await site.put_chain()
    await site.register()
    await site.delete("sipregistrantentry", "1:1")
    await site.put("sipregistrantentry", "1:1", AOR="sip:other", AorType=2)
    assert [row.entry_uid is None for row in await site.rows()] == [True, False]


async def test_what_is_adopted_while_its_un_register_is_in_flight_is_registered_again(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.register()
    await site.delete("sipregistrantentry", "1:1")
    in_flight = await site.claim_one()
    await site.put("sipregistrantentry", "1:1", AOR="sip:u1", AorType=2)
    assert await site.settle(removed(in_flight, clock)) == [1]
    (row,) = await site.rows()
    assert (row.desired, row.klass, row.due_at) == (1, Class.NEW, clock.ms)
    assert (await site.claim_one()).sent is None


async def test_what_was_never_answered_is_remembered_with_the_entry_as_it_was(site: Site) -> None:
    await site.put_chain(1, URI1="sip:first@h")
    await site.claim()
    await site.delete("sipregistrantentry", "1:1")
    claimed = await site.claim_one()
    assert claimed.is_tombstone
    assert claimed.sent is None
    assert claimed.entry is not None
    assert claimed.entry["URI1"] == "sip:first@h"


async def test_of_an_entry_that_changes_twice_before_any_answer_the_first_is_remembered(site: Site) -> None:
    await site.put_chain(1, URI1="sip:first@h")
    await site.claim()
    await site.post("sipregistrantentry", "1:1", URI1="sip:second@h")
    await site.post("sipregistrantentry", "1:1", URI1="sip:third@h")
    (bound,) = await site.all(BOUND)
    assert json.loads(bound.entry)["URI1"] == "sip:first@h"
    await site.delete("sipregistrantentry", "1:1")
    claimed = await site.claim_one()
    assert claimed.entry is not None
    assert claimed.entry["URI1"] == "sip:first@h"


async def test_a_tombstone_is_counted_no_more(site: Site) -> None:
    await site.put_chain(2)
    await site.register()
    await site.delete("sipregistrantentry", "1:1")
    counts = {row.state: row.registrations for row in await site.all(REGISTRAR_COUNT)}
    assert counts == {State.UNREGISTERED: 0, State.REGISTERED: 1}


@pytest.mark.parametrize("seconds_after", [0, 5])
async def test_what_lapses_while_its_refresh_is_in_flight_is_not_forgotten(
    site: Site, clock: Clock, seconds_after: float
) -> None:
    await site.put_chain()
    await site.register(granted=60)
    clock.advance(59)
    in_flight = await site.claim_one()
    clock.advance(1 + seconds_after)
    await site.delete("sipregistrantentry", "1:1")
    await site.settle(registered(in_flight, clock, granted=60))
    (row,) = await site.rows()
    assert (row.desired, row.entry_uid, row.due_at) == (0, None, clock.ms)


# Touching


async def test_touching_what_is_not_wanted_and_holds_nothing_parks_it(site: Site) -> None:
    await site.put_chain()
    await site.post("sipsg", "1", customAdminState=0)
    await site.reconcile()
    row = await site.row()
    assert (row.desired, row.due_at) == (0, None)


async def test_touching_nothing_touches_nothing(site: Site) -> None:
    await site.put_chain()
    before = await site.rows()
    await site.store.write(registrations.touch, [])
    assert await site.rows() == before
