"""Figures for CloudWatch, in lines of a Lambda's log: no call, no agent, nobody waits.

Source: AWS «Embedded metric format specification»: a document has a value once per name, so what has other dimensions
goes into the next one; it takes 100 metrics with each directive and 100 values with each metric.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from shop.kernel.clock import Clock, micros
from shop.platform.figures import Distribution, Figures, Labels, Metric

_MOST_METRICS = 100
_MOST_VALUES = 100
_DIGITS = 6  # of a second: a microsecond; of money: more than any currency has

_Value = float | list[float]
_Dimensions = tuple[tuple[str, str], ...]


def into_log(line: str) -> None:
    """As a line of the Lambda's log, as it is; one that cannot be written undoes nothing."""
    with suppress(OSError, ValueError):
        sys.stdout.write(line)
        sys.stdout.flush()


def namespace_of(stack: str) -> str:
    """Where CloudWatch has them."""
    return f"shop/{stack}"


class EmbeddedMetrics:
    """What has changed since it was told the last time."""

    def __init__(
        self,
        figures: Figures,
        *,
        namespace: str,
        context: str,
        wall: Clock,
        write: Callable[[str], object] = into_log,
    ) -> None:
        """`figures` that keep the values of histograms; `write` takes a line."""
        self._figures = figures
        self._namespace = namespace
        self._context = context
        self._wall = wall
        self._write = write
        self._told: dict[tuple[Metric, Labels], float] = {}

    def tell(self) -> None:
        """A line, or several; none if nothing has changed."""
        if changed := self._changed():
            at = micros(self._wall()) // 1000
            for document in _documents(changed, namespace=self._namespace, at=at):
                self._write(msgspec.json.encode(document).decode() + "\n")

    def _changed(self) -> Mapping[tuple[Metric, _Dimensions], _Value]:
        """Series that CloudWatch does not tell apart are added up."""
        changed: dict[tuple[Metric, _Dimensions], Any] = {}
        for metric, labels, value in self._figures.read():
            if metric.dimensions is None:
                continue
            more = self._values(value) if isinstance(value, Distribution) else self._more(metric, labels, value)
            if more:
                series = metric, self._dimensions(metric, labels)
                changed[series] = changed[series] + more if series in changed else more
        return changed

    def _more(self, metric: Metric, labels: Labels, value: float) -> float:
        more = value - self._told.get((metric, labels), 0)
        if more:
            self._told[metric, labels] = value
        return more

    def _values(self, values: Distribution) -> list[float]:
        recent, values.recent = values.recent, []
        return [round(value, _DIGITS) for value in recent or ()]

    def _dimensions(self, metric: Metric, labels: Labels) -> _Dimensions:
        own = zip(metric.labels, labels, strict=True)
        return (("context", self._context), *(one for one in own if one[0] in (metric.dimensions or ())))


def _documents(
    changed: Mapping[tuple[Metric, _Dimensions], _Value], *, namespace: str, at: int
) -> Iterator[Mapping[str, Any]]:
    documents: list[_Document] = []
    for metric, dimensions, value in _in_parts(changed):
        fitting = next((one for one in documents if one.fits(metric, dimensions)), None)
        if fitting is None:
            documents.append(fitting := _Document())
        fitting.add(metric, dimensions, value)
    return (one.told(namespace=namespace, at=at) for one in documents)


def _in_parts(
    changed: Mapping[tuple[Metric, _Dimensions], _Value],
) -> Iterator[tuple[Metric, _Dimensions, _Value]]:
    for (metric, dimensions), value in changed.items():
        if isinstance(value, list):
            for begin in range(0, len(value), _MOST_VALUES):
                yield metric, dimensions, value[begin : begin + _MOST_VALUES]
        else:
            yield metric, dimensions, round(value, _DIGITS)


class _Document:
    def __init__(self) -> None:
        self._root: dict[str, str | _Value] = {}
        self._metrics: dict[tuple[str, ...], list[Mapping[str, str]]] = {}  # by names of dimensions

    def fits(self, metric: Metric, dimensions: _Dimensions) -> bool:
        names = tuple(name for name, _ in dimensions)
        return (
            metric.name not in self._root
            and all(self._root.get(name, value) == value for name, value in dimensions)
            and len(self._metrics.get(names, ())) < _MOST_METRICS
        )

    def add(self, metric: Metric, dimensions: _Dimensions, value: _Value) -> None:
        self._root |= dict(dimensions)
        self._root[metric.name] = value
        names = tuple(name for name, _ in dimensions)
        self._metrics.setdefault(names, []).append({"Name": metric.name, "Unit": metric.unit})

    def told(self, *, namespace: str, at: int) -> Mapping[str, Any]:
        directives = [
            {"Namespace": namespace, "Dimensions": [names], "Metrics": metrics}
            for names, metrics in self._metrics.items()
        ]
        return {"_aws": {"Timestamp": at, "CloudWatchMetrics": directives}, **self._root}
