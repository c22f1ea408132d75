"""What catalog needs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shop.catalog.domain.price import PriceEntry
from shop.catalog.domain.product import Product
from shop.catalog.domain.reservation import Reservation, Step
from shop.catalog.domain.stock import Movement, Stock
from shop.kernel.events import Cause, Event
from shop.kernel.idempotency import Guard, Once


class Moved(Exception):
    """Somebody else moved the reservation: read it and go on from there."""


class RanOut(Exception):
    """A step would take more of these products (and perhaps of others) than there is. Nothing of it happened."""

    def __init__(self, products: Collection[str]) -> None:
        super().__init__(", ".join(sorted(products)))
        self.products = frozenset(products)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page of products; `after` asks for the next."""

    products: Sequence[Product]
    after: str | None


class Products(Protocol):
    """Products, their prices and their stock."""

    async def get(self, product_id: str) -> Product | None:
        """The product, archived or not."""

    async def get_many(self, product_ids: Collection[str]) -> Mapping[str, Product]:
        """Those that exist."""

    async def get_with_stock(self, product_id: str) -> tuple[Product | None, Stock]:
        """The product, archived or not, and its counters."""

    async def stock(self, product_id: str) -> Stock:
        """Its counters; all 0 if nothing ever moved."""

    async def stocks(self, product_ids: Collection[str]) -> Mapping[str, Stock]:
        """The counters of each."""

    async def in_category(self, category: str, *, after: str | None, limit: int) -> Found:
        """Listed products of the category and of those below it, by category then name."""

    async def in_group(self, group_id: str, *, after: str | None, limit: int) -> Found:
        """Listed products of the group, by id."""

    async def with_sku(self, sku: str, *, after: str | None, limit: int) -> Found:
        """Listed products that have this SKU, by id."""

    async def search(self, text: str, *, after: str | None, limit: int) -> Found:
        """Listed products that have every word, best first."""

    def every_product(self) -> AsyncIterator[Product]:
        """All products by id, archived ones too; for checks and exports."""

    async def led_to(self, once: Once) -> str | None:
        """What this request was answered, if it came before; `KeyReused` if its key came with another."""

    async def save(
        self, *, product: Product, price: PriceEntry | None, events: Sequence[Event], cause: Cause
    ) -> Product:
        """The product as it is stored now, with an entry of its price history if that is new."""

    async def move(
        self,
        movement: Movement,
        *,
        counted: Stock | None,
        guard: Guard,
        events: Sequence[Event],
        cause: Cause,
    ) -> None:
        """Move the stock; `counted` guards a delta that was derived from it. `NotEnoughStock` if orders were faster."""

    async def bring(
        self,
        *,
        product: Product | None,
        price: PriceEntry | None,
        movement: Movement | None,
        counted: Stock,
        events: Sequence[Event],
        cause: Cause,
    ) -> None:
        """What of an imported product is new, in one commit."""


class Histories(Protocol):
    """What a product cost before, and what staff did to its stock."""

    async def prices(
        self, product_id: str, *, until: datetime | None, after: str | None, limit: int
    ) -> tuple[Sequence[PriceEntry], str | None]:
        """A page of its prices, newest first, `until` this moment; and where the next page begins."""

    async def movements(
        self, product_id: str, *, after: str | None, limit: int
    ) -> tuple[Sequence[Movement], str | None]:
        """A page of staff's movements, newest first, and where the next page begins."""

    def every_movement(self) -> AsyncIterator[Movement]:
        """All movements, by product; for checks."""


class Reservations(Protocol):
    """The reservations and restockings, and the counters they move."""

    @property
    def room(self) -> int:
        """Changes and product events of one step, at most."""

    async def get(self, key: str) -> Reservation | None:
        """By `key_of` a fact."""

    async def available(self, product_ids: Collection[str]) -> dict[str, int]:
        """How many of each can be set aside; 0 of what was never there."""

    async def take(self, step: Step, *, events: Sequence[Event], cause: Cause) -> Reservation:
        """Commit a step and return the reservation as it is stored now; `Moved` or `RanOut` if it did not happen.

        The delivery in `cause` is ended by the step that comes to rest.
        """

    def every_reservation(self) -> AsyncIterator[tuple[Reservation, datetime]]:
        """All reservations and restockings, and when each moved last; for checks."""

    async def unfinished(self, *, since: datetime, after: str | None) -> tuple[Sequence[str], str | None]:
        """Keys of reservations that have not moved since then though they should, and where to go on."""
