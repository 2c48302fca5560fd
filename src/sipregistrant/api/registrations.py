"""What became of what is configured: registrations, their history, counts, the forecast; and verbs on many at once.

GET  /registrations?state=failing&server=1:2      a page of those that fit
GET  /registrations/{id}                          one
GET  /registrations/{id}/history                  its changes of state, the newest first
POST /registrations/{verb}?state=failing          refresh, register or unregister all that fit, a bounded number a request
GET  /status                                      counts by state and by server
GET  /forecast                                    REGISTERs a second of the next hour, by registrar
"""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from sqlalchemy import Row
from starlette.responses import JSONResponse, Response

from ..model.schedule import Sent
from ..model.status import OVERDUE_MS, State, Status
from ..sip.learned import Learned
from ..store import actions, forecast, history, overview, runtime
from ..store.overview import Filter
from ..store.store import Store
from ..store.tx import Key, Tx
from . import schemas
from .gate import Changer, Reader
from .pages import LARGEST_ID, After, Limit
from .problem import Problem

__all__ = ["REGISTRATION", "Registrations", "registration_json", "registrations_of"]

Json = dict[str, Any]

SERVER = re.compile(r"([0-9]{1,5}):([0-9]{1,2})\Z", re.ASCII)

# A page that is not full goes on looking, through so many windows of ten thousand: a tenth of a second or two.
WINDOWS = 10
VERB_ROWS = 500
VERB_STEPS = 20
"""Steps of one request of a verb: with 500 rows each, 10,000 registrations."""

VERBS = ("refresh", "register", "unregister")

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
INSTANT = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}
OBJECT, LIST = {"type": "object"}, {"type": "array", "items": {"type": "object"}}
REGISTRATION = schemas.object_of({
    "id": INTEGER, "table": INTEGER, "entry": INTEGER, "aor": TEXT, "server": {"type": ["string", "null"]},
    "group": {"type": ["integer", "null"]}, "flow": INTEGER, "state": {"enum": [status.value for status in Status]},
    "reason": TEXT, "last_code": INTEGER, "failures": INTEGER, "since": INSTANT, "attempted_at": INSTANT,
    "next_attempt_at": INSTANT, "expires_at": INSTANT, "is_overdue": {"type": "boolean"}, "registrar": TEXT,
    "contacts": LIST, "learned": OBJECT, "stays_off": {"type": "boolean"},
})  # fmt: skip
CHANGE = schemas.object_of({
    "id": INTEGER, "at": INSTANT, "before": TEXT, "after": TEXT, "code": INTEGER, "reason": TEXT,
})  # fmt: skip
COUNTS = {"type": "object", "additionalProperties": INTEGER}


def filter_of(
    state: Annotated[list[Status] | None, Query(description="one of these; may be repeated")] = None,
    table: Annotated[int | None, Query(ge=1, le=65534, description="of this table")] = None,
    entry: Annotated[int | None, Query(ge=1, le=2147483647, description="of this entry; needs a table")] = None,
    server: Annotated[
        str | None, Query(pattern="^[0-9]{1,5}:[0-9]{1,2}$", description="at this server, TABLE:ID")
    ] = None,
    group: Annotated[int | None, Query(ge=1, le=10000, description="of this signaling group")] = None,
    text: Annotated[str, Query(max_length=512, description="a part of the AOR")] = "",
    last_code: Annotated[int | None, Query(ge=0, le=699, description="the last answer; 0 none")] = None,
    overdue: Annotated[bool | None, Query(description="what is due was not sent for half a minute")] = None,
) -> Filter:
    """Return what a request is about."""
    if entry is not None and table is None:
        raise Problem(422, faults=[("entry", "the table that it is in is wanted as well")])
    at = SERVER.match(server) if server else None
    key = Key(int(at[2]), int(at[1])) if at else None
    return Filter(tuple(state or ()), table, entry, key, group, text, last_code, overdue)


Which = Annotated[Filter, Depends(filter_of)]
All = Annotated[bool, Query(description="needed where there is no filter")]
Id = Annotated[int, Path(ge=1, le=LARGEST_ID)]


