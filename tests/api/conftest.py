"""A real store in a directory of its own, and the local application on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette

from sipregistrant.api.local import create_local_app
from sipregistrant.store.store import Store

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
def app(store: Store, changed: list[str]) -> Starlette:
    return create_local_app(store, on_user_changed=changed.append)


@pytest.fixture
async def http(app: Starlette) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://local") as client:
        yield client
