"""Users, the forecast and imports, for the command line while the service holds the data directory.

    GET    /local/users                      {"users": [{"name", "level"}, …]}
    POST   /local/users                      {"name", "level", "password"}
    PUT    /local/users/{name}/password      {"password"}
    DELETE /local/users/{name}
    GET    /local/forecast                   [{members of `model.load.Load`}, …]
    POST   /local/import                     see `imports.py`

There is no login: the service serves this on a unix socket that only its own user can open (`unix_socket.py`), and who
can do that can write the database as well. The counterparts are `sipregistrant user …`, `forecast`
and `entry import`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..errors import ObjectExists, ObjectMissing, Refusal, StoreUnavailable, ValueRefused
from ..store import passwords, users
from ..store.forecast import loads
from ..store.store import Store
from .imports import Imports
from .problem import problem

__all__ = ["create_local_app"]

MOST_BODY_BYTES = 64 * 1024

log = structlog.get_logger(__name__)


def create_local_app(store: Store, *, on_user_changed: Callable[[str], None]) -> Starlette:
    """Return the application. `on_user_changed(name)` is called when a password is another, or a user is gone."""
    local = LocalUsers(store, on_user_changed)

    async def forecast(request: Request) -> Response:
        return JSONResponse([asdict(load) for load in await store.read(loads)])

    return Starlette(
        routes=[
            Route("/local/users", local.list_all, methods=["GET"]),
            Route("/local/users", local.add, methods=["POST"]),
            # A name may have a slash in it.
            Route("/local/users/{name:path}/password", local.set_password, methods=["PUT"]),
            Route("/local/users/{name:path}", local.remove, methods=["DELETE"]),
            Route("/local/forecast", forecast, methods=["GET"]),
            Route("/local/import", Imports(store).post, methods=["POST"]),
        ],
        exception_handlers={
            Refusal: _on_refusal,
            StoreUnavailable: _on_unavailable,
            HTTPException: _on_http_exception,
            Exception: _on_fault,
        },
    )


class LocalUsers:
    """The four requests."""

    def __init__(self, store: Store, on_user_changed: Callable[[str], None]) -> None:
        self._store = store
        self._on_user_changed = on_user_changed

    async def list_all(self, request: Request) -> Response:
        """Return all users by name."""
        found = await self._store.read(users.list_users)
        return JSONResponse({"users": [{"name": user.name, "level": user.level} for user in found]})

    async def add(self, request: Request) -> Response:
        """Add a user."""
        name, level, password = await _texts(request, "name", "level", "password")
        password_hash = await passwords.hash_password(_checked(password))
        await self._store.write(users.add, name, level, password_hash)
        return JSONResponse({"name": name, "level": level}, 201)

    async def set_password(self, request: Request) -> Response:
        """Change a password; the sessions of the user end."""
        name = request.path_params["name"]
        (password,) = await _texts(request, "password")
        await self._store.write(users.set_password, name, await passwords.hash_password(_checked(password)))
        self._on_user_changed(name)
        return Response(status_code=204)

    async def remove(self, request: Request) -> Response:
        """Remove a user; the sessions of the user end."""
        name = request.path_params["name"]
        await self._store.write(users.remove, name)
        self._on_user_changed(name)
        return Response(status_code=204)


async def _texts(request: Request, *names: str) -> list[str]:
    """Return the named members of the JSON object in the body; all must be there, and texts."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BODY_BYTES:
            raise HTTPException(413)
    try:
        values = json.loads(body)
    except ValueError:
        raise HTTPException(400, "the body is not JSON") from None
    if not isinstance(values, Mapping):
        raise HTTPException(400, "the body is not a JSON object")
    texts: list[Any] = [values.get(name) for name in names]
    for name, text in zip(names, texts, strict=True):
        if not isinstance(text, str):
            raise ValueRefused("missing" if text is None else "bad", name, "a text is wanted")
    return texts


def _checked(password: str) -> str:
    if not passwords.is_acceptable(password):
        raise ValueRefused("bad", "password", passwords.PASSWORD_RULE)
    return password


async def _on_refusal(request: Request, error: Exception) -> Response:
    match error:
        case ObjectMissing():
            return problem(404, str(error))
        case ObjectExists():
            return problem(409, str(error))
        case ValueRefused():
            return problem(422, str(error), faults=[(error.attribute, error.problem)])
    return problem(409, str(error))


async def _on_unavailable(request: Request, error: Exception) -> Response:
    return problem(503, str(error))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    response = problem(error.status_code, error.detail)
    response.headers.update(error.headers or {})
    return response


async def _on_fault(request: Request, error: Exception) -> Response:
    reference = secrets.token_hex(4)
    log.error("local.fault", reference=reference, method=request.method, path=request.scope["path"], exc_info=error)
    return problem(500, "a fault inside; the log has it under the reference", reference=reference)