class Registrations:
    """The routes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.router = router = APIRouter(tags=["registrations"])
        page = schemas.json_reply("A page, by id.", schemas.listed(schemas.ref("registration")))
        self._add("/registrations", self.list_all, "List those that fit", page, 422)
        self._add(
            "/registrations/{id}", self.get, "Show one", schemas.json_reply("It.", schemas.ref("registration")), 404
        )
        self._add("/registrations/{id}/history", self.history, "Its changes of state, the newest first",
                  schemas.json_reply("A page, back in time.", schemas.listed(CHANGE)), 404)  # fmt: skip
        by_server = {"type": "array", "items": schemas.object_of({"server": TEXT, "states": COUNTS})}
        self._add("/status", self.status, "How many are in which state, as their last attempts left them",
                  schemas.json_reply("The counts.", schemas.object_of({"states": COUNTS, "servers": by_server})))  # fmt: skip
        self._add("/forecast", self.forecast, "REGISTERs a second of the next hour",
                  schemas.json_reply("One for each registrar.", schemas.object_of({"items": LIST})))  # fmt: skip
        done = schemas.object_of({"registrations": INTEGER, "next": {"type": ["integer", "null"]}})
        for verb in VERBS:
            router.add_api_route(
                f"/registrations/{verb}", self._verb(verb), methods=["POST"], operation_id=f"{verb}_registrations",
                summary=f"{verb.capitalize()} those that fit",
                description="A bounded number in one request: go on with `after` until `next` is null. Needs the role rest.",
                responses={**schemas.problems(), 200: schemas.json_reply("So many were touched.", done)},
                response_class=JSONResponse, response_model=None,
            )  # fmt: skip

    def _add(self, path: str, endpoint: Any, summary: str, reply: Json, *failures: int) -> None:
        self.router.add_api_route(
            path, endpoint, methods=["GET"], summary=summary, response_model=None, response_class=JSONResponse,
            operation_id=f"{endpoint.__name__}_registrations", description="Needs the role readonly.",
            responses={**schemas.problems(*failures), 200: reply},
        )  # fmt: skip

    async def list_all(self, actor: Reader, which: Which, after: After = 0, limit: Limit = 100) -> Response:
        """Return a page. One that is not full, and has a next one, has looked at as many as one request may."""
        items: list[Json] = []
        next_after: int | None = after
        for _ in range(WINDOWS):
            shown, next_after = await self._store.read(_page, which, next_after or 0, limit - len(items))
            items += shown
            if len(items) == limit or next_after is None:
                break
        return JSONResponse({"items": items, "next": next_after})

    async def get(self, actor: Reader, id: Id) -> Response:
        """Return one."""
        found = await self._store.read(_one, id)
        if found is None:
            raise Problem(404, f"there is no registration {id}")
        return JSONResponse(found)

    async def history(self, actor: Reader, id: Id, before: After = LARGEST_ID, limit: Limit = 100) -> Response:
        """Return its changes of state."""
        if await self._store.read(_one, id) is None:
            raise Problem(404, f"there is no registration {id}")
        changes = await self._store.read(history.of, id, before, limit)
        items = [{"id": change.id, "at": instant(change.at), "before": change.before.name.lower(),
                  "after": change.after.name.lower(), "code": change.code, "reason": change.reason}
                 for change in changes]  # fmt: skip
        return JSONResponse({"items": items, "next": changes[-1].id if len(changes) == limit else None})

    async def status(self, actor: Reader) -> Response:
        """Return the counts."""
        by_server = await self._store.read(overview.counts)
        total: dict[State, int] = {}
        for of_server in by_server.values():
            for state, number in of_server.items():
                total[state] = total.get(state, 0) + number
        servers = [{"server": f"{table}:{server}", "states": _counts(of_server)}
                   for (table, server), of_server in sorted(by_server.items())]  # fmt: skip
        return JSONResponse({"states": _counts(total), "servers": servers})

    async def forecast(self, actor: Reader) -> Response:
        """Return what each registrar will get."""
        return JSONResponse({"items": [dataclasses.asdict(load) for load in await self._store.read(forecast.loads)]})

    def _verb(self, verb: str) -> Any:
        async def act(actor: Changer, which: Which, after: After = 0, all: All = False) -> Response:
            if which.is_empty and not all:
                raise Problem(422, "this would be every registration: name a filter, or say all=true")
            return JSONResponse(await self._carry_out(actor.name, verb, which, after))

        return act

    async def _carry_out(self, who: str, verb: str, which: Filter, after: int) -> Json:
        number, next_after = 0, after
        for _ in range(VERB_STEPS):
            found = await self._store.read(overview.ids, which, next_after, VERB_ROWS)
            if found.rows:
                touched = [(row.id, row.registrar_id) for row in found.rows]
                number += await self._store.write_as(who, actions.act_on, verb, touched)
            if found.next_after is None:
                return {"registrations": number, "next": None}
            next_after = found.next_after
        return {"registrations": number, "next": next_after}


def _counts(states: dict[State, int]) -> dict[str, int]:
    return {state.name.lower(): states[state] for state in State if states.get(state)}


def _page(tx: Tx, which: Filter, after: int, most: int) -> tuple[list[Json], int | None]:
    found = overview.page(tx, which, after, most)
    return [registration_json(tx, row) for row in found.rows], found.next_after


def _one(tx: Tx, id: int) -> Json | None:
    row = overview.find(tx, id)
    return None if row is None else registration_json(tx, row)


def registrations_of(tx: Tx, table: int, entry: int) -> list[Json]:
    """Return the registrations of an entry."""
    return [registration_json(tx, row) for row in overview.of_entry(tx, table, entry)]


def registration_json(tx: Tx, row: Row[Any]) -> Json:
    """Return how a registration stands: what is held, what came of the last attempt, and when the next one is."""
    sent = None if row.sent is None else Sent.from_json(row.sent)
    is_held = row.expires_at > tx.now
    learned = Learned.from_json(row.learned) if row.learned and is_held else Learned()
    return {
        "id": row.id,
        "table": row.table_id,
        "entry": row.entry_id,
        "aor": row.aor,
        "server": None if row.server_id is None else f"{row.server_table_id}:{row.server_id}",
        "group": row.group_id,
        "flow": row.flow,
        "state": row.status,
        "reason": runtime.reason_of(row, Status(row.status), tx),
        "last_code": row.last_code,
        "failures": row.failures,
        "since": instant(row.since_at),
        "attempted_at": instant(row.attempted_at),
        "next_attempt_at": instant(row.due_at),
        "expires_at": instant(row.expires_at) if is_held else None,
        "is_overdue": row.due_at is not None and row.due_at < tx.now - OVERDUE_MS,
        "registrar": runtime.address_of(row, sent),
        "contacts": [
            {"uri": contact.uri, "q": contact.q / 100, "requested_expires_seconds": contact.asked,
             "granted_expires_seconds": contact.granted, "found_by": contact.matched}
            for contact in (sent.contacts if sent is not None and is_held else [])
        ],
        "learned": {name: value for name in LEARNED if (value := getattr(learned, name))},
        "stays_off": bool(row.stays_off),
    }  # fmt: skip


LEARNED = ("service_route", "path", "associated_uris", "public_gruu", "public_address", "credential")


def instant(at: int | None) -> str | None:
    """Return an instant of schedule time (ms) as RFC 3339 has it, in UTC, or None for none."""
    return (
        datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None
    )
