"""What those who watch the service ask it: /healthz, /readyz and /metrics, on each of its listeners."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.routing import Route

from ..metrics.exposition import Exposition
from ..metrics.gather import Sources
from .gate import Gate
from .health import Health
from .metrics import metrics_route
from .readiness import Readiness

__all__ = ["Observing"]


class Observing:
    """The routes. `write` and `is_paused` are as `Health` has them."""

    def __init__(self, sources: Sources, *, write: Callable[[], Awaitable[object]],
                 is_paused: Callable[[], Awaitable[bool]]) -> None:  # fmt: skip
        self._exposition = Exposition(sources)
        self._health = Health(clock=sources.now, write=write, lag=sources.lag.figures, is_paused=is_paused)
        self._readiness = Readiness(sources.engine, is_paused=is_paused, write_fault=self._health.cause_of_trouble)

    def routes(self, gate: Gate | None) -> list[Route]:
        """Return the routes; without a gate nobody has to show who it is."""
        return [
            Route("/healthz", self._health.answer),
            Route("/readyz", self._readiness.answer),
            metrics_route(self._exposition, gate),
        ]
