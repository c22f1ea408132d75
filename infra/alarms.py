"""Alarms: each says what is wrong in its description, and all go to one topic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from infra.dashboard import NAMESPACE
from infra.functions import Function
from infra.house import Context
from infra.words import Json, Resources, attribute, logical, named, ref, sub
from shop.platform.metrics import CIRCUIT_CHANGES

_OLDEST_SECONDS = 300
_LATEST_MILLISECONDS = 60_000
_RATE = 0.01
_FEW_THROTTLES = 10  # in five minutes, which are tried again and nobody notices
_CIRCUITS = {
    "catalog": "orders of products that are not cached are refused",
    "redis": "the catalog is asked instead, and answers are not shared",
}


def alarms(contexts: Iterable[Context], functions: Iterable[Function]) -> Resources:
    """The topic, and what is watched."""
    found: dict[str, Json] = {
        "AlarmTopic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": named("alarms")}},
        "AlarmMail": {
            "Type": "AWS::SNS::Subscription",
            "Condition": "SendsMail",
            "Properties": {"TopicArn": ref("AlarmTopic"), "Protocol": "email", "Endpoint": ref("AlarmEmail")},
        },
    }
    for one in contexts:
        found |= {**_of_context(one.name), **_of_table(one.name)}
    for function in functions:
        found |= _errors(function)
        if function.role not in {"relay", "jobs"}:  # which come again by themselves
            found |= _throttled(function)
    for to, meaning in _CIRCUITS.items():
        found |= _open(to, meaning)
    return found | {
        "ApiFailuresAlarm": _alarm(
            "api-failures",
            "Requests are answered with 5xx: see the logs of the functions",
            "AWS/ApiGateway",
            "5xx",
            {"ApiId": ref("Api")},
            above=5,
        ),
        "ApiFailureRateAlarm": _alarm(
            "api-failure-rate",
            "For a quarter of an hour more than one request in a hundred is answered with 5xx",
            "AWS/ApiGateway",
            "5xx",
            {"ApiId": ref("Api")},
            statistic="Average",
            above=_RATE,
            times=3,
        ),
    }


def _of_table(context: str) -> Resources:
    return {
        logical(context, kind, "throttles-alarm"): _alarm(
            f"{context}-{kind}-throttles",
            f"The table of {context} takes less than is asked of it: a hot key, or a limit of the account",
            "AWS/DynamoDB",
            f"{kind.capitalize()}ThrottleEvents",
            {"TableName": ref(logical(context, "table"))},
            above=_FEW_THROTTLES,
        )
        for kind in ("read", "write")
    }


def _of_context(context: str) -> Resources:
    dead = {"QueueName": attribute(logical(context, "dead-queue"), "QueueName")}
    queue = {"QueueName": attribute(logical(context, "queue"), "QueueName")}
    rule = {"EventBusName": ref("Bus"), "RuleName": sub("${AWS::StackName}-" + context)}
    relay = {"FunctionName": ref(logical(context, "relay"))}
    return {
        logical(context, "dead-alarm"): _alarm(
            f"{context}-dead",
            f"An event could not be delivered to {context}: `shop dead-letters list`",
            "AWS/SQS",
            "ApproximateNumberOfMessagesVisible",
            dead,
            statistic="Maximum",
        ),
        logical(context, "late-alarm"): _alarm(
            f"{context}-late",
            f"{context} has not heard an event for five minutes: its consumer is down or too slow",
            "AWS/SQS",
            "ApproximateAgeOfOldestMessage",
            queue,
            statistic="Maximum",
            above=_OLDEST_SECONDS,
        ),
        logical(context, "undelivered-alarm"): _alarm(
            f"{context}-undelivered",
            f"EventBridge cannot put events into {context}'s queue: see the queue's policy",
            "AWS/Events",
            "FailedInvocations",
            rule,
        ),
        logical(context, "relay-late-alarm"): _alarm(
            f"{context}-relay-late",
            f"Events of {context} are published a minute late or more",
            "AWS/Lambda",
            "IteratorAge",
            relay,
            statistic="Maximum",
            above=_LATEST_MILLISECONDS,
        ),
    }


def _throttled(function: Function) -> Resources:
    return {
        f"{function.id}ThrottlesAlarm": _alarm(
            f"{function.name}-throttles",
            f"{function.name} was called more often at once than the account allows: ask for more concurrency",
            "AWS/Lambda",
            "Throttles",
            {"FunctionName": ref(function.id)},
        )
    }


def _open(to: str, meaning: str) -> Resources:
    return {
        logical("circuit", to, "alarm"): _alarm(
            f"circuit-{to}",
            f"Orders has given up asking {to} for a while: {meaning}",
            sub(NAMESPACE),
            CIRCUIT_CHANGES.name,
            {"context": "orders", "to": to, "state": "open"},
        )
    }


def _errors(function: Function) -> Resources:
    return {
        f"{function.id}ErrorsAlarm": _alarm(
            f"{function.name}-errors",
            f"{function.name} has failed three times in five minutes: see its log",
            "AWS/Lambda",
            "Errors",
            {"FunctionName": ref(function.id)},
            above=2,
        )
    }


def _alarm(
    name: str,
    description: str,
    namespace: Json,
    metric: str,
    of: Mapping[str, Any],
    *,
    statistic: str = "Sum",
    above: float = 0,
    times: int = 1,
) -> Json:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": named(name),
            "AlarmDescription": description,
            "Namespace": namespace,
            "MetricName": metric,
            "Dimensions": [{"Name": key, "Value": value} for key, value in of.items()],
            "Statistic": statistic,
            "Period": 300,
            "EvaluationPeriods": times,
            "Threshold": above,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": [ref("AlarmTopic")],
            "OKActions": [ref("AlarmTopic")],
        },
    }
