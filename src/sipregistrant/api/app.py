"""/api/v1: the JSON API, for programs, the command line and the console.

Real HTTP statuses; problems by RFC 9457 that name every fault of a request; OpenAPI 3.1 at /api/v1/openapi.json.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from .. import __version__
from ..errors import Refusal, SipRegistrantError, StoreUnavailable
from ..model.probing import Prober
from ..store.store import Store
from ..trace.kept import KeptTraces
from ..watch.bell import Bell
from . import schemas
from .bindings import Bindings
from .events import Events
from .explanations import Explanations
from .imports import Imports
from .objects import Objects
from .operations import OfFiles, Operations, Routes
from .people import People
from .probes import Probes
from .problem import Problem, problem, problem_of
from .registrations import REGISTRATION, Registrations
from .streams import Streams
from .traces import Traces
from .webhooks import Webhooks

__all__ = ["PREFIX", "create_api"]

PREFIX = "/api/v1"

TITLE = "sipregistrant: /api/v1"
ABOUT = """\
What is configured, what became of it, and verbs on both.

Names are those of the attributes in snake_case (docs/rest-reference.md), contacts are a list. Lists come in pages: `next` is
the `after` of the next one, null behind the last. A refusal is a problem document (RFC 9457) whose `faults` name every field
that is wrong; nothing was changed then. What is changed is registered, or un-registered, by itself; many registrations are
carried out in steps, which `status.pending` tells of.

Roles: `readonly` reads, `rest` changes what is configured and has it registered, `admin` sees to users, tokens, the audit log
and the service as a whole.
"""

log = structlog.get_logger(__name__)


def create_api(
    store: Store,
    *,
    on_user_changed: Callable[[str], None],
    operations: Operations | None = None,
    bell: Bell | None = None,
    prober: Prober | None = None,
    kept_traces: KeptTraces | None = None,
) -> FastAPI:
    """Return the application, to be mounted at `PREFIX` behind a `Guarded`.

    `on_user_changed(name)` is called when a password is another, or a user is gone. Without
    `operations` no service runs. `bell` is rung when there are events; `prober` asks registrars;
    `kept_traces` is what the engine keeps of messages.
    """
    # Pages that show the description would fetch their scripts from elsewhere: there is the description, and no pages.
    app = FastAPI(title=TITLE, version=__version__, description=ABOUT, docs_url=None, redoc_url=None,
                  redirect_slashes=False, servers=[{"url": PREFIX}], root_path_in_servers=False)  # fmt: skip
    # The order is that of matching: what has a word in its path before what has a name there.
    streams = Streams(bell or Bell(), lambda: store.now() / 1000)
    operations = operations or OfFiles(store)
    parts = (
        Imports(store), Explanations(store), Probes(store, prober), Objects(store), Registrations(store),
        People(store, on_user_changed), Routes(operations), Events(store, streams), Bindings(store, streams),
        Webhooks(store), Traces(store, kept_traces or KeptTraces(), operations),
    )  # fmt: skip
    for part in parts:
        app.include_router(part.router)
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(Refusal, _on_refusal)
    app.add_exception_handler(StoreUnavailable, _on_unavailable)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.middleware("http")(_answer)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    return app


def _described(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI description, in which a schema that many operations have stands once."""
    if app.openapi_schema is None:
        described = FastAPI.openapi(app)
        described["components"]["schemas"] = {**schemas.named(), "registration": REGISTRATION}
    assert app.openapi_schema is not None
    return app.openapi_schema


async def _answer(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Replies name users and addresses: nothing for a cache. A fault inside has a reference to the log."""
    try:
        response = await call_next(request)
    except Exception as error:
        reference = secrets.token_hex(4)
        log.error("api.fault", reference=reference, method=request.method, path=request.url.path, exc_info=error)
        return problem(500, f"reference {reference} is in the log")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response()


async def _on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, SipRegistrantError)
    return problem_of(error).response()


async def _on_unavailable(request: Request, error: Exception) -> Response:
    log.error("api.unavailable", method=request.method, path=request.url.path, cause=str(error))
    return Problem(503, str(error), headers={"Retry-After": "5"}).response()


async def _on_invalid(request: Request, error: Exception) -> Response:
    """Tell what is wrong with the parameters of a request."""
    assert isinstance(error, RequestValidationError)
    return problem(422, faults=[_fault(one) for one in error.errors()])


def _fault(found: Any) -> tuple[str, str]:
    return ".".join(str(part) for part in found["loc"][1:]) or str(found["loc"][0]), str(found["msg"])


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    response = problem(error.status_code, "" if error.status_code in (404, 405) else error.detail)
    response.headers.update(error.headers or {})
    return response
