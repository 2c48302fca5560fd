"""A real store in a directory of its own, and /api/v1 on it: as who owns the directory has it, and as others have it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from sipregistrant.access.login import Login
from sipregistrant.access.sessions import Sessions
from sipregistrant.access.throttle import Throttle
from sipregistrant.api.app import PREFIX, create_api
from sipregistrant.api.gate import Gate, Guarded
from sipregistrant.store.store import Store

from ..rest.support import ManualClock, Naps

NOW_MS = 1_800_000_000_000


def stopped_clock(boot_id: str, offset_ms: int) -> Callable[[], int]:
    """Schedule time that stands still."""
    return lambda: NOW_MS


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "var", stopped_clock)
    yield store
    await store.close()


@pytest.fixture
def changed() -> list[str]:
    """The names that `on_user_changed` was called with."""
    return []


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def naps() -> Naps:
    return Naps()


@pytest.fixture
def sessions(clock: ManualClock) -> Sessions:
    return Sessions(clock=clock)


@pytest.fixture
def login(store: Store, sessions: Sessions, clock: ManualClock, naps: Naps) -> Login:
    return Login(store, sessions, Throttle(clock=clock, sleep=naps))


@pytest.fixture
def api(store: Store, changed: list[str], sessions: Sessions) -> FastAPI:
    def on_user_changed(name: str) -> None:
        changed.append(name)
        sessions.end_all_of(name)

    return create_api(store, on_user_changed=on_user_changed)


def served(api: FastAPI, gate: Gate) -> httpx2.AsyncClient:
    """Return a client of the API behind a gate."""
    app = Starlette(routes=[Mount(PREFIX, Guarded(api, gate))])
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url=f"https://sbc.example{PREFIX}")


@pytest.fixture
async def http(api: FastAPI, store: Store, sessions: Sessions, login: Login) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of who owns the data directory."""
    async with served(api, Gate(store, sessions, login, is_local=True)) as client:
        yield client


@pytest.fixture
async def outside(api: FastAPI, store: Store, sessions: Sessions, login: Login) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of somebody else, who has to show who it is."""
    async with served(api, Gate(store, sessions, login)) as client:
        yield client
