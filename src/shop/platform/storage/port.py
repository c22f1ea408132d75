"""The storage port: documents and counters under keys, committed with their events, all or nothing.

One instance per context, which sees that context's records only. Use cases never import it; stores do.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from shop.kernel.errors import Invalid
from shop.kernel.events import Delivery, Envelope

Place = tuple[str, str]  # (group, place): equal group, ordered by place (UTF-8 bytes)
HIGHEST = "\U0010ffff"
MOST_BODY = 350 * 1024  # bytes as stored; every engine has the same, so that nothing works in one place only
MOST_PLACE = 900  # bytes
MOST_WORDS = 40  # distinct, of one document
MOST_PAGE = 1024 * 1024  # bytes of bodies as they were put; a page ends behind the one that exceeds it


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a context's records can be found by."""

    context: str
    indexes: Mapping[str, int] = field(default_factory=dict)  # name -> shards (of engines that split a hot group)
    words: Mapping[str, float] = field(default_factory=dict)  # searchable field -> weight
    version: int = 1  # of its documents, and of the places they are put in


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """A document as it shall be, whole."""

    key: str  # kind/id: "order/ord_…"
    body: bytes  # JSON
    was: int  # the version that was read; 0: it must not exist. There is no unguarded put
    indexes: Mapping[str, Place] = field(default_factory=dict)  # declared name -> place; left out: not in that index
    words: Mapping[str, str] = field(default_factory=dict)  # declared field -> text
    expires: datetime | None = None  # from then on it reads as absent and may be put again with was=0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Of the counters under one key; they start at 0 and never fall below."""

    key: str  # "stock/p1"; never also the key of a document
    by: Mapping[str, int]  # {"available": -2}
    was: int | None = None  # guard, for absolute corrections only


class Stored(NamedTuple):
    """A document as it was read."""

    key: str
    body: bytes
    version: int  # 1 when put for the first time
    at: datetime  # of the last put


class Counts(NamedTuple):
    """The counters under one key; version 0 and no names when never changed."""

    version: int
    of: Mapping[str, int]


class Page(NamedTuple):
    """What was found; it may be shorter than asked (`MOST_PAGE`) and still have an `after`."""

    found: Sequence[Stored]
    after: str | None


class Conflict(Exception):
    """A `was` no longer holds: read again, decide again."""

    def __init__(self, keys: Collection[str]) -> None:
        super().__init__(", ".join(sorted(keys)))
        self.keys = frozenset(keys)


class NotEnough(Exception):
    """A counter would fall below zero; `keys` names at least one of them."""

    def __init__(self, keys: Collection[str]) -> None:
        super().__init__(", ".join(sorted(keys)))
        self.keys = frozenset(keys)


class AlreadyConsumed(Exception):
    """This delivery has had its effect: the bus ends it."""


class TooMuch(Exception):
    """Over `limit` or over a size: a fault of the caller."""


class Unavailable(Exception):
    """Locked, throttled, unreachable or full: known to be not done."""

    def __init__(self, why: str, *, retry_after: float = 1.0) -> None:
        super().__init__(why)
        self.retry_after = retry_after


class ForeignCursor(Invalid):
    """A cursor that no answer to this question gave."""

    code = "foreign-cursor"


class Records(Protocol):
    """One context's records on one engine."""

    @property
    def limit(self) -> int:
        """Puts + changes + events + consumed in one commit, at most; less the words that change, on some engines."""

    async def get(self, key: str) -> Stored | None:
        """The document; sees every commit that has returned, from any process."""

    async def get_many(self, keys: Collection[str]) -> dict[str, Stored]:
        """Those of the documents that exist; no snapshot across keys."""

    async def counts(self, keys: Collection[str]) -> dict[str, Counts]:
        """The counters under each key; every key asked for is in the answer."""

    async def get_with_counts(self, key: str, counters: str) -> tuple[Stored | None, Counts]:
        """A document and the counters under another key, in one call to the store."""

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
        """Documents of a group with low <= place <= high, by place then key.

        Bodies are fresh and still match; a newcomer may be missing for a moment. Never decide a write on
        it alone. `ForeignCursor` when `after` belongs to another question.
        """

    async def search(self, words: Sequence[str], *, after: str | None = None, limit: int = 20) -> Page:
        """Documents that have every word (from three letters on as a prefix), best first, ties by key."""

    async def scan(self, prefix: str, *, after: str | None = None, limit: int = 500) -> Page:
        """Documents whose key begins so, by key; for checks and exports only."""

    async def commit(
        self,
        *,
        puts: Sequence[Put] = (),
        changes: Sequence[Change] = (),
        events: Sequence[Envelope] = (),
        consumed: Delivery | None = None,
    ) -> None:
        """All or nothing, durable when it returns.

        Raises AlreadyConsumed before Conflict before NotEnough; TooMuch over a limit; Unavailable. Keys are
        distinct. Changes without a put are refused (ValueError): the put is what makes them happen once.
        """


class Engine(Protocol):
    """Where contexts keep their records."""

    def records(self, layout: Layout) -> Records:
        """A context's own records; what the layout declares and the engine lacks is added."""


def check(
    *,
    layout: Layout,
    limit: int,
    puts: Sequence[Put],
    changes: Sequence[Change],
    events: Sequence[Envelope],
    consumed: Delivery | None,
) -> None:
    """What every engine refuses before it writes: `ValueError` for a wrong call, `TooMuch` over a size."""
    if changes and not puts:
        raise ValueError("changes need a put beside them: it is what makes them happen once")
    keys = [put.key for put in puts] + [change.key for change in changes]
    if len(set(keys)) != len(keys):
        raise ValueError("the keys of one commit are distinct")
    size = len(keys) + len(events) + (consumed is not None)
    if size > limit:
        raise TooMuch(f"{size} records in one commit; {limit} at most")
    for put in puts:
        for name, (group, place) in put.indexes.items():
            if name not in layout.indexes:
                raise ValueError(f"{layout.context} declares no index {name}")
            if not group or not place:
                raise ValueError(f"{put.key}: its place in {name} is empty")
            if len(place.encode()) > MOST_PLACE:
                raise TooMuch(f"{put.key}: its place in {name} is longer than {MOST_PLACE} bytes")
        if put.words.keys() - layout.words.keys():
            raise ValueError(f"{layout.context} declares no words {sorted(put.words.keys() - layout.words.keys())}")
