"""A server that delivers what is in its queue: once, side by side, through outages, and to an orderly end."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import msgspec
import pytest
from botocore.exceptions import EndpointConnectionError
from structlog.testing import capture_logs

from shop.kernel.errors import Refusal
from shop.platform.bus import Backlog
from shop.platform.bus_aws import Consumer, Poller, Relay
from shop.platform.storage.dynamodb import DynamoStore
from shop.platform.storage.port import Put, Unavailable

pytestmark = pytest.mark.aws

HEARD = "parcel.sent"


class Poison(Refusal):
    code = "poison"


@pytest.fixture
async def poll(aws, stack):
    """Starts a server with this reaction to parcels; it is stopped in the end."""
    pollers: list[Poller] = []

    async def started(reaction, *, attempts: int = 24) -> Poller:
        consumer = Consumer({HEARD: reaction}, context="parcels", attempts=attempts, aws=aws, stack=stack)
        pollers.append(Poller(consumer))
        await pollers[-1].start()
        return pollers[-1]

    yield started
    for poller in pollers:
        await poller.stop()


@pytest.fixture
def queue(aws, stack):
    """The context's queue, or its dead-letter queue."""

    class Queue:
        async def url(self, dead=""):
            return (await aws.client("sqs").get_queue_url(QueueName=f"{stack}-parcels{dead}"))["QueueUrl"]

        async def put(self, *bodies: str):
            for body in bodies:
                await aws.client("sqs").send_message(QueueUrl=await self.url(), MessageBody=body)

        async def take(self, dead="", **more):
            url = await self.url(dead)
            answer = await aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, **more)
            return answer.get("Messages", ())

    return Queue()


@pytest.fixture
def message(parcel):
    """As EventBridge puts the event number n into a queue."""
    return lambda n: msgspec.json.encode({"version": "0", "detail-type": HEARD, "detail": parcel(n)}).decode()


