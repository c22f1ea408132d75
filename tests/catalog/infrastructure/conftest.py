"""A catalog over the real engine, and the events of orders on their way to it."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from shop.catalog.contract import StockRejected, StockReserved
from shop.catalog.domain.reservation import Reservation
from shop.catalog.domain.stock import NotEnoughStock, Stock
from shop.catalog.infrastructure.store import LAYOUT
from shop.catalog.presentation.events import CatalogReactions
from shop.kernel.errors import NotYet
from shop.kernel.events import Cause, Event, Publisher
from shop.kernel.idempotency import Once
from shop.orders.contract import OrderCancelled, OrderCompleted, OrderCreated, OrderRefunded
from shop.platform.retry import Busy, again, tried
from shop.platform.storage.port import AlreadyConsumed, Layout, Put
from shop.platform.storage.sqlite import SqliteStore
from shop.platform.storage.sqlite_deliveries import Queued

HEARD = (OrderCreated, OrderCancelled, OrderCompleted, OrderRefunded)


class Died(Exception):
    """The process is gone, right after a commit."""


class Mortal:
    """Records whose process dies after its n-th commit, if `lives` is set to n."""

    def __init__(self, records: Any) -> None:
        self._records = records
        self.lives: int | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._records, name)

    async def commit(self, **what: Any) -> None:
        await self._records.commit(**what)
        if self.lives is not None:
            self.lives -= 1
            if self.lives <= 0:
                raise Died


class Warehouse:
    """Catalog's acts on a store in a folder of its own, `limit` records a commit, with the inbox or without.

    What orders publishes stays in `on_their_way` until it is delivered; what catalog answers is in `told`, by order.
    """

    def __init__(self, make: Callable[..., Any], time: Any, *, limit: int, inbox: bool) -> None:
        self.time, self.folder, self.runner = time, Path(tempfile.mkdtemp()), asyncio.Runner()
        self.store = SqliteStore(self.folder / "shop.db", clock=time, limit=limit, inbox=inbox)
        self.run(self.store.open())
        self.records = Mortal(self.store.records(LAYOUT))
        self.catalog = acts = make(self.records, time)
        reactions = CatalogReactions(reserve=acts.reserve, release=acts.release, sell=acts.sell, restock=acts.restock)
        self.reactions = reactions.table()
        self.orders = self.store.records(Layout(context="orders"))
        self.store.routes = {kind.TYPE: ["catalog"] for kind in HEARD} | {
            kind.TYPE: ["orders"] for kind in (StockReserved, StockRejected)
        }
        self.store.on_queued = self._queued
        self.numbers = count()
        self.copies = 1  # of the event that is published next
        self.on_their_way: list[Queued] = []
        self.told: defaultdict[str, list[str]] = defaultdict(list)

    def close(self) -> None:
        self.run(self.store.close())
        self.runner.close()
        shutil.rmtree(self.folder)

    def run(self, act: Any) -> Any:
        return self.runner.run(act)

    def stocks(self, product_ids: Any) -> dict[str, Stock]:
        return self.run(self.catalog.products.stocks(product_ids))

    def reservation(self, order_id: str) -> Reservation | None:
        return self.run(self.catalog.reservations.get(f"reservation/{order_id}"))

    def reservations(self) -> list[Reservation]:
        return [one for one, _ in self.run(_all(self.catalog.reservations.every_reservation()))]

    def differences(self) -> list[str]:
        return self.run(_all(self.catalog.audit()))

    def finish(self) -> None:
        self.run(self.catalog.finish(cause=Cause(id="job")))

    async def move(self, product_id: str, copies: int, **how: int) -> list[bool]:
        """So many copies of one request, at once; which of them were answered with the movement."""
        once = Once(key=f"s/{next(self.numbers)}", fingerprint="f")

        async def copy() -> bool:
            what = {"product_id": product_id, "reason": "x", "who": "s", "once": once, "cause": Cause(id="r")}
            try:
                await again(self.catalog.move_stock, **what, **how)
            except NotEnoughStock:
                return False
            return True

        return await asyncio.gather(*(copy() for _ in range(copies)))

    def publish(self, event: Event, copies: int = 1) -> None:
        """As orders does: in a commit of its own, which queues the delivery; so many copies of it will arrive."""
        self.copies = copies
        envelope = Publisher(source="/shop/orders", ids=self.catalog.ids)(event, at=self.time(), cause=Cause(id="r"))
        self.run(self.orders.commit(puts=[Put(key=f"fact/{envelope.id}", body=b"{}", was=0)], events=[envelope]))

    def _queued(self, queued: list[Queued]) -> None:
        for one in queued:
            if one.delivery.consumer == "catalog":
                self.on_their_way += [one] * self.copies
            else:
                self.told[one.envelope.subject].append(one.envelope.type)

    async def deliver(self, queued: Queued) -> None:
        """As the bus does; what cannot be yet, or is too much in the way of others, comes again."""
        envelope = queued.envelope
        try:
            await tried(20, self.reactions[envelope.type], envelope, Cause(id=envelope.id, delivery=queued.delivery))
        except AlreadyConsumed:
            pass
        except (NotYet, Busy):
            self.on_their_way.append(queued)

    def deliver_and_die(self, queued: Queued, *, lives: int) -> None:
        """The process is gone after so many commits, if the delivery takes as many."""
        self.records.lives = lives
        try:
            self.run(self.deliver(queued))
        except Died:
            pass
        finally:
            self.records.lives = None


async def _all(found: Any) -> list[Any]:
    return [one async for one in found]


@pytest.fixture(scope="session")
def warehouse(catalog_over: Callable[..., Any]) -> Callable[..., Warehouse]:
    """Makes warehouses."""
    like = catalog_over()
    make, clock = type(like), type(like.time)
    return lambda **options: Warehouse(make, clock(), **options)
