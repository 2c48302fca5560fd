"""The rules of the schedule (design, section 2), as far as the store keeps them; each test is named after its rule."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from sipregistrant.errors import StoreUnavailable
from sipregistrant.model.schedule import Class
from sipregistrant.model.status import State
from sipregistrant.store import actions, claim, instance
from sipregistrant.store.tx import Tx

from .support import Clock, Site, failed, registered

# Rule 1: no lost update


async def test_rule_1_without_a_change_the_computed_time_is_written(site: Site, clock: Clock) -> None:
    await site.put_chain()
    assert await site.settle(registered(await site.claim_one(), clock)) == []
    row = await site.row()
    assert (row.wanted_rev, row.applied_rev, row.due_at) == (1, 1, clock.ms + 1_800_000)


async def test_rule_1_a_change_while_an_attempt_is_in_flight_makes_the_row_due_when_it_settles(
    site: Site, clock: Clock
) -> None:
    await site.put_chain()
    in_flight = await site.claim_one()
    await site.post("sipregistrantentry", "1:1", AorTtl=600)
    clock.advance(2)
    assert await site.settle(registered(in_flight, clock)) == [1]
    row = await site.row()
    assert (row.wanted_rev, row.applied_rev, row.due_at, row.klass) == (2, 1, clock.ms, Class.HELD)


async def test_rule_1_a_new_password_acts_at_once_even_when_an_attempt_was_in_flight(site: Site, clock: Clock) -> None:
    await site.put_chain()
    in_flight = await site.claim_one()
    await site.post("sipremoteauthentry", "1:1", EncryptedPassword="new")
    assert await site.settle(failed(in_flight, clock, wait=1800, state=State.REJECTED, failures=5)) == [1]
    assert await site.due() == [1]
    again = await site.claim_one()
    assert (again.credentials[0].password, again.failures) == ("new", 0)


async def test_rule_1_what_was_switched_off_in_flight_is_un_registered_when_it_settles(
    site: Site, clock: Clock
) -> None:
    await site.put_chain()
    in_flight = await site.claim_one()
    await site.post("sipsg", "1", customAdminState=0)
    await site.reconcile()
    assert await site.settle(registered(in_flight, clock)) == [1]
    row = await site.row()
    assert (row.desired, row.klass, row.due_at) == (0, Class.UNREGISTER, clock.ms)


async def test_rule_1_every_change_bumps_what_is_wanted(site: Site) -> None:
    await site.put_chain()
    revs = [(await site.row()).wanted_rev]
    changes: list[tuple[str, str, dict[str, str | int]]] = [
        ("sipregistrantentry", "1:1", {"AorTtl": 600}),
        ("sipremoteauthentry", "1:1", {"EncryptedPassword": "x"}),
        ("sipserver", "1:1", {"Host": "h"}),
        ("sipprofile", "1", {"FQDNinFromHeader": 1}),
        ("sipsg", "1", {"OutboundProxy": "proxy.example"}),
    ]
    for resource, id, form in changes:
        await site.post(resource, id, **form)
        await site.reconcile()
        revs.append((await site.row()).wanted_rev)
    assert revs == sorted(set(revs))
    assert len(revs) == 6


# Rule 2: classes


async def put_classes(site: Site, numbers: dict[Class, int], *, late: float = 0.0, held_for: float = 600.0) -> None:
    """Make so many due rows of each class; those that are held are so for that many seconds more."""
    await site.put_chain(1)
    await site.put_copies(sum(numbers.values()) - 1)
    await site.post("sipserver", "1:1", Host="h")
    await site.reconcile()

    def classify(tx: Tx) -> None:
        first = 1
        for klass, number in numbers.items():
            tx.conn.execute(
                text("UPDATE registration SET class = :klass, due_at = :due, expires_at = :expires "
                     "WHERE id >= :first AND id < :end"),
                {"klass": int(klass), "due": tx.now - round(late * 1000), "first": first, "end": first + number,
                 "expires": tx.now + round(held_for * 1000) if klass is Class.HELD else 0},
            )  # fmt: skip
            first += number

    await site.store.write(classify)


async def shares(site: Site, limit: int) -> dict[Class, int]:
    """Return how many rows of each class a claim has."""
    rows = (await site.claim(limit=limit)).rows
    return {klass: sum(row.klass is klass for row in rows) for klass in Class}


async def test_rule_2_a_claim_is_filled_by_weights(site: Site) -> None:
    await put_classes(site, dict.fromkeys(Class, 100))
    assert await shares(site, 100) == {Class.HELD: 70, Class.NEW: 20, Class.UNREGISTER: 5, Class.FAILING: 5}


async def test_rule_2_shares_that_are_not_used_pass_on(site: Site) -> None:
    await put_classes(site, {Class.HELD: 10, Class.NEW: 100, Class.FAILING: 100})
    assert await shares(site, 100) == {Class.HELD: 10, Class.NEW: 85, Class.UNREGISTER: 0, Class.FAILING: 5}


@pytest.mark.parametrize("klass", list(Class))
def test_rule_2_every_class_has_a_share(klass: Class) -> None:
    assert claim.WEIGHTS[klass] > 0
    assert sum(claim.WEIGHTS.values()) == pytest.approx(1)


async def test_rule_2_held_rows_that_are_late_take_the_whole_claim(site: Site) -> None:
    await put_classes(site, dict.fromkeys(Class, 60), late=claim.LATE_MS / 1000 + 1)
    assert await shares(site, 60) == {Class.HELD: 60, Class.NEW: 0, Class.UNREGISTER: 0, Class.FAILING: 0}


async def test_rule_2_what_can_still_be_held_goes_before_what_has_lapsed(site: Site, clock: Clock) -> None:
    """After an outage those that lapsed are due for longest, and would go first."""
    await put_classes(site, {Class.HELD: 60}, late=1800, held_for=0)

    def hold(tx: Tx) -> None:
        tx.conn.execute(text("UPDATE registration SET due_at = :due, expires_at = :expires WHERE id > 40"),
                        {"due": tx.now - 6000, "expires": tx.now + 60_000})  # fmt: skip

    await site.store.write(hold)
    first = await site.claim(limit=30)
    assert sorted(row.id for row in first.rows if row.klass is Class.HELD) == list(range(41, 61))
    assert [row.klass for row in first.rows].count(Class.NEW) == 10
    assert len((await site.claim(limit=100, in_flight=[row.id for row in first.rows])).rows) == 30


async def test_rule_2_bindings_that_lapsed_are_set_aside_a_thousand_at_a_time(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim, "LAPSED_AT_ONCE", 10)
    await put_classes(site, {Class.HELD: 60}, late=1800, held_for=0)
    seen: list[int] = []
    for number in range(1, 8):
        rows = (await site.claim(limit=10, in_flight=seen)).rows
        seen += [row.id for row in rows]
        assert len(rows) == (10 if number < 7 else 0)
    assert sorted(seen) == list(range(1, 61))


async def test_rule_2_an_import_and_wrong_passwords_do_not_let_held_bindings_lapse(site: Site) -> None:
    await put_classes(site, {Class.NEW: 400, Class.FAILING: 400, Class.HELD: 5})
    assert (await shares(site, 20))[Class.HELD] == 5


async def test_rule_2_a_claim_of_one_row_has_one(site: Site) -> None:
    await put_classes(site, dict.fromkeys(Class, 2))
    assert await shares(site, 1) == {Class.HELD: 1, Class.NEW: 0, Class.UNREGISTER: 0, Class.FAILING: 0}


# Rule 3: in flight means claimed and not yet settled on disk


async def test_rule_3_a_row_that_was_claimed_stays_due_until_it_is_settled(site: Site, clock: Clock) -> None:
    await site.put_chain()
    in_flight = await site.claim_one()
    assert (await site.claim(in_flight=[in_flight.id])).rows == []
    assert await site.due() == [1]
    await site.settle(registered(in_flight, clock))
    assert (await site.claim()).rows == []


async def test_rule_3_a_settle_that_failed_leaves_the_row_as_it_was_claimed(site: Site, clock: Clock) -> None:
    await site.put_chain()
    in_flight = await site.claim_one()
    before = await site.rows()
    with site.raw_writer() as other:
        await site.store.write(lambda tx: tx.conn.exec_driver_sql("PRAGMA busy_timeout=1"))
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable):
            await site.settle(registered(in_flight, clock))
        other.execute("ROLLBACK")
    assert await site.rows() == before
    assert await site.settle(registered(in_flight, clock)) == []


async def test_rule_3_no_row_is_claimed_more_than_two_seconds_before_it_is_due(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.register()
    clock.advance(1800 - 2.001)
    assert (await site.claim()).rows == []


# Rule 7: one binding, one owner


async def put_two_of_one_aor(site: Site) -> None:
    await site.put_chain(1, URI1="sip:one@h")
    await site.put("sipregistrantentry", "1:2", AOR="sip:u1", AorType=2, URI1="sip:two@h")


async def test_rule_7_two_rows_of_one_binding_have_one_key(site: Site) -> None:
    await put_two_of_one_aor(site)
    first, second = await site.rows()
    assert first.binding_key == second.binding_key


async def test_rule_7_an_un_register_is_told_what_other_rows_of_its_binding_want(site: Site, clock: Clock) -> None:
    await put_two_of_one_aor(site)
    first, second = (await site.claim()).rows
    await site.settle(
        registered(first, clock, contacts=["sip:one@h"]), registered(second, clock, contacts=["sip:two@h"])
    )
    await site.delete("sipregistrantentry", "1:1")
    (rival,) = (await site.claim_one()).rivals
    assert (rival.registration_id, rival.is_same_group, rival.entry["URI1"]) == (second.id, True, "sip:two@h")
    assert rival.sent is not None
    assert [contact.uri for contact in rival.sent.contacts] == ["sip:two@h"]


async def test_rule_7_a_contact_that_changes_is_removed_only_with_a_look_at_the_others(
    site: Site, clock: Clock
) -> None:
    await put_two_of_one_aor(site)
    first, second = (await site.claim()).rows
    await site.settle(registered(first, clock), registered(second, clock))
    await site.post("sipregistrantentry", "1:1", URI1="sip:three@h")
    assert [rival.registration_id for rival in (await site.claim_one()).rivals] == [second.id]


async def test_rule_7_what_was_sent_unanswered_is_removed_only_with_a_look_at_the_others(
    site: Site, clock: Clock
) -> None:
    await put_two_of_one_aor(site)
    first, second = (await site.claim()).rows
    await site.settle(registered(first, clock), registered(second, clock))
    await site.post("sipregistrantentry", "1:1", URI1="sip:three@h")
    retry = await site.claim_one()
    both = registered(retry, clock, contacts=["sip:one@h", "sip:three@h"]).sent
    await site.settle(failed(retry, clock, wait=30, sent=both))
    clock.advance(30)
    again = await site.claim_one()
    assert again.wanted_rev == again.applied_rev
    assert [rival.registration_id for rival in again.rivals] == [second.id]


async def test_rule_7_what_is_cleared_at_the_start_is_removed_only_with_a_look_at_the_others(
    site: Site, clock: Clock
) -> None:
    await put_two_of_one_aor(site)
    await site.post("sipserver", "1:1", ClearRemoteRegistrationOnStartup=1)
    await site.reconcile()
    first, second = (await site.claim()).rows
    await site.settle(registered(first, clock), registered(second, clock))
    await site.store.write(actions.clear_at_start)
    await site.reconcile()
    cleared = (await site.claim()).rows
    assert [row.clears for row in cleared] == [True, True]
    assert [[rival.registration_id for rival in row.rivals] for row in cleared] == [[second.id], [first.id]]


async def test_rule_7_a_row_that_is_not_wanted_is_no_rival(site: Site, clock: Clock) -> None:
    await put_two_of_one_aor(site)
    first, second = (await site.claim()).rows
    await site.settle(registered(first, clock), registered(second, clock))
    await site.delete("sipregistrantentry", "1:1")
    await site.delete("sipregistrantentry", "1:2")
    assert [row.rivals for row in (await site.claim()).rows] == [[], []]


async def test_rule_7_a_rival_may_stand_at_another_group(site: Site, clock: Clock) -> None:
    await site.put_chain(1, URI1="sip:one@h")
    await site.put("sipsg", "2", ServerClusterId=1)
    await site.reconcile()
    await site.register(1)
    await site.register(2)
    await site.delete("sipsg", "2")
    await site.reconcile()
    (rival,) = (await site.claim_one(2)).rivals
    assert not rival.is_same_group


async def test_rule_7_a_tombstone_has_an_id_of_its_own_and_no_entry(site: Site) -> None:
    await site.put_chain()
    await site.register()
    await site.delete("sipregistrantentry", "1:1")
    await site.put("sipregistrantentry", "1:1", AOR="sip:another", AorType=2)
    leaving, new = await site.rows()
    assert leaving.id != new.id
    assert leaving.entry_uid is None


# Rule 8: maybe held


async def test_rule_8_a_row_that_is_claimed_may_be_held_from_then_on(site: Site, clock: Clock) -> None:
    await site.put_chain(1, AorTtl=600, URI1="sip:a@h", URI2="sip:b@h", TTL2=900)
    assert (await site.row()).maybe_held_until == 0
    await site.claim()
    assert (await site.row()).maybe_held_until == clock.ms + 900_000


async def test_rule_8_what_a_423_raised_is_held_as_long_as_it_asked(site: Site, clock: Clock) -> None:
    await site.put_chain(1, AorTtl=600)
    await site.settle(failed(await site.claim_one(), clock, min_expires=7200, maybe_held_until=0.0))
    clock.advance(120)
    await site.claim()
    assert (await site.row()).maybe_held_until == clock.ms + 7_200_000


async def test_rule_8_a_held_row_is_not_written_when_it_is_claimed(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.register()
    clock.advance(1800)
    before = await site.rows()
    await site.claim()
    assert await site.rows() == before


async def test_rule_8_a_held_row_that_may_lapse_in_flight_may_be_held_after_it(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.register(granted=60)
    clock.advance(30)
    await site.claim()
    assert (await site.row()).maybe_held_until == clock.ms + 3_600_000


@pytest.mark.parametrize("how", ["delete", "disable", "other aor"])
async def test_rule_8_what_may_be_held_is_un_registered(site: Site, clock: Clock, how: str) -> None:
    await site.put_chain()
    await site.settle(failed(await site.claim_one(), clock, maybe_held_until=clock.seconds + 3600))
    clock.advance(3)
    match how:
        case "delete":
            await site.delete("sipregistrantentry", "1:1")
        case "disable":
            await site.post("sipsg", "1", customAdminState=0)
        case "other aor":
            await site.post("sipregistrantentry", "1:1", AOR="sip:other")
    await site.reconcile()
    row = await site.row()
    assert (row.desired, row.klass, row.due_at) == (0, Class.UNREGISTER, clock.ms)


async def test_rule_8_what_cannot_be_held_any_more_is_not(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.settle(failed(await site.claim_one(), clock, maybe_held_until=clock.seconds + 3600))
    clock.advance(3600)
    await site.delete("sipregistrantentry", "1:1")
    assert await site.rows() == []


# Rule 10: the clock


async def test_rule_10_the_clock_is_kept_for_the_next_start(site: Site, clock: Clock) -> None:
    assert clock.saved == ("", 0)
    await site.store.write(instance.save_clock, "this boot", 1_799_999_123_456)
    await site.reopen()
    assert clock.saved == ("this boot", 1_799_999_123_456)


# Rule 11: CSeq


async def test_rule_11_cseq_and_generation_are_those_of_the_last_settle(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.settle(registered(await site.claim_one(), clock, cseq=2**31 - 1, generation=3))
    clock.advance(1800)
    claimed = await site.claim_one()
    assert (claimed.cseq, claimed.generation) == (2**31 - 1, 3)


@pytest.mark.parametrize("change", ["entry", "server", "off and on"])
async def test_rule_11_no_change_takes_cseq_back(site: Site, clock: Clock, change: str) -> None:
    await site.put_chain()
    await site.register(cseq=777)
    match change:
        case "entry":
            await site.post("sipregistrantentry", "1:1", AorTtl=60)
        case "server":
            await site.post("sipserver", "1:1", Host="h")
        case "off and on":
            await site.post("sipsg", "1", customAdminState=0)
            await site.post("sipsg", "1", customAdminState=1)
    await site.reconcile()
    assert (await site.claim_one()).cseq == 777


async def test_rule_11_a_new_row_never_has_the_number_of_one_that_was(site: Site) -> None:
    """Call-IDs are derived from it."""
    await site.put_chain()
    before = (await site.row()).id
    await site.delete("sipregistrantentry", "1:1")
    await site.put("sipregistrantentry", "1:1", AOR="sip:u1", AorType=2)
    assert [row.id for row in await site.rows()] == [before + 1]


# Rule 12: poison


async def test_rule_12_a_row_that_failed_has_its_next_wait_written_when_it_is_claimed(site: Site, clock: Clock) -> None:
    await site.put_chain(1, FailedRegistrationRetryTimer=300)
    await site.settle(failed(await site.claim_one(), clock))
    clock.advance(120)
    await site.claim()
    assert (await site.row()).due_at == clock.ms + 300_000


async def test_rule_12_so_has_one_that_failed_while_it_is_held_but_before_it_lapses(site: Site, clock: Clock) -> None:
    await site.put_chain(1, FailedRegistrationRetryTimer=86400)
    await site.register()
    clock.advance(1800)
    await site.settle(failed(await site.claim_one(), clock, wait=60))
    clock.advance(60)
    await site.claim()
    row = await site.row()
    assert clock.ms + 30_000 <= row.due_at < row.expires_at


async def test_rule_12_so_has_an_un_register(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.register()
    await site.delete("sipregistrantentry", "1:1")
    await site.claim()
    assert (await site.row()).due_at == clock.ms + claim.UNREGISTER_WAIT_SECONDS * 1000


async def test_rule_12_a_row_that_never_failed_is_due_at_once_after_a_crash(site: Site) -> None:
    await site.put_chain()
    await site.claim()
    await site.reopen()
    assert await site.due() == [1]


async def test_rule_12_a_row_that_failed_is_not_due_at_once_after_a_crash(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.settle(failed(await site.claim_one(), clock))
    clock.advance(120)
    await site.claim()
    await site.reopen()
    assert await site.due() == []
