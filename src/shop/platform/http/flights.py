"""Reads that are under way: who wants the same joins them, unless a drop has overtaken them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec
import structlog

from shop.platform.http.answer import STALE_IF_ERROR, Entry, How, OriginUnavailable
from shop.platform.http.filling import Ask, Filling, Got
from shop.platform.http.memory import Memory, Reading
from shop.platform.http.stored import Stored
from shop.platform.observability import told_of

_MOST_AT_ONCE = 100  # items asked for in one request
_LONGEST_QUERY = 6 * 1024  # bytes of their names; an origin takes 8 KB of path and query

Given = Mapping[str, tuple[Entry, How]]  # by name
TagOf = Callable[[str], str]  # name -> by what it will be dropped, where that is known before the answer

log = structlog.get_logger("shop.http")


class _Flight:
    __slots__ = ("reading", "tag_of", "task")

    def __init__(self, reading: Reading, tag_of: TagOf | None) -> None:
        self.reading = reading
        self.tag_of = tag_of
        self.task: asyncio.Task[Given]

    def may_be_joined(self, name: str) -> bool:
        """What it brings is not older than a drop: where its tags are not known yet, than any drop at all."""
        if self.reading.missed:
            return False
        if self.tag_of is None:
            return not self.reading.dropped
        return not self.reading.overtaken((self.tag_of(name),))


class Flights:
    """Brings what memory does not have, each thing once however many want it, and keeps it there."""

    def __init__(self, *, memory: Memory, filling: Filling | None, budget: float, now: Callable[[], float]) -> None:
        """`filling`: through a shared layer, if there is one; `budget`: seconds for a flight, all that is in it."""
        self._memory = memory
        self._filling = filling
        self._budget = budget
        self._now = now
        self._flights: dict[object, _Flight] = {}

    async def close(self) -> None:
        """Let go of what is under way."""
        tasks = {flight.task for flight in self._flights.values()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def bring(
        self, wanted: Mapping[Any, str], ask: Ask, known: Mapping[str, Entry], *, tag_of: TagOf | None = None
    ) -> Given:
        """What there is of `{key: name}`; requests with the same key are alike. Who goes away takes it from nobody.

        `OriginUnavailable` if it is not had within the budget, and nothing `known` may be used instead.
        """
        under_way = self._under_way(wanted, ask, known, someone_waits=True, tag_of=tag_of)
        joined = {flight for flight, begun in under_way.values() if not begun}
        flights = list(dict.fromkeys(flight for flight, _ in under_way.values()))
        answers = [await asyncio.shield(flight.task) for flight in flights]
        return {
            name: (entry, msgspec.structs.replace(how, collapsed=True) if flight in joined else how)
            for flight, answer in zip(flights, answers, strict=True)
            for name, (entry, how) in answer.items()
            if name not in under_way or under_way[name][0] is flight  # another one's may be older
        }

    def refresh(
        self, wanted: Mapping[Any, str], ask: Ask, known: Mapping[str, Entry], *, tag_of: TagOf | None = None
    ) -> None:
        """As `bring`, behind those who use what is `known` meanwhile."""
        self._under_way(wanted, ask, known, someone_waits=False, tag_of=tag_of)

    def _under_way(
        self,
        wanted: Mapping[Any, str],
        ask: Ask,
        known: Mapping[str, Entry],
        *,
        someone_waits: bool,
        tag_of: TagOf | None,
    ) -> dict[str, tuple[_Flight, bool]]:
        """The flight of each name: one that had begun (False), or now begins (True)."""
        flights: dict[str, tuple[_Flight, bool]] = {}
        fresh: list[tuple[object, str]] = []
        for key, name in wanted.items():
            flight = self._flights.get(key)
            if flight is not None and flight.may_be_joined(name):
                flights[name] = flight, False
            else:
                fresh.append((key, name))
        for some in _batches(fresh):
            flight = _Flight(self._memory.reading(), tag_of)
            flight.task = asyncio.create_task(self._fly(flight, some, ask, known, someone_waits=someone_waits))
            flight.task.add_done_callback(_ended)
            self._flights.update((key, flight) for key, _ in some)
            flights.update((name, (flight, True)) for _, name in some)
        return flights

    async def _fly(
        self,
        flight: _Flight,
        wanted: Sequence[tuple[object, str]],
        ask: Ask,
        entries: Mapping[str, Entry],
        *,
        someone_waits: bool,
    ) -> Given:
        names = [name for _, name in wanted]
        now = self._now()
        known = {name: entries[name].aged(now) for name in names if name in entries}
        try:
            try:
                async with asyncio.timeout(self._budget):
                    got = await (
                        self._filling(names, ask, known, someone_waits=someone_waits)
                        if self._filling
                        else ask(names, known)
                    )
            except (OriginUnavailable, TimeoutError) as error:
                got = _instead(names, known, error, later=self._now() - now)
            return {name: (self._kept(name, one, flight.reading), one.how) for name, one in got.items()}
        finally:
            self._memory.done(flight.reading)
            for key, _ in wanted:
                if self._flights.get(key) is flight:
                    del self._flights[key]

    def _kept(self, name: str, got: Got, reading: Reading) -> Entry:
        entry = self._memory.keep(name, got.stored, reading)
        if got.decoded:
            reader, value = got.decoded
            entry.decoded[reader] = value
        return entry


def _batches(wanted: Iterable[tuple[object, str]]) -> Iterator[list[tuple[object, str]]]:
    batch, size = list[tuple[object, str]](), 0
    for key, name in wanted:
        length = len(quote(name))
        if batch and (len(batch) == _MOST_AT_ONCE or size + length > _LONGEST_QUERY):
            yield batch
            batch, size = [], 0
        batch.append((key, name))
        size += length
    if batch:
        yield batch


def _instead(names: Sequence[str], known: Mapping[str, Stored], error: Exception, *, later: float) -> Mapping[str, Got]:
    """What may be used when the origin fails, as it has allowed before (RFC 5861 §4); else the failure. It is so much
    `later` than it was known, and is as old as it is: kept anew it would get younger.
    """
    old = {name: msgspec.structs.replace(one, age=one.age + later, to_keep=False) for name, one in known.items()}
    usable = {name: Got(one, STALE_IF_ERROR) for name, one in old.items() if one.age < one.windows.erring}
    if usable.keys() >= set(names):
        return usable
    if isinstance(error, OriginUnavailable):
        raise error
    raise OriginUnavailable(f"{names[0]}: no answer within the budget") from error


def _ended(task: asyncio.Task[Given]) -> None:
    """Whoever waits hears of a failure; perhaps nobody does."""
    if not task.cancelled() and (error := task.exception()):
        log.debug("http.not_brought", reason=told_of(error))
