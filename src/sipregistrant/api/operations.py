"""The service as a whole.

GET  /service            how it is: version, whether it is paused, whether it runs at all
POST /service/pause      send nothing, over restarts too: a restored or cloned service must not fight over AORs with the other
POST /service/resume     send again what is due, small at first
"""

from __future__ import annotations

from typing import Any, Protocol

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from .. import __version__
from ..store import instance
from ..store.store import Store
from . import schemas
from .gate import Administrator, Reader

__all__ = ["OfFiles", "Operations", "Routes"]

SERVICE = schemas.object_of({
    "version": {"type": "string"}, "is_running": {"type": "boolean"}, "is_paused": {"type": "boolean"},
})  # fmt: skip


class Operations(Protocol):
    """What can be done with a service."""

    is_running: bool

    async def is_paused(self) -> bool:
        """Tell whether nothing is sent."""

    async def pause(self, who: str) -> None:
        """Send nothing from now on."""

    async def resume(self, who: str) -> None:
        """Send again what is due."""


class OfFiles:
    """The same where no service runs: it is so from the next start on."""

    is_running = False

    def __init__(self, store: Store) -> None:
        self._store = store

    async def is_paused(self) -> bool:
        """See the protocol."""
        return await self._store.read(instance.is_paused)

    async def pause(self, who: str) -> None:
        """See the protocol."""
        await self._store.write_as(who, instance.pause)

    async def resume(self, who: str) -> None:
        """See the protocol."""
        await self._store.write_as(who, instance.resume)


class Routes:
    """The routes."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self.router = APIRouter(tags=["service"])
        self._add("GET", "/service", self.show, "Say how the service is", "readonly")
        self._add("POST", "/service/pause", self.pause, "Send nothing, over restarts too, until resume", "admin")
        self._add("POST", "/service/resume", self.resume, "Send again what is due, small at first", "admin")

    def _add(self, method: str, path: str, endpoint: Any, summary: str, role: str) -> None:
        self.router.add_api_route(
            path, endpoint, methods=[method], summary=summary, description=f"Needs the role {role}.", response_model=None,
            operation_id=f"{endpoint.__name__}_service", response_class=JSONResponse,
            responses={**schemas.problems(), 200: schemas.json_reply("How it is.", SERVICE)},
        )  # fmt: skip

    async def show(self, actor: Reader) -> Response:
        """Say how the service is."""
        is_paused = await self._operations.is_paused()
        return JSONResponse({"version": __version__, "is_running": self._operations.is_running, "is_paused": is_paused})

    async def pause(self, actor: Administrator) -> Response:
        """Send nothing."""
        await self._operations.pause(actor.name)
        return await self.show(actor)

    async def resume(self, actor: Administrator) -> Response:
        """Send again."""
        await self._operations.resume(actor.name)
        return await self.show(actor)
