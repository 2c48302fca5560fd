"""What Prometheus scrapes, made when somebody asks: the database is read in a reader's thread, the text made in another one."""

from __future__ import annotations

import asyncio
from logging import DEBUG, WARNING

import structlog

from ..errors import StoreUnavailable
from ..store.measured import Measured, measure
from .catalogue import MOST_SERVERS
from .gather import Sources

__all__ = ["Exposition"]

log = structlog.get_logger(__name__)


class Exposition:
    """The text of /metrics. One is made at a time: who asks while one is made gets the next."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._one_at_a_time = asyncio.Lock()
        self._is_failing = False

    async def render(self, accept: str) -> tuple[bytes, str]:
        """Return the text and its media type, OpenMetrics where `accept` asks for that. What is in the database is left out
        while that cannot be read.
        """
        async with self._one_at_a_time:
            seen = None
            try:
                seen = await self._sources.store.read(measure, MOST_SERVERS)
                self._is_failing = False
            except StoreUnavailable as error:
                log.log(DEBUG if self._is_failing else WARNING, "metrics.incomplete", cause=str(error))
                self._is_failing = True
            return await asyncio.to_thread(self._render, seen, accept)

    def _render(self, seen: Measured | None, accept: str) -> tuple[bytes, str]:
        from .rendering import render

        return render(self._sources, seen, accept)
