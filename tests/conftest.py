"""What tests of all parts use. Fixtures of one part stand in the conftest.py of its own folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import ports
from tests.kamailio import EXECUTABLE, Kamailio

PROJECT = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses the `kamailio` fixture, and skip it, with the way out, where there is none."""
    absent = pytest.mark.skip(reason="needs Kamailio: sudo apt-get install --no-install-recommends kamailio")
    for item in items:
        if "kamailio" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.kamailio)
        if item.get_closest_marker("kamailio") and not EXECUTABLE.exists():
            item.add_marker(absent)


@pytest.fixture
def kamailio() -> Iterator[Callable[..., Kamailio]]:
    """Return what starts a Kamailio with the given settings; all of them end with the test."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(Kamailio(**settings))


@pytest.fixture
def free_port() -> int:
    """Return a port of loopback that nobody has at this moment."""
    return ports.free_port()


@pytest.fixture(scope="session")
def corpora() -> Path:
    """Return the folder of test data that others wrote; skip where it is absent."""
    folder = Path(os.environ.get("SIPREGISTRANT_CORPORA") or PROJECT.parent / "shared" / "corpora")
    if not folder.is_dir():
        pytest.skip(f"needs the corpora in {folder}: SIPREGISTRANT_CORPORA names another folder")
    return folder
