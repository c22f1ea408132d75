"""How one context reads another: memory, then what processes share, then the origin, asked conditionally if possible.

The cache stands before httpx, not inside it: a hit is a dictionary look-up. How long an answer may be used is in
`freshness.py`; before that, events drop it by tag.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import TypeVar

import httpx
import msgspec

from shop.platform.http.answer import MEMORY, UNREAD, Answer, Entry, How, understood
from shop.platform.http.collected import Collected
from shop.platform.http.filling import Filling, Got
from shop.platform.http.flights import Flights
from shop.platform.http.freshness import Fields
from shop.platform.http.memory import Memory
from shop.platform.http.origin import Origin
from shop.platform.http.second_layer import Ears, SecondLayer
from shop.platform.http.stored import Stored, varied

T = TypeVar("T")


class Client:
    """Reads another context's resources, from memory while they are fresh."""

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        *,
        base_url: str,
        budget: float,
        now: Callable[[], float],
        wall: Callable[[], datetime],
        most: int,
        shared: SecondLayer | None = None,
    ) -> None:
        """`budget`: seconds for a whole call; `now`: monotonic seconds; `most`: bytes kept in memory.

        With a `shared` layer nothing is kept in memory until it is `open` and hears of the others' invalidations.
        """
        self._origin = Origin(transport=transport, base_url=base_url, wall=wall)
        self._now = now
        self._memory = Memory(most=most, now=now)
        self._shared = shared
        self._filling = Filling(shared, now=now) if shared else None
        self._flights = Flights(memory=self._memory, filling=self._filling, budget=budget, now=now)
        self._listening: asyncio.Task[None] | None = None
        self.answered_by = {"memory": 0, "redis": 0, "origin": 0, "stale-if-error": 0}  # so many items
        self.revalidated = 0  # of those that the origin answered: what was known still holds
        self.coalesced = 0  # of all that memory did not have: by a read that was under way
        self.invalidated = 0  # tags
        if shared:
            self._memory.off()

    async def open(self, *, afresh: bool = False) -> None:
        """Begin to hear of the other processes' invalidations; `afresh`: what those before have kept is forgotten."""
        if self._shared and not self._listening:
            memory = self._memory
            ears = Ears(drop=memory.drop, on=memory.on, off=memory.off, trust=memory.trust)
            self._listening = asyncio.create_task(self._shared.listen(ears, afresh=afresh))

    async def wake(self) -> None:
        """The process stood still and heard nothing: what is in memory may be old, what is shared is not. It begins to
        hear again beside what is done next.
        """
        await self._stop_listening()
        await self.open()

    async def close(self) -> None:
        """Give the connections back."""
        await self._stop_listening()
        await self._flights.close()
        if self._filling and self._shared:
            await self._filling.close()
            await self._shared.close()
        await self._origin.transport.aclose()

    async def get(self, path: str, *, type: type[T], headers: Fields | None = None) -> Answer[T]:  # noqa: A002 - msgspec's word
        """What the path has, decoded once into a frozen type.

        `headers` (names in lower case) are sent, and chosen by where the origin says `Vary`. `OriginUnavailable` when
        there is no answer within the budget, or none that can be decoded; `OriginRefused` when it is not a 200.
        """
        now = self._now()
        entry = self._memory.get(path, now)
        how = MEMORY
        if entry is None or entry.fresh_until <= now or entry.stored.vary:
            entry, how = await self._look_further(path, headers or {}, type, entry, now)
            now = self._now()
        self._count(how)
        value = entry.decoded.get(type, UNREAD)
        return Answer(entry.read(type, partial(_decoded, type)) if value is UNREAD else value, entry, how, now)

    async def get_many(self, what: Collected[T], ids: Collection[str]) -> dict[str, T]:
        """Those of the items that exist; only what is not in memory is asked for, 100 at a time.

        `OriginUnavailable` when the origin does not answer as agreed within the budget.
        """
        found: dict[str, T] = {}
        missing: list[str] = []
        stale: dict[str, Entry] = {}
        behind: list[str] = []
        now, prefix, get = self._now(), what.prefix, self._memory.get
        for item_id in ids:
            name = prefix + item_id
            entry = get(name, now)
            if entry is None:
                missing.append(item_id)
                continue
            if entry.fresh_until <= now:
                stale[name] = entry
                if not entry.may_wait(now):
                    missing.append(item_id)
                    continue
                behind.append(name)
            value = entry.decoded.get(what, UNREAD)
            found[item_id] = entry.read(what, what.value) if value is UNREAD else value
        self.answered_by["memory"] += len(found)
        if behind:
            wanted = dict(zip(behind, behind, strict=True))
            self._flights.refresh(wanted, partial(what.ask, self._origin), stale, tag_of=what.tag_of)
        if missing:
            found.update(await self._bring(what, missing, stale))
        return found

    async def invalidate(self, tags: Collection[str]) -> None:
        """When this returns, no process is given anything with one of these tags that was read before, but for the
        message's way to its memory. `LayerUnavailable` if it is to be done again.
        """
        self._memory.drop(tags)
        if self._shared:
            try:
                await self._shared.invalidate(tags)
            finally:
                self._memory.drop(tags)  # what was found there in between
        self.invalidated += len(tags)

    def _count(self, how: How) -> None:
        self.answered_by[how.detail or "origin"] += 1
        self.revalidated += how.fwd_status == HTTPStatus.NOT_MODIFIED
        self.coalesced += how.collapsed

    async def _stop_listening(self) -> None:
        if self._listening:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
            self._listening = None

    async def _look_further(
        self, path: str, sent: Fields, wanted: type[T], entry: Entry | None, now: float
    ) -> tuple[Entry, How]:
        name = path
        if entry and entry.stored.vary:
            name = varied(path, entry.stored.vary, sent)
            entry = self._memory.get(name, now)
            if entry and entry.fresh_until > now:
                return entry, MEMORY
        ask = partial(_ask, self._origin, path, sent, wanted)
        known = {name: entry} if entry else {}
        alike = frozenset(sent.items())  # who sends something else may be told something else
        if entry and entry.may_wait(now):
            self._flights.refresh({(name, alike): name}, ask, known)
            return entry, MEMORY
        given = await self._flights.bring({(name, alike): name}, ask, known)
        entry, how = given[name]
        if entry.stored.vary and name == path:  # only now it is known that it varies
            name = varied(path, entry.stored.vary, sent)
            if name not in given:
                given = await self._flights.bring({(name, alike): name}, ask, {})
            entry, how = given[name]
        return entry, how

    async def _bring(self, what: Collected[T], ids: Collection[str], stale: Mapping[str, Entry]) -> dict[str, T]:
        names = {item_id: what.prefix + item_id for item_id in ids}
        wanted = {name: name for name in names.values()}
        given = await self._flights.bring(wanted, partial(what.ask, self._origin), stale, tag_of=what.tag_of)
        found = {}
        for item_id, name in names.items():
            if name in given:
                entry, how = given[name]
                found[item_id] = entry.read(what, what.value)
                self._count(how)
        return found


async def _ask(
    origin: Origin, path: str, sent: Fields, wanted: type, names: Sequence[str], known: Mapping[str, Stored]
) -> Mapping[str, Got]:
    """One path. Where the answer varies, the path's own name has it too, and tells by what it varies."""
    before = known.get(names[0])
    answer, status = await origin.get(path, sent=sent, known=before)
    how = How(fwd="stale" if before else "uri-miss", fwd_status=status, stored=answer.to_keep)
    got = Got(answer, how, (wanted, understood(answer.body, partial(_decoded, wanted), path)))
    return {names[0]: got, path: got, varied(path, answer.vary, sent): got}


def _decoded(wanted: type[T], body: bytes) -> T:
    return body if wanted is bytes else msgspec.json.decode(body, type=wanted)  # type: ignore[return-value]
