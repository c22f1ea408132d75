"""The dashboard: a graph for each figure that AWS or the functions tell (`figures.py`).

Source: AWS «Dashboard body structure and syntax».
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from infra.figures import DECLARED, GROUPS, SPREAD, Figure, Of
from infra.functions import Function
from infra.house import Context
from infra.words import Resources, named, sub
from shop.platform.figures import Kind

_STACK = "${AWS::StackName}"
NAMESPACE = f"shop/{_STACK}"
OPERATIONS = ("GetItem", "BatchGetItem", "Query", "TransactWriteItems")  # of the engine
_READS = (NAMESPACE, "shop_catalog_reads", "context", "orders", "answered_by")
LAYERS = ("memory", "redis", "stale-if-error", "origin")  # the last one asks the catalog
_PERIOD = 300  # seconds
_ACROSS, _WIDE, _HIGH = 4, 6, 6  # graphs side by side; units of the grid

Series = list[Any]  # as a widget has it: [namespace, metric, dimension, value, …, {"stat": …}]


def dashboard(contexts: Sequence[Context], functions: Sequence[Function]) -> Resources:
    """Named like the stack."""
    body = _body(_Names(contexts=[one.name for one in contexts], functions=functions))
    return {
        "Dashboard": {
            "Type": "AWS::CloudWatch::Dashboard",
            "Properties": {"DashboardName": named(), "DashboardBody": sub(body)},
        }
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Names:
    contexts: Sequence[str]
    functions: Sequence[Function]

    def of(self, kind: Of, metric: str) -> list[list[str]]:
        """The dimensions of each series."""
        if kind is Of.FUNCTION:
            streamed = [one for one in self.functions if one.role == "relay" or metric != "IteratorAge"]
            return [["FunctionName", f"{_STACK}-{one.name}"] for one in streamed]
        if kind is Of.TABLE:
            return [["TableName", f"{_STACK}-{name}"] for name in (*self.contexts, "log")]
        if kind is Of.OPERATION:
            tables = [["TableName", f"{_STACK}-{name}"] for name in self.contexts]
            return [[*table, "Operation", operation] for table in tables for operation in OPERATIONS]
        if kind is Of.RULE:
            return [["EventBusName", _STACK, "RuleName", f"{_STACK}-{name}"] for name in self.contexts]
        if kind in {Of.QUEUE, Of.DEAD_QUEUE}:
            dead = "-dead" if kind is Of.DEAD_QUEUE else ""
            return [["QueueName", f"{_STACK}-{name}{dead}"] for name in self.contexts]
        return [["ApiId", "${Api}"]] if kind is Of.API else [[]]


def _body(names: _Names) -> str:
    """A line for each widget."""
    placed, y = [], 0
    for group, figures in GROUPS.items():
        graphs = [graph for one in figures for graph in _graphs(one, names)]
        placed.append(
            {"type": "text", "x": 0, "y": y, "width": 24, "height": 1, "properties": {"markdown": f"## {group}"}}
        )
        y += 1
        for number, graph in enumerate(graphs):
            at = {"x": number % _ACROSS * _WIDE, "y": y + number // _ACROSS * _HIGH, "width": _WIDE, "height": _HIGH}
            placed.append({"type": "metric", **at, "properties": graph})
        y += -(-len(graphs) // _ACROSS) * _HIGH
    lines = ",\n".join(json.dumps(one) for one in placed)
    return f'{{"start": "-PT6H", "widgets": [\n{lines}\n]}}'


def _graphs(figure: Figure, names: _Names) -> Iterator[dict[str, Any]]:
    if figure.of:
        found = [(metric, names.of(figure.of, metric)) for metric in figure.aws]
        alone = all(len(series) == 1 for _, series in found)
        for stats in [figure.stats] if alone else [[stat] for stat in figure.stats]:
            of = figure.of.namespace
            series = [[of, metric, *by, {"stat": stat}] for metric, each in found for by in each for stat in stats]
            title = figure.name if len(figure.stats) == len(stats) else f"{figure.name.split(' (')[0]}: {stats[0]}"
            yield _graph(title, series)
    told = [name for name in figure.ours if DECLARED[name].dimensions is not None]
    if told == ["shop_catalog_reads"]:
        yield _hit_rate(figure.name)
    if told:
        yield _graph(f"{figure.name} (shop)" if figure.of else figure.name, list(_searched(told)))


def _searched(names: Iterable[str]) -> Iterator[Series]:
    """Whatever series there are: CloudWatch finds those of labels that nobody can list, such as currencies."""
    for name in names:
        metric = DECLARED[name]
        by = ("context", *(metric.dimensions or ()))
        said = " ".join([name, *(f"${{!PROP('Dim.{one}')}}" for one in by)])  # the ! is for CloudFormation
        for stat in SPREAD if metric.kind is Kind.HISTOGRAM else ("Sum",):
            found = f"SEARCH('{{{NAMESPACE},{','.join(by)}}} MetricName=\"{name}\"', '{stat}', {_PERIOD})"
            yield [{"expression": found, "label": said if stat == "Sum" else f"{said} {stat}"}]


def _hit_rate(title: str) -> dict[str, Any]:
    reads = [
        [*_READS, layer, {"id": f"m{number}", "stat": "Sum", "visible": False}] for number, layer in enumerate(LAYERS)
    ]
    filled = [f"FILL(m{number}, 0)" for number in range(len(LAYERS))]
    rate = f"100 * ({' + '.join(filled[:-1])}) / ({' + '.join(filled)})"
    return _graph(f"{title}, %", [[{"expression": rate, "label": "answered without asking the catalog"}], *reads])


def _graph(title: str, series: Sequence[Series]) -> dict[str, Any]:
    return {"title": title, "region": "${AWS::Region}", "period": _PERIOD, "view": "timeSeries", "metrics": series}
