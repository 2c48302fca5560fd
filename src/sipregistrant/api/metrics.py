"""`GET /metrics`: what Prometheus scrapes. It needs the role readonly, but where an operator has given it a socket of its own.

Prometheus shows a token of ours by `authorization: {credentials_file: …}` of its scrape configuration.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..metrics.exposition import Exposition
from .gate import Gate
from .problem import Problem

__all__ = ["metrics_route"]


def metrics_route(exposition: Exposition, gate: Gate | None) -> Route:
    """Return the route; without a gate everybody may read it."""

    async def answer(request: Request) -> Response:
        if gate is not None:
            try:
                await gate.actor(request)
            except Problem as refused:
                return refused.response()
        text, media_type = await exposition.render(request.headers.get("accept", ""))
        return Response(text, headers={"Content-Type": media_type, "Cache-Control": "no-store"})

    return Route("/metrics", answer)
