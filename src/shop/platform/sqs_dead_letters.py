"""Dead letters on AWS: a queue per context, into which EventBridge puts what it could not bring to the context's own
queue, and SQS what the context failed to consume.

A queue cannot be looked through: what is shown is received, and made visible again. It has no order, and gives ten
messages at a time; whoever else looks meanwhile sees the others only.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import msgspec

from shop.kernel.clock import moment_of
from shop.kernel.events import Envelope
from shop.platform.aws import Aws
from shop.platform.aws_reach import reached
from shop.platform.dead_letters import DeadLetter, Id
from shop.platform.storage.dynamodb_events import chunks

_HELD = 120  # seconds: nobody else sees meanwhile what is being shown
_WAIT = 1  # seconds; a receive that does not wait may find nothing where there is something
_MOST = 10  # messages of a call


class _Delivered(msgspec.Struct):
    detail: Envelope


class _Redrive(msgspec.Struct):
    attempts: int = msgspec.field(name="maxReceiveCount")


@asynccontextmanager
async def opened(*, stack: str, contexts: Sequence[str]) -> AsyncIterator[SqsDeadLetters]:
    """The dead letters of a stack's contexts; `OutOfReach` says what AWS said."""
    aws = Aws(("sqs",))
    with reached(stack=stack):
        try:
            await aws.open()
            yield SqsDeadLetters(aws, stack=stack, contexts=contexts)
        finally:
            await aws.close()


class SqsDeadLetters:
    """Of these contexts; needs the client of sqs."""

    def __init__(self, aws: Aws, *, stack: str, contexts: Sequence[str]) -> None:
        self._aws = aws
        self._stack = stack
        self._contexts = contexts
        self._urls: dict[str, str] = {}

    async def each(self) -> AsyncGenerator[DeadLetter, None]:
        """Context by context, in no order."""
        for context in self._contexts:
            attempts = await self._attempts(context)
            async with aclosing(self._peek(context, {})) as messages:
                async for message in messages:
                    yield _letter(message, context, attempts)

    async def count(self) -> int:
        """Roughly: SQS counts so."""
        total, names = 0, ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        for context in self._contexts:
            answer = await self._sqs.get_queue_attributes(QueueUrl=await self._dead(context), AttributeNames=names)
            total += sum(int(answer["Attributes"][name]) for name in names)
        return total

    async def one(self, identifier: Id) -> DeadLetter | None:
        """The first of that id; all queues are gone through until then."""
        async with aclosing(self.each()) as letters:
            async for letter in letters:
                if letter.id == identifier:
                    return letter
        return None

    async def revive(self, identifiers: Collection[Id]) -> list[Id]:
        """Send them to their contexts' queues, then delete them here: cut off between the two, they are in both."""
        wanted = frozenset(identifiers)
        done = await asyncio.gather(*(self._replay(context, wanted) for context in self._contexts))
        return [identifier for some in done for identifier in some]

    async def revive_all(self) -> int:
        """As `revive`; what is dead again meanwhile stays."""
        return sum(map(len, await asyncio.gather(*(self._replay(context, None) for context in self._contexts))))

    async def _replay(self, context: str, wanted: Collection[Id] | None) -> list[Id]:
        done, sent, held = list[Id](), set[str](), dict[str, str]()
        dead, queue = await self._dead(context), await self._url(f"{self._stack}-{context}")
        async with aclosing(self._peek(context, held)) as messages:
            async for message in messages:
                identifier, handle = message["MessageId"], message["ReceiptHandle"]
                if identifier in sent or (wanted is not None and identifier not in wanted):
                    continue
                answer = await self._sqs.send_message(QueueUrl=queue, MessageBody=message["Body"])
                sent.add(answer["MessageId"])  # it keeps this id when it is dead again
                await self._sqs.delete_message(QueueUrl=dead, ReceiptHandle=handle)
                del held[identifier]
                done.append(identifier)
                if wanted is not None and len(done) == len(wanted):
                    break
        return done

    async def _peek(self, context: str, held: dict[str, str]) -> AsyncGenerator[Mapping[str, Any], None]:
        """Each message once. In the end those that are still `held` (id: receipt handle) are visible again."""
        url, seen = await self._dead(context), set[str]()
        try:
            while new := [one for one in await self._receive(url) if one["MessageId"] not in seen]:
                held.update((one["MessageId"], one["ReceiptHandle"]) for one in new)
                seen.update(one["MessageId"] for one in new)
                for message in new:
                    yield message
        finally:
            for some in chunks(list(held.values()), _MOST):
                entries = [
                    {"Id": str(n), "ReceiptHandle": handle, "VisibilityTimeout": 0} for n, handle in enumerate(some)
                ]
                await self._sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)

    async def _receive(self, url: str) -> Sequence[Mapping[str, Any]]:
        answer = await self._sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=_MOST,
            VisibilityTimeout=_HELD,
            WaitTimeSeconds=_WAIT,
            AttributeNames=["SentTimestamp"],
            MessageAttributeNames=["All"],
        )
        return answer.get("Messages") or ()

    async def _attempts(self, context: str) -> int:
        """How often a message is received from the context's queue before it is dead."""
        url = await self._url(f"{self._stack}-{context}")
        answer = await self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
        policy = answer.get("Attributes", {}).get("RedrivePolicy", '{"maxReceiveCount": 0}')
        return msgspec.json.decode(policy, type=_Redrive, strict=False).attempts

    async def _dead(self, context: str) -> str:
        return await self._url(f"{self._stack}-{context}-dead")

    async def _url(self, name: str) -> str:
        if name not in self._urls:
            self._urls[name] = (await self._sqs.get_queue_url(QueueName=name))["QueueUrl"]
        return self._urls[name]

    @property
    def _sqs(self) -> Any:
        return self._aws.client("sqs")


def _letter(message: Mapping[str, Any], context: str, attempts: int) -> DeadLetter:
    told = {name: one.get("StringValue", "") for name, one in message.get("MessageAttributes", {}).items()}
    reason = f"{context} failed; its log tells why, under the event's id"
    if "ERROR_CODE" in told:  # by EventBridge, which could not bring it to the queue
        reason = f"{told['ERROR_CODE']}: {told.get('ERROR_MESSAGE', '')}".rstrip(": ")
        attempts = 1 + int(told.get("RETRY_ATTEMPTS") or 0)
    event_id, event_type, event = _event(message["Body"])
    since = moment_of(int(message["Attributes"]["SentTimestamp"]) * 1000)
    return DeadLetter(message["MessageId"], context, event_id, event_type, since, attempts, reason, event)


def _event(body: str) -> tuple[str, str, bytes]:
    """Id, type and JSON of the event; what is none, as a text of JSON."""
    try:
        event = msgspec.json.decode(body, type=_Delivered).detail
    except (ValueError, RecursionError, msgspec.MsgspecError):
        return "", "(unreadable)", msgspec.json.encode(body)
    return event.id, event.type, msgspec.json.encode(event)
