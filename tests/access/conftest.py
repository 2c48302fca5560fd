"""A clock and naps that pass when a test says so."""

from __future__ import annotations

import pytest

from ..rest.support import ManualClock, Naps


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def naps() -> Naps:
    return Naps()
