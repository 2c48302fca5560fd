"""What the engine sees of a server: up, down, since when, and how many transactions there were."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from sipregistrant.model.standing import Standing
from sipregistrant.sip.message import Request
from tests.engine.listed import (
    EPOCH,
    ListSchedule,
    Network,
    challenge,
    engine_on,
    make_row,
    make_settings,
    ok,
    refuse,
)
from tests.engine.virtual_time import in_virtual_time

SERVER = 1


def silence(request: Request) -> Sequence[bytes]:
    """Answer nothing."""
    return []


def seen(standing: Standing) -> tuple[str, int, int]:
    return standing.word, standing.transactions, standing.failures


@in_virtual_time
async def test_each_transaction_counts_also_the_one_with_the_challenge() -> None:
    def with_digest(request: Request) -> Sequence[bytes]:
        return [ok(request) if request.first("authorization") else challenge(request)]

    async with engine_on(ListSchedule([make_row(1), make_row(2)]), Network(with_digest)) as engine:
        await asyncio.sleep(1)
    assert seen(engine.standings[SERVER]) == ("Up", 4, 0)


@pytest.mark.parametrize("code", [403, 404, 500, 503])
def test_a_server_that_refuses_is_up(code: int) -> None:
    @in_virtual_time
    async def play() -> None:
        async with engine_on(ListSchedule([make_row()]), Network(lambda request: [refuse(request, code)])) as engine:
            await asyncio.sleep(1)
        assert seen(engine.standings[SERVER]) == ("Up", 1, 0)

    play()


@in_virtual_time
async def test_a_silent_server_is_down_since_the_first_time_out() -> None:
    async with engine_on(ListSchedule([make_row()]), Network(silence)) as engine:
        await asyncio.sleep(31)
        assert seen(engine.standings[SERVER]) == ("Unknown", 0, 0)
        await asyncio.sleep(2)
        assert seen(engine.standings[SERVER]) == ("Down", 1, 1)
        assert engine.standings[SERVER].since == pytest.approx(EPOCH + 32, abs=1)


@in_virtual_time
async def test_a_server_that_is_back_is_up_with_its_first_answer() -> None:
    answers: list[bool] = []

    def later(request: Request) -> Sequence[bytes]:
        return [ok(request)] if answers else []

    async with engine_on(ListSchedule([make_row()]), Network(later)) as engine:
        await asyncio.sleep(40)
        assert engine.standings[SERVER].word == "Down"
        answers.append(True)
        await asyncio.sleep(200)
    assert seen(engine.standings[SERVER]) == ("Up", 2, 1)


@in_virtual_time
async def test_a_name_that_cannot_be_resolved_is_down() -> None:
    settings = make_settings(1, Host="does-not-exist.invalid")
    async with engine_on(ListSchedule([make_row()], settings), Network()) as engine:
        await asyncio.sleep(20)
    assert engine.standings[SERVER].word == "Down"
