"""A store in a directory of its own, with a clock that the test moves by hand."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sipregistrant.store.store import Store

from .support import Clock, Site


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def first_start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory as a first start leaves it: made once, because it takes longer than most tests."""
    directory = tmp_path_factory.mktemp("store") / "first"
    Store.once(directory, Clock(), lambda tx: None)
    return directory


@pytest.fixture
async def site(first_start: Path, tmp_path: Path, clock: Clock) -> AsyncIterator[Site]:
    """An open store, and around it the words of an operator and of an engine."""
    site = Site(tmp_path / "var", clock)
    shutil.copytree(first_start, site.directory)
    await site.open()
    yield site
    await site.store.close()


@pytest.fixture
def store(site: Site) -> Store:
    return site.store
