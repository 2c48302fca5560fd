"""Who asks /api/v1, and whether that is enough.

A program shows its token, `Authorization: Bearer srt_…`; people have a session, and a cookie of it. On the socket in the data
directory nobody is asked: who can open it owns the files. Roles: `readonly` reads, `rest` changes what is configured and has it
registered, `admin` sees to users, tokens, the audit log and the service as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import structlog
from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBearer
from starlette.types import ASGIApp, Receive, Scope, Send

from ..access.actor import LOCAL, Actor, Role
from ..access.login import Login
from ..access.origin import is_foreign
from ..access.proxies import Caller, caller_of
from ..access.sessions import Session, Sessions
from ..store import api_tokens
from ..store.store import Store
from .problem import Problem

__all__ = ["COOKIE", "Administrator", "Changer", "Gate", "Guarded", "Reader", "gate_of"]

COOKIE = "sipregistrant_session"

log = structlog.get_logger(__name__)

BEARER = HTTPBearer(auto_error=False, description="An API token: `srt_…`.", scheme_name="token")
SESSION = APIKeyCookie(name=COOKIE, auto_error=False, description="Set by POST /session.", scheme_name="session")

IN_SCOPE = "sipregistrant.gate"

CallerOf = Callable[[Request], Caller]


def caller_of_nobody(request: Request) -> Caller:
    """Return who asks where no proxy is trusted."""
    return caller_of(request, ())


class Gate:
    """Lets people and programs in."""

    def __init__(self, store: Store, sessions: Sessions, login: Login, *, caller_of: CallerOf = caller_of_nobody,
                 is_local: bool = False) -> None:  # fmt: skip
        """`caller_of` tells who asks behind proxies. With `is_local` everybody is who owns the data directory."""
        self._store = store
        self.sessions = sessions
        self.login = login
        self._caller_of = caller_of
        self._is_local = is_local

    def caller_of(self, request: Request) -> Caller:
        """Return from where a request comes, and what it calls us."""
        return self._caller_of(request)

    def session_of(self, request: Request) -> Session | None:
        """Return the session that a request shows, if it is one of ours and alive."""
        cookie = request.cookies.get(COOKIE)
        return self.sessions.find([cookie]) if cookie else None

    async def actor(self, request: Request) -> Actor:
        """Return who asks; raises `Problem` 401 where nobody does, 403 for a foreign page."""
        if self._is_local:
            return LOCAL
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            found = await self._store.read(api_tokens.find, token.strip())
            if found is None:
                log.warning("token.refused", peer=self.caller_of(request).peer)
                raise _unknown("the token is none of ours, or was removed")
            return Actor(f"token:{found.name}", Role.of(found.level))
        session = self.session_of(request)
        if session is None:
            raise _unknown("show a token (Authorization: Bearer srt_…), or log in with POST /api/v1/session")
        if is_foreign(request, self.caller_of(request).host):
            raise Problem(403, "a page of another site sends this")
        return Actor(f"user:{session.user}", Role.of(session.level))


class Guarded:
    """An ASGI application behind a gate: the same one is served to the network and, with another gate, on the local socket."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        await self._app({**scope, IN_SCOPE: self._gate}, receive, send)


def gate_of(request: Request) -> Gate:
    """Return the gate that a request has come to."""
    gate: Gate = request.scope[IN_SCOPE]
    return gate


def _unknown(detail: str) -> Problem:
    return Problem(401, detail, headers={"WWW-Authenticate": "Bearer"})


async def _actor(request: Request, bearer: Annotated[object, Depends(BEARER)],
                 cookie: Annotated[object, Depends(SESSION)]) -> Actor:  # fmt: skip
    return await gate_of(request).actor(request)


Known = Annotated[Actor, Depends(_actor)]


async def _reads(actor: Known) -> Actor:
    return actor


async def _changes(actor: Known) -> Actor:
    return _with(actor, Role.REST)


async def _administers(actor: Known) -> Actor:
    return _with(actor, Role.ADMIN)


def _with(actor: Actor, role: Role) -> Actor:
    if actor.role < role:
        raise Problem(403, f"{actor.name} has the role {actor.role.level}; {role.level} is needed")
    return actor


Reader = Annotated[Actor, Depends(_reads)]
Changer = Annotated[Actor, Depends(_changes)]
Administrator = Annotated[Actor, Depends(_administers)]
