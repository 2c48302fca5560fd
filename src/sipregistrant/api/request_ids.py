"""Gives each HTTP request an id, by which a client's log and ours find each other.

It is what the client, or a proxy before us, says in `X-Request-Id`, where that is short and plain; else one of our making. Every
reply has it, and every line that is logged on behalf of the request.
"""

from __future__ import annotations

import re
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars, get_contextvars

__all__ = ["HEADER", "RequestIds", "request_id"]

HEADER = "X-Request-Id"

# A UUID, or what proxies write; nothing that could be taken for another line or a field of the log.
SANE = re.compile(r"[A-Za-z0-9._:-]{1,64}")

BYTES = 8
KEY = "request_id"


def request_id() -> str:
    """Return the id of the request that is being answered, "" where none is."""
    return str(get_contextvars().get(KEY, ""))


class RequestIds:
    """An ASGI application whose requests have ids."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        id = given if SANE.fullmatch(given) else secrets.token_hex(BYTES)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = id
            await send(message)

        with bound_contextvars(**{KEY: id}):
            await self._app(scope, receive, send_with_id)
