"""What calls the functions: queues, the tables' streams, and the clock. Who asks over HTTP: `http_api`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta

from infra.house import Context
from infra.words import Json, Resources, arn, attribute, logical, named, ref

_AT_ONCE: Mapping[str, int] = {
    "catalog": 10,
    "orders": 50,
    "rewards": 50,
}  # consumers; the catalog's share hot counters
_OUTBOX = {"eventName": ["INSERT"], "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "outbox#"}]}}}}


def ways_in(contexts: Iterable[Context]) -> Resources:
    """Of all contexts."""
    found: dict[str, Json] = {}
    for one in contexts:
        found[logical(one.name, "deliveries")] = _deliveries(one.name)
        found[logical(one.name, "outbox")] = _outbox(one.name)
        found[logical(one.name, "jobs", "once")] = _once(one.name)
        for job, every in one.jobs.items():
            found |= _job(one.name, job, every)
    return found


def _deliveries(context: str) -> Json:
    """Messages that failed are named in the answer, and stay in the queue; the others are done."""
    return {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {
            "EventSourceArn": arn(logical(context, "queue")),
            "FunctionName": ref(logical(context, "consumer")),
            "BatchSize": 10,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "ScalingConfig": {"MaximumConcurrency": _AT_ONCE[context]},
        },
    }


def _outbox(context: str) -> Json:
    """What is put into the outbox, and nothing else of the table's stream. The relay raises when something stays
    unpublished; after ten tries the stream goes on: what is left in the outbox is found there by the sweeper.
    """
    return {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {
            "EventSourceArn": attribute(logical(context, "table"), "StreamArn"),
            "FunctionName": ref(logical(context, "relay")),
            "StartingPosition": "TRIM_HORIZON",
            "BatchSize": 100,
            "BisectBatchOnFunctionError": True,
            "MaximumRetryAttempts": 10,
            "MaximumRecordAgeInSeconds": 3600,
            "FilterCriteria": {"Filters": [{"Pattern": json.dumps(_OUTBOX)}]},
        },
    }


def _once(context: str) -> Json:
    """A job that failed is not tried again by Lambda: its next run does what is left."""
    return {
        "Type": "AWS::Lambda::EventInvokeConfig",
        "Properties": {
            "FunctionName": ref(logical(context, "jobs")),
            "Qualifier": "$LATEST",
            "MaximumRetryAttempts": 0,
            "MaximumEventAgeInSeconds": 60,
        },
    }


def _job(context: str, job: str, every: timedelta) -> Resources:
    rule, function = logical(context, job, "schedule"), logical(context, "jobs")
    return {
        rule: {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "Name": named(f"{context}-{job}"),
                "ScheduleExpression": _rate(every),
                "Targets": [{"Id": "jobs", "Arn": arn(function), "Input": json.dumps({"job": job})}],
            },
        },
        logical(context, job, "permission"): {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": ref(function),
                "Principal": "events.amazonaws.com",
                "SourceArn": arn(rule),
            },
        },
    }


def _rate(every: timedelta) -> str:
    minutes, rest = divmod(every, timedelta(minutes=1))
    if not minutes or rest:
        raise ValueError(f"every {every}: EventBridge counts whole minutes")
    return f"rate({minutes} minute{'s' if minutes > 1 else ''})"
