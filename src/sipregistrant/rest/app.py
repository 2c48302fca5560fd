"""The application: takes a request to its end.

The HTTP status line is 200 whatever becomes of a request; the truth is `http_code` in the body (page REST API -
Resource Design); whoever wants both equal sets `mirrors_status`. The one exception is a real 401 where there is no session
(page R-LOGIN). `//rest/…`, and a slash at the end, are served as if they were not there.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from ..access.login import Login
from ..access.proxies import Caller, caller_of
from ..access.sessions import Sessions
from ..access.throttle import Throttle
from ..errors import Refusal, StoreUnavailable
from ..store.store import Store
from .codes import FAULT_INSIDE, HOST_INVALID, METHOD_UNSUPPORTED, SESSION_MISSING, Answer, WireRefusal, answer_to
from .cookies import cookie_line, csrf_cookie_line, tokens_in
from .envelope import CONTENT_TYPE, Block, Listing, refusal, success
from .forms import read_form
from .login import LEVEL, begin_session
from .origin import refuse_foreign_origin, refuse_without_token
from .resources import Resources, locate
from .settings import RestSettings
from .system import NAME as SYSTEM
from .system import System

__all__ = ["create_app"]

LOGIN, LOGOUT = ("login",), ("logout",)

REFERENCE_BYTES = 4

# Replies name users and addresses: nothing for a cache.
HEADERS = {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

log = structlog.get_logger(__name__)


def create_app(store: Store, *, clock: Callable[[], float], extra_routes: Sequence[BaseRoute] = (),
               sessions: Sessions | None = None, login: Login | None = None, settings: RestSettings | None = None,
               sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> Starlette:  # fmt: skip
    """Return the application.

    `clock` gives monotonic seconds. `extra_routes` come first. Whoever changes or removes users hands in the `sessions`
    and calls their `end_all_of`; `login` where others log in as well. `settings` are the operator's. `sleep` holds back the
    answers to failed logins.
    """
    sessions = Sessions(clock=clock) if sessions is None else sessions
    login = login or Login(store, sessions, Throttle(clock=clock, sleep=sleep))
    settings = settings or RestSettings()
    api = RestApi(settings, login, sessions, Resources(store), System(settings, clock=clock))
    return Starlette(routes=[*extra_routes, Route("/{path:path}", api)])


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request goes, the segments of its path behind `/rest`; and who sent it."""

    segments: tuple[str, ...]
    caller: Caller

    @property
    def host(self) -> str:
        """Return the name and port that we were asked by."""
        return self.caller.host or "localhost"

    @property
    def href(self) -> str:
        """Return the absolute address, without the query."""
        return f"https://{self.host}/" + "/".join(quote(segment, safe=":") for segment in ("rest", *self.segments))

    @property
    def resource(self) -> str:
        """Return the name of the resource, whether there is one or not."""
        names = self.segments[::2]
        return names[-1] if names else ""

    @property
    def id(self) -> str:
        """Return the id as replies write it: `3`, or `3:1` for entry 1 of table 3."""
        return ":".join(self.segments[1::2])


