"""Catalog over records in memory, and builders."""

from __future__ import annotations

import types
from collections.abc import Awaitable, Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from shop.catalog.application.archive_product import ArchiveProduct
from shop.catalog.application.audit import Audit
from shop.catalog.application.change_product import ChangeProduct
from shop.catalog.application.create_product import CreateProduct
from shop.catalog.application.drive_reservation import DriveReservation
from shop.catalog.application.finish_reservations import FinishReservations
from shop.catalog.application.histories import ReadHistories
from shop.catalog.application.import_product import ImportProduct
from shop.catalog.application.move_stock import MoveStock
from shop.catalog.application.queries import ProductQueries
from shop.catalog.application.release_stock import ReleaseStock
from shop.catalog.application.reserve_stock import ReserveStock
from shop.catalog.application.restock_goods import RestockGoods
from shop.catalog.application.sell_stock import SellStock
from shop.catalog.application.set_price import SetPrice
from shop.catalog.domain.price import Price
from shop.catalog.domain.product import Details, Product
from shop.catalog.infrastructure.histories import HistoryStore
from shop.catalog.infrastructure.reservations import ReservationStore
from shop.catalog.infrastructure.store import LAYOUT, ProductStore
from shop.kernel.events import Cause, Delivery, Envelope, Publisher
from shop.platform.storage.cursor import cursor, point
from shop.platform.storage.port import (
    HIGHEST,
    AlreadyConsumed,
    Change,
    Conflict,
    Counts,
    NotEnough,
    Page,
    Put,
    Records,
    Stored,
    check,
)
from shop.platform.storage.words import PREFIX_FROM, fold

START = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


class Time:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def passes(self, by: timedelta) -> None:
        self.now += by


class MemoryRecords:
    """The storage port in memory.

    Every call pauses before and after it has its effect: tests interleave, cut off or crash there. `guarded=False`
    takes no notice of versions, `inbox=False` none of deliveries that were consumed before.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        limit: int = 2000,
        guarded: bool = True,
        inbox: bool = True,
        pause: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self.clock, self.guarded, self.inbox = clock, guarded, inbox
        self._limit = limit
        self._pause = pause or _go_on
        self.documents: dict[str, Stored] = {}
        self.puts: dict[str, Put] = {}
        self.counters: dict[str, Counts] = {}
        self.events: list[Envelope] = []
        self.consumed: set[str] = set()
        self.calls: list[str] = []
        self.after_commit: Callable[[], None] = lambda: None

    @property
    def limit(self) -> int:
        return self._limit

    async def get(self, key: str) -> Stored | None:
        await self._called("get")
        return await self._answer(self._alive(key))

    async def get_many(self, keys: Collection[str]) -> dict[str, Stored]:
        await self._called("get_many")
        return await self._answer({key: stored for key in keys if (stored := self._alive(key))})

    async def counts(self, keys: Collection[str]) -> dict[str, Counts]:
        await self._called("counts")
        return await self._answer({key: self.counters.get(key, Counts(0, {})) for key in keys})

    async def get_with_counts(self, key: str, counters: str) -> tuple[Stored | None, Counts]:
        await self._called("get_with_counts")
        return await self._answer((self._alive(key), self.counters.get(counters, Counts(0, {}))))

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
        await self._called("find")
        question = [index, group, low, high, newest_first]
        there = [
            (place[1].encode(), key.encode(), self.documents[key])
            for key, put in self.puts.items()
            if (place := put.indexes.get(index)) and place[0] == group and low <= place[1] <= high and self._alive(key)
        ]
        there.sort(key=lambda one: one[:2], reverse=newest_first)
        skip = point(after, question, int) if after else 0
        found = [stored for _, _, stored in there[skip : skip + limit]]
        return await self._answer(Page(found, cursor(question, skip + limit) if len(there) > skip + limit else None))

    async def search(self, words: Sequence[str], *, after: str | None = None, limit: int = 20) -> Page:
        await self._called("search")
        asked = {word for text in words for word in fold(text)}
        found = [self.documents[key] for key, put in sorted(self.puts.items()) if asked and _has_all(put, asked)]
        skip = point(after, sorted(asked), int) if after else 0
        more = len(found) > skip + limit
        return await self._answer(
            Page(found[skip : skip + limit], cursor(sorted(asked), skip + limit) if more else None)
        )

    async def scan(self, prefix: str, *, after: str | None = None, limit: int = 500) -> Page:
        await self._called("scan")
        found = [self.documents[key] for key in sorted(self.documents) if key.startswith(prefix) and self._alive(key)]
        skip = point(after, [prefix], int) if after else 0
        more = len(found) > skip + limit
        return await self._answer(Page(found[skip : skip + limit], cursor([prefix], skip + limit) if more else None))

    async def commit(
        self,
        *,
        puts: Sequence[Put] = (),
        changes: Sequence[Change] = (),
        events: Sequence[Envelope] = (),
        consumed: Delivery | None = None,
    ) -> None:
        check(layout=LAYOUT, limit=self.limit, puts=puts, changes=changes, events=events, consumed=consumed)
        await self._called("commit")
        if consumed and self.inbox and consumed.id in self.consumed:
            raise AlreadyConsumed
        if moved := {put.key for put in puts if self._moved(put)} | {
            one.key for one in changes if self._corrected(one)
        }:
            raise Conflict(moved)
        counters = {change.key: self._changed(change) for change in changes}
        if short := {key for key, counts in counters.items() if any(n < 0 for n in counts.of.values())}:
            raise NotEnough(short)
        self.counters |= counters
        for put in puts:
            there = self._alive(put.key)
            self.documents[put.key] = Stored(put.key, put.body, (there.version if there else 0) + 1, self.clock())
            self.puts[put.key] = put
        self.events += events
        self.consumed |= {consumed.id} if consumed else set()
        self.after_commit()
        await self._answer(None)

    async def _called(self, name: str) -> None:
        self.calls.append(name)
        await self._pause(name)

    async def _answer(self, answer: Any) -> Any:
        await self._pause("answer")
        return answer

    def _alive(self, key: str) -> Stored | None:
        put = self.puts.get(key)
        return self.documents[key] if put and (put.expires is None or put.expires > self.clock()) else None

    def _moved(self, put: Put) -> bool:
        there = self._alive(put.key)
        return self.guarded and put.was != (there.version if there else 0)

    def _corrected(self, change: Change) -> bool:
        return change.was is not None and change.was != self.counters.get(change.key, Counts(0, {})).version

    def _changed(self, change: Change) -> Counts:
        there = self.counters.get(change.key, Counts(0, {}))
        return Counts(
            there.version + 1, {**there.of, **{name: there.of.get(name, 0) + n for name, n in change.by.items()}}
        )


async def _go_on(_: str) -> None:
    """Nothing comes between."""


def _has_all(put: Put, asked: Collection[str]) -> bool:
    has = fold(" ".join(put.words.values()))
    return all(any(one == word or (len(word) >= PREFIX_FROM and one.startswith(word)) for one in has) for word in asked)


@types.coroutine
def to_the_scheduler(_: str) -> Generator[None, None, None]:
    """A pause that a simulation's own scheduler resumes."""
    yield


