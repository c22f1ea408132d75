"""`python reader.py REDIS_URL PORT`: a process that reads one path fifty times at once when it is told to."""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from datetime import UTC, datetime
from functools import partial

import httpx
import msgspec

from shop.platform.http.client import Client
from shop.platform.http.redis_layer import RedisLayer


class Page(msgspec.Struct, frozen=True):
    """What the origin has."""

    edition: int


async def main(url: str, port: str) -> None:
    origin = f"http://127.0.0.1:{port}"
    client = Client(
        httpx.AsyncHTTPTransport(),
        base_url=origin,
        budget=10,
        now=time.monotonic,
        wall=partial(datetime.now, UTC),
        most=1024 * 1024,
        shared=RedisLayer(url, origin=origin, now=time.monotonic, nonce=partial(secrets.token_hex, 8)),
    )
    print("ready", flush=True)  # noqa: T201 - to the test that began it
    await asyncio.to_thread(sys.stdin.readline)
    answers = await asyncio.gather(*(client.get("/page", type=Page) for _ in range(50)))
    print(len(answers), "x", {answer.value.edition for answer in answers}, flush=True)  # noqa: T201
    await client.close()


asyncio.run(main(*sys.argv[1:]))