async def eventually(holds, *, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - asked of the queue
            await asyncio.sleep(0.01)


async def test_what_is_in_the_queue_is_heard_once_and_is_gone(wired, queue, message, poll):
    await wired()
    heard = Counter()

    async def hear(envelope, _):
        heard[envelope.id] += 1

    poller = await poll(hear)
    await queue.put(*map(message, range(45)))

    async def nothing_left():
        return len(heard) == 45 and await poller.backlog() == Backlog(0, 0, None)

    await eventually(nothing_left)
    assert set(heard.values()) == {1}


async def test_more_messages_than_one_poll_brings_are_under_way_at_once(wired, queue, message, poll):
    await wired()
    together = asyncio.Barrier(60)
    done = []

    async def hear(envelope, _):
        await together.wait()  # opens only for 60 at once
        done.append(envelope.id)

    await queue.put(*map(message, range(60)))
    await poll(hear)

    async def all_done():
        return len(done) == 60

    await eventually(all_done)


async def test_five_copies_of_an_event_are_counted_once(wired, queue, message, poll, aws, stack, clock, layout):
    await wired()
    records = DynamoStore(aws, stack=stack, clock=clock).records(layout)
    called = []

    async def count(envelope, cause):
        called.append(envelope.id)
        before = await records.get("count")
        body = str(int(before.body) + 1 if before else 1).encode()
        await records.commit(
            puts=[Put(key="count", body=body, was=before.version if before else 0)], consumed=cause.delivery
        )

    await queue.put(*[message(1)] * 5, message(2))
    poller = await poll(count)

    async def nothing_left():
        return (await poller.backlog()).waiting == 0

    await eventually(nothing_left)
    assert (await records.get("count")).body == b"2"
    assert len(called) >= 6


async def test_what_is_committed_is_relayed_and_heard_with_its_effect_beside_it(
    wired, poll, aws, stack, clock, layout, parcel
):
    await wired()
    store = DynamoStore(aws, stack=stack, clock=clock)
    records = store.records(layout)
    relay = Relay(aws, stack=stack, context="parcels", clock=clock)
    committed = []
    store.committed = committed.extend

    async def hear(envelope, cause):
        await records.commit(puts=[Put(key=f"heard/{envelope.id}", body=b"{}", was=0)], consumed=cause.delivery)

    await poll(hear)
    for n in range(20):
        await records.commit(puts=[Put(key=f"parcel/{n}", body=b"{}", was=0)], events=[parcel(n)])
    await relay.publish(committed)

    async def all_heard():
        return len((await records.scan("heard/")).found) == 20

    await eventually(all_heard)


async def test_poison_is_a_dead_letter_after_so_many_attempts_and_holds_nobody_up(wired, queue, message, poll, parcel):
    await wired(attempts=1)
    heard = []

    async def hear(envelope, _):
        if envelope.id == parcel(3).id:
            raise Poison("poison")
        heard.append(envelope.id)

    with capture_logs() as logs:
        poller = await poll(hear, attempts=1)
        await queue.put(*map(message, range(6)), "rubbish")

        async def dead():
            return await poller.backlog() == Backlog(0, 2, None)

        await eventually(dead)

    assert sorted(heard) == [parcel(n).id for n in (0, 1, 2, 4, 5)]
    bodies = {one["Body"] for one in await queue.take("-dead")}
    assert bodies == {message(3), "rubbish"}
    assert sorted(line["event"] for line in logs) == ["delivery.dead", "delivery.unreadable"]


async def test_what_failed_is_hidden_for_as_long_as_the_schedule_says(wired, queue, message, poll, aws):
    await wired()
    hidden = []

    def note(params, **_):
        hidden.append(params["VisibilityTimeout"])

    def accepted(http_response, **_):
        hidden.append(http_response.status_code)

    async def hear(*_):
        raise Poison("poison")

    hooks = aws.client("sqs").meta.events
    hooks.register("provide-client-params.sqs.ChangeMessageVisibility", note)
    hooks.register("after-call.sqs.ChangeMessageVisibility", accepted)
    await queue.put(message(1))
    poller = await poll(hear)

    async def put_off():
        return len(hidden) == 2

    await eventually(put_off)
    assert hidden == [60, 200]
    assert await queue.take() == ()
    assert (await poller.backlog()).waiting == 1


async def test_a_queue_that_is_out_of_reach_is_asked_again_and_said_once(wired, queue, message, poll, aws):
    await wired()
    failures = []
    heard = []

    def unreachable(**_):
        if len(failures) < 20:
            failures.append(1)
            raise EndpointConnectionError(endpoint_url="https://sqs")

    async def hear(envelope, _):
        heard.append(envelope.id)

    aws.client("sqs").meta.events.register("before-send.sqs.ReceiveMessage", unreachable)
    await queue.put(message(1))
    with capture_logs() as logs:
        await poll(hear)

        async def once():
            return heard

        await eventually(once)

    told = [line for line in logs if line["event"] == "queue.unreachable"]
    assert 1 <= len(told) <= 4  # of each poll that met it, however often
    assert told[0]["reason"] == "EndpointConnectionError"


async def test_reactions_that_have_begun_are_finished_when_it_stops(wired, queue, message, poll):
    await wired()
    begun, go_on, done = asyncio.Event(), asyncio.Event(), []

    async def hear(envelope, _):
        begun.set()
        await go_on.wait()
        done.append(envelope.id)

    await queue.put(message(1))
    poller = await poll(hear)
    await begun.wait()
    stopping = asyncio.create_task(poller.stop(patience=10))
    await asyncio.sleep(0)
    go_on.set()
    await stopping

    assert len(done) == 1
    assert (await poller.backlog()).waiting == 0


async def test_what_is_not_finished_when_it_stops_is_seen_by_others_at_once(wired, queue, message, poll):
    await wired(visibility=600)
    begun = asyncio.Event()

    async def hear(*_):
        begun.set()
        await asyncio.Event().wait()

    await queue.put(*map(message, range(3)))
    poller = await poll(hear)
    await begun.wait()

    with capture_logs() as logs:
        await poller.stop(patience=0.01)

    assert [line["event"] for line in logs] == ["reactions.cut_off"]
    seen = Counter(json.loads(one["Body"])["detail"]["id"] for one in await queue.take())
    assert len(seen) == 3


async def test_when_it_is_in_a_hurry_it_waits_for_nothing(wired, queue, message, poll):
    await wired(visibility=600)
    begun = asyncio.Event()

    async def hear(*_):
        begun.set()
        await asyncio.Event().wait()

    await queue.put(message(1))
    poller = await poll(hear)
    await begun.wait()

    stopping = asyncio.create_task(poller.stop(patience=3600))

    async def waiting_for_reactions():
        return all(one.done() for one in poller._polls)

    await eventually(waiting_for_reactions)
    poller.hurry()
    async with asyncio.timeout(10):
        await stopping

    assert len(await queue.take()) == 1


async def test_a_message_that_cannot_be_deleted_is_told_and_comes_again(wired, queue, message, poll, aws):
    await wired(visibility=1)
    heard = []
    refused = []

    def refuse(parsed, **_):
        if not refused:
            refused.append(1)
            parsed["Failed"] = [{"Id": "0", "Code": "InternalError", "SenderFault": False}]

    def keep(params, **_):
        if not refused:
            return {**params, "Entries": [{**one, "ReceiptHandle": "unknown"} for one in params["Entries"]]}
        return None

    async def hear(envelope, _):
        heard.append(envelope.id)

    hooks = aws.client("sqs").meta.events
    hooks.register("provide-client-params.sqs.DeleteMessageBatch", keep)
    hooks.register("after-call.sqs.DeleteMessageBatch", refuse)
    with capture_logs() as logs:
        poller = await poll(hear)
        await queue.put(message(1))

        async def twice():
            return len(heard) == 2 and (await poller.backlog()).waiting == 0

        await eventually(twice)

    assert ("deliveries.not_ended", 1) in [(line["event"], line.get("count")) for line in logs]


async def test_how_much_waits_cannot_be_said_of_a_queue_that_is_not_there(aws, stack):
    poller = Poller(Consumer({}, context="parcels", attempts=24, aws=aws, stack=stack))

    with pytest.raises(Unavailable, match="GetQueueUrl"):
        await poller.backlog()
