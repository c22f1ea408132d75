"""`python -m stress.reader REDIS_URL PORT SEED ITEMS READS [CHECK…]`: reads items by chance, without these checks.

Begins with the first line on stdin; ends when all is over and it has heard so.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from shop.platform.http.client import Client
from shop.platform.observability import configure_logs
from stress import caches
from stress.things import LAST, THINGS, Thing, marked, path_of
from stress.told import Begun, Change, Done, Read, Seen, tell

_AT_ONCE = 8  # tasks that read
_PAUSE = 0.001  # seconds, on the average, between two reads of one
_SEVERAL = 0.25  # the share of reads that are of several items
_PATIENCE = 30  # seconds


@dataclass(slots=True)
class Reader:
    """Reads, and notes what it got and what it heard."""

    items: int
    reads: list[Read] = field(default_factory=list)
    heard: list[Change] = field(default_factory=list)
    listening: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, tags: Sequence[str]) -> None:
        """Memory has dropped them."""
        now = time.monotonic()
        self.heard += [Change(*told, now) for told in map(marked, tags) if told]
        if LAST in tags:
            self.over.set()

    async def read(self, client: Client, random: Random, count: int) -> None:
        """So many items, one after the other or some at once."""
        while count > 0:
            several = random.sample(range(self.items), 3) if random.random() < _SEVERAL else []
            item = random.randrange(self.items)
            began = time.monotonic()
            if several:
                found = await client.get_many(THINGS, list(map(str, several)))
                things: list[Thing] = list(found.values())
            else:
                things = [(await client.get(path_of(item), type=Thing)).value]
            self.reads += [Read(int(thing.id), thing.edition, began) for thing in things]
            count -= len(things)
            await asyncio.sleep(random.expovariate(1 / _PAUSE))


async def _main(url: str, port: int, seed: str, items: int, count: int) -> None:
    reader = Reader(items)
    layer = caches.Overheard(caches.layer_of(url, port), reader.listening.set, reader.hear)
    client = caches.client_of(layer, port)
    await client.open()
    async with asyncio.timeout(_PATIENCE):
        await reader.listening.wait()
    tell(Begun())
    await asyncio.to_thread(sys.stdin.readline)
    tasks = (reader.read(client, Random(f"{seed}/{task}"), count // _AT_ONCE) for task in range(_AT_ONCE))
    await asyncio.gather(*tasks)
    tell(Done())
    async with asyncio.timeout(_PATIENCE):
        await reader.over.wait()
    tell(Seen(reader.reads, reader.heard, client.answered_by))
    await client.close()


if __name__ == "__main__":
    configure_logs("warning")
    with caches.without(*sys.argv[6:]):
        asyncio.run(_main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))
