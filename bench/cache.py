"""What the cache between contexts takes: its layers by turns with raw calls, and what processes do to each other."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec
import redis.asyncio as redis

from bench.cache_peer import Cold, Known, Told
from bench.cached import AT_ONCE, Page, Stock, body_of
from bench.processes import Cores, Server, started
from shop.platform.http.client import Client
from stress import caches
from torture.valkey import begun

RAW_REDIS = "raw redis.get"
RAW_HTTP = "raw httpx GET"
MEMORY = "memory hit"
REDIS = "Redis hit"
MISS = "miss"
OTHERS = 100_000  # keys in the database beside ours
_HITS = 20  # of memory, in each turn: it takes no time
_KEY = "other:0"
_COLDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How often everything is done; `drops`: entries of a tag → times."""

    turns: int
    drops: dict[int, int]


FULL = Plan(turns=1_500, drops={10: 100, 1_000: 50, 20_000: 20})
QUICK = Plan(turns=200, drops={10: 20, 1_000: 5, 20_000: 2})


@dataclass(slots=True)
class Cached:
    """What was measured. Seconds."""

    calls: dict[str, list[float]] = field(
        default_factory=lambda: {name: [] for name in (RAW_REDIS, RAW_HTTP, MEMORY, REDIS, MISS)}
    )
    drops: dict[int, list[float]] = field(default_factory=dict)  # entries → from `invalidate` until dropped elsewhere
    cold: list[int] = field(default_factory=list)  # calls to the origin, each time


@dataclass(frozen=True, slots=True)
class _House:
    client: Client
    raw: redis.Redis
    http: httpx.AsyncClient
    origin: Server
    peer: httpx.AsyncClient

    async def tell(self, path: str, what: msgspec.Struct) -> Any:
        """Let the other process do something."""
        answer = await self.peer.post(path, content=msgspec.json.encode(what), timeout=60)
        if answer.is_error:
            raise RuntimeError(f"the second process: {answer.text[:2000]}")
        return answer.json() if answer.content else None


async def measured(plan: Plan, folder: Path, where: Cores) -> Cached:
    """All of it, on a Valkey, an origin and a second process of its own, which share a core."""
    cached = Cached()
    async with _opened(folder, where) as house:
        await _by_turns(house, cached, warm_up=100, turns=plan.turns)
        for count, times in plan.drops.items():
            cached.drops[count] = [await _drop(house, count) for _ in range(times + 1)][1:]
        for number in range(_COLDS):
            cached.cold.append(await _cold(house, f"/cold/{number}"))
    return cached


async def _by_turns(house: _House, cached: Cached, *, warm_up: int, turns: int) -> None:
    known = [f"/known/{number}" for number in range(warm_up + turns)]
    for first in range(0, len(known), 100):
        await house.tell("/known", Known(known[first : first + 100]))
    get = partial(house.client.get, type=Page)
    await get("/page")
    for turn, path in enumerate(known):
        taken = {
            RAW_REDIS: [await _timed(partial(house.raw.get, _KEY))],
            REDIS: [await _timed(partial(get, path))],
            RAW_HTTP: [await _timed(partial(house.http.get, "/page"))],
            MISS: [await _timed(partial(get, f"/new/{turn}"))],
            MEMORY: [await _timed(partial(get, "/page")) for _ in range(_HITS)],
        }
        if turn >= warm_up:
            for name, seconds in taken.items():
                cached.calls[name] += seconds
    by = house.client.answered_by
    if (by["redis"], by["origin"]) != (len(known), len(known) + 1):
        raise RuntimeError(f"not every layer has answered as planned: {by}")


async def _drop(house: _House, count: int) -> float:
    tag = f"of-{count}"
    await house.tell("/stock", Stock(f"/of-{count}", tag, count))
    began = time.monotonic()
    await house.client.invalidate([tag])
    dropped: float = await house.tell("/told", Told(tag, began))
    return dropped - began


async def _cold(house: _House, path: str) -> int:
    before = house.origin.figures()["calls"]
    ours = (house.client.get(path, type=Page) for _ in range(AT_ONCE))
    await asyncio.gather(house.tell("/cold", Cold(path)), *ours)
    calls: int = house.origin.figures()["calls"] - before
    return calls


async def _timed(act: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await act()
    return time.perf_counter() - began


@asynccontextmanager
async def _opened(folder: Path, where: Cores) -> AsyncIterator[_House]:
    (folder / "v").mkdir(parents=True)
    start = partial(started, core=where.server, environ={})
    with begun(folder / "v") as valkey, start("bench.cache_origin", folder=folder / "origin") as origin:
        if where.apart and valkey.process:
            os.sched_setaffinity(valkey.process.pid, {where.server})
        arguments = (valkey.url, str(origin.port))
        with start("bench.cache_peer", *arguments, folder=folder / "peer") as peer:
            raw, hears = redis.Redis.from_url(valkey.url), asyncio.Event()
            await _fill(raw)
            layer = caches.Overheard(caches.layer_of(*arguments), hears.set, lambda _: None)
            client = caches.client_of(layer, origin.port)
            try:
                await client.open()
                await hears.wait()
                async with (
                    httpx.AsyncClient(base_url=f"http://127.0.0.1:{origin.port}") as http,
                    httpx.AsyncClient(base_url=f"http://127.0.0.1:{peer.port}") as told,
                ):
                    yield _House(client, raw, http, origin, told)
            finally:
                await client.close()
                await raw.aclose()


async def _fill(raw: redis.Redis) -> None:
    value = body_of("/page")
    for first in range(0, OTHERS, 1_000):
        await raw.mset({f"other:{number}": value for number in range(first, first + 1_000)})