class RestApi:
    """Everything under `/rest`, as an ASGI application."""

    def __init__(self, settings: RestSettings, login: Login, sessions: Sessions, resources: Resources,
                 system: System) -> None:  # fmt: skip
        self._settings = settings
        self._login = login
        self._sessions = sessions
        self._resources = resources
        self._system = system

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Who hangs up in the middle of a body has asked for nothing."""
        request = Request(scope, receive)
        root, *segments = [segment for segment in scope["path"].split("/") if segment] or [""]
        try:
            response: Response = PlainTextResponse("Not Found\n", 404)
            if root == "rest":
                caller = caller_of(
                    request, self._settings.trusted_proxies, uses_forwarded=self._settings.uses_forwarded
                )
                response = await self._answer(request, Place(tuple(segments), caller))
            await response(scope, receive, send)
        except ClientDisconnect:
            return

    async def _answer(self, request: Request, place: Place) -> Response:
        # Some programs depend on blank lines before these replies, some on none before the others (observed).
        blank_lines = request.method in ("POST", "DELETE") and place.segments != LOGOUT
        try:
            body, cookies = await self._carry_out(request, place)
            return await _respond(success(body, blank_lines=blank_lines), cookies=cookies)
        except ClientDisconnect:
            raise
        except Exception as error:
            allow = error.allow if isinstance(error, WireRefusal) else ""
            answer = _answer_to(error, request, place)
        status = answer.http_code if self._settings.mirrors_status or answer == SESSION_MISSING else 200
        return await _respond(refusal(answer, place.href, blank_lines=blank_lines), status=status, allow=allow)

    async def _carry_out(self, request: Request, place: Place) -> tuple[Block | Listing | None, Sequence[str]]:
        """Do what is asked. Return what the reply shows, and the lines that set cookies, in their order."""
        if not place.caller.host:
            raise WireRefusal(HOST_INVALID)
        refuse_foreign_origin(request, place.host)
        if place.segments == LOGIN:
            _check_is_post(request, place)
            form = await read_form(request)
            session = await begin_session(self._login, self._sessions, form, place.caller.peer)
            csrf = [csrf_cookie_line(session)] if self._settings.demands_csrf_token else []
            return None, [*csrf, cookie_line(session.token)]
        own = self._sessions.find(tokens_in(request.headers.getlist("cookie")))
        # A session of the JSON API may be another's: an administrator's or a reader's, who log in in vain here.
        if own is None or own.level != LEVEL:
            raise WireRefusal(SESSION_MISSING)
        if self._settings.demands_csrf_token:
            refuse_without_token(request, own)
        if place.segments == LOGOUT:
            _check_is_post(request, place)
            self._sessions.end(own)
            return None, []
        if place.segments[:1] == (SYSTEM,):
            return self._system.carry_out(request, place.segments, place.href), []
        return await self._resources.carry_out(request, locate(place.segments), place.host, f"user:{own.user}"), []


def _check_is_post(request: Request, place: Place) -> None:
    if request.method != "POST":
        raise WireRefusal(METHOD_UNSUPPORTED.about(place.resource), allow="POST")


def _answer_to(error: Exception, request: Request, place: Place) -> Answer:
    """Return what a request is told that failed: a refusal by its kind, all else by a reference to the log."""
    if isinstance(error, Refusal):
        try:
            return answer_to(error, method=request.method, resource=place.resource, id=place.id)
        except NotImplementedError as unheard_of:
            error = unheard_of
    return _log_fault(error, request, place)


def _log_fault(error: Exception, request: Request, place: Place) -> Answer:
    """Log what went wrong in here, and return an answer that tells under which reference.

    A full disk is nobody's mistake in the code: one line, without a trace for each request until there is room.
    """
    about = {"reference": secrets.token_hex(REFERENCE_BYTES), "method": request.method, "href": place.href}
    if isinstance(error, StoreUnavailable):
        log.error("rest.unavailable", **about, cause=str(error))
    else:
        log.error("rest.fault", **about, exc_info=error)
    return FAULT_INSIDE.about(about["reference"])


async def _respond(pieces: AsyncIterator[bytes], *, status: int = 200, cookies: Sequence[str] = (),
                   allow: str = "") -> Response:  # fmt: skip
    """Return a reply with its length where it is one piece, else one that is written as it goes out."""
    first = await anext(pieces)
    second = await anext(pieces, None)
    response: Response
    if second is None:
        response = Response(first, status, HEADERS)
    else:
        response = StreamingResponse(_in_turns(first, second, pieces), status, HEADERS)
    for cookie in cookies:
        response.headers.append("Set-Cookie", cookie)
    if allow:
        response.headers["Allow"] = allow
    return response


async def _in_turns(first: bytes, second: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Give the pieces; between two of them others have their turn."""
    yield first
    yield second
    async for piece in pieces:
        yield piece
        await asyncio.sleep(0)
