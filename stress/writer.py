"""`python -m stress.writer REDIS_URL SEED ITEMS`: the origin, which changes an item and then invalidates it, and so on.

Begins with the first line on stdin, ends with its end.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from random import Random
from typing import Any

import msgspec
import uvicorn

from shop.platform.http.client import Client
from shop.platform.http.second_layer import LayerUnavailable
from shop.platform.observability import configure_logs
from stress import caches
from stress.things import LAST, mark_of, tag_of
from stress.told import Begun, Change, Written, tell

_SLOW = 0.006  # seconds at most between what the origin reads and what it answers
_PAUSE = 0.004  # seconds at most between two changes
_HEADERS = (b"content-type", b"application/json"), (b"cache-control", b"public, max-age=300")

Message = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class Origin:
    """Answers with what is committed when it begins, some milliseconds later: as ASGI."""

    editions: list[int]
    random: Random

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        """`/things/3` or `/things?ids=3,4`."""
        _ = receive  # a GET has no body
        alone = scope["path"].removeprefix("/things/").removeprefix("/things")
        wanted = alone or scope["query_string"].decode().removeprefix("ids=")
        things = [{"id": item, "edition": self.editions[int(item)]} for item in wanted.split(",")]
        await asyncio.sleep(self.random.uniform(0, _SLOW))
        body = msgspec.json.encode(things[0] if alone else {"data": things})
        told = (
            (b"cache-tags", ",".join(map(tag_of, wanted.split(","))).encode()),
            (b"content-length", b"%d" % len(body)),
        )
        await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS, *told]})
        await send({"type": "http.response.body", "body": body})


async def _main(url: str, seed: str, items: int) -> None:
    editions = [0] * items
    config = uvicorn.Config(
        Origin(editions, Random(f"{seed}/origin")), host="127.0.0.1", port=0, lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    client = caches.client_of(caches.layer_of(url, port), port)
    tell(Begun(port))
    await asyncio.to_thread(sys.stdin.readline)
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
    tell(await _written(client, editions, Random(f"{seed}/writer"), until=ended))
    server.should_exit = True
    await serving
    await client.close()


async def _written(client: Client, editions: list[int], random: Random, *, until: asyncio.Task[str]) -> Written:
    written = Written([], 0)
    again = 0
    while not until.done():
        item = random.randrange(len(editions))
        editions[item] += 1
        again += await _invalidated(client, tag_of(item), mark_of(item, editions[item]))
        written.acknowledged.append(Change(item, editions[item], time.monotonic()))
        await asyncio.sleep(random.uniform(0, _PAUSE))
    again += await _invalidated(client, LAST)
    return msgspec.structs.replace(written, again=again)


async def _invalidated(client: Client, *tags: str) -> int:
    """As an event's reaction does, which is delivered until it succeeds; how often it did not."""
    for failed in range(100):
        try:
            await client.invalidate(tags)
        except LayerUnavailable:
            await asyncio.sleep(0.05)
        else:
            return failed
    raise LayerUnavailable("a hundred times")


if __name__ == "__main__":
    configure_logs("warning")
    asyncio.run(_main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
