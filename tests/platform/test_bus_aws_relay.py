"""From the outbox to EventBridge, the log and out again: whatever fails in between, nothing is lost."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from structlog.testing import capture_logs

from shop.kernel.events import Cause, Envelope
from shop.kernel.ids import ids
from shop.platform.bus_aws import Relay, Unpublished
from shop.platform.storage.dynamodb_events import body_of, outbox_key
from shop.platform.storage.dynamodb_log import DynamoLog

pytestmark = pytest.mark.aws

PUT_EVENTS = "eventbridge.PutEvents"
SWEEP = Cause(id="job_sweep-outbox")


class Killed(BaseException):
    """As if the process were not there any more."""


@dataclass
class Parcels:
    """A context on AWS, without an engine: its outbox is filled by hand."""

    aws: object
    stack: str
    clock: object
    new: object = field(init=False)

    def __post_init__(self):
        self.new = ids(self.clock)

    def relay(self) -> Relay:
        return Relay(self.aws, stack=self.stack, context="parcels", clock=self.clock)

    def event(self, data: str = "") -> Envelope:
        return Envelope(
            id=self.new("evt"), type="parcel.sent", source="/shop/parcels", subject="p", dataschema="urn:x",
            time="2026-11-23T04:00:00.000000Z", data=msgspec.Raw(msgspec.json.encode(data)),
        )  # fmt: skip

    async def commit(self, count: int, *, data: str = "") -> list[Envelope]:
        events = [self.event(data) for _ in range(count)]
        for event in events:
            item = {**outbox_key(event.id), "body": body_of(event)}
            await self.aws.client("dynamodb").put_item(TableName=f"{self.stack}-parcels", Item=item)
        return events

    async def outbox(self) -> set[str]:
        found = await self.aws.client("dynamodb").scan(TableName=f"{self.stack}-parcels", ConsistentRead=True)
        return {item["sk"]["S"] for item in found["Items"]}

    async def logged(self) -> Counter[str]:
        log = DynamoLog(aws=self.aws, stack=self.stack, clock=self.clock, lag=timedelta())
        found, after, more = Counter(), None, True
        while more:
            stretch = await log.read(after=after, types=(), most=100)
            found.update(msgspec.json.decode(event, type=Envelope).id for event in stretch.events)
            after, more = stretch.after, stretch.more
        return found

    async def heard(self) -> Counter[str]:
        """What has come into the queue; it is taken out."""
        sqs = self.aws.client("sqs")
        url = (await sqs.get_queue_url(QueueName=f"{self.stack}-parcels"))["QueueUrl"]
        found = Counter()
        while True:
            answer = await sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
            messages = answer.get("Messages", ())
            if not messages:
                return found
            for message in messages:
                found[json.loads(message["Body"])["detail"]["id"]] += 1
                await sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


@pytest.fixture
async def parcels(aws, stack, wired, clock):
    await wired()
    return Parcels(aws, stack, clock)


def ids_of(events):
    return {event.id for event in events}


@dataclass
class Refusing:
    """Has EventBridge not take some entries, as its answer says of each of them."""

    client: object
    refuses: object  # (number of the call, entry) -> bool
    offered: list[list[str]] = field(default_factory=list)  # ids of events, by call

    def __post_init__(self):
        self.client.meta.events.register(f"provide-client-params.{PUT_EVENTS}", self._before)
        self.client.meta.events.register(f"after-call.{PUT_EVENTS}", self._after)

    def _before(self, params, context, **_):
        entries = params["Entries"]
        self.offered.append([json.loads(entry["Detail"])["id"] for entry in entries])
        context["refused"] = [self.refuses(len(self.offered), entry) for entry in entries]
        left = [entry for entry, no in zip(entries, context["refused"], strict=True) if not no]
        context["none"] = not left
        return {"Entries": left or [{**entries[0], "DetailType": "nobody.hears.this"}]}

    def _after(self, parsed, context, **_):
        taken = iter([] if context["none"] else parsed["Entries"])
        refusal = {"ErrorCode": "ThrottlingException", "ErrorMessage": "Rate exceeded"}
        parsed["Entries"] = [refusal if no else next(taken) for no in context["refused"]]
        parsed["FailedEntryCount"] = sum(context["refused"])


async def test_what_is_published_is_heard_and_logged_and_no_longer_in_the_outbox(parcels):
    events = await parcels.commit(35)
    assert await parcels.outbox() == ids_of(events)

    await parcels.relay().publish(events)

    assert await parcels.heard() == await parcels.logged() == Counter(ids_of(events))
    assert await parcels.outbox() == set()


async def test_large_events_are_published_whole(parcels):
    [event] = await parcels.commit(1, data="€" * 60_000)

    await parcels.relay().publish([event])

    log = DynamoLog(aws=parcels.aws, stack=parcels.stack, clock=parcels.clock, lag=timedelta())
    [logged] = (await log.read(after=None, types=(), most=10)).events
    assert logged == msgspec.json.encode(event)
    assert await parcels.heard() == Counter([event.id])


async def test_only_entries_that_were_not_taken_are_offered_again(parcels, aws):
    events = await parcels.commit(10)
    third, sixth = events[2].id, events[5].id
    refusing = Refusing(
        aws.client("events"), lambda call, entry: call == 1 and any(x in entry["Detail"] for x in (third, sixth))
    )

    await parcels.relay().publish(events)

    assert refusing.offered == [[event.id for event in events], [third, sixth]]
    assert await parcels.heard() == Counter(ids_of(events))
    assert await parcels.outbox() == set()


async def test_what_is_never_taken_is_counted_and_stays_in_the_outbox_and_the_others_do_not(parcels, aws):
    events = await parcels.commit(12)
    never = events[3].id
    refusing = Refusing(aws.client("events"), lambda _, entry: never in entry["Detail"])

    with capture_logs() as logs, pytest.raises(Unpublished, match=r"^1 of 12 events"):
        await parcels.relay().publish(events)

    assert len(refusing.offered) < 12  # it is not asked for ever
    assert await parcels.outbox() == {never}
    assert await parcels.heard() == await parcels.logged() == Counter(ids_of(events) - {never})
    assert [(line["event"], line["count"], line["reason"]) for line in logs] == [
        ("events.not_published", 1, "ThrottlingException")
    ]


async def test_a_batch_that_comes_again_is_published_as_far_as_it_was_not(parcels):
    events, relay = await parcels.commit(3), parcels.relay()
    await relay.publish(events[:2])

    await relay.publish(events)

    assert await parcels.heard() == dict.fromkeys(ids_of(events), 1)


async def test_where_a_call_is_refused_for_one_of_its_entries_the_others_are_published(parcels, aws):
    events = await parcels.commit(10)
    wrong = events[7].id

    def refuse(params, **_):
        if any(wrong in entry["Detail"] for entry in params["Entries"]):
            answer = {"Error": {"Code": "ValidationException"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
            raise ClientError(answer, "PutEvents")

    aws.client("events").meta.events.register(f"provide-client-params.{PUT_EVENTS}", refuse)

    with pytest.raises(Unpublished, match=r"^1 of 10 events"):
        await parcels.relay().publish(events)

    assert await parcels.outbox() == {wrong}
    assert await parcels.heard() == Counter(ids_of(events) - {wrong})


async def test_an_eventbridge_that_is_out_of_reach_is_tried_as_often_as_its_client_does_and_nothing_is_lost(
    parcels, aws
):
    events = await parcels.commit(3)
    tried = []

    def unreachable(**_):
        tried.append(1)
        raise EndpointConnectionError(endpoint_url="https://events")

    hooks = aws.client("events").meta.events
    hooks.register(f"before-send.{PUT_EVENTS}", unreachable)
    with pytest.raises(Unpublished, match=r"^3 of 3 events"):
        await parcels.relay().publish(events)
    assert len(tried) == 3
    assert await parcels.outbox() == ids_of(events)

    hooks.unregister(f"before-send.{PUT_EVENTS}", unreachable)
    await parcels.relay().publish(events)
    assert await parcels.heard() == Counter(ids_of(events))


async def test_what_dynamodb_leaves_over_is_written_again(parcels, aws):
    events = await parcels.commit(20)
    calls = []

    def half(params, context, **_):
        [(table, writes)] = params["RequestItems"].items()
        calls.append(len(writes))
        if len(writes) > 1:
            context["left"] = {table: writes[len(writes) // 2 :]}
            return {"RequestItems": {table: writes[: len(writes) // 2]}}
        return None

    def answer(parsed, context, **_):
        parsed["UnprocessedItems"] = context.get("left", {})

    hooks = aws.client("dynamodb").meta.events
    hooks.register("provide-client-params.dynamodb.BatchWriteItem", half)
    hooks.register("after-call.dynamodb.BatchWriteItem", answer)

    await parcels.relay().publish(events)

    assert calls.count(1) >= 4  # halves of halves, down to one, of two calls each to the log and the outbox
    assert await parcels.logged() == Counter(ids_of(events))
    assert await parcels.outbox() == set()


STEPS = [PUT_EVENTS, "dynamodb.PutItem", "log", "outbox"]


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
async def test_a_relay_that_dies_at_any_step_leaves_what_the_sweep_publishes(parcels, aws, clock, step, done):
    events = await parcels.commit(10)
    service, operation = step.split(".") if "." in step else ("dynamodb", "BatchWriteItem")
    table = f"{parcels.stack}-{'log' if step == 'log' else 'parcels'}"
    met = []

    def watch(params, context, **_):
        context["met"] = "." in step or table in params["RequestItems"]
        if context["met"] and not done:
            met.append(1)
            raise Killed

    def die(context, **_):
        if context["met"] and done:
            met.append(1)
            raise Killed

    hooks = aws.client("events" if service == "eventbridge" else service).meta.events
    name = f"{service}.{operation}"
    hooks.register(f"provide-client-params.{name}", watch)
    hooks.register(f"after-call.{name}", die)
    with pytest.raises(Killed):
        await parcels.relay().publish(events)
    hooks.unregister(f"provide-client-params.{name}", watch)
    hooks.unregister(f"after-call.{name}", die)
    assert met == [1]
    left = await parcels.outbox()
    assert left == (set() if (step, done) == ("outbox", True) else ids_of(events))

    clock.forward(timedelta(minutes=2))
    await parcels.relay().sweep(SWEEP)

    assert await parcels.outbox() == set()
    assert set(await parcels.heard()) == ids_of(events)
    assert set(await parcels.logged()) == ids_of(events)


async def test_the_sweep_takes_what_is_older_than_a_minute_and_leaves_what_may_be_on_its_way(parcels, clock):
    old = await parcels.commit(5)
    clock.forward(timedelta(seconds=30))
    young = await parcels.commit(5)
    clock.forward(timedelta(seconds=31))

    with capture_logs() as logs:
        await parcels.relay().sweep(SWEEP)

    assert await parcels.outbox() == ids_of(young)
    assert await parcels.heard() == Counter(ids_of(old))
    assert [(line["event"], line["found"], line["left"]) for line in logs] == [("outbox.swept", 5, 0)]


async def test_a_sweep_goes_through_all_partitions_page_by_page(parcels, clock, monkeypatch):
    monkeypatch.setattr("shop.platform.bus_aws_relay._PAGE", 3)  # so that few events are many pages
    events = await parcels.commit(150)
    clock.forward(timedelta(hours=1))

    await parcels.relay().sweep(SWEEP)

    assert await parcels.outbox() == set()
    assert await parcels.heard() == Counter(ids_of(events))


async def test_a_run_of_the_sweep_is_bounded_and_the_next_one_goes_on(parcels, clock, monkeypatch):
    monkeypatch.setattr("shop.platform.bus_aws_relay._PAGE", 2)
    monkeypatch.setattr("shop.platform.bus_aws_relay._MOST_SWEPT", 2)  # of each of 16 partitions
    await parcels.commit(100)
    clock.forward(timedelta(hours=1))

    await parcels.relay().sweep(SWEEP)
    after_one = len(await parcels.outbox())
    while await parcels.outbox():
        await parcels.relay().sweep(SWEEP)

    assert 100 - 32 <= after_one < 100
    assert len(await parcels.heard()) == 100


async def test_one_that_cannot_be_published_does_not_hold_up_the_sweep_and_is_not_forgotten(parcels, aws, clock):
    events = await parcels.commit(40)
    never = events[0].id
    key = outbox_key("evt_000")
    unreadable = {**key, "body": {"S": "rubbish"}}
    await aws.client("dynamodb").put_item(TableName=f"{parcels.stack}-parcels", Item=unreadable)
    Refusing(aws.client("events"), lambda _, entry: never in entry["Detail"])
    clock.forward(timedelta(hours=1))

    with pytest.raises(Unpublished, match=r"^2 of 41 overdue events"):
        await parcels.relay().sweep(SWEEP)

    assert await parcels.outbox() == {never, "evt_000"}
    assert await parcels.heard() == Counter(ids_of(events) - {never})


async def test_relays_that_publish_the_same_at_once_lose_nothing(parcels):
    events = await parcels.commit(50)

    await asyncio.gather(*(parcels.relay().publish(events) for _ in range(4)))

    assert await parcels.outbox() == set()
    assert set(await parcels.heard()) == set(await parcels.logged()) == ids_of(events)
