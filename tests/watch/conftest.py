"""A store in a directory of its own, with a clock that the test moves by hand."""

from __future__ import annotations

from ..store.conftest import clock, first_start, site

__all__ = ["clock", "first_start", "site"]
