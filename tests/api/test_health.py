"""Whether the service serves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from sipregistrant import __version__
from sipregistrant.api.health import Health
from sipregistrant.errors import StoreUnavailable


@dataclass
class Stage:
    """A clock that is moved, and a database that takes writes, or does not."""

    now: float = 1000.5
    cause: str = ""
    writes: int = 0
    lag: dict[str, float] = field(default_factory=dict)
    answers: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self) -> None:
        self.writes += 1
        await self.answers.wait()
        if self.cause:
            raise StoreUnavailable(self.cause)


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.answers.set()
    return stage


@pytest.fixture
async def http(stage: Stage) -> AsyncIterator[httpx2.AsyncClient]:
    health = Health(clock=lambda: stage.now, write=stage.write, lag=lambda: stage.lag, patience_seconds=0.05)
    app = Starlette(routes=[Route("/healthz", health.answer)])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="https://h") as http:
        yield http


async def test_the_service_tells_its_version_and_how_long_it_is_up(stage: Stage, http: httpx2.AsyncClient) -> None:
    stage.now += 61.9
    response = await http.get("/healthz")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {"status": "ok", "version": __version__, "uptime_seconds": 61, "loop_lag_ms": {}}


async def test_the_service_tells_how_late_its_event_loop_is(stage: Stage, http: httpx2.AsyncClient) -> None:
    stage.lag = {"p99": 1.5, "max": 12.0}
    assert (await http.get("/healthz")).json()["loop_lag_ms"] == {"p99": 1.5, "max": 12.0}


async def test_a_database_that_takes_no_writes_is_no_health_until_it_takes_them_again(
    stage: Stage, http: httpx2.AsyncClient
) -> None:
    stage.cause = "database or disk is full"
    response = await http.get("/healthz")
    assert (response.status_code, response.json()["status"]) == (503, "degraded")
    assert "disk is full" in response.json()["cause"]
    stage.cause = ""
    stage.now += 5
    response = await http.get("/healthz")
    assert (response.status_code, response.json()["status"]) == (200, "ok")


async def test_a_database_that_does_not_answer_is_no_health(stage: Stage, http: httpx2.AsyncClient) -> None:
    stage.answers.clear()
    assert (await http.get("/healthz")).status_code == 503
    stage.now += 60
    assert (await http.get("/healthz")).status_code == 503
    assert stage.writes == 1
    stage.answers.set()
    assert (await http.get("/healthz")).status_code == 200


async def test_who_asks_often_does_not_keep_the_disk_busy(stage: Stage, http: httpx2.AsyncClient) -> None:
    for _ in range(20):
        await http.get("/healthz")
    assert stage.writes == 1
    stage.now += 5
    await asyncio.gather(*(http.get("/healthz") for _ in range(20)))
    assert stage.writes == 2
