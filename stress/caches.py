"""The cache as the shop has it, and what a process takes out of it to show what the checks are there for."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from unittest.mock import patch

import httpx

from shop.platform.http import client, redis_layer, redis_scripts
from shop.platform.http.client import Client
from shop.platform.http.memory import Memory, Reading
from shop.platform.http.redis_layer import RedisLayer
from shop.platform.http.second_layer import Ears, SecondLayer

IN_MEMORY = "memory"
IN_REDIS = "redis"
CHECKS = (IN_MEMORY, IN_REDIS)

# Where an answer is kept under the clock of when its read began, and refused if one of its tags has a later one.
_TOKEN = "local clock = tonumber(ARGV[2])"  # noqa: S105 - Lua
_NO_TOKEN = "local clock = tonumber(redis.call('HGET', KEYS[1], '#clock'))"  # noqa: S105


class Unheeding(Memory):
    """Does not tell a read that is under way what is dropped meanwhile: it is kept, and joined, as if it were new."""

    def reading(self) -> Reading:
        """Nobody marks it."""
        return Reading(lost=False)


@contextmanager
def without(*checks: str) -> Iterator[None]:
    """Caches that are made and used meanwhile do not have these checks: they keep what an invalidation has overtaken.

    What an invalidation finds it drops all the same. `RuntimeError` or `AttributeError` if a check is no longer there.
    """
    with ExitStack() as stack:
        if IN_MEMORY in checks:
            stack.enter_context(patch.object(client, "Memory", Unheeding))
        if IN_REDIS in checks:
            if redis_scripts.STORE.count(_TOKEN) != 1:
                raise RuntimeError("STORE does not begin with a token any more: say anew what is to be taken out of it")
            stack.enter_context(patch.object(redis_layer, "STORE", redis_scripts.STORE.replace(_TOKEN, _NO_TOKEN)))
        yield


def layer_of(url: str, port: int) -> RedisLayer:
    """What is shared of what the origin on this port has."""
    return RedisLayer(url, origin=_origin(port), now=time.monotonic, nonce=partial(secrets.token_hex, 8))


def client_of(layer: SecondLayer, port: int, *, most: int = 1024 * 1024) -> Client:
    """A process's cache of it, with so many bytes of memory."""
    return Client(
        httpx.AsyncHTTPTransport(),
        base_url=_origin(port),
        budget=10,
        now=time.monotonic,
        wall=partial(datetime.now, UTC),
        most=most,
        shared=layer,
    )


@dataclass(frozen=True, slots=True)
class Overheard:
    """A layer whose listener tells when it listens, and, after memory has dropped them, which tags it heard of."""

    layer: RedisLayer
    on: Callable[[], None]
    dropped: Callable[[Sequence[str]], None]

    async def listen(self, ears: Ears, *, afresh: bool = False) -> None:
        """As the layer does."""

        def drop(tags: Sequence[str]) -> None:
            ears.drop(tags)
            self.dropped(tags)

        def on() -> None:
            ears.on()
            self.on()

        await self.layer.listen(replace(ears, drop=drop, on=on), afresh=afresh)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.layer, name)


def _origin(port: int) -> str:
    return f"http://127.0.0.1:{port}"
