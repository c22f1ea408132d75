"""The first layer: answers in memory, bounded in bytes, dropped by tag in one step however many have it."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from weakref import WeakValueDictionary

from shop.platform.http.answer import Entry
from shop.platform.http.stored import Stored

_OVERHEAD = 1_800  # bytes of an entry beside its body, as measured; what is decoded of it counts as once more its body


class Guard:
    """Of a tag: whoever has it and finds it dropped is no longer to be used."""

    __slots__ = ("__weakref__", "dropped")

    def __init__(self) -> None:
        self.dropped = False


class Reading:
    """A read that is under way: the tags dropped since it began."""

    __slots__ = ("dropped", "lost", "missed")

    def __init__(self, *, lost: bool) -> None:
        self.dropped: set[str] = set()
        self.lost = lost  # nobody can tell what was dropped meanwhile
        self.missed = False  # and that began after it did

    def overtaken(self, tags: Collection[str]) -> bool:
        """Whether what it brings is older than a drop that was heard of."""
        return not self.dropped.isdisjoint(tags)


class Memory:
    """`{name: entry}`, the least recently used of which go first."""

    def __init__(self, *, most: int, now: Callable[[], float]) -> None:
        """`most`: bytes; `now`: monotonic seconds."""
        self._most = most
        self._now = now
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._guards: WeakValueDictionary[str, Guard] = WeakValueDictionary()  # gone with the last entry that has it
        self._readings: set[Reading] = set()
        self._off = False
        self._trusted_until = math.inf  # who has not heard of drops for too long may have missed some
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, name: str, now: float) -> Entry | None:
        """What is there, fresh or not."""
        entry = self._entries.get(name)
        if entry is None or now > self._trusted_until:
            return None
        for guard in entry.guards:
            if guard.dropped:
                self._forget(name)
                return None
        self._entries.move_to_end(name)
        return entry

    def reading(self) -> Reading:
        """What is read from now on until it is `done` may be kept, as far as it is not overtaken."""
        reading = Reading(lost=self._off)
        self._readings.add(reading)
        return reading

    def done(self, reading: Reading) -> None:
        """It has ended."""
        self._readings.discard(reading)

    def keep(self, name: str, stored: Stored, reading: Reading) -> Entry:
        """An entry of it, kept if it may be."""
        entry = Entry(stored, now=self._now())
        entry.size = 2 * len(stored.body) + len(name) + _OVERHEAD
        if stored.to_keep and entry.size <= self._most and not reading.lost and not reading.overtaken(stored.tags):
            self._forget(name)
            entry.guards = tuple(map(self._guard, stored.tags))
            self._entries[name] = entry
            self.bytes += entry.size
            while self.bytes > self._most:
                self._forget(next(iter(self._entries)))
        return entry

    def drop(self, tags: Iterable[str]) -> None:
        """From now on nothing with one of these tags is given, nor kept by a read that has begun."""
        tags = tuple(tags)
        for tag in tags:
            guard = self._guards.pop(tag, None)
            if guard is not None:
                guard.dropped = True
        for reading in self._readings:
            reading.dropped.update(tags)

    def trust(self, until: float) -> None:
        """Until then whatever was dropped has been heard of."""
        self._trusted_until = until

    def off(self) -> None:
        """Forget everything and keep nothing until `on`: drops are not heard of."""
        self._off = True
        self._lose()

    def on(self) -> None:
        """From now on drops are heard of. What was read before may have missed one."""
        self._off = False
        self._lose()

    def _lose(self) -> None:
        self._entries.clear()
        self.bytes = 0
        for reading in self._readings:
            reading.lost = reading.missed = True

    def _guard(self, tag: str) -> Guard:
        guard = self._guards.get(tag)
        if guard is None:
            guard = self._guards[tag] = Guard()
        return guard

    def _forget(self, name: str) -> None:
        entry = self._entries.pop(name, None)
        if entry is not None:
            self.bytes -= entry.size
