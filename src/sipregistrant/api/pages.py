"""Pages: `?after=` says behind which id they begin, `?limit=` how many are wanted; `next` is the `after` of the next one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Query
from starlette.responses import JSONResponse

__all__ = ["LARGEST_ID", "After", "Limit", "page_of"]

LARGEST_ID = 2**53 - 1
"""The largest whole number that every program reads out of JSON as it is (RFC 8259 §6)."""

After = Annotated[int, Query(ge=0, le=LARGEST_ID, description="the `next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=1000, description="so many at most")]


def page_of(items: Sequence[dict[str, Any]], limit: int) -> JSONResponse:
    """Return a page of objects by id."""
    return JSONResponse({"items": items, "next": items[-1]["id"] if len(items) == limit else None})
