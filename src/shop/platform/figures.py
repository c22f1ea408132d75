"""Figures of this process: how often, how much, how long.

They are counted on the event loop alone, so without the locks that make a library's counters dear; and nothing is
loaded for it: how figures are told is in `prometheus.py` and `embedded_metrics.py`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from shop.kernel.events import Envelope

Labels = tuple[str, ...]

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # bounds of most buckets
_MOST_SERIES = 1_000  # of one metric; whatever comes after them is counted together
_OTHER = "other"


class Kind(Enum):
    """A counter only rises; a gauge is as it is now; a histogram tells how values are spread."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Metric:
    """What is counted, declared once. Prometheus adds `_total` to the name of a counter.

    `unit` is CloudWatch's word. `dimensions` are the labels that CloudWatch gets, beside the context: each combination
    of their values is paid for; None: it does not get the metric at all.
    """

    name: str
    kind: Kind
    help: str
    labels: Labels
    unit: str
    bounds: tuple[float, ...]
    dimensions: Labels | None


def counter(name: str, told: str, *labels: str, dimensions: Labels | None = None, unit: str = "Count") -> Metric:
    """It only rises."""
    return Metric(name=name, kind=Kind.COUNTER, help=told, labels=labels, unit=unit, bounds=(), dimensions=dimensions)


def gauge(name: str, told: str, *labels: str) -> Metric:
    """As it is now: of one process, so CloudWatch, which would mix those of many, does not get it."""
    return Metric(name=name, kind=Kind.GAUGE, help=told, labels=labels, unit="None", bounds=(), dimensions=None)


def histogram(
    name: str,
    told: str,
    *labels: str,
    bounds: tuple[float, ...] = SECONDS,
    dimensions: Labels | None = None,
    unit: str = "Seconds",
) -> Metric:
    """How values are spread."""
    return Metric(
        name=name, kind=Kind.HISTOGRAM, help=told, labels=labels, unit=unit, bounds=bounds, dimensions=dimensions
    )


class Tally:
    """A number that is kept."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float = 0


class Distribution:
    """How many values there were and how large; what falls between two bounds is in the bucket of the upper one."""

    __slots__ = ("bounds", "buckets", "recent", "total")

    def __init__(self, bounds: tuple[float, ...], *, keeps: bool = False) -> None:
        """`keeps`: the values themselves too, in `recent`, until somebody takes them."""
        self.bounds = bounds
        self.buckets = [0] * (len(bounds) + 1)
        self.total: float = 0
        self.recent: list[float] | None = [] if keeps else None

    def add(self, value: float) -> None:
        """One more."""
        self.buckets[bisect_left(self.bounds, value)] += 1
        self.total += value
        if self.recent is not None:
            self.recent.append(value)


Read = tuple[Metric, Labels, float | Distribution]  # labels: their values, in the order in which they are declared
Series = tuple[Metric, str]  # a counter with one label, and its value
Counting = Mapping[str, "Series | Callable[[Envelope, Figures], None]"]  # event type -> what rises when it is committed


class Figures:
    """All that is counted here, since the process began."""

    def __init__(self, *, keeps: bool = False) -> None:
        """`keeps`: for who tells CloudWatch, the values of the histograms that it gets."""
        self._keeps = keeps
        self._tallies: dict[Metric, dict[Labels, Tally]] = {}
        self._spread: dict[Metric, dict[Labels, Distribution]] = {}
        self._sources: list[Callable[[], Iterable[Read]]] = []

    def count(self, metric: Metric, *labels: str, by: float = 1) -> None:
        """It has happened, or so much of it."""
        self.tally(metric, *labels).value += by

    def set(self, metric: Metric, *labels: str, to: float) -> None:
        """It is so now."""
        self.tally(metric, *labels).value = to

    def observe(self, metric: Metric, *labels: str, value: float) -> None:
        """One value of a histogram."""
        self.distribution(metric, *labels).add(value)

    def tally(self, metric: Metric, *labels: str) -> Tally:
        """The number itself, for who counts so often that finding it would be felt."""
        series = self._tallies.get(metric) or self._tallies.setdefault(metric, {})
        return series.get(labels) or series.setdefault(_room(series, labels), Tally())

    def distribution(self, metric: Metric, *labels: str) -> Distribution:
        """As `tally`, of a histogram."""
        series = self._spread.get(metric) or self._spread.setdefault(metric, {})
        return series.get(labels) or series.setdefault(_room(series, labels), self._spread_of(metric))

    def also(self, source: Callable[[], Iterable[Read]]) -> None:
        """What others count themselves is read from them whenever figures are read."""
        self._sources.append(source)

    def read(self) -> Iterator[Read]:
        """Everything, as it is now; a metric's series one after another, those of a source where they come."""
        for metric, tallies in self._tallies.items():
            for labels, tally in tallies.items():
                yield metric, labels, tally.value
        for metric, spread in self._spread.items():
            for labels, distribution in spread.items():
                yield metric, labels, distribution
        for source in self._sources:
            yield from source()

    def _spread_of(self, metric: Metric) -> Distribution:
        """Values that nobody is told would be kept for ever."""
        return Distribution(metric.bounds, keeps=self._keeps and metric.dimensions is not None)


def _room(series: Mapping[Labels, object], labels: Labels) -> Labels:
    """Whoever makes labels up does not fill the memory."""
    return labels if len(series) < _MOST_SERIES else (_OTHER,) * len(labels)
