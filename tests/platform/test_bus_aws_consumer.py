"""Reactions to the records of a queue: what fails is told to who asked, and seen again on the schedule of every bus."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec
import pytest
from structlog.testing import capture_logs

from shop.kernel.errors import NotYet, Refusal
from shop.platform.bus import OnceMore, wait_after
from shop.platform.bus_aws import Consumer
from shop.platform.storage.port import AlreadyConsumed, Conflict

HEARD = "parcel.sent"


class Poison(Refusal):
    code = "poison"


@dataclass
class Queue:
    """The client of a queue that notes what is put off, by receipt handle."""

    waits: dict[str, int] = field(default_factory=dict)
    sent: list[dict[str, object]] = field(default_factory=list)
    broken: bool = False

    def client(self, service: str) -> Queue:
        assert service == "sqs"
        return self

    async def get_queue_url(self, **asked):
        return {"QueueUrl": asked["QueueName"]}

    async def send_message(self, **asked):
        if self.broken:
            raise OSError(111, "Connection refused")
        self.sent.append(asked)

    async def change_message_visibility(self, **asked):
        if self.broken:
            raise OSError(111, "Connection refused")
        assert asked["QueueUrl"] == "shop-parcels"
        self.waits[asked["ReceiptHandle"]] = asked["VisibilityTimeout"]


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def consumer(queue):
    def over(reaction, *, attempts: int = 24) -> Consumer:
        return Consumer({HEARD: reaction}, context="parcels", attempts=attempts, aws=queue, stack="shop")

    return over


@pytest.fixture
def record(parcel):
    """The message number n, received so often."""

    def numbered(n: int, *, received: int = 1, kind: str = HEARD, body: str | None = None):
        event = {"version": "0", "id": "x", "detail-type": kind, "source": "shop.parcels", "detail": parcel(n, kind)}
        return {
            "messageId": f"m{n}", "receiptHandle": f"r{n}", "attributes": {"ApproximateReceiveCount": str(received)},
            "body": msgspec.json.encode(event).decode() if body is None else body,
        }  # fmt: skip

    return numbered


async def test_a_reaction_learns_the_event_and_a_delivery_that_is_the_same_in_every_copy(consumer, record, parcel):
    heard = []

    async def hear(envelope, cause):
        heard.append((envelope, cause))

    failed = await consumer(hear).consume([record(1), record(1, received=2)])

    assert failed == []
    (first, cause), (second, again) = heard
    assert first == second == parcel(1)
    assert cause == again
    assert (cause.id, cause.delivery.event_id, cause.delivery.consumer) == (parcel(1).id, parcel(1).id, "parcels")


async def test_only_messages_that_failed_are_told(consumer, record, parcel, queue):
    async def hear(envelope, _):
        if envelope.id == parcel(2).id:
            raise Poison("poison")

    assert await consumer(hear).consume([record(n) for n in range(5)]) == ["m2"]
    assert queue.waits == {"r2": 60}


async def test_a_delivery_that_has_had_its_effect_is_done(consumer, record, queue):
    async def hear(*_):
        raise AlreadyConsumed("evt_000001")

    assert await consumer(hear).consume([record(1)]) == []
    assert queue.waits == {}


async def test_what_others_overtake_is_run_again_at_once(consumer, record):
    tries = []

    async def hear(*_):
        tries.append(1)
        if len(tries) < 10:
            raise Conflict(["parcel/1"])

    assert await consumer(hear).consume([record(1)]) == []
    assert len(tries) == 10


@pytest.mark.parametrize("received", range(1, 24))
async def test_a_failure_waits_as_long_as_on_every_bus(consumer, record, queue, received):
    async def hear(*_):
        raise NotYet

    await consumer(hear).consume([record(1, received=received)])

    assert timedelta(seconds=queue.waits["r1"]) == wait_after(received)


@pytest.mark.parametrize(("received", "attempts"), [(24, 24), (3, 3), (1, 1), (30, 24)])
async def test_the_last_failure_is_seen_at_once_so_that_the_dead_letter_queue_gets_it(
    consumer, record, queue, received, attempts
):
    async def hear(*_):
        raise Poison("poison")

    with capture_logs() as logs:
        failed = await consumer(hear, attempts=attempts).consume([record(1, received=received)])

    assert (failed, queue.waits) == (["m1"], {"r1": 0})
    assert [line["event"] for line in logs] == ["delivery.dead"]


async def test_many_failures_are_put_off_each(consumer, record, queue):
    async def hear(*_):
        raise Poison("poison")

    await consumer(hear).consume([record(n) for n in range(25)])

    assert len(queue.waits) == 25


async def test_the_records_of_a_batch_run_side_by_side(consumer, record):
    together = asyncio.Barrier(10)

    async def hear(*_):
        await together.wait()  # opens only for ten at once

    async with asyncio.timeout(5):
        assert await consumer(hear).consume([record(n) for n in range(10)]) == []


@pytest.mark.parametrize(
    "body",
    ["rubbish of ada@example.com", "{}", '{"detail": {"id": "ada@example.com"}}', '{"detail": ' + "[" * 5000, ""],
    ids=["no JSON", "no detail", "no event", "too deep", "empty"],
)
async def test_what_is_no_event_fails_and_is_seen_at_once_and_told_without_what_is_in_it(consumer, record, queue, body):
    async def hear(*_):
        raise AssertionError

    with capture_logs() as logs:
        failed = await consumer(hear).consume([record(1, body=body)])

    assert (failed, queue.waits) == (["m1"], {"r1": 0})
    [line] = logs
    assert (line["event"], line["message_id"], line["log_level"]) == ("delivery.unreadable", "m1", "error")
    assert "example.com" not in str(line)


async def test_an_event_that_nobody_here_hears_fails_on_the_schedule(consumer, record, queue):
    async def hear(*_):
        raise AssertionError

    with capture_logs() as logs:
        failed = await consumer(hear).consume([record(1, kind="parcel.lost")])

    assert (failed, queue.waits) == (["m1"], {"r1": 60})
    [line] = logs
    assert line == {
        "event": "delivery.failed", "log_level": "warning", "attempts": 1, "again_in": "0:01:00",
        "event_type": "parcel.lost", "event_id": "evt_000001", "consumer": "parcels",
        "reason": "NoReaction: parcels has no reaction to parcel.lost",
    }  # fmt: skip


async def test_what_a_reaction_quotes_is_not_told(consumer, record):
    async def hear(*_):
        raise ValueError("ada@example.com")

    with capture_logs() as logs:
        await consumer(hear).consume([record(1)])

    assert logs[0]["reason"].startswith("ValueError (test_bus_aws_consumer.py:")
    assert "example.com" not in str(logs)


async def test_a_message_that_cannot_be_put_off_has_failed_all_the_same(consumer, record, queue):
    queue.broken = True

    async def hear(*_):
        raise NotYet

    with capture_logs() as logs:
        assert await consumer(hear).consume([record(1)]) == ["m1"]

    assert [line["event"] for line in logs] == ["deliveries.not_put_off"]


async def test_a_reaction_that_is_to_come_once_more_comes_once_more_after_its_time_and_not_again(
    consumer, record, queue
):
    heard = []

    async def hear(envelope, _):
        heard.append(envelope.id)

    over = consumer(OnceMore(hear, after=timedelta(seconds=15)))
    assert await over.consume([record(1)]) == []
    (again,) = queue.sent
    second = record(1) | {
        "messageId": "m2",
        "body": again["MessageBody"],
        "messageAttributes": again["MessageAttributes"],
    }

    assert await over.consume([second]) == []

    assert (again["QueueUrl"], again["DelaySeconds"]) == ("shop-parcels", 15)
    assert heard == ["evt_000001"] * 2
    assert len(queue.sent) == 1


async def test_what_cannot_be_sent_once_more_is_tried_again_from_the_start(consumer, record, queue):
    queue.broken = True

    async def hear(*_):
        pass

    assert await consumer(OnceMore(hear, after=timedelta(seconds=15))).consume([record(1)]) == ["m1"]
