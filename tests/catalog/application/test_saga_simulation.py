"""Thousands of small worlds in which everything goes wrong that may go wrong, and the stock comes out right.

1-6 orders of 1-8 products, 1-4 lines a commit, each fact one to three times and in any order, up to six reactions
interleaved at every read and commit, in two worlds of three crashes at each
of them. The scheduler is our own: no event loop, no time.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from shop.catalog.contract import StockRejected, StockReserved
from shop.catalog.domain.product import Product
from shop.catalog.domain.reservation import Line, Reservation
from shop.catalog.infrastructure.store import put_product
from shop.kernel.errors import NotYet
from shop.platform.storage.port import AlreadyConsumed, Counts, Stored

WORLDS = 2_500
AT_ONCE = 6
MOST_TURNS = 20_000


class Crash(BaseException):
    """The process is gone."""


@dataclass
class Order:
    """What is wanted, and what is to become of it once it is reserved."""

    order_id: str
    lines: tuple[Line, ...]
    plan: str  # keep, cancel, complete, refund
    restock: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Fact:
    """A delivery; its copies share the id."""

    delivery: str
    react: Callable[[Any], Coroutine[Any, Any, None]]


@dataclass
class World:
    """One seed's orders, stock and luck."""

    catalog: Any
    chance: random.Random
    delivered: Callable[[str], Any]
    orders: list[Order]
    had: Mapping[str, int]
    waiting: list[Fact] = field(default_factory=list)
    running: list[tuple[Fact, Coroutine[Any, Any, None]]] = field(default_factory=list)
    crashing: float = 0.0  # how likely at each pause
    crashes: int = 0
    seen: int = 0

    def run(self) -> None:
        """Until nothing is left to deliver."""
        self.catalog.records.after_commit = self.committed
        for order in self.orders:
            self.hear("created", order, lambda cause, o=order: self.catalog.reserve(o.order_id, o.lines, cause))
            if order.plan == "cancel":
                self.hear("cancelled", order, lambda cause, o=order: self.catalog.release(o.order_id, cause))
        try:
            for _ in range(MOST_TURNS):
                if not (self.waiting or self.running):
                    return
                self.go_on()
            raise AssertionError("it does not come to an end")
        finally:
            for _, reaction in self.running:
                reaction.close()

    def go_on(self) -> None:
        """A delivery begins, or a reaction goes on."""
        if self.waiting and len(self.running) < AT_ONCE and self.chance.random() < 0.4:
            fact = self.waiting.pop(self.chance.randrange(len(self.waiting)))
            self.running.append((fact, fact.react(self.delivered(fact.delivery))))
        elif self.running:
            self.turn(self.chance.randrange(len(self.running)))

    def turn(self, which: int) -> None:
        """One reaction goes on to its next read or commit, or dies there and is delivered again."""
        fact, reaction = self.running.pop(which)
        try:
            if self.chance.random() < self.crashing:
                self.crashes += 1
                reaction.throw(Crash())
            else:
                reaction.send(None)
        except (Crash, NotYet):
            self.waiting.append(fact)
        except (StopIteration, AlreadyConsumed):
            pass
        else:
            self.running.append((fact, reaction))

    def hear(self, what: str, order: Order, react: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
        """A fact, one to three times."""
        self.waiting += [Fact(f"{what}/{order.order_id}", react)] * self.chance.randint(1, 3)

    def committed(self) -> None:
        """After every commit: the sums are right, and orders goes on with what was reserved."""
        self.check_sums()
        events, self.seen = self.catalog.records.events[self.seen :], len(self.catalog.records.events)
        for order in self.orders:
            reserved = any(event.type == StockReserved.TYPE and event.subject == order.order_id for event in events)
            if reserved and order.plan in ("complete", "refund"):
                self.hear("completed", order, lambda cause, o=order: self.catalog.sell(o.order_id, cause))
            if reserved and order.plan == "refund":
                self.hear("refunded", order, lambda cause, o=order: self.catalog.restock(o.order_id, o.restock, cause))

    def check_sums(self) -> None:
        held: Counter[str] = Counter()
        for reservation in self.reservations().values():
            held.update({line.product_id: line.quantity for line in reservation.held})
        for product_id, had in self.had.items():
            of = self.catalog.records.counters[f"stock/{product_id}"].of
            assert of["onHand"] + of["sold"] == had, "goods came from nowhere, or are lost"
            assert of["onHand"] - of["available"] == held[product_id], "what is held is not what reservations hold"

    def check_end(self) -> None:
        """Every order is where it should be, and was told once."""
        reservations = self.reservations()
        events = Counter((event.type, event.subject) for event in self.catalog.records.events)
        ends = {"keep": "reserved", "cancel": "released", "complete": "shipped", "refund": "shipped"}
        sold: Counter[str] = Counter()
        for order in self.orders:
            reserved, rejected = (events[kind.TYPE, order.order_id] for kind in (StockReserved, StockRejected))
            reservation = reservations[f"reservation/{order.order_id}"]
            assert reservation.status == ("rejected" if rejected else ends[order.plan])
            assert reserved + rejected == 1 or (order.plan == "cancel" and reserved + rejected == 0)
            if order.plan in ("complete", "refund") and reserved:
                sold.update({line.product_id: line.quantity for line in order.lines})
            if order.plan == "refund" and reserved and order.restock:
                assert reservations[f"restock/refund-{order.order_id}"].status == "restocked"
                sold.subtract({line.product_id: line.quantity for line in order.restock})
        for product_id in self.had:
            assert self.catalog.records.counters[f"stock/{product_id}"].of["sold"] == sold[product_id]

    def reservations(self) -> dict[str, Reservation]:
        documents = self.catalog.records.documents
        return {
            key: _read(stored.body) for key, stored in documents.items() if key.startswith(("reservation/", "restock/"))
        }


_read = msgspec.json.Decoder(Reservation).decode


@dataclass
class Reactions:
    """The acts as the bus calls them."""

    acts: Any
    records: Any

    def reserve(self, order_id: str, lines: tuple[Line, ...], cause: Any) -> Coroutine[Any, Any, None]:
        return self.acts.reserve(order_id=order_id, lines=lines, cause=cause)

    def release(self, order_id: str, cause: Any) -> Coroutine[Any, Any, None]:
        return self.acts.release(order_id=order_id, cause=cause)

    def sell(self, order_id: str, cause: Any) -> Coroutine[Any, Any, None]:
        return self.acts.sell(order_id=order_id, cause=cause)

    def restock(self, order_id: str, lines: tuple[Line, ...], cause: Any) -> Coroutine[Any, Any, None]:
        return self.acts.restock(order_id=order_id, refund_id=f"refund-{order_id}", lines=lines, cause=cause)


@pytest.fixture
def a_world(catalog_over, delivered, scheduled_by_hand, time):
    shelf = {
        f"p{n}": Product(
            product_id=f"p{n}", sku=f"p{n}", name="Saw", category="Tools", base_price=1, currency="EUR",
            updated_at=time(), version=1,
        )
        for n in range(8)
    }  # fmt: skip
    puts = {f"product/{product_id}": put_product(product) for product_id, product in shelf.items()}
    documents = {key: Stored(key, put.body, 1, time()) for key, put in puts.items()}

    def make(seed: int, *, guarded: bool = True) -> World:
        chance = random.Random(seed)
        catalog = catalog_over(
            limit=chance.choice((5, 6, 7, 8, 8, 2000)),
            guarded=guarded,
            inbox=chance.random() < 0.5,
            pause=scheduled_by_hand,
        )
        records = catalog.records
        records.puts |= puts
        records.documents |= documents
        had = {f"p{n}": chance.randint(0, 9) for n in range(chance.randint(1, 8))}
        for product_id, n in had.items():
            records.counters[f"stock/{product_id}"] = Counts(1, {"onHand": n, "available": n, "sold": 0})
        orders = [_order(f"o{n}", chance, sorted(had)) for n in range(chance.randint(1, 6))]
        return World(
            Reactions(catalog, records), chance, delivered, orders, had, crashing=chance.choice((0.0, 0.06, 0.12))
        )

    return make


def _order(order_id: str, chance: random.Random, products: list[str]) -> Order:
    wanted = chance.sample(products, chance.randint(1, len(products)))
    lines = tuple(Line(product_id, chance.randint(1, 3)) for product_id in wanted)
    back = tuple(Line(line.product_id, chance.randint(1, line.quantity)) for line in lines if chance.random() < 0.5)
    return Order(order_id, lines, chance.choice(("keep", "cancel", "complete", "refund")), back)


def _live(world: World) -> World:
    world.run()
    world.check_sums()
    world.check_end()
    return world


def test_stock_comes_out_right_in_every_world(a_world):
    told: Counter[str] = Counter()
    crashes = 0
    for seed in range(WORLDS):
        try:
            world = _live(a_world(seed))
        except AssertionError as fault:
            raise AssertionError(f"world {seed}: {fault}") from fault
        crashes += world.crashes
        told.update(event.type for event in world.catalog.records.events)
        told.update(reservation.status for reservation in world.reservations().values())

    assert crashes > WORLDS
    assert min(told[what] for what in ("stock.reserved", "stock.rejected", "released", "shipped", "restocked")) > 400


def test_without_the_version_guard_it_does_not(a_world):
    faults = 0
    for seed in range(200):
        try:
            _live(a_world(seed, guarded=False))
        except AssertionError:
            faults += 1

    assert faults > 20
