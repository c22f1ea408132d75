"""The bus on AWS, on its way in: a context's reactions to what is in its queue, the same in Lambda and in a server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import structlog

from shop.kernel.events import Delivery, Envelope
from shop.platform.aws import Aws
from shop.platform.aws_errors import FAILED, why
from shop.platform.bus import OnceMore, Reactions, wait_after
from shop.platform.delivering import react, tell_failure
from shop.platform.journey import NOBODY, Watcher
from shop.platform.observability import told_of
from shop.platform.storage.port import AlreadyConsumed

_AT_ONCE = timedelta()
ONCE_MORE = "once-more"  # an attribute of messages that come for the second time, as they were to

log = structlog.get_logger("shop.bus")


class _Delivered(msgspec.Struct):
    """What EventBridge puts into a queue; the CloudEvent is its detail."""

    detail: Envelope


class Consumer:
    """A context's. It needs the client of sqs to put off what failed; `attempts` is the queue's maxReceiveCount.

    What failed is seen again after the wait that every bus keeps. After the last attempt it is seen at once: then SQS
    puts it into the dead-letter queue instead of giving it to anybody.
    """

    def __init__(
        self,
        reactions: Reactions,
        *,
        context: str,
        attempts: int,
        aws: Aws,
        stack: str,
        watcher: Watcher = NOBODY,
    ) -> None:
        self._reactions = reactions
        self.context = context
        self._attempts = attempts
        self._watcher = watcher
        self._aws = aws
        self._queue = f"{stack}-{context}"
        self._urls: dict[str, str] = {}

    async def consume(self, records: Sequence[Mapping[str, Any]]) -> list[str]:
        """React to the records of an SQS batch as Lambda gets them, side by side; the ids of messages that failed."""
        waits = await asyncio.gather(*(self._react(record) for record in records))
        failed = {
            record["messageId"]: (record, wait) for record, wait in zip(records, waits, strict=True) if wait is not None
        }
        await self.show_again([(record["receiptHandle"], wait) for record, wait in failed.values()])
        return list(failed)

    async def show_again(self, handles: Sequence[tuple[str, timedelta]]) -> None:
        """Let the messages be seen again after so long; if that cannot be said, the queue's own time holds."""
        told = await asyncio.gather(*(self._hide(handle, wait) for handle, wait in handles), return_exceptions=True)
        errors = [error for error in told if isinstance(error, BaseException)]
        if unforeseen := [error for error in errors if not isinstance(error, FAILED)]:
            raise unforeseen[0]
        if errors:
            log.warning("deliveries.not_put_off", consumer=self.context, count=len(errors), reason=why(errors[0]))

    async def _hide(self, handle: str, wait: timedelta) -> None:
        seconds = int(wait.total_seconds())
        await self.sqs.change_message_visibility(
            QueueUrl=await self.url(), ReceiptHandle=handle, VisibilityTimeout=seconds
        )

    async def url(self, *, dead: bool = False) -> str:
        """The address of the context's queue, or of its dead-letter queue."""
        name = f"{self._queue}-dead" if dead else self._queue
        if name not in self._urls:
            self._urls[name] = (await self.sqs.get_queue_url(QueueName=name))["QueueUrl"]
        return self._urls[name]

    @property
    def sqs(self) -> Any:
        """The client."""
        return self._aws.client("sqs")

    async def _react(self, record: Mapping[str, Any]) -> timedelta | None:
        """None if it is done; after which time it is to be tried again if it failed."""
        attempts = int(record["attributes"]["ApproximateReceiveCount"])
        try:
            envelope = msgspec.json.decode(record["body"], type=_Delivered).detail
        except (
            ValueError,
            RecursionError,
            msgspec.MsgspecError,
        ) as error:  # this version will never read it: into the dead-letter queue soon
            told = {"consumer": self.context, "message_id": record["messageId"], "attempts": attempts}
            log.error("delivery.unreadable", reason=told_of(error), **told)  # noqa: TRY400
            return _AT_ONCE
        delivery = Delivery(envelope.id, envelope.id, self.context)
        try:
            await react(self._reactions, envelope, delivery)
            await self._send_once_more(envelope, record)
        except AlreadyConsumed:
            return None
        except Exception as error:  # noqa: BLE001 - whatever a reaction raises, the event is not lost
            wait = wait_after(attempts, most=self._attempts)
            told = {"consumer": self.context, "attempts": attempts, "wait": wait}
            reason = tell_failure(error, envelope=envelope, **told)
            self._watcher.failed(envelope, reason=reason, **told)
            return wait or _AT_ONCE
        self._watcher.delivered(envelope, consumer=self.context, attempts=attempts)
        return None

    async def _send_once_more(self, envelope: Envelope, record: Mapping[str, Any]) -> None:
        reaction = self._reactions.get(envelope.type)
        if isinstance(reaction, OnceMore) and ONCE_MORE not in record.get("messageAttributes", {}):
            await self.sqs.send_message(
                QueueUrl=await self.url(),
                MessageBody=record["body"],
                DelaySeconds=int(reaction.after.total_seconds()),
                MessageAttributes={ONCE_MORE: {"DataType": "String", "StringValue": "yes"}},
            )
