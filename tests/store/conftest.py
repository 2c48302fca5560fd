"""A store in a directory of its own, with a clock that the test moves by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sipregistrant.store.store import Store

from .support import Clock, Site


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def site(tmp_path: Path, clock: Clock) -> AsyncIterator[Site]:
    """An open store, and around it the words of an operator and of an engine."""
    site = Site(tmp_path / "var", clock)
    await site.open()
    yield site
    await site.store.close()


@pytest.fixture
def store(site: Site) -> Store:
    return site.store
