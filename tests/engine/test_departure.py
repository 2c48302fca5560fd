"""Where a 3xx sends us: RFC 3261 §8.1.3.4, only to hosts that the operator allows, at most twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from sipregistrant.engine.departure import Moved, moved_to
from sipregistrant.engine.naming.names import Pointer, Service
from sipregistrant.model.schedule import Class
from sipregistrant.model.status import State
from sipregistrant.sip.message import Request
from sipregistrant.sip.uri import parse_any_uri
from tests.engine.listed import (
    EPOCH,
    REGISTRAR,
    ListSchedule,
    Network,
    Script,
    challenge,
    engine_on,
    make_row,
    make_settings,
    ok,
    refuse,
)
from tests.engine.virtual_time import in_virtual_time
from tests.engine.zone import Zone

OTHER, THIRD = "198.51.100.9", "198.51.100.10"
ALLOWED = frozenset({OTHER, THIRD})


def moved(*contacts: str, code: int = 302) -> Script:
    """Return the script of a registrar that sends everybody elsewhere."""

    def answer(request: Request) -> Sequence[bytes]:
        return [refuse(request, code, *[("Contact", contact) for contact in contacts])]

    return answer


@in_virtual_time
async def test_an_allowed_host_is_registered_at_and_un_registered_at() -> None:
    schedule, network = ListSchedule([make_row()]), Network(moved(f"<sip:desk@{OTHER}:5080>"))
    network.at[OTHER] = lambda request: [ok(request)]
    async with engine_on(schedule, network, redirect_hosts=ALLOWED) as engine:
        await asyncio.sleep(1)
        row = schedule.rows[1]
        assert row.state == State.REGISTERED
        assert row.sent is not None
        assert (row.sent.host, row.sent.port, row.sent.request_uri) == (OTHER, 5080, f"sip:{OTHER}:5080")
        first, second = network.heard
        assert first.to == REGISTRAR
        assert first.request.uri == "sip:example.com"
        # The user of the contact is not taken over: RFC 3261 §10.2.
        assert second.to == (OTHER, 5080)
        assert second.request.uri == f"sip:{OTHER}:5080"
        assert second.request.first("call-id") == first.request.first("call-id")
        assert second.request.first("to") == first.request.first("to")
        assert row.cseq == int((second.request.first("cseq") or "").split()[0])
        assert engine._flights == {}
        assert len(engine._turns) == 0
        schedule.change(1, desired=False, klass=Class.UNREGISTER)
        engine.knock([1])
        await asyncio.sleep(1)
    assert network.heard[-1].to == (OTHER, 5080)
    assert network.heard[-1].request.all("contact") == ["<sip:u1@192.0.2.1:5070>;expires=0"]
    assert schedule.rows[1].state == State.UNREGISTERED


@in_virtual_time
async def test_the_challenge_of_the_other_place_is_answered_for_its_own_uri() -> None:
    schedule, network = ListSchedule([make_row()]), Network(moved(f"<sip:{OTHER}>"))
    network.at[OTHER] = lambda r: [ok(r)] if r.first("authorization") else [challenge(r)]
    async with engine_on(schedule, network, redirect_hosts=ALLOWED):
        await asyncio.sleep(1)
    assert schedule.rows[1].state == State.REGISTERED
    assert f'uri="sip:{OTHER}"' in (network.heard[-1].request.first("authorization") or "")
    numbers = [int((heard.request.first("cseq") or "").split()[0]) for heard in network.heard]
    assert numbers == sorted(set(numbers))


@in_virtual_time
async def test_a_host_that_nobody_allowed_is_named_and_not_asked() -> None:
    schedule, network = ListSchedule([make_row()]), Network(moved(f"<sip:{OTHER}>"))
    async with engine_on(schedule, network, redirect_hosts=frozenset({THIRD})):
        await asyncio.sleep(1)
    assert [heard.to for heard in network.heard] == [REGISTRAR]
    assert schedule.rows[1].state == State.RETRY_WAIT
    assert schedule.settled[0].last_reason == (
        f"302 Moved Temporarily: moved to <sip:{OTHER}>, where it is not followed"
    )
    assert schedule.rows[1].due_at >= EPOCH + 120


@in_virtual_time
async def test_who_is_sent_round_in_circles_stops_after_two() -> None:
    schedule, network = ListSchedule([make_row()]), Network(moved(f"<sip:{OTHER}>"))
    network.at[OTHER] = moved(f"<sip:{THIRD}>")
    network.at[THIRD] = moved(f"<sip:{OTHER}>")
    async with engine_on(schedule, network, redirect_hosts=ALLOWED) as engine:
        await asyncio.sleep(1)
        assert engine.in_flight == 0
        assert all(not pacing.taken for pacing in engine._claims.pacings.values())
    assert [heard.to[0] for heard in network.heard] == [REGISTRAR[0], OTHER, THIRD]
    assert schedule.rows[1].state == State.RETRY_WAIT


@in_virtual_time
async def test_what_is_being_followed_when_the_service_stops_stays_due() -> None:
    schedule, network = ListSchedule([make_row()]), Network(moved(f"<sip:{OTHER}>"))
    async with engine_on(schedule, network, redirect_hosts=ALLOWED) as engine:
        await asyncio.sleep(0.005)
        engine._is_stopping = True
        await asyncio.sleep(1)
        assert (len(engine._turns), engine._flights) == (0, {})
        assert all(not pacing.taken for pacing in engine._claims.pacings.values())
    assert [heard.to for heard in network.heard] == [REGISTRAR]
    assert schedule.settled == []
    assert schedule.rows[1].due_at == EPOCH


@pytest.mark.parametrize(
    ("contacts", "place"),
    [
        ([f"sip:a@{OTHER}"], Moved(f"sip:{OTHER}", OTHER, None)),
        ([f"sip:{OTHER}:5061;transport=UDP"], Moved(f"sip:{OTHER}:5061", OTHER, 5061, "udp")),
        (["sip:203.0.113.1", f"sip:{THIRD}"], Moved(f"sip:{THIRD}", THIRD, None)),
        ([f"sip:{OTHER};transport=tcp"], None),
        ([f"sips:{OTHER}"], None),
        ([f"sip:{OTHER};maddr=203.0.113.1"], None),
        (["tel:+49301234"], None),
        (["mailto:a@b"], None),
        ([], None),
    ],
)
def test_the_first_place_that_may_be_followed(contacts: list[str], place: Moved | None) -> None:
    assert moved_to([parse_any_uri(contact) for contact in contacts], ALLOWED) == place


def test_an_ipv6_address_is_compared_without_its_brackets() -> None:
    place = moved_to([parse_any_uri("sip:[2001:DB8::1]:5062")], {"2001:db8::1"})
    assert place == Moved("sip:[2001:db8::1]:5062", "2001:db8::1", 5062)


@in_virtual_time
async def test_the_preferred_contact_is_followed_first() -> None:
    answer = moved(f"<sip:{OTHER}>;q=0.2", f"<sip:{THIRD}>;q=0.9", code=301)
    schedule, network = ListSchedule([make_row()]), Network(answer)
    network.at[THIRD] = lambda request: [ok(request)]
    async with engine_on(schedule, network, redirect_hosts=ALLOWED):
        await asyncio.sleep(1)
    assert [heard.to[0] for heard in network.heard] == [REGISTRAR[0], THIRD]


@in_virtual_time
async def test_what_has_routes_takes_them_also_to_another_place() -> None:
    route = f"<sip:{THIRD}:5062;lr>"
    schedule = ListSchedule([make_row()], make_settings(RouteSet=route))
    network = Network(lambda r: moved(f"<sip:{OTHER}>")(r) if r.uri == "sip:example.com" else [ok(r)])
    async with engine_on(schedule, network, redirect_hosts=ALLOWED) as engine:
        await asyncio.sleep(1)
        schedule.change(1, desired=False, klass=Class.UNREGISTER)
        engine.knock([1])
        await asyncio.sleep(1)
    assert [heard.to for heard in network.heard] == [(THIRD, 5062)] * 3
    assert [heard.request.uri for heard in network.heard] == ["sip:example.com", f"sip:{OTHER}", f"sip:{OTHER}"]
    assert {heard.request.first("route") for heard in network.heard} == {route}
    assert schedule.rows[1].state == State.UNREGISTERED


@in_virtual_time
async def test_a_name_is_found_by_its_naptr_records() -> None:
    zone = Zone({
        "new.example": [Pointer(1, 1, "s", "sip+d2u", "", "_here.new.example")],
        "_here.new.example": [Service(1, 1, 5099, "a.new.example")], "a.new.example": [OTHER],
    })  # fmt: skip
    schedule, network = ListSchedule([make_row()]), Network(moved("<sip:new.example>"))
    network.at[OTHER] = lambda request: [ok(request)]
    async with engine_on(schedule, network, redirect_hosts=frozenset({"new.example"}), zone=zone):
        await asyncio.sleep(1)
    assert [heard.to for heard in network.heard] == [REGISTRAR, (OTHER, 5099)]
    assert schedule.rows[1].state == State.REGISTERED
