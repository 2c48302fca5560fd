"""`GET /readyz`: whether the service does its work, so that traffic may be sent here. Needs no session, tells nothing secret.

/healthz asks whether the process serves; /readyz asks for more: the database is read and written, signaling groups have
their sockets, the engine claims. A service that is paused is ready: it takes changes, and says so. One group without a
socket, of several, is told and keeps nobody away: the address is mended over the API that is served here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse

from ..engine.engine import Engine
from ..errors import StoreUnavailable

__all__ = ["Readiness"]


class Readiness:
    """Answers `GET /readyz`."""

    def __init__(self, engine: Engine, *, is_paused: Callable[[], Awaitable[bool]],
                 write_fault: Callable[[], Awaitable[str]]) -> None:  # fmt: skip
        """`is_paused` reads the database, or raises `StoreUnavailable`; `write_fault` tells why nothing can be written, ""
        where it can.
        """
        self._engine = engine
        self._is_paused = is_paused
        self._write_fault = write_fault

    async def answer(self, request: Request) -> JSONResponse:
        """Tell whether it is ready, and if not, why."""
        reasons, warnings = [], []
        content: dict[str, object] = {}
        try:
            content["paused"] = await self._is_paused()
        except StoreUnavailable as error:
            reasons.append(f"the database cannot be read: {error.cause}")
        if fault := await self._write_fault():
            reasons.append(f"the database cannot be written: {fault}")
        elif self._engine.figures.is_store_failing:
            reasons.append("the database does not take what attempts came to")
        faults = sorted(self._engine.flows.faults.values())
        if len(self._engine.flows):
            warnings += faults
        else:
            reasons += faults or ["no signaling group has a socket"]
        if not self._engine.figures.is_claiming:
            reasons.append("the engine does not run")
        content = {"status": "not ready" if reasons else "ready", **content}
        content |= {"reasons": reasons} if reasons else {}
        content |= {"warnings": warnings} if warnings else {}
        return JSONResponse(content, 503 if reasons else 200, headers={"Cache-Control": "no-store"})
