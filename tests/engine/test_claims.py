"""Rows that are claimed ahead of the window, and what becomes of them when nothing more may go (design, rule 3)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sipregistrant.engine.claims import CLAIMED_AHEAD, LONGEST_AHEAD_SECONDS
from sipregistrant.engine.engine import Engine
from sipregistrant.engine.pacing import LARGEST_WINDOW
from sipregistrant.model.status import State
from sipregistrant.sip.message import Request
from tests.engine.listed import ListSchedule, Network, engine_on, make_row, ok, refuse
from tests.engine.virtual_time import in_virtual_time

MANY = 3000


def many() -> tuple[ListSchedule, Network]:
    """Return so many rows that are due, and a registrar to which the way takes a tenth of a second."""
    schedule, network = ListSchedule([make_row(id) for id in range(1, MANY + 1)]), Network()
    network.latency = 0.05
    return schedule, network


def claimed(engine: Engine) -> int:
    return sum(len(registrar.in_flight) for registrar in engine._claims.registrars.values())


def ready(engine: Engine) -> int:
    return sum(len(registrar.ready) for registrar in engine._claims.registrars.values())


@in_virtual_time
async def test_where_the_window_is_wide_rows_are_claimed_ahead_of_it() -> None:
    schedule, network = many()
    most = 0
    async with engine_on(schedule, network) as engine:
        for _ in range(100):
            await asyncio.sleep(0.05)
            most = max(most, claimed(engine))
    assert all(row.state == State.REGISTERED for row in schedule.rows.values())
    assert network.most_under_way <= LARGEST_WINDOW < most <= 2 * LARGEST_WINDOW + CLAIMED_AHEAD
    assert len(schedule.claims) < MANY / LARGEST_WINDOW + 10


@in_virtual_time
async def test_what_cannot_go_within_two_seconds_is_given_back_and_goes_when_it_can() -> None:
    schedule, network = many()
    is_silent = False
    network.answer = lambda request: [] if is_silent else [ok(request)]
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(0.85)
        assert ready(engine) > 0
        is_silent = True
        await asyncio.sleep(40)
        assert ready(engine) == 0
        assert claimed(engine) <= network.most_under_way
        is_silent = False
        await asyncio.sleep(300)
        assert all(row.state == State.REGISTERED for row in schedule.rows.values())
        assert (claimed(engine), engine.in_flight) == (0, 0)


@in_virtual_time
async def test_while_the_target_wants_to_be_left_alone_nothing_that_was_claimed_ahead_goes() -> None:
    schedule, network = many()
    is_busy = False

    def answer(request: Request) -> Sequence[bytes]:
        return [refuse(request, 503, ("Retry-After", "60"))] if is_busy else [ok(request)]

    network.answer = answer
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(0.85)
        is_busy = True
        await asyncio.sleep(LONGEST_AHEAD_SECONDS)
        sent = len(network.heard)
        assert ready(engine) == 0
        await asyncio.sleep(50)
        assert len(network.heard) == sent
        is_busy = False
        await asyncio.sleep(300)
        assert all(row.state == State.REGISTERED for row in schedule.rows.values())


@in_virtual_time
async def test_what_was_changed_while_it_was_claimed_ahead_goes_once_more_as_it_is_now() -> None:
    schedule, network = many()
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(0.85)
        (registrar,) = engine._claims.registrars.values()
        id = registrar.ready[-1].id
        entry = schedule.rows[id].entry
        assert entry is not None
        schedule.change(id, entry={**entry, "URI1": "sip:new@192.0.2.1:5070"})
        engine.knock([1])
        await asyncio.sleep(5)
    row = schedule.rows[id]
    assert (row.state, row.applied_rev) == (State.REGISTERED, row.wanted_rev)
    assert row.sent is not None
    assert [contact.uri for contact in row.sent.contacts] == ["sip:new@192.0.2.1:5070"]
