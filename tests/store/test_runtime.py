"""What is shown of registrations."""

from __future__ import annotations

import pytest

from sipregistrant.errors import ObjectMissing
from sipregistrant.model.registry import RESOURCES
from sipregistrant.model.schedule import Sent, SentContact
from sipregistrant.model.standing import HeldBack, Standing
from sipregistrant.model.status import State
from sipregistrant.store import runtime
from sipregistrant.store import state as state_of
from sipregistrant.store.registrars import groups
from sipregistrant.store.schema import REGISTRAR

from .support import Clock, Site, failed, registered, removed

ENTRY = "sipregistrantentry"


async def shown(site: Site, id: str = "1:1") -> runtime.Runtime:
    return await site.runtime(ENTRY, id)


async def state(site: Site, id: str = "1:1") -> str | int:
    return (await shown(site, id))["rt_RegistrationState"]


# One entry


async def test_an_entry_has_exactly_the_decided_names(site: Site) -> None:
    await site.put_chain()
    assert set(await shown(site)) == {
        "rt_RegistrationState", "rt_Registrar", "rt_Contacts", "rt_Expires", "rt_LastCode", "rt_LastReason",
        "rt_LastAttempt", "rt_NextAttempt", "rt_Failures", "rt_Registrations", "rt_Registered", "rt_ServiceRoute", "rt_Path",
        "rt_AssociatedURIs", "rt_GRUU", "rt_PublicAddress", "rt_Credential",
        *(f"rt_TTL{n}" for n in range(1, 9)),
    }  # fmt: skip


async def test_an_entry_of_a_table_that_no_server_uses_says_so(site: Site) -> None:
    await site.put_table(1)
    found = await shown(site)
    assert (found["rt_RegistrationState"], found["rt_Registrations"]) == ("no server", 0)
    assert "no enabled signaling group" in str(found["rt_LastReason"])
    assert set(found) == {*found, "rt_Registrar", "rt_NextAttempt"}


async def test_an_entry_that_was_just_put_is_registering(site: Site) -> None:
    await site.put_chain()
    found = await shown(site)
    assert found["rt_RegistrationState"] == "registering"
    assert (found["rt_Registrations"], found["rt_Registered"]) == (1, 0)
    assert (found["rt_LastCode"], found["rt_LastReason"], found["rt_LastAttempt"]) == (0, "", "")
    assert found["rt_Registrar"] == "udp:203.0.113.5:5060"


async def test_a_registered_entry_shows_its_contacts_and_its_times(site: Site, clock: Clock) -> None:
    await site.put_chain()
    claimed = await site.claim_one()
    sent = Sent("a", "f", "r", "203.0.113.9", 5070, "udp", [
        SentContact("sip:a@h", 100, 600, 600, "uri"), SentContact("sip:b@h", 5, 900, 800, "only"),
        SentContact("sip:c@h", 50, 900, None, ""),
    ])  # fmt: skip
    await site.settle(registered(claimed, clock, granted=600, sent=sent))
    clock.advance(100)
    found = await shown(site)
    assert found["rt_RegistrationState"] == "registered"
    assert found["rt_Registrar"] == "udp:203.0.113.9:5070"
    assert found["rt_Contacts"] == "<sip:a@h>;q=1;expires=600, <sip:b@h>;q=0.05;expires=800"
    assert (found["rt_Expires"], found["rt_LastCode"], found["rt_LastReason"], found["rt_Failures"]) == (
        500,
        200,
        "OK",
        0,
    )
    assert found["rt_LastAttempt"] == "2027-01-15T08:00:00Z"
    assert found["rt_NextAttempt"] == "2027-01-15T08:05:00Z"
    assert found["rt_Registered"] == 1


async def test_an_ipv6_address_of_a_registrar_is_shown_in_brackets(site: Site, clock: Clock) -> None:
    await site.put_chain()
    sent = Sent("a", "f", "r", "2001:db8::1", 5070, "udp", [])
    await site.settle(registered(await site.claim_one(), clock, sent=sent))
    assert (await shown(site))["rt_Registrar"] == "udp:[2001:db8::1]:5070"


