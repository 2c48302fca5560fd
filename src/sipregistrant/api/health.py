"""`GET /healthz`: whether the service serves. Needs no session, tells nothing that is secret.

A service that cannot write registers nobody and takes no changes, however well it answers. So a write is tried, seldom
enough that nobody can keep the disk busy by asking. How late the event loop is, is told for those who watch: it is no
fault of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse

from .. import __version__
from ..engine.tasks import spawn
from ..errors import StoreUnavailable

__all__ = ["Health"]

TRIED_EVERY_SECONDS = 5.0

# Behind a change of a hundred thousand rows a write waits for moments, not for this long.
WRITE_SECONDS = 5.0


async def never() -> bool:
    """Say that nothing is paused, where nothing can be."""
    return False


class Health:
    """Answers `GET /healthz`; the service counts as up from when this is made."""

    def __init__(self, *, clock: Callable[[], float], write: Callable[[], Awaitable[object]],
                 lag: Callable[[], Mapping[str, float]], is_paused: Callable[[], Awaitable[bool]] = never,
                 patience_seconds: float = WRITE_SECONDS) -> None:  # fmt: skip
        """`clock` gives monotonic seconds. `write` writes something small, or raises `StoreUnavailable`. `lag` gives the
        figures of the event loop (`engine/lag.py`), in milliseconds.
        """
        self._clock = clock
        self._write = write
        self._lag = lag
        self._is_paused = is_paused
        self._patience_seconds = patience_seconds
        self._started_at = clock()
        self._tried_at: float | None = None
        self._trial: asyncio.Task[None] | None = None
        self._cause = ""

    async def answer(self, request: Request) -> JSONResponse:
        """Tell how it stands."""
        cause = await self.cause_of_trouble()
        content = {"status": "degraded" if cause else "ok", "version": __version__}
        figures = {"uptime_seconds": int(self._clock() - self._started_at), "loop_lag_ms": dict(self._lag())}
        more: dict[str, object] = {"cause": cause} if cause else {}
        with contextlib.suppress(StoreUnavailable):
            if await self._is_paused():
                more["paused"] = True
        return JSONResponse(content | figures | more, 503 if cause else 200)

    async def cause_of_trouble(self) -> str:
        """Return why nothing can be written, or "" where it can."""
        now = self._clock()
        is_recent = self._tried_at is not None and now - self._tried_at < TRIED_EVERY_SECONDS
        if self._trial is None and not is_recent:
            self._tried_at = now
            self._trial = spawn(self._try(), "health")
        if self._trial is not None:
            _, waiting = await asyncio.wait({self._trial}, timeout=self._patience_seconds)
            if waiting:
                return "the database does not answer"
        return self._cause

    async def _try(self) -> None:
        try:
            await self._write()
        except StoreUnavailable as error:
            self._cause = str(error)
        else:
            self._cause = ""
        finally:
            self._trial = None
