"""The messages of registrations: kept after a failure, and of those that are traced; secrets masked.

GET    /registrations/{id}/trace?format=text     what is kept of one: json, text, ladder or pcap
PUT    /registrations/{id}/trace                 trace it for so many seconds: every attempt is kept, what succeeds as well
DELETE /registrations/{id}/trace                 trace it no longer, and forget what is kept
GET    /traces                                   which are traced, and of which something is kept
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from ..store import overview
from ..store.store import Store
from ..trace.kept import KeptTraces, Limits
from ..trace.messages import Attempt, Message
from ..trace.pcap import MEDIA_TYPE, as_pcap
from ..trace.text import as_ladder, as_text, place, printable
from . import schemas
from .gate import Changer, Reader
from .objects import read_object
from .operations import Operations
from .pages import LARGEST_ID, After, Limit
from .problem import Problem
from .registrations import instant

__all__ = ["Traces"]

Json = dict[str, Any]

DEFAULT_SECONDS = 600
LONGEST_SECONDS = Limits().longest_seconds

INTEGER, TEXT, INSTANT = {"type": "integer"}, {"type": "string"}, {"type": "string", "format": "date-time"}
UNTIL = {
    "anyOf": [INSTANT, {"type": "null"}],
    "description": "until when every attempt is kept; null: it is not traced",
}
MESSAGE = schemas.object_of({
    "at": INSTANT, "direction": {"enum": ["sent", "received"]}, "source": TEXT, "destination": TEXT, "transport": TEXT,
    "size": INTEGER, "is_repeated": {"type": "boolean"}, "text": TEXT,
})  # fmt: skip
ATTEMPT = schemas.object_of({
    "aor": TEXT, "server": TEXT, "ended_at": INSTANT,
    "outcome": {"enum": ["accepted", "removed", "refused", "timed_out", "not_sent", "crashed"]},
    "code": INTEGER, "reason": TEXT, "messages": {"type": "array", "items": MESSAGE},
})  # fmt: skip
TRACE = schemas.object_of({
    "registration": INTEGER, "traced_until": UNTIL, "attempts": {"type": "array", "items": ATTEMPT},
    "note": {"type": "string", "description": "why there is nothing, or what to do; may be empty"},
})  # fmt: skip
LISTED = schemas.listed(schemas.object_of({
    "registration": INTEGER, "traced_until": UNTIL, "attempts": INTEGER, "messages": INTEGER, "aor": TEXT, "server": TEXT,
    "ended_at": {"anyOf": [INSTANT, {"type": "null"}]}, "code": INTEGER, "reason": TEXT,
}))  # fmt: skip
SECONDS = {"type": "integer", "minimum": 1, "maximum": LONGEST_SECONDS, "default": DEFAULT_SECONDS}


class Form(StrEnum):
    """What a trace is shown as."""

    JSON = "json"
    TEXT = "text"
    LADDER = "ladder"
    PCAP = "pcap"


Id = Annotated[int, Path(ge=1, le=LARGEST_ID)]
AsForm = Annotated[Form, Query(alias="format", description="as JSON, as text, as a ladder, or as a pcap file")]


class Traces:
    """The routes. `kept` is that of the engine; without a service nothing comes into it."""

    def __init__(self, store: Store, kept: KeptTraces, operations: Operations) -> None:
        self._store = store
        self._kept = kept
        self._operations = operations
        self.router = APIRouter(tags=["traces"])
        one = "/registrations/{id}/trace"
        trace = {
            "description": "The attempts, the oldest first.",
            "content": {
                schemas.JSON: {"schema": TRACE}, "text/plain": {"schema": TEXT},
                MEDIA_TYPE: {"schema": {"type": "string", "contentMediaType": MEDIA_TYPE}},
            },
        }  # fmt: skip
        shown, listed = schemas.json_reply("It.", TRACE), schemas.json_reply("A page, by id.", LISTED)
        given = schemas.body(schemas.object_of({"seconds": SECONDS}, optional=("seconds",)))
        self._add(
            "GET", "/traces", self.list_traces, "List what is traced, and what is kept", "readonly", {200: listed}
        )
        self._add(
            "GET",
            one,
            self.get_trace,
            "Show the messages that are kept of a registration",
            "readonly",
            {200: trace},
            404,
        )
        self._add("PUT", one, self.put_trace, "Trace a registration for so many seconds", "rest", {200: shown},
                  400, 404, 409, 413, extra=given)  # fmt: skip
        self._add("DELETE", one, self.remove_trace, "Trace it no longer, and forget what is kept of it", "rest",
                  {204: {"description": "Nothing is kept."}}, 404)  # fmt: skip

    def _add(self, method: str, path: str, endpoint: Any, summary: str, role: str, replies: schemas.Responses,
             *failures: int, extra: Json | None = None) -> None:  # fmt: skip
        self.router.add_api_route(
            path, endpoint, methods=[method], summary=summary, description=f"Needs the role {role}.", response_model=None,
            operation_id=endpoint.__name__, response_class=Response, openapi_extra=extra,
            status_code=next(status for status in replies if isinstance(status, int)),
            responses=schemas.problems(*failures) | replies,
        )  # fmt: skip

    def _now(self) -> float:
        return self._store.now() / 1000

    async def _must_exist(self, id: int) -> None:
        if await self._store.read(overview.find, id) is None:
            raise Problem(404, f"there is no registration {id}")

    async def list_traces(self, actor: Reader, after: After = 0, limit: Limit = 100) -> Response:
        """Return a page."""
        now = self._now()
        ids = [id for id in self._kept.registrations(now) if id > after]
        return JSONResponse(
            {
                "items": [self._summary(id, now) for id in ids[:limit]],
                "next": ids[limit - 1] if len(ids) > limit else None,
            }
        )

    def _summary(self, id: int, now: float) -> Json:
        attempts = self._kept.of(id, now)
        last = attempts[-1] if attempts else None
        return {
            "registration": id, "traced_until": _instant(self._kept.traced_until(id, now)), "attempts": len(attempts),
            "messages": sum(len(attempt.messages) for attempt in attempts),
            "aor": last.aor if last else "", "server": last.server if last else "",
            "ended_at": _instant(last.ended_at) if last else None, "code": last.code if last else 0,
            "reason": last.reason if last else "",
        }  # fmt: skip

    async def get_trace(self, actor: Reader, id: Id, form: AsForm = Form.JSON) -> Response:
        """Return what is kept."""
        await self._must_exist(id)
        attempts = self._kept.of(id, self._now())
        # What a peer sent may be long: it is rendered beside the event loop.
        match form:
            case Form.PCAP:
                name = {"Content-Disposition": f'attachment; filename="registration-{id}.pcap"'}
                return Response(await asyncio.to_thread(as_pcap, attempts), media_type=MEDIA_TYPE, headers=name)
            case Form.TEXT:
                return PlainTextResponse(await asyncio.to_thread(as_text, attempts) or f"{self._note(id)}\n")
            case Form.LADDER:
                return PlainTextResponse(await asyncio.to_thread(as_ladder, attempts) or f"{self._note(id)}\n")
        return await asyncio.to_thread(lambda: JSONResponse(self._json(id, attempts)))

    async def put_trace(self, request: Request, actor: Changer, id: Id) -> Response:
        """Trace it."""
        given = await read_object(request)
        seconds = given.get("seconds", DEFAULT_SECONDS)
        faults = [(name[:64], "there is no such member") for name in given.keys() - {"seconds"}]
        if type(seconds) is not int or not 1 <= seconds <= LONGEST_SECONDS:
            faults.append(("seconds", f"a whole number from 1 to {LONGEST_SECONDS} is wanted"))
        if faults:
            raise Problem(422, "nothing was changed", faults=sorted(faults))
        await self._must_exist(id)
        if not self._operations.is_running:
            raise Problem(409, "no service runs: nothing is sent that could be traced")
        if self._kept.trace(id, seconds, self._now()) is None:
            raise Problem(409, f"{self._kept.limits.traced} registrations are traced already: end the trace of one")
        return JSONResponse(self._json(id, self._kept.of(id, self._now())))

    async def remove_trace(self, actor: Changer, id: Id) -> Response:
        """Trace it no longer."""
        await self._must_exist(id)
        self._kept.forget(id)
        return Response(status_code=204)

    def _json(self, id: int, attempts: Sequence[Attempt]) -> Json:
        until = _instant(self._kept.traced_until(id, self._now()))
        told = [_attempt_json(attempt) for attempt in attempts]
        return {"registration": id, "traced_until": until, "attempts": told, "note": "" if told else self._note(id)}

    def _note(self, id: int) -> str:
        """Return why there is nothing."""
        if not self._operations.is_running:
            return "nothing is kept: no service runs"
        until = self._kept.traced_until(id, self._now())
        if until is not None:
            return f"nothing yet: it is traced until {_instant(until)}, and was not attempted since"
        return NOTHING.format(minutes=round(self._kept.limits.age_seconds / 60))


NOTHING = (
    "nothing is kept: it is not traced, and no attempt of it has failed in the last {minutes} minutes, or it failed among many "
    "of which examples are kept. Trace it, and have it refreshed"
)


def _instant(at: float | None) -> str | None:
    return None if at is None else instant(round(at * 1000))


def _attempt_json(attempt: Attempt) -> Json:
    return {
        "aor": attempt.aor, "server": attempt.server, "ended_at": _instant(attempt.ended_at), "outcome": attempt.outcome,
        "code": attempt.code, "reason": attempt.reason, "messages": [_message_json(one) for one in attempt.messages],
    }  # fmt: skip


def _message_json(message: Message) -> Json:
    return {
        "at": _instant(message.at), "direction": "sent" if message.is_sent else "received", "source": place(message.source),
        "destination": place(message.destination), "transport": message.transport, "size": len(message.data),
        "is_repeated": message.is_repeated, "text": printable(message.data),
    }  # fmt: skip
