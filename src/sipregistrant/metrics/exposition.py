"""Renders the metrics when somebody asks: the database is read in a reader's thread, the text made in another one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from logging import DEBUG, WARNING

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from ..errors import StoreUnavailable
from ..model.histogram import Histogram
from ..store.measured import Measured, measure
from .catalogue import COUNTER, METRICS, MOST_SERVERS, PREFIX, Metric
from .gather import Sources, gather

__all__ = ["Exposition"]

log = structlog.get_logger(__name__)


class _Rendered(Collector):
    """The samples of one moment, as families of prometheus-client."""

    def __init__(self, sources: Sources, seen: Measured | None) -> None:
        self._sources = sources
        self._seen = seen

    def collect(self) -> Iterator[Family]:
        """Give all families, those without a sample as well: who writes rules sees what there is."""
        families = {metric.name: _family(metric) for metric in METRICS}
        labels = {metric.name: metric.labels for metric in METRICS}
        for name, values, figure in gather(self._sources, self._seen):
            _add(families[name], dict(zip(labels[name], values, strict=True)), figure)
        yield from families.values()


def _family(metric: Metric) -> Family:
    return Family(PREFIX + metric.name, metric.meaning, metric.kind)


def _add(family: Family, labels: dict[str, str], figure: float | Histogram) -> None:
    if not isinstance(figure, Histogram):
        suffix = {COUNTER: "_total", "info": "_info"}.get(family.type, "")
        family.add_sample(family.name + suffix, labels, figure)
        return
    # The counts go on growing meanwhile: the number of all is that of the buckets, as they were here.
    total, number = figure.total, 0
    bounds = [*(str(float(bound)) for bound in figure.bounds), "+Inf"]
    for bound, count in zip(bounds, figure.counts[:], strict=True):
        number += count
        family.add_sample(f"{family.name}_bucket", {**labels, "le": bound}, number)
    family.add_sample(f"{family.name}_count", labels, number)
    family.add_sample(f"{family.name}_sum", labels, total)


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
        registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=registry)
        registry.register(_Rendered(self._sources, seen))
        encode, media_type = choose_encoder(accept)
        return encode(registry), media_type
