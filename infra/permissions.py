"""What each function may do, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from infra.words import Json, allow, arn, logical, sub

_KEYED = ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem")  # documents, by their keys
_COUNTED = ("dynamodb:UpdateItem",)  # counters, in place
_SEARCHED = ("dynamodb:Query", "dynamodb:DeleteItem")  # words, which are items of the table
_EMPTIES = ("dynamodb:BatchWriteItem",)  # deletes many at a time; IAM has no narrower word for that
PUTTING_OFF = ("sqs:GetQueueUrl", "sqs:ChangeMessageVisibility")
SENDING = ("sqs:SendMessage",)  # to itself, what is to come once more
_LOGS = ("dynamodb:BatchWriteItem", "dynamodb:PutItem")


def records(context: str, *, counts: bool, searches: bool, finds: bool) -> Sequence[Json]:
    """A context's documents, read and changed; a transaction asks for the permissions of its parts.

    `counts`: it has counters. `searches`: documents are looked for by words, and get others. `finds`: and by indexes.
    """
    table = logical(context, "table")
    found = [allow(["dynamodb:Query"], sub(f"${{{table}.Arn}}/index/*"))] if finds else []
    own = [*_KEYED, *(_COUNTED if counts else ()), *(_SEARCHED if searches else ())]
    return [allow(own, arn(table)), *found]


def publishing(context: str) -> Sequence[Json]:
    """Events go onto the bus, into the log, and out of the outbox."""
    return [
        allow(["events:PutEvents"], arn("Bus")),
        allow(_LOGS, arn("LogTable")),
        allow(_EMPTIES, arn(logical(context, "table"))),
    ]


def sweeping(context: str) -> Sequence[Json]:
    """What the relay did not publish, found in the outbox."""
    return [allow(["dynamodb:Query"], arn(logical(context, "table"))), *publishing(context)]


def streamed(context: str) -> Sequence[Json]:
    """What Lambda itself needs to hand a table's changes over."""
    table = logical(context, "table")
    reads = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
    return [
        allow(reads, {"Fn::GetAtt": [table, "StreamArn"]}),
        allow(["dynamodb:ListStreams"], sub(f"${{{table}.Arn}}/stream/*")),
    ]


def queued(context: str, *, once_more: bool) -> Sequence[Json]:
    """What Lambda itself needs to hand a queue's messages over; and a failure waits as long as the bus says.

    `once_more`: it sends itself what is to come a second time.
    """
    reads = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    sends = SENDING if once_more else ()
    return [allow([*reads, *PUTTING_OFF, *sends], arn(logical(context, "queue")))]


def asking(function: str) -> Sequence[Json]:
    """Another context, over its function."""
    return [allow(["lambda:InvokeFunction"], arn(function))]


def feeding() -> Sequence[Json]:
    """The log of events, read."""
    return [allow(["dynamodb:Query"], arn("LogTable"))]


def watched(log_group: str) -> Sequence[Json]:
    """Its own log, and traces: those have no name, so `*` is AWS's only word for them."""
    return [
        allow(["logs:CreateLogStream", "logs:PutLogEvents"], arn(log_group)),
        allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*"),
    ]


def inside(function: Json) -> Sequence[Json]:
    """What Lambda itself needs to put a function into a network. Network interfaces have no name before they are made,
    so it is said of all; the function's own code is refused the same.
    """
    actions = [
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
    ]
    own = {"ArnEquals": {"lambda:SourceFunctionArn": function}}
    return [allow(actions, "*"), {"Effect": "Deny", "Action": actions, "Resource": ["*"], "Condition": own}]
