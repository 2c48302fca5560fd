"""Claim and settle: what they hand out, take back and write."""

from __future__ import annotations

import pytest

from sipregistrant.model.registry import RESOURCES
from sipregistrant.model.schedule import Class, Sent, SentContact
from sipregistrant.model.status import State
from sipregistrant.sip.learned import Learned
from sipregistrant.store import actions, schedule
from sipregistrant.store.schedule import StoreSchedule
from sipregistrant.store.schema import BOUND, REGISTRAR_COUNT
from sipregistrant.store.store import Store
from sipregistrant.store.tx import Key

from .support import Clock, Site, failed, registered, removed

# Claim


async def test_a_claim_hands_out_all_that_an_attempt_needs(site: Site, clock: Clock) -> None:
    await site.put_chain(1, AorTtl=600, URI1="sip:a@h")
    claimed = await site.claim_one()
    assert (claimed.registrar_id, claimed.desired, claimed.klass, claimed.state) == (1, True, Class.NEW, 0)
    assert (claimed.wanted_rev, claimed.applied_rev, claimed.cseq, claimed.generation) == (1, 0, 0, 0)
    assert claimed.due_at == clock.seconds
    assert claimed.entry is not None
    assert (claimed.entry["AOR"], claimed.entry["AorTtl"], claimed.entry["URI1"]) == ("sip:u1", 600, "sip:a@h")
    assert [(c.realm, c.username, c.password) for c in claimed.credentials] == [("", "u1", "secret-of-u1")]
    assert (claimed.sent, claimed.rivals, claimed.is_tombstone) == (None, [], False)


async def test_a_claim_hands_out_what_the_last_settle_left(site: Site, clock: Clock) -> None:
    await site.put_chain()
    first = registered(await site.claim_one(), clock, min_expires=900)
    await site.settle(first)
    clock.advance(1800)
    claimed = await site.claim_one()
    assert (claimed.cseq, claimed.challenge, claimed.nonce_count) == (2, "nonce", 1)
    assert (claimed.expires_at, claimed.since_at, claimed.due_at) == (first.expires_at, first.since_at, first.due_at)
    assert (claimed.last_code, claimed.failures, claimed.min_expires) == (200, 0, 900)
    assert claimed.sent == first.sent
    assert (claimed.wanted_rev, claimed.applied_rev, claimed.state) == (1, 1, State.REGISTERED)


async def test_a_claim_takes_no_more_than_its_limit_earliest_first(site: Site, clock: Clock) -> None:
    await site.put_chain(0)
    for n in range(1, 5):
        await site.put("sipregistrantentry", f"1:{n}", AOR=f"sip:u{n}")
        clock.advance(1)
    assert [row.id for row in (await site.claim(limit=2)).rows] == [1, 2]