def _numbered() -> Callable[[str], str]:
    numbers = count(1)
    return lambda prefix: f"{prefix}_{next(numbers)}"


@dataclass
class Catalog:
    """The acts of catalog over records."""

    records: Records
    time: Time
    ids: Callable[[str], str] = field(default_factory=_numbered)

    def __post_init__(self) -> None:
        publisher = Publisher(source="/shop/catalog", ids=self.ids)
        over = {"records": self.records, "publisher": publisher, "clock": self.time}
        self.products = products = ProductStore(**over)
        self.reservations = reservations = ReservationStore(**over)
        self.histories = histories = HistoryStore(records=self.records)
        self.queries = ProductQueries(products=products)
        self.read_histories = ReadHistories(products=products, histories=histories)
        self.create_product = CreateProduct(products=products, clock=self.time, ids=self.ids)
        self.change_product = ChangeProduct(products=products, clock=self.time)
        self.archive_product = ArchiveProduct(change=self.change_product)
        self.set_price = SetPrice(products=products, clock=self.time, ids=self.ids)
        self.move_stock = MoveStock(products=products, clock=self.time, ids=self.ids)
        self.import_product = ImportProduct(products=products, clock=self.time, ids=self.ids)
        self.drive = DriveReservation(reservations=reservations, products=products)
        self.reserve = ReserveStock(drive=self.drive)
        self.release = ReleaseStock(drive=self.drive)
        self.sell = SellStock(drive=self.drive)
        self.restock = RestockGoods(drive=self.drive)
        self.audit = Audit(products=products, histories=histories, reservations=reservations, clock=self.time)
        self.finish = FinishReservations(reservations=reservations, drive=self.drive, clock=self.time)

    async def lists(self, product_id: str, *, on_hand: int = 0, **details: Any) -> Product:
        """A product in stock."""
        await self.import_product(
            product_id=product_id,
            details=details_of(**details),
            price=Price.parse(base="10.00", discounted=None, currency="EUR"),
            on_hand=on_hand,
            who="staff",
            cause=cause(),
        )
        return (await self.queries.one(product_id))[0]

    async def counters(self, product_id: str) -> Mapping[str, int]:
        """onHand, available, sold."""
        stock = await self.products.stock(product_id)
        return {"onHand": stock.on_hand, "available": stock.available, "sold": stock.sold}


def details_of(**details: Any) -> Details:
    """Details of a saw, but for these."""
    return Details(**{"sku": "SAW-1", "name": "Saw", "category": "Tools/Saws", **details})  # type: ignore[typeddict-item]


def cause(delivery: str | None = None) -> Cause:
    """A request, or a delivery."""
    return Cause(id="test", delivery=Delivery(delivery, f"evt_{delivery}", "catalog") if delivery else None)


@pytest.fixture
def time() -> Time:
    """A clock that stands until it is moved."""
    return Time()


@pytest.fixture(scope="session")
def catalog_over() -> Callable[..., Catalog]:
    """Makes the acts over records in memory, with the options of `MemoryRecords`."""

    def over(time: Time | None = None, **options: Any) -> Catalog:
        time = time or Time()
        return Catalog(MemoryRecords(clock=time, **options), time)

    return over


@pytest.fixture
def catalog(time: Time, catalog_over: Callable[..., Catalog]) -> Catalog:
    """The acts over records in memory."""
    return catalog_over(time)


@pytest.fixture
def records(catalog: Catalog) -> Records:
    """Their records."""
    return catalog.records


@pytest.fixture(scope="session")
def details() -> Callable[..., Details]:
    """Details of a saw, but for what is given."""
    return details_of


@pytest.fixture(scope="session")
def delivered() -> Callable[..., Cause]:
    """A request, or the delivery of this id, as a cause."""
    return cause


@pytest.fixture(scope="session")
def scheduled_by_hand() -> Callable[[str], Any]:
    """A pause for records that leaves it to the test when to go on."""
    return to_the_scheduler
