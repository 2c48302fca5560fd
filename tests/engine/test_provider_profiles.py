"""What a server's provider profile does over the life of a registration, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from sipregistrant.engine.departure import LEFT_TO_LAPSE
from sipregistrant.model.schedule import Class, RegistrarSettings, Rival, Sent, SentContact
from sipregistrant.model.status import State
from sipregistrant.sip.behaviour import Behaviour, CallIdLife, ExpiresStyle, UnregisterStyle
from sipregistrant.sip.message import Request
from tests.engine.listed import (
    EPOCH,
    REGISTRAR,
    Heard,
    ListSchedule,
    Network,
    challenge,
    engine_on,
    entry,
    make_row,
    make_settings,
    refuse,
)
from tests.engine.virtual_time import in_virtual_time

TTL = 600


def settings_of(behaviour: Behaviour, **server: Any) -> RegistrarSettings:
    return replace(make_settings(**server), behaviour=behaviour)


class Registrar:
    """Answers like a registrar that reads Expires where it stands; it challenges what has no answer yet, and is silent between
    two instants.
    """

    def __init__(self, *, silent: tuple[float, float] = (0.0, 0.0), challenges: bool = False) -> None:
        self.network = Network(self._answer)
        self._silent = silent
        self._challenges = challenges

    def _answer(self, request: Request) -> Sequence[bytes]:
        first, last = self._silent
        if first < asyncio.get_running_loop().time() < last:
            return []
        if self._challenges and request.first("authorization") is None:
            return [challenge(request)]
        listed = []
        for value in request.all("contact"):
            uri, _, parameters = value.partition(">")
            said = (
                parameters.rpartition("expires=")[2] if "expires=" in parameters else request.first("expires") or "3600"
            )
            listed += [("Contact", f"{uri}>;expires={said}")] * (said != "0")
        return [refuse(request, 200, *listed)]

    @property
    def heard(self) -> list[Heard]:
        first: dict[str, Heard] = {}
        for heard in self.network.heard:
            first.setdefault(heard.branch, heard)
        return list(first.values())

    def all_of(self, name: str) -> list[str | None]:
        return [one.request.first(name) for one in self.heard]


def row(**changes: Any) -> Any:
    return make_row(1, entry=entry("sip:u1@example.com", AorTtl=TTL, FailedRegistrationRetryTimer=30), **changes)


def held(**changes: Any) -> Any:
    uri = "sip:alice@192.0.2.1:5070"
    sent = Sent("sip:u1@example.com", "sip:u1@example.com", "sip:example.com", *REGISTRAR, "udp",
                [SentContact(uri, 100, TTL, TTL, "uri")])  # fmt: skip
    return row(klass=Class.HELD, state=State.REGISTERED, expires_at=EPOCH + TTL, cseq=7, sent=sent, **changes)


# Call-ID


@in_virtual_time
async def test_a_call_id_is_kept_whatever_happens() -> None:
    registrar = Registrar(silent=(100, 700))
    async with engine_on(ListSchedule([row()], settings_of(Behaviour())), registrar.network):
        await asyncio.sleep(2000)
    assert len(registrar.heard) > 5
    assert len(set(registrar.all_of("call-id"))) == 1


@in_virtual_time
async def test_a_call_id_is_kept_until_something_fails() -> None:
    registrar = Registrar(silent=(1000, 1300), challenges=True)
    async with engine_on(
        ListSchedule([row()], settings_of(Behaviour(call_id=CallIdLife.AFTER_FAILURE))), registrar.network
    ):
        await asyncio.sleep(3000)
    before = {one.request.first("call-id") for one in registrar.heard if one.at < 1000}
    after = {one.request.first("call-id") for one in registrar.heard if one.at > 1340}
    assert (len(before), len(after)) == (1, 1)
    assert before.isdisjoint(after)


@in_virtual_time
async def test_a_new_call_id_each_time_answers_challenges_with_the_same() -> None:
    registrar = Registrar(challenges=True)
    settings = settings_of(Behaviour(call_id=CallIdLife.CYCLE), AuthorizationOnRefresh=0)
    async with engine_on(ListSchedule([row()], settings), registrar.network):
        await asyncio.sleep(2000)
    names = registrar.all_of("call-id")
    assert len(names) >= 6
    assert names[0::2] == names[1::2]
    assert len(set(names)) == len(names) / 2
    numbers = [int((value or "").split()[0]) for value in registrar.all_of("cseq")]
    # More than RFC 3261 asks for: who looks at numbers alone is served as well.
    assert numbers == sorted(set(numbers))


@in_virtual_time
async def test_where_a_302_sends_us_we_have_the_same_call_id() -> None:
    registrar = Registrar()
    registrar.network.at[REGISTRAR[0]] = lambda request: [refuse(request, 302, ("Contact", "<sip:198.51.100.2>"))]
    settings = settings_of(Behaviour(call_id=CallIdLife.CYCLE))
    schedule = ListSchedule([held()], settings)
    async with engine_on(schedule, registrar.network, redirect_hosts=frozenset({"198.51.100.2"})):
        await asyncio.sleep(5)
    assert [one.to[0] for one in registrar.heard] == [REGISTRAR[0], "198.51.100.2"]
    assert len(set(registrar.all_of("call-id"))) == 1


@in_virtual_time
async def test_an_un_register_has_the_call_id_of_what_it_removes() -> None:
    registrar = Registrar()
    schedule = ListSchedule([row()], settings_of(Behaviour(call_id=CallIdLife.CYCLE)))
    async with engine_on(schedule, registrar.network) as engine:
        await asyncio.sleep(5)
        schedule.change(1, desired=False, klass=Class.UNREGISTER)
        engine.knock([1])
        await asyncio.sleep(5)
    assert len(set(registrar.all_of("call-id"))) == 1
    assert registrar.all_of("expires") == [str(TTL), "0"]


# Un-REGISTER


@in_virtual_time
async def test_all_bindings_are_removed_where_the_profile_says_so() -> None:
    registrar = Registrar()
    settings = settings_of(Behaviour(unregister_style=UnregisterStyle.ALL))
    schedule = ListSchedule([held(desired=False)], settings)
    async with engine_on(schedule, registrar.network):
        await asyncio.sleep(5)
    assert (registrar.all_of("contact"), registrar.all_of("expires")) == (["*"], ["0"])
    assert schedule.settled[-1].is_over


@in_virtual_time
async def test_not_where_another_registration_of_that_aor_is_wanted() -> None:
    registrar = Registrar()
    settings = settings_of(Behaviour(unregister_style=UnregisterStyle.ALL))
    rival = Rival(2, True, entry("sip:u1@example.com", URI1="sip:other@192.0.2.9"), None)
    async with engine_on(ListSchedule([held(desired=False, rivals=[rival])], settings), registrar.network):
        await asyncio.sleep(5)
    assert registrar.all_of("contact") == ["<sip:alice@192.0.2.1:5070>;expires=0"]


@pytest.mark.parametrize("style", [UnregisterStyle.OURS, UnregisterStyle.ALL])
@in_virtual_time
async def test_a_contact_that_changes_goes_by_its_name(style: UnregisterStyle) -> None:
    registrar = Registrar()
    changed = held(wanted_rev=2)
    changed.entry = {**changed.entry, "URI1": "sip:new@192.0.2.1:5070"}
    async with engine_on(ListSchedule([changed], settings_of(Behaviour(unregister_style=style))), registrar.network):
        await asyncio.sleep(5)
    assert registrar.heard[0].request.all("contact") == [
        f"<sip:new@192.0.2.1:5070>;q=1;expires={TTL}", "<sip:alice@192.0.2.1:5070>;expires=0",
    ]  # fmt: skip


@in_virtual_time
async def test_nothing_is_removed_where_the_profile_says_so() -> None:
    registrar = Registrar()
    settings = settings_of(Behaviour(unregister_style=UnregisterStyle.NONE))
    schedule = ListSchedule([held(desired=False)], settings)
    async with engine_on(schedule, registrar.network):
        await asyncio.sleep(5)
    assert registrar.heard == []
    assert (schedule.settled[-1].is_over, schedule.settled[-1].last_reason) == (True, LEFT_TO_LAPSE)


@in_virtual_time
async def test_nor_with_what_is_bound_in_its_place() -> None:
    registrar = Registrar()
    changed = held(wanted_rev=2)
    changed.entry = {**changed.entry, "URI1": "sip:new@192.0.2.1:5070"}
    settings = settings_of(Behaviour(unregister_style=UnregisterStyle.NONE))
    schedule = ListSchedule([changed], settings)
    async with engine_on(schedule, registrar.network):
        await asyncio.sleep(5)
    assert registrar.heard[0].request.all("contact") == [f"<sip:new@192.0.2.1:5070>;q=1;expires={TTL}"]
    assert schedule.rows[1].state == State.REGISTERED


# The rest


@in_virtual_time
async def test_what_is_asked_in_the_header_is_granted_to_all_contacts_alike() -> None:
    registrar = Registrar()
    two = row()
    two.entry = {**two.entry, "URI2": "sip:b@192.0.2.1:5070", "TTL2": 60}
    schedule = ListSchedule([two], settings_of(Behaviour(expires_style=ExpiresStyle.HEADER)))
    async with engine_on(schedule, registrar.network):
        await asyncio.sleep(5)
    sent = schedule.rows[1].sent
    assert sent is not None
    assert [(contact.asked, contact.granted) for contact in sent.contacts] == [(TTL, TTL)] * 2


@in_virtual_time
async def test_extra_headers_are_for_registers_alone() -> None:
    registrar = Registrar()
    settings = settings_of(Behaviour(extra_lines="X-Site: 7\r\n"), Monitor=1)
    async with engine_on(ListSchedule([row()], settings), registrar.network):
        await asyncio.sleep(50)
    said = {one.request.method: one.request.first("x-site") for one in registrar.heard}
    assert said == {"REGISTER": "7", "OPTIONS": None}
