"""Makes the text of a scrape with prometheus-client, from what `gather` gives.

Imported at the first scrape: prometheus-client takes 40 ms of a start, and not every service is scraped.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from ..model.histogram import Histogram
from ..store.measured import Measured
from .catalogue import COUNTER, INFO, METRICS, PREFIX, Metric
from .gather import Sources, gather

__all__ = ["render"]


def render(sources: Sources, seen: Measured | None, accept: str) -> tuple[bytes, str]:
    """Return the text and its media type; takes some hundred milliseconds for a thousand servers."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    registry.register(_Rendered(sources, seen))
    encode, media_type = choose_encoder(accept)
    return encode(registry), media_type


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
        suffix = {COUNTER: "_total", INFO: "_info"}.get(family.type, "")
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
