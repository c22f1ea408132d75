"""Alarms and the dashboard: they watch what is measured, by AWS or by the shop, of things that are there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from infra.figures import DECLARED
from tests.infra.told import STACK, Faults, Told, word

# What AWS documents: «Lambda function metrics», «Monitor CloudWatch metrics for HTTP APIs», «DynamoDB metrics and
# dimensions», «EventBridge metrics», «Available CloudWatch metrics for Amazon SQS».
MEASURED = {
    ("AWS/Lambda", ("FunctionName",)): {
        *("ConcurrentExecutions", "Duration", "Errors", "Invocations", "IteratorAge", "Throttles"),
    },
    ("AWS/ApiGateway", ("ApiId",)): {"4xx", "5xx", "Count", "DataProcessed", "IntegrationLatency", "Latency"},
    ("AWS/DynamoDB", ("TableName",)): {
        *("ConditionalCheckFailedRequests", "ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"),
        *("ReadThrottleEvents", "TransactionConflict", "WriteThrottleEvents"),
    },
    ("AWS/DynamoDB", ("Operation", "TableName")): {"SuccessfulRequestLatency", "SystemErrors", "ThrottledRequests"},
    ("AWS/Events", ("EventBusName", "RuleName")): {"FailedInvocations", "Invocations", "MatchedEvents"},
    ("AWS/Events", ()): {"PutEventsEntriesCount", "PutEventsFailedEntriesCount"},
    ("AWS/SQS", ("QueueName",)): {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"},
}
OURS = f"shop/{STACK}"
MOST_SERIES = 500  # of a graph, and 2,500 of a dashboard
Series = tuple[str, str, dict[str, str]]  # namespace, metric, dimensions; of what is searched, without values


def widgets(told: Told) -> list[dict]:
    [board] = told.of("CloudWatch::Dashboard").values()
    return json.loads(word(board["DashboardBody"]))["widgets"]


def shown(told: Told) -> Iterator[Series]:
    """By the dashboard."""
    for widget in widgets(told):
        for one in widget["properties"].get("metrics", ()):
            if isinstance(one[0], str):
                names = [part for part in one if isinstance(part, str)]
                yield names[0], names[1], dict(zip(names[2::2], names[3::2], strict=True))
            elif "SEARCH" in one[0]["expression"]:
                found = re.fullmatch(r"SEARCH\('\{(.+)\} MetricName=\"(\w+)\"', '\w+', \d+\)", one[0]["expression"])
                namespace, *dimensions = found[1].split(",")
                yield namespace, found[2], dict.fromkeys(dimensions, "")


def watched(told: Told) -> Iterator[Series]:
    """By alarms."""
    for one in told.of("CloudWatch::Alarm").values():
        by = {each["Name"]: word(each["Value"]) for each in one["Dimensions"]}
        yield word(one["Namespace"]), one["MetricName"], by


def there(told: Told) -> dict[str, set[str]]:
    """What each of AWS's dimensions may be: names, or what refers to them."""
    kinds = {
        "FunctionName": ("Lambda::Function", "FunctionName", ""),
        "TableName": ("DynamoDB::Table", "TableName", ""),
        "QueueName": ("SQS::Queue", "QueueName", ".QueueName"),
        "RuleName": ("Events::Rule", "Name", ""),
        "EventBusName": ("Events::EventBus", "Name", ""),
    }
    found = {
        dimension: {word(one[by]) for one in told.of(kind).values()} | {f"{name}{ending}" for name in told.of(kind)}
        for dimension, (kind, by, ending) in kinds.items()
    }
    return found | {"ApiId": {"Api", "${Api}"}, "Operation": {"GetItem", "BatchGetItem", "Query", "TransactWriteItems"}}


def what_is_watched_is_measured(told: Told) -> Faults:
    known = there(told)
    for namespace, metric, by in [*shown(told), *watched(told)]:
        if namespace == OURS:
            declared = DECLARED.get(metric)
            if declared is None or declared.dimensions is None:
                yield f"{metric}: is not told to CloudWatch"
            elif set(by) != {"context", *declared.dimensions}:
                yield f"{metric}: is not told by {sorted(by)}"
            continue
        if metric not in MEASURED.get((namespace, tuple(sorted(by))), ()):
            yield f"{namespace}: {metric} by {sorted(by)} is not measured"
        yield from (f"{metric}: there is no {name} {value}" for name, value in by.items() if value not in known[name])


def every_figure_that_is_told_has_its_graph(told: Told) -> Faults:
    graphs = {metric for namespace, metric, _ in shown(told) if namespace == OURS}
    due = {name for name, metric in DECLARED.items() if metric.dimensions is not None}
    yield from (f"{name}: has no graph" for name in sorted(due - graphs))


def graphs_stand_side_by_side(told: Told) -> Faults:
    taken: set[tuple[int, int]] = set()
    for one in widgets(told):
        cells = {(one["x"] + x, one["y"] + y) for x in range(one["width"]) for y in range(one["height"])}
        if cells & taken or max(x for x, _ in cells) >= 24 or len(one["properties"].get("metrics", ())) > MOST_SERIES:
            yield f"{one['properties']}: has no room"
        taken |= cells


RULES = (what_is_watched_is_measured, every_figure_that_is_told_has_its_graph, graphs_stand_side_by_side)
