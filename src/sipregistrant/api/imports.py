"""Imports through the local socket: many entries of a table at once, all or none.

    POST /local/import?resource=sipregistrantentry&table=1[&dry-run=1][&whole=1]

The body is NDJSON, or CSV where its Content-Type is text/csv (`bulk_lines.py`). `whole` means that the table is to have these
entries and no others. The answer is the plan (`store.bulk.Plan`): 200 for a dry run, and where there is nothing to do; 202
where it is on disk and being carried out; 422 with faults by line, and nothing was changed.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..model.attributes import NUMBER
from ..model.registry import RESOURCES
from ..store import bulk
from ..store.bulk import Plan
from ..store.bulk_steps import BULK_RESOURCES
from ..store.store import Store
from .bulk_lines import read_csv, read_ndjson
from .problem import problem

__all__ = ["Imports"]

CSV = "text/csv"


class Imports:
    """The one request."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def post(self, request: Request) -> Response:
        """Plan or apply an import."""
        query = request.query_params
        name, table = query.get("resource", ""), query.get("table", "")
        if name not in BULK_RESOURCES:
            raise HTTPException(400, "resource is one of " + ", ".join(sorted(BULK_RESOURCES)))
        if not NUMBER.match(table):
            raise HTTPException(400, "table is the id of a table")
        is_dry, is_whole = (query.get(flag, "0") == "1" for flag in ("dry-run", "whole"))
        is_csv = request.headers.get("content-type", "").partition(";")[0].strip().lower() == CSV
        # A table is as long as it is: on disk, never in memory, and gone when this ends, however it does.
        with tempfile.TemporaryFile(dir=self._store.directory) as file:
            async for piece in request.stream():
                file.write(piece)
            file.seek(0)
            lines = read_csv(file) if is_csv else read_ndjson(file)
            carry = bulk.plan if is_dry else bulk.apply
            found = await carry(self._store, RESOURCES[name], int(table), lines, is_whole=is_whole)
        return _answer(found, is_dry=is_dry)


def _answer(found: Plan, *, is_dry: bool) -> Response:
    told = asdict(found)
    faults = told.pop("faults")
    if found.fault_count:
        lines = [
            {"line": line, "id": id, "field": attribute, "problem": text} for line, id, attribute, text in faults
        ]  # fmt: skip
        return problem(422, "nothing was changed", fault_count=found.fault_count, lines=lines)
    return JSONResponse(told, 200 if is_dry or not found.changes else 202)