async def test_what_is_not_due_is_not_claimed(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.register()
    clock.advance(1799.999)
    assert (await site.claim()).rows == []
    clock.advance(0.001)
    assert len((await site.claim()).rows) == 1


async def test_a_claim_tells_when_the_next_row_is_due(site: Site, clock: Clock) -> None:
    await site.put_chain(2)
    first, second = (await site.claim()).rows
    await site.settle(registered(first, clock), registered(second, clock, granted=600))
    claim = await site.claim()
    assert (claim.rows, claim.next_due_at) == ([], clock.seconds + 300)


async def test_where_more_is_due_than_was_claimed_the_next_is_due_now(site: Site, clock: Clock) -> None:
    await site.put_chain(3)
    assert (await site.claim(limit=2)).next_due_at == clock.seconds


async def test_where_nothing_waits_there_is_no_next(site: Site) -> None:
    await site.put_chain()
    assert (await site.claim()).next_due_at is None


async def test_what_is_in_flight_is_not_claimed_again_and_hides_nothing_behind_it(site: Site) -> None:
    await site.put_chain(5)
    flying = [row.id for row in (await site.claim(limit=4)).rows]
    claim = await site.claim(limit=4, in_flight=flying)
    assert [row.id for row in claim.rows] == [5]
    assert claim.next_due_at is None


async def test_settings_come_with_a_claim_only_when_they_are_news(site: Site) -> None:
    await site.put_chain()
    settings = (await site.claim(known_rev=-1)).settings
    assert settings is not None
    assert (settings.server["Host"], settings.group["customAdminState"]) == ("203.0.113.5", 1)
    assert settings.profile["UserAgentHeader"] == "Ribbon SBC Edge"
    assert (await site.claim(known_rev=settings.rev)).settings is None


async def test_a_registrar_that_is_not_there_has_nothing_to_do(site: Site) -> None:
    claim = await site.claim(99)
    assert (claim.rows, claim.settings, claim.next_due_at) == ([], None, None)


async def test_a_claim_is_for_one_registrar(site: Site) -> None:
    await site.put_chain(2)
    await site.put_server("1:2")
    await site.reconcile()
    assert {row.registrar_id for row in (await site.claim(2)).rows} == {2}


# Settle


async def test_a_settled_row_has_what_the_attempt_left(site: Site, clock: Clock) -> None:
    await site.put_chain()
    claimed = await site.claim_one()
    clock.advance(3)
    await site.settle(failed(claimed, clock, last_code=403, last_reason="403 Förbjudet", state=State.REJECTED))
    row = await site.row()
    assert (row.state, row.klass, row.failures) == (State.REJECTED, Class.FAILING, 1)
    assert (row.last_code, row.last_reason) == (403, "403 Förbjudet")
    assert (row.attempted_at, row.due_at) == (clock.ms, clock.ms + 120_000)
    assert (row.wanted_rev, row.applied_rev, row.cseq) == (1, 1, 1)


async def test_many_are_settled_at_once(site: Site, clock: Clock) -> None:
    await site.put_chain(1)
    await site.put_copies(499)
    await site.reconcile()
    await site.post("sipserver", "1:1", Host="h")
    await site.reconcile()
    assert len(await site.register()) == 500
    assert {row.state for row in await site.rows()} == {State.REGISTERED}


async def test_a_row_that_is_gone_is_settled_without_a_trace(site: Site, clock: Clock) -> None:
    await site.put_chain()
    claimed = await site.claim_one()
    clock.advance(4000)
    await site.delete("sipregistrantentry", "1:1")
    assert await site.rows() == []
    assert await site.settle(registered(claimed, clock)) == []
    assert await site.rows() == []
    assert await site.all(BOUND) == []


async def test_settling_nothing_is_no_fault(site: Site) -> None:
    assert await site.settle() == []


async def test_a_batch_that_was_not_written_can_be_settled_again(site: Site, clock: Clock) -> None:
    await site.put_chain()
    outcome = registered(await site.claim_one(), clock)
    await site.settle(outcome)
    before = await site.rows(), await site.all(BOUND), await site.all(REGISTRAR_COUNT)
    await site.settle(outcome)
    assert (await site.rows(), await site.all(BOUND), await site.all(REGISTRAR_COUNT)) == before


async def test_bytes_of_a_peer_that_were_no_utf8_spoil_no_row(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.settle(registered(await site.claim_one(), clock, last_reason="caf\udce9", challenge="\udcff"))
    clock.advance(1800)
    assert (await site.claim_one()).challenge == "\\udcff"
    assert (await site.row()).last_reason == "caf\\udce9"


async def test_what_un_registered_is_parked_while_its_entry_is_there(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.register()
    await site.post("sipsg", "1", customAdminState=0)
    await site.reconcile()
    await site.settle(removed(await site.claim_one(), clock))
    row = await site.row()
    assert (row.due_at, row.expires_at, row.maybe_held_until, row.state) == (None, 0, 0, State.UNREGISTERED)
    assert await site.all(BOUND) == []


async def test_a_min_expires_is_kept_when_a_later_settle_says_nothing_of_it(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.settle(failed(await site.claim_one(), clock, min_expires=900))
    clock.advance(120)
    await site.settle(registered(await site.claim_one(), clock))
    clock.advance(1800)
    assert (await site.claim_one()).min_expires == 900


async def test_what_was_sent_takes_the_place_of_the_entry_that_was_remembered(site: Site, clock: Clock) -> None:
    await site.put_chain(1, URI1="sip:a@h")
    in_flight = await site.claim_one()
    await site.post("sipregistrantentry", "1:1", URI1="sip:b@h")
    await site.settle(registered(in_flight, clock, contacts=["sip:a@h"]))
    (bound,) = await site.all(BOUND)
    assert (bound.sent is not None, bound.entry) == (True, None)


# Heads


async def test_heads_tell_of_each_registrar_when_its_first_row_is_due(site: Site, clock: Clock) -> None:
    await site.put_chain(2)
    await site.put_server("1:2")
    await site.put_server("1:3", ContactRegistrantTableID=0)
    await site.reconcile()
    first, second = (await site.claim(1)).rows
    await site.settle(registered(first, clock), registered(second, clock, granted=600))
    assert await site.store.read(schedule.heads) == [(1, clock.seconds + 300), (2, clock.seconds)]


async def test_heads_leave_out_what_is_parked(site: Site) -> None:
    await site.put_chain(2)
    await site.post("sipsg", "1", customAdminState=0)
    await site.reconcile()
    assert await site.store.read(schedule.heads) == []


# The schedule as the engine knows it


async def test_the_schedule_of_a_store_is_claim_settle_and_heads(site: Site, store: Store, clock: Clock) -> None:
    await site.put_chain()
    its = StoreSchedule(store)
    assert await its.heads() == [(1, clock.seconds)]
    (claimed,) = (await its.claim(1, known_rev=-1, limit=10, in_flight=[], may_stagger=True, refused_since=0.0)).rows
    assert await its.settle([registered(claimed, clock)]) == []
    assert await its.heads() == [(1, clock.seconds + 1800)]


@pytest.mark.parametrize("granted", [0, 2**32 - 1])
async def test_no_grant_is_too_long_for_a_row(site: Site, clock: Clock, granted: int) -> None:
    await site.put_chain()
    sent = Sent("a", "b", "c", "h", 1, "udp", [SentContact("x", 100, granted, granted)])
    await site.settle(registered(await site.claim_one(), clock, granted=granted, sent=sent))
    assert (await site.row()).expires_at == clock.ms + granted * 1000


# Staggering


async def test_where_a_server_staggers_one_first_register_is_claimed_in_the_order_of_the_table(site: Site) -> None:
    await site.put_chain(4)
    await site.post("sipserver", "1:1", StaggerRegistration=1)
    await site.post("sipcontactregistrant", "1", Sequence="3,1")
    order: list[int] = []
    for _ in range(4):
        claim = await site.claim(in_flight=order)
        (row,) = claim.rows
        order.append(row.id)
        assert (claim.has_staggered, claim.is_staggering) == (True, len(order) < 4)
    assert order == [3, 1, 2, 4]


async def test_without_a_slot_none_is_claimed_and_it_is_told_that_they_wait(site: Site, clock: Clock) -> None:
    await site.put_chain(3)
    await site.post("sipserver", "1:1", StaggerRegistration=1)
    claim = await site.store.write(schedule.claim, 1, -1, 100, [], False)
    assert (claim.rows, claim.has_staggered, claim.is_staggering, claim.next_due_at) == ([], False, True, None)


async def test_refreshes_do_not_wait_for_a_slot(site: Site, clock: Clock) -> None:
    await site.put_chain(3)
    await site.register()
    await site.post("sipserver", "1:1", StaggerRegistration=1)
    await site.put("sipregistrantentry", "1:9", AOR="sip:u9", AorType=2)
    clock.advance(1801)
    claim = await site.store.write(schedule.claim, 1, -1, 100, [], False)
    assert {row.id for row in claim.rows} == {1, 2, 3}
    assert claim.is_staggering


async def test_a_claim_tells_how_many_are_good(site: Site, clock: Clock) -> None:
    await site.put_chain(3)
    first, second, _ = (await site.claim()).rows
    await site.settle(registered(first, clock), registered(second, clock))
    claim = await site.claim()
    assert (claim.good, claim.total) == (2, 3)


# Clearing at the start


async def test_only_servers_that_want_it_are_cleared_at_the_start(site: Site, clock: Clock) -> None:
    await site.put_chain(2)
    await site.put_server("1:2", Host="203.0.113.6", ClearRemoteRegistrationOnStartup=1)
    await site.reconcile()
    await site.register(1)
    await site.register(2)
    await site.store.write(actions.clear_at_start)
    await site.reconcile()
    assert (await site.claim(1)).rows == []
    cleared = (await site.claim(2)).rows
    assert [(row.clears, row.is_removal, row.desired, row.klass) for row in cleared] == [
        (True, True, True, Class.UNREGISTER)
    ] * 2
    await site.settle(*(failed(row, clock) for row in cleared))
    clock.advance(200)
    assert [row.clears for row in (await site.claim(2)).rows] == [False, False]


async def test_what_is_not_wanted_is_not_cleared(site: Site) -> None:
    await site.put_chain(1)
    await site.post("sipserver", "1:1", ClearRemoteRegistrationOnStartup=1)
    await site.post("sipsg", "1", customAdminState=0)
    await site.reconcile()
    await site.store.write(actions.clear_at_start)
    await site.reconcile()
    assert (await site.claim()).rows == []


# What is learned


async def test_what_the_registrar_told_is_kept_shown_and_forgotten(site: Site, clock: Clock) -> None:
    await site.put_chain()
    told = Learned(
        service_route=["<sip:a;lr>", "<sip:b;lr>"], public_address="203.0.113.9:4711", credential="2"
    ).to_json()
    await site.settle(registered(await site.claim_one(), clock, learned=told))
    shown = await site.runtime("sipregistrantentry", "1:1")
    assert (shown["rt_ServiceRoute"], shown["rt_PublicAddress"], shown["rt_Credential"]) == (
        "<sip:a;lr>, <sip:b;lr>", "203.0.113.9:4711", "2",
    )  # fmt: skip
    clock.advance(1801)
    row = await site.claim_one()
    assert (row.learned, row.preferred_credential) == (told, "2")
    await site.settle(registered(row, clock, learned=None))
    clock.advance(1801)
    row = await site.claim_one()
    assert row.learned == told
    await site.settle(registered(row, clock, learned=""))
    assert (await site.runtime("sipregistrantentry", "1:1"))["rt_ServiceRoute"] == ""


async def test_the_strongest_digest_of_a_realm_is_remembered_for_a_month(site: Site, clock: Clock) -> None:
    await site.put_chain(2)
    first, second = (await site.claim()).rows
    await site.settle(registered(first, clock, security=("r", 2)), registered(second, clock, security=("r", 1)))
    settings = (await site.claim()).settings
    assert settings is not None
    assert settings.security == {"r": 2}
    clock.advance(31 * 86400)
    settings = (await site.claim()).settings
    assert settings is not None
    assert settings.security == {}


async def test_forget_security_lets_a_server_use_a_weaker_one_at_once(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.settle(registered(await site.claim_one(), clock, security=("r", 2)))
    known = (await site.claim()).settings
    assert known is not None
    await site.store.write(actions.act, RESOURCES["sipserver"], Key(1, 1), "forget-security")
    await site.reconcile()
    claim = await site.claim(known_rev=known.rev)
    assert claim.settings is not None
    assert claim.settings.security == {}
    assert [row.id for row in claim.rows] == [1]


async def test_what_a_registrar_refused_through_its_own_fault_is_due_at_once(site: Site, clock: Clock) -> None:
    await site.put_chain(3)
    first, second, third = (await site.claim()).rows
    refused = {"state": State.REJECTED, "last_code": 403, "wait": 1800.0}
    await site.settle(failed(first, clock, **refused))
    clock.advance(600)
    since = clock.seconds
    await site.settle(failed(second, clock, **refused), registered(third, clock))
    clock.advance(60)
    assert await site.due() == []
    claim = await site.store.write(schedule.claim, 1, -1, 100, [], True, since)
    assert [row.id for row in claim.rows] == [second.id]


async def test_what_was_claimed_and_not_sent_is_due_as_it_was(site: Site) -> None:
    await site.put_chain()
    await site.settle(failed(await site.claim_one(), site.clock))
    site.clock.advance(200)
    row = await site.claim_one()
    assert await site.due() == []
    await site.store.write(schedule.give_back, [row])
    assert await site.due() == [row.id]
    # Sent, or changed, since: it is another one's by now.
    row = await site.claim_one()
    await site.settle(failed(row, site.clock))
    await site.store.write(schedule.give_back, [row])
    assert await site.due() == []
