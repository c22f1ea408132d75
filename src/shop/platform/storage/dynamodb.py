"""The DynamoDB engine of the storage port: a table per context.

`dynamodb_schema.py` says what the tables are, `dynamodb_commit.py` writes, `dynamodb_words.py` searches.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Annotated

import msgspec
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

from shop.kernel.clock import Clock, micros
from shop.kernel.events import Delivery, Envelope
from shop.platform.aws import Aws
from shop.platform.journey import NOBODY, Watcher
from shop.platform.storage import dynamodb_items as items
from shop.platform.storage.cursor import cursor, point
from shop.platform.storage.dynamodb_calls import Patience
from shop.platform.storage.dynamodb_commit import Unit, commit
from shop.platform.storage.dynamodb_find import Question, entries
from shop.platform.storage.dynamodb_scan import Listings
from shop.platform.storage.dynamodb_schema import COUNTERS, DOCUMENT, name_of
from shop.platform.storage.dynamodb_table import MOST_WRITTEN, DynamoTable, Item
from shop.platform.storage.dynamodb_words import has, ranked
from shop.platform.storage.port import (
    HIGHEST,
    MOST_PAGE,
    Change,
    Counts,
    Layout,
    Page,
    Put,
    Records,
    Stored,
    TooMuch,
    Unavailable,
    check,
)
from shop.platform.storage.words import fold
from shop.platform.storage.writes import Writes

_Skip = Annotated[int, msgspec.Meta(ge=0, le=2**31)]
_ONCE = Patience(known=0, unknown=0)


class DynamoStore:
    """Every context's records, each in a table of the stack; the tables are made by whoever deploys it."""

    def __init__(
        self, aws: Aws, *, stack: str, clock: Clock, inbox: bool = True, patience: Patience | None = None
    ) -> None:
        """`inbox=False` is for tests: a delivery that was ended before has its effect again."""
        self.clock = clock
        self.inbox = inbox
        self.writes: dict[str, Writes] = {}  # by context
        self.watcher: Watcher = NOBODY
        self.committed: Callable[[Sequence[Envelope]], None] | None = None  # hears of events that are to be relayed
        self._aws = aws
        self._stack = stack
        self._patience = patience or Patience()
        self._contexts: set[str] = set()

    def records(self, layout: Layout) -> Records:
        """A context's own records."""
        self._contexts.add(layout.context)
        writes = self.writes.setdefault(layout.context, Writes())
        return _DynamoRecords(self, layout, self._table(layout.context, self._patience), writes)

    async def probe(self) -> None:
        """Read in every table that is used; `Unavailable` if that cannot be done."""
        try:
            await asyncio.gather(*(self._table(name, _ONCE).item(("probe", DOCUMENT)) for name in self._contexts))
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(f"the store is not to be had: {error}") from error

    def tell(self, events: Sequence[Envelope]) -> None:
        """Tell who watches and who relays: these are in the outbox from now on."""
        if not events:
            return
        self.watcher.committed(events)
        if self.committed is not None:
            self.committed(events)

    def _table(self, context: str, patience: Patience) -> DynamoTable:
        return DynamoTable(self._aws, name_of(context, stack=self._stack), patience=patience)