async def test_an_entry_whose_refresh_failed_is_degraded_and_still_registered(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.register()
    clock.advance(1800)
    await site.settle(failed(await site.claim_one(), clock))
    found = await shown(site)
    assert (found["rt_RegistrationState"], found["rt_Registered"], found["rt_Expires"]) == ("degraded", 1, 1800)
    assert (found["rt_LastReason"], found["rt_Failures"]) == ("no answer", 1)


async def test_an_entry_at_a_silent_server_says_so_although_its_last_code_was_200(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.register()
    clock.advance(1833)
    found = await shown(site)
    assert (found["rt_RegistrationState"], found["rt_LastCode"]) == ("degraded", 200)
    clock.advance(1800)
    found = await shown(site)
    assert (found["rt_RegistrationState"], found["rt_LastCode"]) == ("failing", 200)
    assert (found["rt_Contacts"], found["rt_Expires"], found["rt_Registered"]) == ("", 0, 0)


async def test_an_entry_that_was_refused_is_rejected_with_code_and_reason(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.settle(
        failed(await site.claim_one(), clock, state=State.REJECTED, last_code=403, last_reason="403 Forbidden")
    )
    found = await shown(site)
    assert (found["rt_RegistrationState"], found["rt_LastCode"], found["rt_LastReason"]) == (
        "rejected",
        403,
        "403 Forbidden",
    )


async def test_an_entry_of_a_group_that_is_off_is_unregistering_and_then_disabled(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.register()
    await site.post("sipsg", "1", customAdminState=0)
    await site.reconcile()
    assert await state(site) == "unregistering"
    await site.settle(removed(await site.claim_one(), clock))
    assert await state(site) == "disabled"
    assert (await shown(site))["rt_NextAttempt"] == ""


async def test_of_several_registrations_the_worst_is_shown(site: Site, clock: Clock) -> None:
    await site.put_chain()
    await site.put_server("1:2", Host="203.0.113.6")
    await site.reconcile()
    await site.register(1)
    await site.settle(failed(await site.claim_one(2), clock))
    found = await shown(site)
    assert (found["rt_RegistrationState"], found["rt_Registrar"]) == ("failing", "udp:203.0.113.6:5060")
    assert (found["rt_Registrations"], found["rt_Registered"]) == (2, 1)


async def test_of_equally_good_registrations_the_one_that_lapses_first_is_shown(site: Site) -> None:
    await site.put_chain()
    await site.put_server("1:2", Host="203.0.113.6")
    await site.reconcile()
    await site.register(1, granted=3600)
    await site.register(2, granted=600)
    assert (await shown(site))["rt_Expires"] == 600


async def test_the_ttl_in_force_is_shown_of_each_contact_that_there_is(site: Site) -> None:
    await site.put_table(1, AorTtl=1800, URI1="sip:a@h", URI2="sip:b@h", TTL2=64, URI3="sip:c@h", TTL3=0, URI8="sip:d@h",
                         TTL8=90)  # fmt: skip
    found = await shown(site)
    assert [found[f"rt_TTL{n}"] for n in range(1, 9)] == [1800, 1800, 1800, "", "", "", "", 90]


async def test_entries_are_shown_all_at_once_as_they_are_one_by_one(site: Site) -> None:
    await site.put_chain(3)
    await site.register()
    found = await site.store.read(state_of.page, RESOURCES[ENTRY], 1, 0, 100)
    assert [{name: value for name, value in values.items() if name.startswith("rt_")} for _, values in found] == [
        await shown(site, f"1:{n}") for n in (1, 2, 3)
    ]


async def test_an_entry_that_is_not_there_is_missing(site: Site) -> None:
    await site.put_table(1)
    with pytest.raises(ObjectMissing):
        await shown(site, "1:9")


# Tables, groups, and all


async def test_a_table_counts_what_is_registered_and_what_failed(site: Site, clock: Clock) -> None:
    await site.put_chain(4)
    first, second, third, _ = (await site.claim()).rows
    await site.settle(registered(first, clock), failed(second, clock), failed(third, clock, state=State.REJECTED))
    assert await site.runtime("sipcontactregistrant", "1") == {"rt_Registered": 1, "rt_Failed": 2, "rt_Pending": 0}


async def test_a_table_that_no_server_uses_counts_nothing(site: Site) -> None:
    await site.put_table(2)
    assert await site.runtime("sipcontactregistrant", "1") == {"rt_Registered": 0, "rt_Failed": 0, "rt_Pending": 0}


async def test_a_table_counts_the_registrations_at_all_its_servers(site: Site) -> None:
    await site.put_chain(2)
    await site.put_server("1:2", Host="203.0.113.6")
    await site.reconcile()
    await site.register(1)
    await site.register(2)
    assert await site.runtime("sipcontactregistrant", "1") == {"rt_Registered": 4, "rt_Failed": 0, "rt_Pending": 0}


async def test_a_group_shows_its_type_and_its_channels(site: Site) -> None:
    found = await site.runtime("sipsg", "1")
    assert (found["rt_Type"], found["rt_NumberOfChannels"]) == (1, 10)


@pytest.mark.parametrize("resource", ["sipremoteauthtable", "sipremoteauthentry", "sipprofile", "sipservertable"])
async def test_what_does_nothing_has_nothing_to_show(site: Site, resource: str) -> None:
    await site.put_chain()
    assert await site.runtime(resource, "1:1" if RESOURCES[resource].parent else "1") == {}


async def test_overall_counts_by_what_the_last_attempt_left(site: Site, clock: Clock) -> None:
    await site.put_chain(3)
    first, second, _ = (await site.claim()).rows
    await site.settle(registered(first, clock), failed(second, clock))
    assert await site.store.read(runtime.overall) == {
        State.UNREGISTERED: 1, State.REGISTERED: 1, State.RETRY_WAIT: 1,
    }  # fmt: skip


async def test_a_group_without_a_socket_is_down_and_says_why(site: Site) -> None:
    uid = (await site.store.read(groups))[0][0]
    site.store.group_faults = {uid: "udp:127.0.0.1:5060 cannot be bound: Address already in use"}
    found = await site.runtime("sipsg", "1")
    assert (found["rt_Status"], found["rt_StatusReason"]) == (
        1,
        "udp:127.0.0.1:5060 cannot be bound: Address already in use",
    )
    site.store.group_faults = {}
    assert (await site.runtime("sipsg", "1"))["rt_Status"] == 0


async def test_a_disabled_group_is_down_and_a_drained_one_says_so(site: Site) -> None:
    await site.post("sipsg", "1", customAdminState=0)
    assert (await site.runtime("sipsg", "1"))["rt_Status"] == 1
    await site.post("sipsg", "1", customAdminState=2)
    assert (await site.runtime("sipsg", "1"))["rt_Status"] == 3


# Servers


async def test_a_server_that_was_not_spoken_to_is_unknown(site: Site) -> None:
    await site.put_chain()
    assert await site.runtime("sipserver", "1:1") == {
        "rt_ServerStatus": "Unknown", "rt_UpTime": 0, "rt_DownTime": 0, "rt_Transactions": 0, "rt_TransactionFalures": 0,
        "rt_Pending": 0,
    }  # fmt: skip


@pytest.mark.parametrize(("is_up", "shown_as"), [(True, ("Up", 90, 0)), (False, ("Down", 0, 90))])
async def test_a_server_shows_since_when_it_is_what_it_is(
    site: Site, clock: Clock, is_up: bool, shown_as: tuple[str, int, int]
) -> None:
    await site.put_chain()
    (registrar,) = await site.all(REGISTRAR)
    standing = Standing(is_up=is_up, since=clock.seconds, transactions=12, failures=3)
    site.store.standings = {registrar.sipserver_uid: standing}
    clock.advance(90.5)
    found = await site.runtime("sipserver", "1:1")
    assert (found["rt_ServerStatus"], found["rt_UpTime"], found["rt_DownTime"]) == shown_as
    assert (found["rt_Transactions"], found["rt_TransactionFalures"]) == (12, 3)


@pytest.mark.parametrize(
    ("why", "sentence"),
    [
        (HeldBack.SILENT, "the registrar does not answer anybody since 2026-01-01T00:00:00Z; one AOR is tried now and "
                          "then until it does"),
        (HeldBack.PAUSED, "the registrar asked to be left alone until 2026-01-01T00:00:00Z"),
        (HeldBack.RECONNECTS, "tcp:192.0.2.1:5060: refused; the next connection is tried at 2026-01-01T00:00:00Z"),
        (HeldBack.REFUSES_ALL, "the registrar refuses everybody, so one AOR a minute is tried; the next at "
                               "2026-01-01T00:00:00Z"),
    ],
)  # fmt: skip
async def test_an_entry_that_is_due_and_has_to_wait_says_why(
    site: Site, clock: Clock, why: HeldBack, sentence: str
) -> None:
    await site.put_chain()
    (registrar,) = await site.all(REGISTRAR)
    site.store.standings = {
        registrar.sipserver_uid: Standing(held_back=(why, 1_767_225_600.0), fault="tcp:192.0.2.1:5060: refused")
    }
    clock.advance(1)
    assert (await shown(site))["rt_LastReason"] == f"waits: {sentence}"
    await site.settle(failed(await site.claim_one(), clock, wait=60))
    assert (await shown(site))["rt_LastReason"] == "no answer"
    clock.advance(61)
    assert (await shown(site))["rt_LastReason"] == f"no answer; waits: {sentence}"


# What is still being carried out


async def test_entries_that_a_change_has_not_come_to_say_so(site: Site) -> None:
    await site.put_table(1)
    await site.put("sipserver", "1:1", Host="203.0.113.5", ContactRegistrantTableID=1)
    for resource, id in (("sipcontactregistrant", "1"), ("sipserver", "1:1"), ("sipsg", "1")):
        assert (await site.runtime(resource, id))["rt_Pending"] == 1
    found = await shown(site)
    assert found["rt_RegistrationState"] == "pending"
    assert found["rt_LastReason"] == "a change of configuration has not come to this entry yet"
    await site.reconcile()
    for resource, id in (("sipcontactregistrant", "1"), ("sipserver", "1:1"), ("sipsg", "1")):
        assert (await site.runtime(resource, id))["rt_Pending"] == 0
    assert await state(site) == "registering"


async def test_an_entry_made_while_its_group_is_off_is_disabled(site: Site) -> None:
    await site.put_chain(1)
    await site.post("sipsg", "1", customAdminState=0)
    await site.reconcile()
    await site.put(ENTRY, "1:2", AOR="sip:u2", AorType=2)
    found = await shown(site, "1:2")
    assert (found["rt_RegistrationState"], found["rt_Registrations"]) == ("disabled", 0)
    assert found["rt_LastReason"] == "the signaling group, or the server, that uses this table is off"
