"""How an event is kept in DynamoDB, in its context's outbox until it is published and in the log afterwards."""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from shop.kernel.events import Envelope
from shop.platform.aws_errors import FAILED, is_forbidden
from shop.platform.storage.body import pack, unpack
from shop.platform.storage.dynamodb_schema import outbox_of
from shop.platform.storage.dynamodb_table import Item
from shop.platform.storage.port import Unavailable

_MOST_WRITES = 25  # of one BatchWriteItem
_TRIES = 8
_LONGEST_PAUSE = 1.0  # seconds


def outbox_key(event_id: str) -> Item:
    """Where the event is until it is published."""
    return {"pk": {"S": outbox_of(event_id)}, "sk": {"S": event_id}}


def body_of(event: Envelope) -> Mapping[str, Any]:
    """The CloudEvent as an attribute: text, or compressed bytes above 8 KB."""
    stored, compressed = pack(event.id, msgspec.json.encode(event))
    return {"B": stored} if compressed else {"S": stored.decode()}


def json_of(body: Mapping[str, Any]) -> bytes:
    """The CloudEvent in such an attribute; in a record of a stream, as Lambda gets it, bytes are base64.

    Raises whatever decoding raises where it is none.
    """
    if "S" in body:
        return str(body["S"]).encode()
    stored = body["B"]
    return unpack(base64.b64decode(stored) if isinstance(stored, str) else stored, compressed=True)


async def pause(attempt: int) -> None:
    """After the failed attempt number so many, from 0 on: full jitter."""
    await asyncio.sleep(random.random() * min(0.05 * 2**attempt, _LONGEST_PAUSE))  # noqa: S311 - jitter, not a secret


async def delete(client: Any, table: str, keys: Sequence[Item]) -> None:
    """Delete the items, 25 a call, what was left over again; `Unavailable` after some tries."""
    for some in chunks(keys, _MOST_WRITES):
        left: Sequence[Mapping[str, Any]] = [{"DeleteRequest": {"Key": key}} for key in some]
        for attempt in range(_TRIES):
            try:
                answer = await client.batch_write_item(RequestItems={table: left})
                left = answer.get("UnprocessedItems", {}).get(table, ())
            except FAILED as error:
                if attempt == _TRIES - 1 or is_forbidden(error):
                    raise Unavailable(f"{len(left)} items of {table} cannot be deleted") from error
            if not left:
                break
            await pause(attempt)
        else:
            raise Unavailable(f"{len(left)} items of {table} are not deleted: it is busy")


def chunks(all_of_them: Sequence[Any], most: int) -> Iterator[Sequence[Any]]:
    """So many at a time."""
    return (all_of_them[begin : begin + most] for begin in range(0, len(all_of_them), most))