class _DynamoRecords:
    limit = MOST_WRITTEN  # less those of words that a commit puts or takes away

    def __init__(self, store: DynamoStore, layout: Layout, table: DynamoTable, writes: Writes) -> None:
        self._store = store
        self._layout = layout
        self._table = table
        self._writes = writes
        self._listings = Listings(table)

    async def get(self, key: str) -> Stored | None:
        if not items.fits(key):
            return None
        return self._alive(await self._table.item((key, DOCUMENT)))

    async def get_many(self, keys: Collection[str]) -> dict[str, Stored]:
        found = await self._documents(keys)
        return {key: items.stored(item) for key, item in found.items()}

    async def counts(self, keys: Collection[str]) -> dict[str, Counts]:
        found = await self._table.items([(key, COUNTERS) for key in keys if items.fits(key)])
        return {key: items.counts(found.get((key, COUNTERS))) for key in keys}

    async def get_with_counts(self, key: str, counters: str) -> tuple[Stored | None, Counts]:
        both = ((key, DOCUMENT), (counters, COUNTERS))
        found = await self._table.items([one for one in both if items.fits(one[0])])
        return self._alive(found.get(both[0])), items.counts(found.get(both[1]))

    async def find(
        self,
        index: str,
        group: str,
        *,
        low: str = "",
        high: str = HIGHEST,
        newest_first: bool = False,
        after: str | None = None,
        limit: int = 50,
    ) -> Page:
        asked = [index, group, low, high, newest_first]
        question = Question.of(self._layout, index, group, low=low, high=high, newest_first=newest_first)
        place = point(after, asked, str) if after is not None else None
        page = _PageSoFar(limit)
        while True:
            part, more = await entries(self._table, question, after=place, most=page.room)
            found = await self._documents([key for _, key in part])
            for place, key in part:
                item = found.get(key)
                if item is not None and item.get(f"{index}_p", {}).get("S") == place and question.holds(item):
                    page.add(item)
                if page.full:
                    last = place == part[-1][0] and not more
                    return Page(page.found, None if last else cursor(asked, place))
            if not more:
                return Page(page.found, None)

    async def search(self, words: Sequence[str], *, after: str | None = None, limit: int = 20) -> Page:
        folded = sorted({word for text in words for word in fold(text)})
        if not folded:
            return Page([], None)
        asked = ["search", *folded]
        skip = point(after, asked, _Skip) if after is not None else 0
        keys = (await ranked(self._table, folded))[skip:]
        page = _PageSoFar(limit)
        done = 0
        while part := keys[done : done + page.room]:
            found = await self._documents(part)
            for key in part:
                done += 1
                if key in found and has(found[key], folded):
                    page.add(found[key])
                if page.full:
                    return Page(page.found, cursor(asked, skip + done) if done < len(keys) else None)
        return Page(page.found, None)

    async def scan(self, prefix: str, *, after: str | None = None, limit: int = 500) -> Page:
        asked = ["scan", prefix]
        since = point(after, asked, str) if after is not None else None
        page = _PageSoFar(limit)
        while True:
            keys, more = await self._listings.keys(prefix, after=since, most=page.room)
            found = await self._documents(keys)
            for since in keys:
                if since in found:
                    page.add(found[since])
                if page.full:
                    last = since == keys[-1] and not more
                    return Page(page.found, None if last else cursor(asked, since))
            if not more:
                return Page(page.found, None)

    async def commit(
        self,
        *,
        puts: Sequence[Put] = (),
        changes: Sequence[Change] = (),
        events: Sequence[Envelope] = (),
        consumed: Delivery | None = None,
    ) -> None:
        try:
            check(layout=self._layout, limit=self.limit, puts=puts, changes=changes, events=events, consumed=consumed)
        except TooMuch as refused:
            self._writes.ended(refused)
            raise
        if not puts and not events:
            return  # nothing to remember: a delivery without an effect may come again
        unit = Unit(
            layout=self._layout,
            puts=puts,
            changes=changes,
            events=events,
            consumed=consumed if self._store.inbox else None,
            now=micros(self._store.clock()),
        )
        with self._writes.one():
            await commit(self._table, unit)
        self._store.tell(events)

    async def _documents(self, keys: Collection[str]) -> dict[str, Item]:
        found = await self._table.items([(key, DOCUMENT) for key in keys if items.fits(key)])
        now = micros(self._store.clock())
        return {key: item for (key, _), item in found.items() if items.alive(item, now)}

    def _alive(self, item: Item | None) -> Stored | None:
        return items.stored(item) if item and items.alive(item, micros(self._store.clock())) else None


class _PageSoFar:
    """Full with so many documents, or with the one whose body makes it large enough."""

    def __init__(self, limit: int) -> None:
        self.found: list[Stored] = []
        self._limit = limit
        self._size = 0

    @property
    def room(self) -> int:
        return self._limit - len(self.found)

    @property
    def full(self) -> bool:
        return self.room <= 0 or self._size > MOST_PAGE

    def add(self, item: Item) -> None:
        self.found.append(items.stored(item))
        self._size += len(self.found[-1].body)
