"""What is logged of registrations: each change, and no flood."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from sipregistrant.engine.changes import MOST_OF_ALL, MOST_OF_SERVER, MOST_SUMMARIES, ChangeLog
from sipregistrant.engine.flight import Registrar
from sipregistrant.model.schedule import Class, Settled
from sipregistrant.model.status import State

from .virtual_time import in_virtual_time

Lines = list[Any]


@pytest.fixture
def lines() -> Iterator[Lines]:
    with capture_logs() as captured:
        yield captured


def change(
    id: int, registrar_id: int = 1, was: State = State.REGISTERED, now: State = State.RETRY_WAIT, failures: int = 1
) -> Settled:
    return Settled(
        id, 1, Class.FAILING, 0.0, now, 1, 0, 0.0, 0.0, 0.0, 0.0, failures, 503, "503 Service Unavailable", None, 0, registrar_id,
        was, aor=f"sip:u{id}@example.com",
    )  # fmt: skip


def log_of(servers: int = 1) -> ChangeLog:
    registrars = {id: cast(Registrar, SimpleNamespace(name=f"sip{id}.example:5060")) for id in range(1, servers + 1)}
    return ChangeLog(registrars)


@in_virtual_time
async def test_each_change_of_a_state_is_a_line(lines: Lines) -> None:
    told = log_of()
    told.note(change(7))
    told.note(change(7, was=State.RETRY_WAIT, now=State.REGISTERED, failures=0))
    about = {"registration": 7, "aor": "sip:u7@example.com", "server": "sip1.example:5060", "code": 503}
    assert lines == [
        {"event": "registration.failed", "log_level": "warning", "was": "registered", "now": "retry_wait",
         "reason": "503 Service Unavailable", **about},
        {"event": "registration.changed", "log_level": "info", "was": "retry_wait", "now": "registered", **about},
    ]  # fmt: skip


@in_virtual_time
async def test_what_fails_again_is_told_at_debug(lines: Lines) -> None:
    log_of().note(change(7, was=State.RETRY_WAIT, failures=2))
    assert [(line["event"], line["log_level"], line["failures"]) for line in lines] == [
        ("registration.failed_again", "debug", 2)
    ]


@in_virtual_time
async def test_a_mass_outage_is_a_few_lines_and_a_number(lines: Lines) -> None:
    told = log_of()
    for id in range(5000):
        told.note(change(id))
    assert len(lines) == MOST_OF_SERVER
    await asyncio.sleep(1.1)
    assert len(lines) == MOST_OF_SERVER + 1
    assert lines[-1] == {
        "event": "registrations.changed", "log_level": "warning", "server": "sip1.example:5060", "number": 5000 - MOST_OF_SERVER,
        "now": {"retry_wait": 5000 - MOST_OF_SERVER},
    }  # fmt: skip
    for id in range(5000):
        told.note(change(id, was=State.RETRY_WAIT, now=State.REGISTERED))
    await asyncio.sleep(1.1)
    assert lines[-1]["log_level"] == "info", "that so many are well is no warning"
    known = len(lines)
    told.note(change(1))
    assert lines[-1]["event"] == "registration.failed", "the next second has lines again"
    await asyncio.sleep(1.1)
    assert len(lines) == known + 1


@in_virtual_time
async def test_an_outage_of_many_servers_is_a_few_lines_too(lines: Lines) -> None:
    told = log_of(servers=500)
    for id in range(5000):
        told.note(change(id, 1 + id % 500))
    assert len(lines) == MOST_OF_ALL
    await asyncio.sleep(1.1)
    summaries = lines[MOST_OF_ALL:]
    assert len(summaries) == MOST_SUMMARIES + 1
    assert summaries[-1]["servers"] == 500 - MOST_SUMMARIES
    assert sum(line["number"] for line in summaries) == 5000 - MOST_OF_ALL


@in_virtual_time
async def test_a_stop_tells_what_is_left(lines: Lines) -> None:
    told = log_of()
    for id in range(MOST_OF_SERVER + 3):
        told.note(change(id))
    told.close()
    assert lines[-1]["number"] == 3
    told.close()
    assert len(lines) == MOST_OF_SERVER + 1
