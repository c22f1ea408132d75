"""Another process with a cache of its own, told over HTTP what to do, answering when it is done.

`python -m bench.cache_peer FOLDER CORE REDIS_URL ORIGIN_PORT`.
"""

import asyncio
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import msgspec
import uvicorn
from litestar import Litestar, post

from bench import controlled
from bench.cached import AT_ONCE, Page, Stock, alone, items, pages
from shop.platform.http.answer import OriginUnavailable
from shop.platform.http.client import Client
from shop.platform.http.collected import Collected
from shop.platform.http.redis_layer import RedisLayer
from shop.platform.http.second_layer import LayerUnavailable
from shop.platform.http.stored import Stored
from shop.platform.observability import configure_logs
from stress import caches

_MEMORY = 128 * 1024 * 1024  # bytes
_STORED_AT_ONCE = 100  # answers
_READ_AT_ONCE = 1_000
_TRIES = 3
_PATIENCE = 10  # seconds


class Cold(msgspec.Struct):
    """Ask for this path, many times at once."""

    path: str


class Known(msgspec.Struct):
    """Keep answers for these paths in Redis."""

    paths: list[str]


class Told(msgspec.Struct):
    """When a tag was heard of after a moment (monotonic seconds, both)."""

    tag: str
    after: float


@dataclass(slots=True)
class _Ear:
    """When memory has dropped what."""

    listening: asyncio.Event = field(default_factory=asyncio.Event)
    heard: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def hear(self, tags: Sequence[str]) -> None:
        now = time.monotonic()
        self.heard.update(dict.fromkeys(tags, now))


def _app(client: Client, layer: RedisLayer, ear: _Ear) -> Litestar:
    read: dict[str, Collected[Page]] = {}

    @post("/cold")
    async def cold(data: Cold) -> int:
        return len(await asyncio.gather(*(client.get(data.path, type=Page) for _ in range(AT_ONCE))))

    @post("/known")
    async def known(data: Known) -> None:
        await _keep(layer, alone(data.paths))

    @post("/stock")
    async def stock(data: Stock) -> None:
        for attempt in range(_TRIES):
            try:
                await _stock_up(layer, client, data, read)
            except (OriginUnavailable, LayerUnavailable, RuntimeError):  # a machine so busy that Redis was given up
                if attempt == _TRIES - 1:
                    raise
                await asyncio.sleep(2)
                await client.invalidate([data.tag])
            else:
                return

    @post("/told")
    async def told(data: Told) -> float:
        async with asyncio.timeout(_PATIENCE):
            while ear.heard[data.tag] < data.after:  # noqa: ASYNC110 - nothing that is measured
                await asyncio.sleep(0.0005)
        return ear.heard[data.tag]

    return Litestar([cold, known, stock, told], openapi_config=None, logging_config=None, debug=True)


async def _stock_up(layer: RedisLayer, client: Client, stock: Stock, read: dict[str, Collected[Page]]) -> None:
    """Into Redis, and from there into memory: nothing of before was left in that."""
    await _keep(layer, items(stock))
    before = dict(client.answered_by)
    kept = read.setdefault(stock.path, pages(stock.path))
    ids = [str(number) for number in range(stock.count)]
    for _ in range(2):  # from Redis, then from memory
        for first in range(0, stock.count, _READ_AT_ONCE):
            await client.get_many(kept, ids[first : first + _READ_AT_ONCE])
    layers = {name: count - before[name] for name, count in client.answered_by.items()}
    if (layers["redis"], layers["memory"]) != (stock.count, stock.count):
        raise RuntimeError(f"{stock.count} of {stock.tag} were to be in Redis, then in memory: {layers}")


async def _keep(layer: RedisLayer, answers: Mapping[str, Stored]) -> None:
    """All of them, some at once."""
    token = (await layer.look_up(["/"]))["/"].token
    left = iter(answers.items())
    while some := dict(islice(left, _STORED_AT_ONCE)):
        if token is None or await layer.store(some, token) != some.keys():
            raise RuntimeError("not all was kept")


async def _main(url: str, port: int) -> None:
    ear = _Ear()
    layer = caches.layer_of(url, port)
    client = caches.client_of(caches.Overheard(layer, ear.listening.set, ear.hear), port, most=_MEMORY)
    await client.open()
    await ear.listening.wait()
    config = uvicorn.Config(
        _app(client, layer, ear),
        host="127.0.0.1",
        port=0,
        http="httptools",
        lifespan="off",
        log_config=None,
        access_log=False,
    )
    await controlled.serve(uvicorn.Server(config))
    await client.close()


if __name__ == "__main__":
    configure_logs("warning")
    controlled.run(_main(sys.argv[3], int(sys.argv[4])), core=int(sys.argv[2]))
