"""What the service tells by itself: events, as a list and as a stream, and alarms.

GET /events                   the newest first
GET /events/stream            as they come (server-sent events), from where the listener was
GET /alarms                   what is not as it should be now; with standing=false what was, too
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse, Response

from ..model.alarms import RULES, AlarmKind, Severity
from ..model.events import EventKind
from ..store import alarms, events
from ..store.store import Store
from ..store.tx import Tx
from . import schemas
from .gate import Reader
from .pages import LARGEST_ID, Limit
from .pages import After as Before
from .registrations import instant
from .streams import MEDIA_TYPE, After, LastEventId, Message, Seconds, Streams, resumed

__all__ = ["Events", "event_json"]

Json = dict[str, Any]

MOST_AT_ONCE = 200

TEXT, INTEGER = {"type": "string"}, {"type": "integer"}
INSTANT = {"type": "string", "format": "date-time"}
EVENT = schemas.object_of({
    "id": INTEGER, "at": INSTANT, "kind": {"enum": [kind.value for kind in EventKind]}, "text": TEXT,
    "data": {"type": "object"},
})  # fmt: skip
ALARM = schemas.object_of({
    "id": INTEGER, "kind": {"enum": [kind.value for kind in AlarmKind]},
    "severity": {"enum": [severity.name.lower() for severity in Severity]},
    "subject": TEXT, "raised_at": INSTANT, "cleared_at": {"anyOf": [INSTANT, {"type": "null"}]}, "number": INTEGER, "text": TEXT,
    "advice": TEXT,
})  # fmt: skip

Kinds = Annotated[list[EventKind] | None, Query(alias="kind", description="one of these; may be repeated")]


class Events:
    """The routes."""

    def __init__(self, store: Store, streams: Streams) -> None:
        self._store = store
        self._streams = streams
        self.router = router = APIRouter(tags=["events"])
        a_stream = {
            "description": "Messages: id, event (the kind), data (JSON).",
            "content": {MEDIA_TYPE: {"schema": TEXT}},
        }
        for path, endpoint, summary, reply in (
            ("/events", self.list_events, "List the events, the newest first",
             schemas.json_reply("A page, back in time.", schemas.listed(EVENT))),
            ("/events/stream", self.stream_events, "Listen to the events", a_stream),
            ("/alarms", self.list_alarms, "List the alarms that stand, or all, the newest first",
             schemas.json_reply("The alarms.", schemas.listed(ALARM))),
        ):  # fmt: skip
            router.add_api_route(
                path, endpoint, methods=["GET"], summary=summary, response_model=None, response_class=Response,
                operation_id=endpoint.__name__, description="Needs the role readonly.",
                responses={**schemas.problems(), 200: reply},
            )  # fmt: skip

    async def list_events(
        self, actor: Reader, kinds: Kinds = None, before: Before = LARGEST_ID, limit: Limit = 100
    ) -> Response:
        """Return a page."""
        found = await self._store.read(events.before, before, limit, kinds or ())
        return JSONResponse(
            {"items": [event_json(event) for event in found], "next": found[-1].id if len(found) == limit else None}
        )

    async def stream_events(self, actor: Reader, kinds: Kinds = None, after: After = None, last_event_id: LastEventId = None,
                            seconds: Seconds = 1800) -> Response:  # fmt: skip
        """Return the stream."""
        begin = resumed(after, last_event_id)
        if begin is None:
            begin = (await self._store.read(events.ends))[1]

        async def fetch(after: int) -> list[Message]:
            found = await self._store.read(events.after, after, MOST_AT_ONCE, kinds or ())
            return [Message(event.id, event.kind, event_json(event)) for event in found]

        return self._streams.respond(fetch, begin, seconds)

    async def list_alarms(
        self, actor: Reader, standing: bool = True, before: Before = LARGEST_ID, limit: Limit = 100
    ) -> Response:
        """Return those that stand, or a page of all."""
        found = await self._store.read(_alarms, standing, before, limit)
        is_page = not standing and len(found) == limit
        return JSONResponse(
            {"items": [_alarm_json(alarm) for alarm in found], "next": found[-1].id if is_page else None}
        )


def _alarms(tx: Tx, standing: bool, before: int, most: int) -> list[alarms.Alarm]:
    return alarms.standing(tx) if standing else alarms.page(tx, before, most)


def event_json(event: events.Event) -> Json:
    """Return an event as programs get it."""
    return {"id": event.id, "at": instant(event.at), "kind": event.kind, "text": event.text, "data": event.data}


def _alarm_json(alarm: alarms.Alarm) -> Json:
    rule = RULES[alarm.kind]
    return {
        "id": alarm.id, "kind": alarm.kind.value, "severity": rule.severity.name.lower(), "subject": alarm.subject,
        "raised_at": instant(alarm.raised_at), "cleared_at": instant(alarm.cleared_at), "number": alarm.number,
        "text": alarm.text, "advice": rule.advice,
    }  # fmt: skip
