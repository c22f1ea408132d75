"""The bus: a rule per context that hears, the queue it fills, and one for what could not be delivered, by either."""

from __future__ import annotations

from collections.abc import Iterable

from infra.house import Context
from infra.words import Json, Resources, allow, arn, logical, named, policy, ref, sub

CONSUMER_SECONDS = 30  # a consumer's time for a batch
_UNSEEN_SECONDS = 6 * CONSUMER_SECONDS  # AWS: at least six times that, since a batch that is throttled is tried again
_KEPT_SECONDS = 14 * 24 * 3600  # the longest that SQS keeps anything
_DAY = 24 * 3600
_TRIES = 185  # EventBridge's own, over a day


def bus(contexts: Iterable[Context]) -> Resources:
    """`<stack>`; whoever hears nothing has no rule."""
    found: dict[str, Json] = {"Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": named()}}}
    for one in contexts:
        found |= _heard_by(one)
    return found


def _heard_by(one: Context) -> Resources:
    queue, dead, rule = (logical(one.name, kind) for kind in ("queue", "dead-queue", "rule"))
    kept = {"MessageRetentionPeriod": _KEPT_SECONDS, "SqsManagedSseEnabled": True}
    return {
        dead: {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "QueueName": named(f"{one.name}-dead"),
                **kept,
                "RedriveAllowPolicy": {
                    "redrivePermission": "byQueue",
                    "sourceQueueArns": [_queue_arn(one.name)],
                },
            },
        },
        queue: {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "QueueName": named(one.name),
                **kept,
                "VisibilityTimeout": _UNSEEN_SECONDS,
                "RedrivePolicy": {"deadLetterTargetArn": arn(dead), "maxReceiveCount": ref("DeliveryAttempts")},
            },
        },
        rule: {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "Name": named(one.name),
                "Description": f"What {one.name} hears",
                "EventBusName": ref("Bus"),
                "EventPattern": {"detail-type": list(one.hears)},
                "Targets": [
                    {
                        "Id": "queue",
                        "Arn": arn(queue),
                        "RetryPolicy": {"MaximumEventAgeInSeconds": _DAY, "MaximumRetryAttempts": _TRIES},
                        "DeadLetterConfig": {"Arn": arn(dead)},
                    }
                ],
            },
        },
        logical(one.name, "queue-policy"): {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {"Queues": [ref(queue)], "PolicyDocument": policy(_from(rule, to=queue))},
        },
        logical(one.name, "dead-queue-policy"): {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {"Queues": [ref(dead)], "PolicyDocument": policy(_from(rule, to=dead))},
        },
    }


def _from(rule: str, *, to: str) -> Json:
    """This rule alone, whose full name has the bus's in it."""
    return allow(
        ["sqs:SendMessage"],
        arn(to),
        Principal={"Service": "events.amazonaws.com"},
        Condition={"ArnEquals": {"aws:SourceArn": arn(rule)}},
    )


def _queue_arn(context: str) -> Json:
    """Written out: the queue itself names its dead-letter queue, and a circle cannot be deployed."""
    return sub("arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${AWS::StackName}-" + context)
