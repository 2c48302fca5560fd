"""Webhooks: who is sent the events.

GET    /webhooks            all, with how far each has come and what it answers
PUT    /webhooks/{name}     {"url", "kinds", "is_enabled", "new_secret"} -> the webhook, and its secret, once
DELETE /webhooks/{name}
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from ..model.events import EventKind
from ..store import webhooks
from ..store.store import Store
from . import schemas
from .gate import Administrator
from .objects import read_object
from .problem import Problem
from .registrations import instant

__all__ = ["Webhooks"]

Json = dict[str, Any]

TEXT, INTEGER, SWITCH = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
NULL_OR_INSTANT = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}
NAME = {
    "type": "string",
    "minLength": 1,
    "maxLength": webhooks.LONGEST_NAME,
    "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f/\\ufffe\\uffff]*$",
}
KINDS = {
    "type": "array",
    "items": {"enum": [kind.value for kind in EventKind]},
    "description": "which events; none named: all",
}
URL = {
    "type": "string",
    "pattern": "^https?://",
    "maxLength": 2048,
    "description": "of a host, without user and password",
}
WEBHOOK = schemas.object_of({
    "name": TEXT, "url": TEXT, "kinds": {"type": "array", "items": TEXT}, "is_enabled": SWITCH, "sent_event": INTEGER,
    "failures": INTEGER, "failing_since": NULL_OR_INSTANT, "next_attempt_at": NULL_OR_INSTANT, "last_status": INTEGER,
    "last_error": TEXT, "secret": TEXT,
}, optional=("secret",))  # fmt: skip
MEMBERS = {"url": str, "kinds": list, "is_enabled": bool, "new_secret": bool}


class Webhooks:
    """The routes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.router = APIRouter(tags=["webhooks"])
        given = schemas.object_of(
            {"url": URL, "kinds": KINDS, "is_enabled": SWITCH, "new_secret": SWITCH}, optional=tuple(MEMBERS)
        )
        all_of_them = schemas.object_of({"items": {"type": "array", "items": WEBHOOK}})
        shown = schemas.json_reply("It.", WEBHOOK)
        listed = schemas.json_reply("All, by name.", all_of_them)
        made = schemas.json_reply("It was made; the secret is shown this once.", WEBHOOK)
        changed = schemas.json_reply("It was changed.", WEBHOOK)
        gone = {"description": "It is gone."}
        one = "/webhooks/{name:path}"
        self._add("GET", "/webhooks", self.list_webhooks, "List the webhooks", {200: listed})
        self._add("GET", one, self.get_webhook, "Show a webhook", {200: shown}, 404)
        self._add("PUT", one, self.put_webhook, "Make a webhook, or change what is given of it", {200: changed, 201: made},
                  400, 413, body=given)  # fmt: skip
        self._add("DELETE", one, self.remove_webhook, "Remove a webhook", {204: gone}, 404)

    def _add(self, method: str, path: str, endpoint: Any, summary: str, replies: schemas.Responses, *failures: int,
             body: Json | None = None) -> None:  # fmt: skip
        status = next(status for status in replies if isinstance(status, int))
        extra = schemas.body(body) if body is not None else {}
        if "{name" in path:
            extra["parameters"] = [{"name": "name", "in": "path", "required": True, "schema": NAME}]
        self.router.add_api_route(
            path, endpoint, methods=[method], summary=summary, description="Needs the role admin.", response_model=None,
            operation_id=endpoint.__name__, response_class=JSONResponse, openapi_extra=extra, status_code=status,
            responses=schemas.problems(*failures) | replies,
        )  # fmt: skip

    async def list_webhooks(self, actor: Administrator) -> Response:
        """Return all."""
        return JSONResponse({"items": [_json(webhook) for webhook in await self._store.read(webhooks.list_webhooks)]})

    async def get_webhook(self, request: Request, actor: Administrator) -> Response:
        """Return one."""
        return JSONResponse(_json(await self._store.read(webhooks.find, request.path_params["name"])))

    async def put_webhook(self, request: Request, actor: Administrator) -> Response:
        """Make one, or change it."""
        given = await read_object(request)
        faults = [(name[:64], "there is no such member") for name in given.keys() - MEMBERS.keys()]
        faults += [
            (name, f"a {WORDS[kind]} is wanted")
            for name, kind in MEMBERS.items()
            if name in given and type(given[name]) is not kind
        ]
        faults += (
            [("kinds", "texts are wanted")] if any(type(one) is not str for one in _list(given.get("kinds"))) else []
        )
        if faults:
            raise Problem(422, "nothing was changed", faults=sorted(faults))
        name = request.path_params["name"]
        is_new = name not in {webhook.name for webhook in await self._store.read(webhooks.list_webhooks)}
        webhook, secret = await self._store.write_as(
            actor.name, webhooks.put, name, url=given.get("url"), kinds=given.get("kinds"), is_enabled=given.get("is_enabled"),
            renews_secret=given.get("new_secret", False),
        )  # fmt: skip
        return JSONResponse({**_json(webhook), **({"secret": secret} if secret else {})}, 201 if is_new else 200)

    async def remove_webhook(self, request: Request, actor: Administrator) -> Response:
        """Remove one."""
        await self._store.write_as(actor.name, webhooks.remove, request.path_params["name"])
        return Response(status_code=204)


WORDS = {str: "text", list: "list", bool: "true or false"}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _json(webhook: webhooks.Webhook) -> Json:
    return {
        "name": webhook.name, "url": webhook.url, "kinds": list(webhook.kinds), "is_enabled": webhook.is_enabled,
        "sent_event": webhook.sent_id, "failures": webhook.failures, "failing_since": instant(webhook.failing_since),
        "next_attempt_at": instant(webhook.next_at), "last_status": webhook.last_status, "last_error": webhook.last_error,
    }  # fmt: skip
