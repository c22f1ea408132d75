"""Figures in Prometheus's text format, and the process's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from shop.platform.figures import Distribution, Figures, Kind, Labels, Metric

__all__ = ["CONTENT_TYPE", "Prometheus"]


class Prometheus(Collector):
    """What a scrape finds: every figure of this process."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        PlatformCollector(registry=self._process)

    def text(self) -> bytes:
        """All of it, of content type `CONTENT_TYPE`."""
        return generate_latest(self)

    def collect(self) -> Iterator[Family]:
        """As the library has it."""
        series: dict[Metric, list[tuple[Labels, float | Distribution]]] = {}
        for metric, labels, value in self._figures.read():
            series.setdefault(metric, []).append((labels, value))
        for metric, values in series.items():
            yield _family(metric, sorted(values, key=lambda one: one[0]))
        yield from self._process.collect()


def _family(metric: Metric, series: Iterable[tuple[Labels, float | Distribution]]) -> Family:
    made: Any = _KINDS[metric.kind](metric.name, metric.help, labels=metric.labels)
    for labels, value in series:
        if isinstance(value, Distribution):
            bounds = [*map(floatToGoString, value.bounds), "+Inf"]
            made.add_metric(labels, list(zip(bounds, accumulate(value.buckets), strict=True)), value.total)
        else:
            made.add_metric(labels, value)
    family: Family = made
    return family


_KINDS: Mapping[Kind, type[Any]] = {
    Kind.COUNTER: CounterMetricFamily,
    Kind.GAUGE: GaugeMetricFamily,
    Kind.HISTOGRAM: HistogramMetricFamily,
}
