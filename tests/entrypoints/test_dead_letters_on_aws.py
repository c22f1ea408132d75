"""`shop dead-letters` on AWS: from the dead-letter queues of the contexts, into which both hops put what failed."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from uuid import uuid4

import msgspec
import pytest
from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from emulator import messages
from shop.entrypoints.cli import cli
from shop.kernel.events import Envelope
from shop.platform.aws import Aws
from shop.platform.bus_aws import Consumer, Poller
from shop.platform.sqs_dead_letters import SqsDeadLetters

pytestmark = pytest.mark.aws

CONTEXTS = ("catalog", "orders", "rewards")
HEARD = "parcel.sent"
BY_EVENTBRIDGE = {
    "ERROR_CODE": "NO_PERMISSIONS",
    "ERROR_MESSAGE": "The queue cannot be reached",
    "RETRY_ATTEMPTS": "7",
    "RULE_ARN": "arn:aws:events:eu-central-1:000000000000:rule/shop/shop-orders",
}


class Killed(BaseException):
    """As if the process were not there any more."""


async def shop(*words: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, cli, ["dead-letters", *words], prog_name="shop")


def event(n: int) -> Envelope:
    return Envelope(
        id=f"evt_{n}", type=HEARD, source="/shop/parcels", subject=f"parcel_{n}", dataschema="urn:x",
        time="2026-11-23T04:00:00.000000Z", data=msgspec.Raw(b'{"weight":%d}' % n),
    )  # fmt: skip


def as_delivered(n: int) -> str:
    return msgspec.json.encode({"version": "0", "detail-type": HEARD, "detail": event(n)}).decode()


@dataclass
class Queues:
    aws: Aws
    stack: str

    @property
    def sqs(self):
        return self.aws.client("sqs")

    async def url(self, name: str) -> str:
        return (await self.sqs.get_queue_url(QueueName=f"{self.stack}-{name}"))["QueueUrl"]

    async def put(self, name: str, *bodies: str, **attributes: str) -> list[str]:
        """Ids of the messages."""
        told = {key: {"DataType": "String", "StringValue": value} for key, value in attributes.items()}
        url = await self.url(name)
        sent = [await self.sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=told) for body in bodies]
        return [one["MessageId"] for one in sent]

    async def visible(self, name: str) -> int:
        answer = await self.sqs.get_queue_attributes(
            QueueUrl=await self.url(name), AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    async def take(self, name: str) -> list[str]:
        """Bodies of messages."""
        answer = await self.sqs.receive_message(QueueUrl=await self.url(name), MaxNumberOfMessages=10)
        return [one["Body"] for one in answer.get("Messages", ())]


@pytest.fixture
async def queues(aws, stack, monkeypatch, tmp_path):
    monkeypatch.setenv("SHOP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SHOP_STORAGE", "dynamodb")
    monkeypatch.setenv("SHOP_STACK", stack)
    monkeypatch.setattr("shop.platform.sqs_dead_letters._WAIT", 0)  # an emulator asks the one place that there is
    heard = {context: [HEARD] for context in CONTEXTS}
    await messages.create(aws.client("events"), aws.client("sqs"), stack=stack, heard=heard, attempts=24)
    return Queues(aws, stack)


@pytest.fixture
def letters(aws, stack, queues):  # noqa: ARG001 - they are there
    return SqsDeadLetters(aws, stack=stack, contexts=CONTEXTS)


async def test_those_of_all_contexts_are_listed_with_why_and_stay_where_they_are(queues):
    [failed] = await queues.put("rewards-dead", as_delivered(1))
    [undelivered] = await queues.put("orders-dead", as_delivered(2), **BY_EVENTBRIDGE)

    first, second = await shop("list", "--json"), await shop("list", "--json")

    assert (first.exit_code, first.stdout) == (0, second.stdout), first.stderr
    told = {one["id"]: one | {"since": ""} for one in map(json.loads, first.stdout.splitlines())}
    assert told == {
        failed: {
            "id": failed, "consumer": "rewards", "eventId": "evt_1", "eventType": HEARD, "since": "", "attempts": 24,
            "reason": "rewards failed; its log tells why, under the event's id",
        },
        undelivered: {
            "id": undelivered, "consumer": "orders", "eventId": "evt_2", "eventType": HEARD, "since": "",
            "attempts": 8, "reason": "NO_PERMISSIONS: The queue cannot be reached",
        },
    }  # fmt: skip
    assert await queues.visible("rewards-dead") == await queues.visible("orders-dead") == 1


async def test_of_many_the_first_are_shown_and_all_are_counted(queues):
    await queues.put("catalog-dead", *map(as_delivered, range(73)))

    table, told = await shop("list"), await shop("list", "--json")

    assert "… and 23 more" in table.stderr
    assert {json.loads(line)["eventId"] for line in told.stdout.splitlines()} == {f"evt_{n}" for n in range(73)}
    assert await queues.visible("catalog-dead") == 73


async def test_one_is_shown_with_its_whole_event(queues):
    await queues.put("catalog-dead", *map(as_delivered, range(3)))
    [identifier] = await queues.put("orders-dead", as_delivered(7))

    shown = json.loads((await shop("show", identifier)).stdout)

    assert (shown["id"], shown["consumer"]) == (identifier, "orders")
    assert shown["event"] == json.loads(msgspec.json.encode(event(7)))
    assert await queues.visible("orders-dead") == 1


async def test_what_is_no_event_is_shown_as_the_text_that_it_is(queues):
    [identifier] = await queues.put("orders-dead", "rubbish")

    shown = json.loads((await shop("show", identifier)).stdout)

    assert (shown["eventId"], shown["eventType"], shown["event"]) == ("", "(unreadable)", "rubbish")


async def test_what_is_replayed_is_in_its_contexts_queue_and_no_longer_dead_and_the_others_are(queues):
    one, two, three = await queues.put("rewards-dead", *map(as_delivered, range(3)))
    await queues.put("orders-dead", as_delivered(9), **BY_EVENTBRIDGE)

    result = await shop("replay", two)

    assert result.stdout == "1 dead letter will be delivered: by the server that runs, or the next one\n"
    assert await queues.take("rewards") == [as_delivered(1)]
    told = [json.loads(line)["id"] for line in (await shop("list", "--json")).stdout.splitlines()]
    assert {one, three} < set(told)
    assert len(told) == 3


async def test_all_are_replayed_whichever_hop_they_died_at(queues):
    await queues.put("rewards-dead", *map(as_delivered, range(12)))
    await queues.put("orders-dead", as_delivered(50), **BY_EVENTBRIDGE)

    result = await shop("replay", "--all")

    assert result.stdout.startswith("13 dead letters will be delivered")
    assert await queues.visible("rewards") == 12
    assert await queues.take("orders") == [as_delivered(50)]
    assert (await shop("list")).stdout == "there is no dead letter\n"


async def test_what_is_not_dead_is_not_replayed_and_the_others_are(queues):
    [there] = await queues.put("catalog-dead", as_delivered(1))
    unknown = str(uuid4())

    result = await shop("replay", there, unknown, "17")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"shop: no dead letter has the id {unknown}, 17; see: shop dead-letters list; 1 other will be delivered\n"
    )
    assert await queues.take("catalog") == [as_delivered(1)]


async def test_one_that_cannot_be_taken_out_after_it_was_sent_is_in_both_rather_than_in_none(queues, letters):
    [identifier] = await queues.put("orders-dead", as_delivered(1))

    def die(**_):
        raise Killed

    queues.sqs.meta.events.register("before-send.sqs.DeleteMessage", die)
    with pytest.raises(Killed):
        await letters.revive([identifier])

    assert await queues.take("orders") == [as_delivered(1)]
    assert await queues.visible("orders-dead") == 1


async def test_poison_that_was_mended_is_replayed_and_heard(queues, aws, stack, letters):
    await messages.create(
        aws.client("events"), aws.client("sqs"), stack=f"{stack}x", heard={"orders": [HEARD]}, attempts=1
    )
    letters = SqsDeadLetters(aws, stack=f"{stack}x", contexts=["orders"])
    queues.stack = f"{stack}x"
    mended, heard = [], []

    async def hear(envelope, _):
        if not mended:
            raise ValueError
        heard.append(envelope.id)

    async def eventually(holds):
        async with asyncio.timeout(10):
            while not await holds():  # noqa: ASYNC110 - asked of the queue
                await asyncio.sleep(0.01)

    async def dead():
        return await letters.count() == 3

    async def all_heard():
        return len(heard) == 3

    poller = Poller(Consumer({HEARD: hear}, context="orders", attempts=1, aws=aws, stack=f"{stack}x"))
    await poller.start()
    try:
        with capture_logs():
            await queues.put("orders", *map(as_delivered, range(3)))
            await eventually(dead)
            assert await letters.revive_all() == 3  # which are dead again soon, and not replayed for ever
            await eventually(dead)
        mended.append(1)
        assert await letters.revive_all() == 3
        await eventually(all_heard)
    finally:
        await poller.stop()

    assert sorted(heard) == ["evt_0", "evt_1", "evt_2"]
    assert await letters.count() == 0


@pytest.mark.parametrize("words", [["list"], ["show", "17"], ["replay", "--all"]])
async def test_a_stack_that_is_not_there_is_said_in_one_line(queues, words, monkeypatch):  # noqa: ARG001
    monkeypatch.setenv("SHOP_STACK", "elsewhere")

    result = await shop(*words)

    assert (result.exit_code, result.stdout) == (1, "")
    assert "SHOP_STACK" in result.stderr
    assert result.stderr.count("\n") == 1
