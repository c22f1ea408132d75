"""What an emulator takes without a word and does not do: nothing but these rules would miss it."""

from __future__ import annotations

import json

from tests.infra.told import CONTEXTS, STACK, Faults, Told, word

DAY = 24 * 3600


def events_survive_the_bus(told: Told) -> Faults:
    for context in CONTEXTS:
        [target] = told.named("Events::Rule", "Name", context)[1]["Targets"]
        if target.get("RetryPolicy") != {"MaximumEventAgeInSeconds": DAY, "MaximumRetryAttempts": 185}:
            yield f"{context}: EventBridge gives up otherwise than after a day and 185 tries"
        if word(target.get("DeadLetterConfig", {}).get("Arn")) != f"{told.queue(f'{context}-dead')[0]}.Arn":
            yield f"{context}: what EventBridge cannot deliver is dropped"


def queues_give_their_consumers_time(told: Told) -> Faults:
    for context in CONTEXTS:
        _, queue = told.queue(context)
        dead, dead_queue = told.queue(f"{context}-dead")
        if queue["VisibilityTimeout"] < 6 * told.function(f"{context}-consumer")[1]["Timeout"]:
            yield f"{context}: a message is seen again before six times its consumer's time"
        for one in (queue, dead_queue):
            if one["MessageRetentionPeriod"] != 14 * DAY or one["SqsManagedSseEnabled"] is not True:
                yield f"{word(one['QueueName'])}: forgets before two weeks, or keeps in clear"
        redrive = {key: word(value) for key, value in queue.get("RedrivePolicy", {}).items()}
        if redrive != {"deadLetterTargetArn": f"{dead}.Arn", "maxReceiveCount": "DeliveryAttempts"}:
            yield f"{context}: what it cannot do is not put aside after DeliveryAttempts"
        allowed = dead_queue.get("RedriveAllowPolicy", {})
        if [word(one).split("AccountId}:")[1] for one in allowed.get("sourceQueueArns", [])] != [f"{STACK}-{context}"]:
            yield f"{context}: other queues may use its dead letters"
    attempts = told.whole["Parameters"]["DeliveryAttempts"]
    if (attempts["Default"], attempts["MinValue"], attempts["MaxValue"]) != (24, 1, 24):
        yield "DeliveryAttempts: 24, and from 1 to 24"


def only_its_rule_fills_a_queue(told: Told) -> Faults:
    filled = {
        (word(queue), word(resource), json.dumps(one["Condition"]))
        for policy in told.of("SQS::QueuePolicy").values()
        for queue in policy["Queues"]
        for one in policy["PolicyDocument"]["Statement"]
        for resource in one["Resource"]
        if one["Action"] == ["sqs:SendMessage"]
    }
    for context in CONTEXTS:
        rule, _ = told.named("Events::Rule", "Name", context)
        this_rule = json.dumps({"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": [rule, "Arn"]}}})
        for name in (context, f"{context}-dead"):
            queue, _ = told.queue(name)
            if (queue, f"{queue}.Arn", this_rule) not in filled:
                yield f"{name}: its rule may not fill it"
            filled.discard((queue, f"{queue}.Arn", this_rule))
    yield from (f"{one}: may be filled by others" for one in sorted(filled))


def failures_of_a_batch_are_told_apart(told: Told) -> Faults:
    for context in CONTEXTS:
        source = _mapping(told, f"{told.queue(context)[0]}.Arn", f"{context}-consumer")
        if source.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{context}: one failure is a failure of its whole batch"
        if not 2 <= source.get("ScalingConfig", {}).get("MaximumConcurrency", 0) <= 1000:
            yield f"{context}: its consumers take all of the account's concurrency"
        if context == "catalog" and source.get("ScalingConfig") != {"MaximumConcurrency": 10}:
            yield "catalog: more than 10 consumers meet at a hot counter"


def relays_get_what_is_put_into_the_outbox(told: Told) -> Faults:
    for context in CONTEXTS:
        table, _ = told.named("DynamoDB::Table", "TableName", context)
        source = _mapping(told, f"{table}.StreamArn", f"{context}-relay")
        patterns = [json.loads(one["Pattern"]) for one in source.get("FilterCriteria", {}).get("Filters", [])]
        if patterns != [{"eventName": ["INSERT"], "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "outbox#"}]}}}}]:
            yield f"{context}: its relay is called for more, or less, than new events"
        if source.get("StartingPosition") != "TRIM_HORIZON":
            yield f"{context}: events from before its relay are not published"
        if source.get("BisectBatchOnFunctionError") is not True or not 0 < source.get("MaximumRetryAttempts", -1) < 100:
            yield f"{context}: one bad record holds up its stream for a day"
        if source.get("FunctionResponseTypes"):
            yield f"{context}: its relay raises, it does not report"


def tables_keep_what_they_must(told: Told) -> Faults:
    for context in (*CONTEXTS, "log"):
        logical, table = told.named("DynamoDB::Table", "TableName", context)
        kept = told.resources[logical].get("DeletionPolicy")
        if table.get("TimeToLiveSpecification") != {"AttributeName": "ttl", "Enabled": True}:
            yield f"{context}: what has expired stays for ever"
        if table.get("BillingMode") != "PAY_PER_REQUEST":
            yield f"{context}: refuses requests above a rate"
        if context == "log":
            if "StreamSpecification" in table:
                yield "log: is streamed to nobody"
            continue
        if table.get("PointInTimeRecoverySpecification") != {"PointInTimeRecoveryEnabled": True}:
            yield f"{context}: cannot be had back"
        if table.get("StreamSpecification", {}).get("StreamViewType") != "NEW_IMAGE":
            yield f"{context}: its events are not streamed"
        if kept != "RetainExceptOnCreate" or told.resources[logical].get("UpdateReplacePolicy") != "Retain":
            yield f"{context}: goes when the stack goes"


def jobs_are_not_tried_again(told: Told) -> Faults:
    for context in CONTEXTS:
        function, _ = told.function(f"{context}-jobs")
        once = [one for one in told.of("Lambda::EventInvokeConfig").values() if word(one["FunctionName"]) == function]
        if [one["MaximumRetryAttempts"] for one in once] != [0]:
            yield f"{context}: a job that failed runs beside its next run"


def _mapping(told: Told, source: str, function: str) -> dict:
    logical, _ = told.function(function)
    return next(
        (
            one
            for one in told.of("Lambda::EventSourceMapping").values()
            if (word(one["EventSourceArn"]), word(one["FunctionName"])) == (source, logical)
        ),
        {},
    )


RULES = (
    events_survive_the_bus,
    queues_give_their_consumers_time,
    only_its_rule_fills_a_queue,
    failures_of_a_batch_are_told_apart,
    relays_get_what_is_put_into_the_outbox,
    tables_keep_what_they_must,
    jobs_are_not_tried_again,
)
