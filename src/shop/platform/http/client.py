"""How one context reads another: a cache in front of an httpx transport.

The cache stands before httpx, not inside it: a hit is a dictionary look-up.
Freshness is the origin's `Cache-Control: max-age` (RFC 9111 §4.2); events drop entries by tag before that.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from shop.kernel.errors import Refusal

T = TypeVar("T")

_MOST_AT_ONCE = 100  # items asked for in one request
_LONGEST_QUERY = 6 * 1024  # bytes of ids in it; an origin takes 8 KB of path and query
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=(\d+)", re.IGNORECASE)
_NOT_KEPT = re.compile(r"\b(no-store|no-cache|private)\b", re.IGNORECASE)


class OriginUnavailable(Exception):
    """The other context did not answer in time, or not as agreed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected(Generic[T]):
    """A resource that can be read many at once: `GET {path}?ids=a,b` → `{"data": […]}`."""

    path: str
    wire: type[msgspec.Struct]  # of one item, with just the fields that are needed
    translate: Callable[[Any], tuple[str, T]]  # its id, and the reader's own frozen type; once per entry
    tag: str  # an item is dropped by f"{tag}:{id}"


@dataclass(frozen=True, slots=True)
class _Entry:
    item: object
    until: float
    size: int


class Client:
    """Reads another context's resources, from memory while they are fresh."""

    def __init__(
        self, transport: httpx.AsyncBaseTransport, *, base_url: str, budget: float, now: Callable[[], float], most: int
    ) -> None:
        """`budget`: seconds for a whole call; `now`: monotonic seconds; `most`: bytes of bodies kept."""
        self._http = httpx.AsyncClient(transport=transport, base_url=base_url, timeout=budget)
        self._budget = budget
        self._now = now
        self._most = most
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._bytes = 0
        self.hits = 0  # items answered from memory
        self.misses = 0
        self._flights: dict[str, asyncio.Task[object]] = {}
        self._overtaken: list[set[str]] = []  # per read under way: the tags dropped since it began

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    def drop(self, tags: Iterable[str]) -> None:
        """From now on nothing with one of these tags is answered from memory, nor kept by a read that has begun."""
        for tag in tags:
            self._forget(tag)
            for dropped in self._overtaken:
                dropped.add(tag)
            self._flights.pop(tag, None)

    async def get_many(self, what: Collected[T], ids: Collection[str]) -> dict[str, T]:
        """Those of the items that exist; only what is not fresh in memory is asked for, 100 at a time.

        `OriginUnavailable` when the origin does not answer within the budget.
        """
        found: dict[str, T] = {}
        missing: list[str] = []
        now = self._now()
        for identifier in ids:
            tag = f"{what.tag}:{identifier}"
            entry = self._entries.get(tag)
            if entry is not None and entry.until > now:
                self._entries.move_to_end(tag)
                found[identifier] = entry.item  # type: ignore[assignment]
            else:
                missing.append(identifier)
        self.hits += len(found)
        self.misses += len(missing)
        if missing:
            found.update(await self._fetch(what, missing))
        return found

    async def _fetch(self, what: Collected[T], ids: Sequence[str]) -> dict[str, T]:
        """Join the reads that are under way for some of the ids; begin reads for the others."""
        flights: set[asyncio.Task[object]] = set()
        fresh: list[str] = []
        for identifier in ids:
            flight = self._flights.get(f"{what.tag}:{identifier}")
            if flight is None:
                fresh.append(identifier)
            else:
                flights.add(flight)
        for some in _batches(fresh):
            flight = asyncio.create_task(self._read(what, some))
            self._flights.update(dict.fromkeys((f"{what.tag}:{identifier}" for identifier in some), flight))
            flights.add(flight)
        answers = await asyncio.gather(*map(asyncio.shield, flights))
        asked = set(ids)
        return {i: item for answer in answers for i, item in answer.items() if i in asked}  # type: ignore[attr-defined]

    async def _read(self, what: Collected[T], ids: Sequence[str]) -> Mapping[str, T]:
        flight = asyncio.current_task()
        dropped: set[str] = set()
        self._overtaken.append(dropped)
        try:
            async with asyncio.timeout(self._budget):
                response = await self._http.get(what.path, params={"ids": ",".join(ids)})
            if response.status_code != httpx.codes.OK:
                raise OriginUnavailable(f"{what.path} answered {response.status_code}")
            items = _items(response.content, what)
            self._keep({i: item for i, item in items.items() if f"{what.tag}:{i}" not in dropped}, what, response)
        except (TimeoutError, httpx.HTTPError, ValueError, RecursionError, msgspec.MsgspecError, Refusal) as error:
            raise OriginUnavailable(f"{what.path}: {type(error).__name__}") from error
        finally:
            self._overtaken = [other for other in self._overtaken if other is not dropped]
            for identifier in ids:
                tag = f"{what.tag}:{identifier}"
                if self._flights.get(tag) is flight:
                    del self._flights[tag]
        return items

    def _keep(self, items: Mapping[str, T], what: Collected[T], response: httpx.Response) -> None:
        fresh_for = _fresh_for(response.headers.get("cache-control", ""))
        if not fresh_for or not items:
            return
        until = self._now() + fresh_for
        size = len(response.content) // len(items)
        for identifier, item in items.items():
            tag = f"{what.tag}:{identifier}"
            self._forget(tag)
            self._entries[tag] = _Entry(item, until, size)
            self._bytes += size
        while self._bytes > self._most:
            self._forget(next(iter(self._entries)))

    def _forget(self, tag: str) -> None:
        entry = self._entries.pop(tag, None)
        if entry is not None:
            self._bytes -= entry.size


def _batches(ids: Iterable[str]) -> Iterator[list[str]]:
    batch, size = list[str](), 0
    for identifier in ids:
        length = len(quote(f"{identifier},", safe=""))
        if batch and (len(batch) == _MOST_AT_ONCE or size + length > _LONGEST_QUERY):
            yield batch
            batch, size = [], 0
        batch.append(identifier)
        size += length
    if batch:
        yield batch


def _fresh_for(cache_control: str) -> int:
    """Seconds; 0 if it is not to be kept. Source: RFC 9111 §5.2.2."""
    if _NOT_KEPT.search(cache_control):
        return 0
    max_age = _MAX_AGE.search(cache_control)
    return int(max_age[1]) if max_age else 0


W = TypeVar("W")


class _Data(msgspec.Struct, Generic[W]):
    data: list[W]


def _items(body: bytes, what: Collected[T]) -> dict[str, T]:
    answer = msgspec.json.decode(body, type=_Data[what.wire])  # type: ignore[name-defined]
    return dict(map(what.translate, answer.data))
