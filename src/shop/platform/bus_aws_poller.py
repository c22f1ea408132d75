"""A server's part of the bus on AWS: it asks its context's queue for deliveries, and makes them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog

from shop.platform.aws_errors import FAILED, why
from shop.platform.bus import Backlog
from shop.platform.bus_aws_consumer import ONCE_MORE, Consumer
from shop.platform.observability import told_of
from shop.platform.storage.port import Unavailable

_POLLS = 4  # at once; each brings ten messages at most
_MOST_BATCHES = 16  # under way; while there are so many nothing more is asked for
_WAIT = 20  # seconds of a long poll: the longest there is
_LONGEST_PAUSE = 30.0  # seconds, while the queue is out of reach
_PATIENCE = 2.0  # seconds for reactions that have begun when it stops
_PATIENCE_OF_RELEASE = 1.0  # seconds
_COUNTS = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
]

log = structlog.get_logger("shop.bus")


class Poller:
    """Delivers what is in a context's queue until it is stopped; needs the client of sqs."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._context = consumer.context
        self._polls: list[asyncio.Task[None]] = []
        self._batches: dict[asyncio.Task[None], Sequence[Mapping[str, Any]]] = {}
        self._room = asyncio.Semaphore(_MOST_BATCHES)
        self._hurried = False

    async def start(self) -> None:
        """Begin to ask."""
        self._polls = [asyncio.create_task(self._poll()) for _ in range(_POLLS)]

    async def stop(self, *, patience: float = _PATIENCE) -> None:
        """Ask no more and finish the reactions that have begun, in so many seconds; the rest is seen again at once."""
        for poll in self._polls:
            poll.cancel()
        await asyncio.gather(*self._polls, return_exceptions=True)
        batches = dict(self._batches)
        if not batches:
            return
        await asyncio.wait(batches, timeout=0 if self._hurried else patience)
        for batch in batches:
            batch.cancel()
        await asyncio.gather(*batches, return_exceptions=True)
        left = [message for batch, messages in batches.items() if batch.cancelled() for message in messages]
        if left:
            log.warning("reactions.cut_off", count=len(left))
            await self._release(left)

    def hurry(self) -> None:
        """Cut off the reactions that are under way when it stops."""
        self._hurried = True
        if all(poll.done() for poll in self._polls):
            for batch in self._batches:
                batch.cancel()

    async def backlog(self) -> Backlog:
        """What waits, is under way or put off in the queue, and what is dead, as SQS counts: roughly. `Unavailable`."""
        try:
            urls = await self._consumer.url(), await self._consumer.url(dead=True)
            waiting, dead = await asyncio.gather(*map(self._count, urls))
        except FAILED as error:
            raise Unavailable(f"the queue cannot be asked: {why(error)}") from error
        return Backlog(waiting, dead, None)

    async def _count(self, url: str) -> int:
        answer = await self._consumer.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=_COUNTS)
        return sum(int(answer["Attributes"].get(name, 0)) for name in _COUNTS)

    async def _poll(self) -> None:
        failures = 0
        while True:
            await self._room.acquire()
            try:
                messages = await self._receive()
                failures = 0
            except FAILED as error:
                self._room.release()
                failures += 1
                if failures == 1:
                    log.warning("queue.unreachable", consumer=self._context, reason=why(error))
                longest = min(0.1 * 2**failures, _LONGEST_PAUSE)
                await asyncio.sleep(random.random() * longest)  # noqa: S311 - jitter, not a secret
                continue
            except BaseException:
                self._room.release()
                raise
            self._begin(messages)

    async def _receive(self) -> Sequence[Mapping[str, Any]]:
        answer = await self._consumer.sqs.receive_message(
            QueueUrl=await self._consumer.url(),
            MaxNumberOfMessages=10,
            WaitTimeSeconds=_WAIT,
            AttributeNames=["ApproximateReceiveCount"],
            MessageAttributeNames=[ONCE_MORE],
        )
        return answer.get("Messages") or ()

    def _begin(self, messages: Sequence[Mapping[str, Any]]) -> None:
        if not messages:
            self._room.release()
            return
        batch = asyncio.create_task(self._deliver(messages))
        self._batches[batch] = messages
        batch.add_done_callback(self._ended)

    def _ended(self, batch: asyncio.Task[None]) -> None:
        del self._batches[batch]
        self._room.release()

    async def _deliver(self, messages: Sequence[Mapping[str, Any]]) -> None:
        failed = await self._consumer.consume([_record(message) for message in messages])
        done = [message for message in messages if message["MessageId"] not in failed]
        entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(done)]
        if not entries:
            return
        try:
            url = await self._consumer.url()
            answer = await self._consumer.sqs.delete_message_batch(QueueUrl=url, Entries=entries)
        except FAILED as error:
            log.warning("deliveries.not_ended", consumer=self._context, count=len(done), reason=why(error))
            return
        if refused := answer.get("Failed"):
            codes = ", ".join(sorted({one["Code"] for one in refused}))
            log.warning("deliveries.not_ended", consumer=self._context, count=len(refused), reason=codes)

    async def _release(self, messages: Sequence[Mapping[str, Any]]) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_OF_RELEASE):
                await self._consumer.show_again([(message["ReceiptHandle"], timedelta()) for message in messages])
        except TimeoutError as error:
            log.warning("deliveries.not_released", reason=told_of(error))


def _record(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """As Lambda gets it."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": message.get("MessageAttributes", {}),
    }
