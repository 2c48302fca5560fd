"""A real store in a directory of its own, and the application on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette

from sipregistrant.access.sessions import Sessions
from sipregistrant.rest.app import create_app
from sipregistrant.store import users
from sipregistrant.store.passwords import hash_password_now
from sipregistrant.store.store import Store

from .support import Client, ManualClock, Naps

NOW_MS = 1_800_000_000_000


def stopped_clock(boot_id: str, offset_ms: int) -> Callable[[], int]:
    """Schedule time that stands still."""
    return lambda: NOW_MS


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
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "var", stopped_clock)
    yield store
    await store.close()


@pytest.fixture
def app(store: Store, clock: ManualClock, naps: Naps, sessions: Sessions) -> Starlette:
    return create_app(store, clock=clock, sessions=sessions, sleep=naps)


@pytest.fixture
async def stranger(app: Starlette) -> AsyncIterator[Client]:
    """A client without a session."""
    client = Client(app)
    yield client
    await client.close()


@pytest.fixture
async def client(app: Starlette, sessions: Sessions) -> AsyncIterator[Client]:
    """A client with a session."""
    client = Client(app, cookie=f"PHPSESSID={sessions.begin('scripts').token}")
    yield client
    await client.close()


@pytest.fixture(scope="session")
def password_hash() -> str:
    """The hash of `open sesame`; one for all tests, because it takes long on purpose."""
    return hash_password_now("open sesame")


@pytest.fixture
async def with_users(store: Store, password_hash: str) -> None:
    """Users `scripts` of level rest and `boss` of level admin, both with the password `open sesame`."""
    await store.write(users.add, "scripts", "rest", password_hash)
    await store.write(users.add, "boss", "admin", password_hash)
