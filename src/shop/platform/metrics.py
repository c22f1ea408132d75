"""What was asked, how it ended and how long it took, for Prometheus."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import accumulate

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

__all__ = ["CONTENT_TYPE", "Measured", "Metrics"]

_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # seconds
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class _Times:
    """How many answers took how long; what falls between two bounds is in the bucket of the upper one."""

    def __init__(self) -> None:
        self.buckets = [0] * (len(_BUCKETS) + 1)
        self.seconds = 0.0

    def add(self, other: _Times) -> None:
        self.buckets = [a + b for a, b in zip(self.buckets, other.buckets, strict=True)]
        self.seconds += other.seconds


class Metrics:
    """Figures of this process since it began. Counted on the event loop alone, so without the library's locks."""

    def __init__(self) -> None:
        self._times: dict[tuple[str, str, int], _Times] = {}
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        PlatformCollector(registry=self._process)

    def answered(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        times = self._times.get((method, route, status))
        if times is None:
            times = self._times.setdefault((method if method in _METHODS else "other", route, status), _Times())
        times.buckets[bisect_left(_BUCKETS, seconds)] += 1
        times.seconds += seconds

    def text(self, more: Iterable[Metric] = ()) -> bytes:
        """All of it, and what was asked of others, in Prometheus's text format."""
        return generate_latest(_Collected([*self._requests(), *self._process.collect(), *more]))

    def _requests(self) -> Iterator[Metric]:
        labels = ("method", "route")
        requests = CounterMetricFamily("http_requests", "Requests answered.", labels=(*labels, "status"))
        durations = HistogramMetricFamily("http_request_duration_seconds", "From head to answer.", labels=labels)
        by_route: dict[tuple[str, str], _Times] = {}
        for (method, route, status), times in sorted(self._times.items()):
            requests.add_metric([method, route, str(status)], sum(times.buckets))
            by_route.setdefault((method, route), _Times()).add(times)
        for names, times in by_route.items():
            bounds = [*map(floatToGoString, _BUCKETS), "+Inf"]
            durations.add_metric(names, list(zip(bounds, accumulate(times.buckets), strict=True)), times.seconds)
        yield from (requests, durations)


class _Collected(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


class Measured:
    """The app, counted."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As the app."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500  # of an answer that never began

        async def listening(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, listening)
        finally:
            self._metrics.answered(
                method=str(scope.get("method")),
                route=scope.get("path_template") or "-",
                status=status,
                seconds=time.perf_counter() - began,
            )
