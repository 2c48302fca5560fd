"""The feed for the call plane: what is registered where, as what, and with what the registrar told of calls.

GET /bindings            a page of what is held; `position` is where the stream goes on
GET /bindings/stream     each change since a position (server-sent events)

A call plane reads all pages, remembers the `position` of the first one, and follows the stream from there.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from sqlalchemy import Row
from starlette.responses import JSONResponse, Response

from ..model.schedule import Sent
from ..model.status import Status
from ..sip.learned import Learned
from ..store import bindings, overview, runtime
from ..store.overview import Filter
from ..store.store import Store
from ..store.tx import Tx
from . import schemas
from .gate import Reader
from .pages import After as AfterId
from .pages import Limit
from .registrations import instant
from .streams import MEDIA_TYPE, After, LastEventId, Message, Seconds, Streams, resumed

__all__ = ["Bindings"]

Json = dict[str, Any]

MOST_AT_ONCE = 200
HELD = Filter(states=(Status.REGISTERED, Status.DEGRADED))

TEXT, INTEGER, TEXTS = {"type": "string"}, {"type": "integer"}, {"type": "array", "items": {"type": "string"}}
NULL_OR_INSTANT = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}
BINDING = schemas.object_of({
    "registration": INTEGER, "is_held": {"type": "boolean"}, "table": INTEGER, "entry": INTEGER, "aor": TEXT, "server": TEXT,
    "flow": INTEGER, "state": TEXT, "expires_at": NULL_OR_INSTANT, "registrar": TEXT, "contacts": TEXTS, "service_route": TEXTS,
    "associated_uris": TEXTS, "public_gruu": TEXT, "public_address": TEXT,
}, optional=("table", "entry", "aor", "server", "flow", "state", "expires_at", "registrar", "contacts", "service_route",
             "associated_uris", "public_gruu", "public_address"))  # fmt: skip


class Bindings:
    """The routes."""

    def __init__(self, store: Store, streams: Streams) -> None:
        self._store = store
        self._streams = streams
        self.router = router = APIRouter(tags=["bindings"])
        page = schemas.object_of({
            "items": {"type": "array", "items": BINDING}, "next": {"type": ["integer", "null"]}, "position": INTEGER,
        })  # fmt: skip
        a_stream = {"description": "Messages: id (the position), event `binding`, data (a binding).",
                    "content": {MEDIA_TYPE: {"schema": TEXT}}}  # fmt: skip
        for path, endpoint, summary, reply in (
            (
                "/bindings",
                self.list_bindings,
                "List what is held, and where",
                schemas.json_reply("A page, by id.", page),
            ),
            ("/bindings/stream", self.stream_bindings, "Listen to what changes of it", a_stream),
        ):
            router.add_api_route(
                path, endpoint, methods=["GET"], summary=summary, response_model=None, response_class=Response,
                operation_id=endpoint.__name__, description="Needs the role readonly.",
                responses={**schemas.problems(), 200: reply},
            )  # fmt: skip

    async def list_bindings(self, actor: Reader, after: AfterId = 0, limit: Limit = 100) -> Response:
        """Return a page; its `position` is of before it was read, so that nothing falls between it and the stream."""
        position = await self._store.read(bindings.latest)
        items, next_after = await self._store.read(_page, after, limit)
        return JSONResponse({"items": items, "next": next_after, "position": position})

    async def stream_bindings(self, actor: Reader, after: After = None, last_event_id: LastEventId = None,
                              seconds: Seconds = 1800) -> Response:  # fmt: skip
        """Return the stream."""
        begin = resumed(after, last_event_id)
        if begin is None:
            begin = await self._store.read(bindings.latest)

        async def fetch(after: int) -> list[Message]:
            return await self._store.read(_changes, after)

        return self._streams.respond(fetch, begin, seconds)


def _page(tx: Tx, after: int, most: int) -> tuple[list[Json], int | None]:
    found = overview.page(tx, HELD, after, most)
    return [binding_json(tx, row) for row in found.rows], found.next_after


def _changes(tx: Tx, after: int) -> list[Message]:
    changes = bindings.after(tx, after, MOST_AT_ONCE)
    rows = bindings.of(tx, [change.registration for change in changes])
    return [Message(id, "binding", _one(tx, registration, rows.get(registration))) for id, registration in changes]


def _one(tx: Tx, registration: int, row: Row[Any] | None) -> Json:
    return {"registration": registration, "is_held": False} if row is None else binding_json(tx, row)


def binding_json(tx: Tx, row: Row[Any]) -> Json:
    """Return a binding as the call plane gets it; contacts are those that the registrar has confirmed."""
    is_held = row.expires_at > tx.now
    sent = None if row.sent is None else Sent.from_json(row.sent)
    learned = Learned.from_json(row.learned) if row.learned else Learned()
    return {
        "registration": row.id, "is_held": is_held, "table": row.table_id, "entry": row.entry_id, "aor": row.aor,
        "server": "" if row.server_id is None else f"{row.server_table_id}:{row.server_id}", "flow": row.flow,
        "state": row.status,
        "expires_at": instant(row.expires_at) if is_held else None, "registrar": runtime.address_of(row, sent),
        "contacts": [contact.uri for contact in (sent.contacts if sent is not None and is_held else []) if contact.granted],
        "service_route": list(learned.service_route), "associated_uris": list(learned.associated_uris),
        "public_gruu": learned.public_gruu, "public_address": learned.public_address,
    }  # fmt: skip
