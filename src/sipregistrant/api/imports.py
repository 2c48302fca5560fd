"""Many entries of a table at once, in and out.

    POST /tables/{table}/entries/import[?dry_run=true][&whole=true]     NDJSON, or CSV where the Content-Type is text/csv
    GET  /tables/{table}/entries/import                                 how far the carrying out has come
    GET  /tables/{table}/entries/export[?format=csv]                    all of them, in the same form

`whole` means that the table is to have these entries and no others. The answer is the plan (`store.bulk.Plan`): 200 for a dry
run, and where there is nothing to do; 202 where it is on disk and being carried out; 422 with faults by line, and nothing was
changed. Credentials go in in the same way; their passwords never come out.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from ..model.attributes import Attribute, Kind
from ..model.registry import RESOURCES
from ..model.resource import Values
from ..store import bulk, bulk_steps, config, forecast
from ..store.bulk import Plan
from ..store.bulk_steps import BULK_RESOURCES
from ..store.objects import STORED, parent_uid_of
from ..store.store import Store
from ..store.tx import Tx
from . import schemas
from .bulk_lines import CSV, NDJSON, read_csv, read_ndjson
from .gate import Changer, Reader
from .objects import id_in
from .problem import Problem
from .shapes import PLACES, Place, Shape, place_of, shape_of, text_of

__all__ = ["Imports"]

Json = dict[str, Any]

ROWS_AT_ONCE = 1000

INTEGER = {"type": "integer"}
PLAN = schemas.object_of({
    "added": INTEGER, "changed": INTEGER, "untouched": INTEGER, "removed": INTEGER,
    "registrations_due": {**INTEGER, "description": "that are sent by it, un-registrations among them"},
    "registers_at_most": {**INTEGER, "description": "two for each: the first is challenged"},
    "seconds_at_least": {"type": ["number", "null"], "description": "by the limits of the servers; null: they have none"},
})  # fmt: skip
PROGRESS = schemas.object_of({"is_pending": {"type": "boolean"}, "done": INTEGER, "lines": INTEGER})

Flag = Annotated[bool, Query()]
Format = Annotated[str, Query(pattern="^(csv|ndjson)$")]
Columns = Annotated[
    str, Query(max_length=2048, description="of a CSV, separated by commas; else those that say something")
]


class Imports:
    """The routes, for each resource that has entries in millions."""

    def __init__(self, store: Store) -> None:
        self.router = APIRouter()
        for name in sorted(BULK_RESOURCES):
            _Routes(store, place_of(RESOURCES[name])).add_to(self.router)


class _Routes:
    def __init__(self, store: Store, place: Place) -> None:
        self._store = store
        self._place = place
        self._resource = place.resource
        self._shape = shape_of(place.resource)
        self._parent = PLACES[place.resource.parent]

    def add_to(self, router: APIRouter) -> None:
        """Add them."""
        base = f"/{self._parent.collection}/{{{self._parent.one}}}/{self._place.collection}"
        lines = {media: {"schema": {"type": "string"}} for media in (NDJSON, CSV)}
        plan = schemas.json_reply("What it comes to; nothing is changed, or nothing is to be.", PLAN)
        self._add(router, "POST", f"{base}/import", self.post, "Plan an import, or carry it out", "rest",
                  {200: plan, 202: schemas.json_reply("It is on disk, and being carried out.", PLAN)},
                  {"requestBody": {"required": True, "content": lines}})  # fmt: skip
        self._add(router, "GET", f"{base}/import", self.progress, "Say how far an import has been carried out", "readonly",
                  {200: schemas.json_reply("Lines that are carried out, of all.", PROGRESS)}, {})  # fmt: skip
        self._add(router, "GET", f"{base}/export", self.export, "Give all of them as an import takes them", "readonly",
                  {200: {"description": "A line each, by id.", "content": lines}}, {})  # fmt: skip

    def _add(self, router: APIRouter, method: str, path: str, endpoint: Any, summary: str, role: str,
             replies: schemas.Responses, extra: Json) -> None:  # fmt: skip
        parameters = [schemas.id_in_path(self._parent)]
        word = {"post": "import", "progress": "progress_of", "export": "export"}[endpoint.__name__]
        router.add_api_route(
            path, endpoint, methods=[method], summary=summary, description=f"Needs the role {role}.",
            tags=[self._place.collection], operation_id=f"{word}_{self._place.collection}", response_model=None,
            response_class=JSONResponse, responses={**schemas.problems(404, 409), **replies},
            openapi_extra={**extra, "parameters": parameters},
        )  # fmt: skip

    async def post(self, request: Request, actor: Changer, dry_run: Flag = False, whole: Flag = False) -> Response:
        """Plan or apply an import."""
        table = await self._table(request)
        is_csv = request.headers.get("content-type", "").partition(";")[0].strip().lower() == CSV
        # A table is as long as it is: on disk, never in memory, and gone when this ends, however it does.
        with tempfile.TemporaryFile(dir=self._store.directory) as file:
            async for piece in request.stream():
                file.write(piece)
            file.seek(0)
            lines = read_csv(file, self._shape) if is_csv else read_ndjson(file, self._shape)
            if dry_run:
                found = await bulk.plan(self._store, self._resource, table, lines, is_whole=whole)
            else:
                found = await bulk.apply(self._store, self._resource, table, lines, is_whole=whole, who=actor.name)
        if found.fault_count:
            raise Problem(422, "nothing was changed", fault_count=found.fault_count, lines=self._faults(found))
        seconds = await self._store.read(forecast.seconds_for, self._parent.resource, table, found.registers)
        told = {"added": found.added, "changed": found.changed, "untouched": found.untouched, "removed": found.removed,
                "registrations_due": found.registers, "registers_at_most": 2 * found.registers,
                "seconds_at_least": seconds}  # fmt: skip
        return JSONResponse(told, 200 if dry_run or not found.changes else 202)

    def _faults(self, found: Plan) -> list[Json]:
        return [
            {"line": line, "id": id, "field": self._shape.column_of(attribute) if attribute else "", "problem": problem}
            for line, id, attribute, problem in found.faults
        ]

    async def progress(self, request: Request, actor: Reader) -> Response:
        """Tell how far an import of the table is."""
        found = await self._store.read(bulk_steps.progress, self._resource, await self._table(request))
        done, lines = found or (0, 0)
        return JSONResponse({"is_pending": found is not None, "done": done, "lines": lines})

    async def export(
        self, request: Request, actor: Reader, format: Format = "ndjson", columns: Columns = ""
    ) -> Response:
        """Give all entries."""
        table = await self._table(request)
        if format == "ndjson":
            return StreamingResponse(self._ndjson(table), media_type=NDJSON)
        if columns:
            chosen = _named(self._shape, columns)
        else:
            chosen = await self._store.read(_telling, self._shape, table)
        return StreamingResponse(self._csv(table, chosen), media_type=CSV)

    async def _table(self, request: Request) -> int:
        table = id_in(request, self._parent)
        await self._store.read(parent_uid_of, self._resource, table)
        return table

    async def _pages(self, table: int) -> AsyncIterator[list[tuple[int, Values]]]:
        after = 0
        while page := await self._store.read(_page, self._shape, table, after):
            yield page
            after = page[-1][0]

    async def _ndjson(self, table: int) -> AsyncIterator[str]:
        async for page in self._pages(table):
            yield "".join(
                json.dumps({"id": id, **self._shape.to_json(values)}, ensure_ascii=False) + "\n" for id, values in page
            )

    async def _csv(self, table: int, columns: list[Attribute | None]) -> AsyncIterator[str]:
        yield _rows([["id" if a is None else self._shape.column_of(a.name) for a in columns]])
        async for page in self._pages(table):
            yield _rows([
                [str(id) if a is None else text_of(a, values[a.name]) for a in columns] for id, values in page
            ])  # fmt: skip


def _rows(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _named(shape: Shape, columns: str) -> list[Attribute | None]:
    """Return the columns that are asked for, None for the id; raises `Problem`."""
    chosen: list[Attribute | None] = []
    for name in (name.strip() for name in columns.split(",")):
        attribute = shape.attribute_of(name)
        if name.lower() != "id" and (attribute is None or attribute.kind is Kind.SECRET):
            problem = shape.unknown(name) if attribute is None else "it is never given"
            raise Problem(422, faults=[("columns", f"{name[:64]}: {problem}")])
        chosen.append(attribute)
    return chosen


def _page(tx: Tx, shape: Shape, table: int, after: int) -> list[tuple[int, Values]]:
    stored = STORED[shape.resource.name]
    rows = stored.page(tx, parent_uid_of(tx, shape.resource, table), after, ROWS_AT_ONCE)
    return [(row.id, config.known(shape.resource, row)) for row in rows]


def _telling(tx: Tx, shape: Shape, table: int) -> list[Attribute | None]:
    """Return the columns that say something: those that have to be given, and those that are not everywhere as by default."""
    resource = shape.resource
    open_to_see = [a for a in resource.stored if a.kind is not Kind.SECRET]
    absent = {a.name: a.default if a.default is not None else "" for a in open_to_see}
    tests = ", ".join(f'max("{a.column}" <> ?)' for a in open_to_see)
    values = [absent[a.name] for a in open_to_see]
    query = f"SELECT {tests} FROM {resource.name} WHERE parent_uid = ?"
    differs = tx.sqlite.execute(query, [*values, parent_uid_of(tx, resource, table)]).fetchone()
    needed = [a for a, differ in zip(open_to_see, differs, strict=True) if differ or (a.required and a.default is None)]
    return [None, *needed]
