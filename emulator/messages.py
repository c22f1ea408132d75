"""A bus and its queues on the emulator, made as a deployment would make them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping
from typing import Any

_FOURTEEN_DAYS = 14 * 24 * 3600  # the longest that a queue keeps anything


async def create(
    events: Any, sqs: Any, *, stack: str, heard: Mapping[str, Collection[str]], attempts: int, visibility: int = 30
) -> None:
    """The bus of the stack; of each context the queue, its dead-letter queue, and a rule that brings what it hears.

    `heard`: event types by context. `attempts`: so often a message is received before it is dead. `visibility`:
    seconds for which one that was received is not seen by others. `events` and `sqs` are clients.
    """
    await events.create_event_bus(Name=stack)
    await asyncio.gather(
        *(
            _context(events, sqs, stack, name, kinds, attempts=attempts, visibility=visibility)
            for name, kinds in heard.items()
        )
    )


async def _context(
    events: Any, sqs: Any, stack: str, name: str, kinds: Collection[str], *, attempts: int, visibility: int
) -> None:
    queue = f"{stack}-{name}"
    dead = await _queue(sqs, f"{queue}-dead", {})
    redrive = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": attempts})
    alive = await _queue(sqs, queue, {"RedrivePolicy": redrive, "VisibilityTimeout": str(visibility)})
    await events.put_rule(
        Name=queue, EventBusName=stack, EventPattern=json.dumps({"detail-type": sorted(kinds)}), State="ENABLED"
    )
    target = {
        "Id": "queue",
        "Arn": alive,
        "DeadLetterConfig": {"Arn": dead},
        "RetryPolicy": {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185},
    }
    await events.put_targets(Rule=queue, EventBusName=stack, Targets=[target])


async def _queue(sqs: Any, name: str, attributes: Mapping[str, str]) -> str:
    """Its ARN."""
    kept = {"MessageRetentionPeriod": str(_FOURTEEN_DAYS)}
    url = (await sqs.create_queue(QueueName=name, Attributes={**kept, **attributes}))["QueueUrl"]
    answer = await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(answer["Attributes"]["QueueArn"])
