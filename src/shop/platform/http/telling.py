"""Telling who caches another context's answers that something there has changed, where nothing is read."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection

from shop.platform.http.breaker import Breaker
from shop.platform.http.second_layer import LayerUnavailable, SecondLayer

_TRIES = 6  # some three seconds in all: the layer gives up in a quarter of one, for those who answer requests
_FIRST_WAIT = 0.1  # seconds, at most; the next one twice as much


class Telling:
    """Of a client (`client.py`) the part that needs no HTTP: for a process that hears of changes and reads nothing.

    Nobody waits for it, and until it has told, others read what was: so it does not give up at once.
    """

    def __init__(self, layer: Callable[[], SecondLayer]) -> None:
        """`layer` makes it, when there is something to tell for the first time: most of what is heard changes nothing,
        and loading a Redis client takes a while.
        """
        self._layer = layer
        self._shared: SecondLayer | None = None
        self.invalidated = 0  # tags
        self.breakers: dict[str, Breaker] = {}  # of what it has told something

    async def invalidate(self, tags: Collection[str]) -> None:
        """When this returns, nobody finds anything with one of these tags that was read before, but for the message's
        way to its memory. `LayerUnavailable` if it is to be done again.
        """
        shared = self._shared or self._load()
        for attempt in range(_TRIES - 1):
            try:
                await shared.invalidate(tags)
                break
            except LayerUnavailable:
                await asyncio.sleep(random.random() * _FIRST_WAIT * 2**attempt)  # noqa: S311 - jitter, not a secret
        else:
            await shared.invalidate(tags)
        self.invalidated += len(tags)

    async def close(self) -> None:
        """Give the connections back."""
        if self._shared is not None:
            await self._shared.close()

    def _load(self) -> SecondLayer:
        self._shared = self._layer()
        self.breakers["redis"] = self._shared.breaker
        return self._shared
