"""A commit as one transaction, and why it was refused.

A transaction that is refused need not tell every condition that does not hold, nor does a condition of counters tell
its guard from its floor. So, unless there is no doubt, what the commit depends on is read, and judged as it is now.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from shop.kernel.clock import micros
from shop.kernel.events import Delivery, Envelope
from shop.platform.storage import dynamodb_items as items
from shop.platform.storage.dynamodb_items import Write
from shop.platform.storage.dynamodb_schema import COUNTERS, DOCUMENT, INBOX, inbox_of
from shop.platform.storage.dynamodb_table import MOST_WRITTEN, DynamoTable, Item, Key, Refused
from shop.platform.storage.dynamodb_words import moved, words_of
from shop.platform.storage.port import (
    AlreadyConsumed,
    Change,
    Conflict,
    Layout,
    NotEnough,
    Put,
    TooMuch,
    Unavailable,
)

_MOST_BYTES = 4 * 1024 * 1024
_TRIES = 8

Words = Mapping[str, str]  # key of a document -> its `w`


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What is to happen, all of it or nothing; `now` in microseconds."""

    layout: Layout
    puts: Sequence[Put]
    changes: Sequence[Change]
    events: Sequence[Envelope]
    consumed: Delivery | None
    now: int

    @property
    def depends(self) -> list[Key]:
        """The keys of items that can refuse it."""
        inbox = [(inbox_of(self.consumed.consumer, self.consumed.event_id), INBOX)] if self.consumed else []
        documents = [(put.key, DOCUMENT) for put in self.puts]
        return [*inbox, *documents, *((change.key, COUNTERS) for change in self.changes)]


async def commit(table: DynamoTable, unit: Unit) -> None:
    """Write it in as few calls as can be: one, and one before it where words of a document are to be changed."""
    after = {put.key: _words(put, unit.layout) for put in unit.puts} if unit.layout.words else {}
    changed = [(put.key, DOCUMENT) for put in unit.puts if put.was and after.get(put.key)]
    before = _words_in(await table.items(changed, only=("w",))) if changed else {}
    for _ in range(_TRIES):
        writes = _writes(unit, before=before, after=after)
        try:
            return await table.write(writes)
        except Refused as refused:
            if certain := _certain(unit, refused.items):
                raise certain from None
        there = await table.items(unit.depends, only=("v", "expires", "w", *_counters(unit)))
        if refusal := _refusal(unit, there):
            raise refusal
        before = _words_in(there)
    raise Unavailable("what the commit depends on is never as it was a moment before")


def _writes(unit: Unit, *, before: Words, after: Words) -> list[Write]:
    """Those that can refuse first, in the order of `depends`."""
    writes = [items.end(unit.consumed, now=unit.now)] if unit.consumed else []
    for put in unit.puts:
        words, old = after.get(put.key, ""), before.get(put.key, "")
        written = items.put(put, unit.layout, words=words, words_before=old, now=unit.now)
        writes.append(items.expiring(written, expires=micros(put.expires)) if put.expires else written)
    writes += map(items.change, unit.changes)
    writes += map(items.publish, unit.events)
    for put in unit.puts:
        writes += moved(put.key, before=before.get(put.key, ""), after=after.get(put.key, ""))
    if len(writes) > MOST_WRITTEN:
        raise TooMuch(f"{len(writes)} items in one commit, with those of words; {MOST_WRITTEN} at most")
    if sum(map(items.size, writes)) > _MOST_BYTES:
        raise TooMuch(f"more than {_MOST_BYTES} bytes in one commit")
    return writes


def _certain(unit: Unit, failed: Collection[int]) -> Exception | None:
    """The refusal, where nothing that goes before it can be hidden behind it."""
    if unit.consumed:
        return AlreadyConsumed() if 0 in failed else None
    if unit.layout.words:  # a put may have met other words, at the version that it wants
        return None
    conflicts = {unit.puts[n].key for n in failed if n < len(unit.puts)}
    return Conflict(conflicts) if conflicts else None


def _refusal(unit: Unit, there: Mapping[Key, Item]) -> Exception | None:
    if unit.consumed and unit.depends[0] in there:
        return AlreadyConsumed()
    documents = {put.key: there.get((put.key, DOCUMENT)) for put in unit.puts}
    counts = {change.key: items.counts(there.get((change.key, COUNTERS))) for change in unit.changes}
    conflicts = {put.key for put in unit.puts if put.was != _version(documents[put.key], unit.now)}
    conflicts |= {change.key for change in unit.changes if change.was not in (None, counts[change.key].version)}
    if conflicts:
        return Conflict(conflicts)
    short = {
        change.key
        for change in unit.changes
        if any(by < 0 and counts[change.key].of.get(name, 0) + by < 0 for name, by in change.by.items())
    }
    return NotEnough(short) if short else None


def _version(document: Item | None, now: int) -> int:
    return items.version(document) if items.alive(document, now) else 0


def _counters(unit: Unit) -> list[str]:
    return sorted({items.counter(name) for change in unit.changes for name in change.by})


def _words(put: Put, layout: Layout) -> str:
    return words_of(put, layout, expires=micros(put.expires) if put.expires else None)


def _words_in(there: Mapping[Key, Item]) -> Words:
    return {key: item["w"]["S"] for (key, sort), item in there.items() if sort == DOCUMENT and "w" in item}
