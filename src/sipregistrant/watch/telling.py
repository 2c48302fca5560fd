"""All that tells by itself, as one part of the service: started when the store is open, stopped before the web servers are."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import __version__
from ..engine.tasks import cancel_all, spawn
from ..errors import StoreUnavailable
from ..model.alarms import RULES
from ..model.events import EventKind
from ..store import events
from ..store.events import Event
from ..store.store import Store
from .bell import Bell
from .watcher import Watcher
from .webhooks import Webhooks

__all__ = ["Telling"]

LAST_WORD_SECONDS = 2.0
"""At the stop webhooks have so long to be sent what is the last."""


class Telling:
    """The watcher, the webhooks, and the bell that wakes who listens."""

    def __init__(self, store: Store, data_dir: Path, unsettled: Callable[[], tuple[int, str]],
                 event_json: Callable[[Event], dict[str, Any]]) -> None:  # fmt: skip
        """`unsettled` as `Watcher` has it; `event_json` renders an event as the API does."""
        self.bell = Bell()
        self._store = store
        self._watcher = Watcher(store, data_dir, unsettled)
        self._webhooks = Webhooks(store, self.bell, event_json)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to watch and to tell."""
        await self._store.write(events.append, EventKind.SERVICE_STARTED, f"the service has started, version {__version__}",
                                {"version": __version__})  # fmt: skip
        self._tasks = [spawn(self._watcher.run(), "watcher"), spawn(self._webhooks.run(), "webhooks")]

    def alarms(self) -> list[tuple[str, str]]:
        """Return the alarms that stand: kind and severity of each."""
        return [(kind.value, RULES[kind].severity.name.lower()) for kind, _ in self._watcher.standing]

    async def stop(self) -> None:
        """Say so, and end."""
        if self._tasks:
            with contextlib.suppress(StoreUnavailable):
                await self._store.write(events.append, EventKind.SERVICE_STOPPED, "the service stops", {})
                await self._webhooks.catch_up(LAST_WORD_SECONDS)
        self.bell.close()
        await cancel_all(*self._tasks)
