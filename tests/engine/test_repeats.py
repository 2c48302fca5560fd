"""What lasts is told once, and its repeats at DEBUG; and what /metrics counts meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

from structlog.testing import capture_logs

from sipregistrant.errors import StoreUnavailable
from sipregistrant.model.schedule import Class
from sipregistrant.sip.outcome import Kind

from .listed import ListSchedule, Network, engine_on, make_row, make_settings, ok, refuse
from .virtual_time import in_virtual_time


def levels(lines: list[Any], event: str) -> list[str]:
    return [line["log_level"] for line in lines if line["event"] == event]


@in_virtual_time
async def test_a_database_that_hands_out_nothing_is_one_error_until_it_does_again() -> None:
    schedule, network = ListSchedule([make_row()]), Network()
    schedule.claim_fault = StoreUnavailable("database is locked")
    with capture_logs() as lines:
        async with engine_on(schedule, network):
            await asyncio.sleep(5.5)
            told = levels(lines, "claim.failed")
            assert told == ["error", *["debug"] * (len(told) - 1)]
            assert len(told) > 3
            schedule.claim_fault = None
            await asyncio.sleep(10)
            assert network.registers()
            schedule.claim_fault = StoreUnavailable("database is locked")
            schedule.change(1)
            await asyncio.sleep(0)
            lines.clear()
            await asyncio.sleep(7200)
    assert levels(lines, "claim.failed")[:2] == ["error", "debug"]


@in_virtual_time
async def test_a_registration_that_fails_on_and_on_is_one_line() -> None:
    network = Network(lambda request: [refuse(request, 500)])
    with capture_logs() as lines:
        async with engine_on(ListSchedule([make_row()]), network):
            await asyncio.sleep(600)
            assert len(network.registers()) > 2
            network.answer = lambda request: [ok(request)]
            await asyncio.sleep(300)
    assert levels(lines, "registration.failed") == ["warning"]
    assert set(levels(lines, "registration.failed_again")) == {"debug"}
    changed = [line for line in lines if line["event"] == "registration.changed"]
    assert [(line["was"], line["now"], line["aor"]) for line in changed] == [
        ("retry_wait", "registered", "sip:u1@example.com")
    ]


@in_virtual_time
async def test_refreshes_are_counted_by_how_late_they_were_sent() -> None:
    schedule, network = ListSchedule([make_row(1), make_row(2, due_in=-20.0)]), Network()
    async with engine_on(schedule, network) as engine:
        await asyncio.sleep(1)
        first = engine.figures.lags[Class.NEW]
        assert sum(first.counts) == 2
        assert 20 <= first.total < 21
        assert sum(engine.figures.lags[Class.HELD].counts) == 0
        await asyncio.sleep(7200)
        refreshes = engine.figures.lags[Class.HELD]
        assert sum(refreshes.counts) == len(network.registers()) - 2
        assert refreshes.total / sum(refreshes.counts) < 1


@in_virtual_time
async def test_answers_their_time_and_what_attempts_came_to_are_counted_of_the_server() -> None:
    network = Network(lambda request: [refuse(request, 100), refuse(request, 403)])
    async with engine_on(ListSchedule([make_row()], make_settings()), network) as engine:
        await asyncio.sleep(1)
        tally = engine.figures.tallies()[1]
        assert tally.codes == {403: 1}
        assert tally.outcomes[Kind.REFUSED] == 1
        assert tally.answer_seconds.counts[tally.answer_seconds.bounds.index(0.025)] == 1
        network.answer = lambda request: []
        await asyncio.sleep(7200)
        assert tally.outcomes[Kind.TIMED_OUT] > 0
        assert tally.codes == {403: 1}
