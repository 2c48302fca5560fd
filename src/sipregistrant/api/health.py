"""`GET /healthz`: whether the service serves. Needs no session, tells nothing that is secret."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from .. import __version__

__all__ = ["health_route"]


def health_route(*, clock: Callable[[], float]) -> Route:
    """Return the route; the service counts as up from now. `clock` gives monotonic seconds."""
    started_at = clock()

    async def healthz(request: Request) -> JSONResponse:
        uptime_seconds = int(clock() - started_at)
        return JSONResponse({"status": "ok", "version": __version__, "uptime_seconds": uptime_seconds})

    return Route("/healthz", healthz)
