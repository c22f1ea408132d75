"""What orders needs from the world."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from shop.kernel.errors import TryLater
from shop.kernel.events import Cause, Event
from shop.kernel.idempotency import Guard, Once
from shop.orders.domain.lines import ProductInfo
from shop.orders.domain.order import Order


class CatalogUnavailable(TryLater):
    """The catalog does not answer, and what it said before is too old."""

    code = "catalog-unavailable"


class NotForgotten(TryLater):
    """What no longer holds may still be remembered by other processes: say it again."""

    code = "not-forgotten"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """What the payment provider told us of a payment, once and for all. `amount` is a decimal."""

    payment_id: str
    order_id: str
    amount: str
    currency: str
    status: str
    at: str
    refused: str | None = None  # why it does not count


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditNote:
    """Credit that a customer got for points, once per redemption. `amount` is in minor units."""

    redemption_id: str
    customer_id: str
    amount: int
    currency: str
    at: str


class Orders(Protocol):
    """The orders there are."""

    async def get(self, order_id: str) -> Order | None:
        """The order as it was last saved."""

    async def led_to(self, once: Once) -> str | None:
        """The id of what this request has led to, if it came before; `KeyReused` if its key came with another."""

    async def add(self, order: Order, *, guard: Guard, events: Sequence[Event], cause: Cause) -> None:
        """Save a new order, its guard and its events, and take the credit it uses, all or nothing."""

    async def save(
        self, order: Order, *, events: Sequence[Event], credit: int = 0, guard: Guard | None = None, cause: Cause
    ) -> None:
        """Save an order as read and changed, with its events and the credit (minor units) it gives back."""

    async def tell(self, events: Sequence[Event], *, cause: Cause) -> None:
        """Publish events of orders that have not changed."""

    async def of_customer(self, customer_id: str, *, after: str | None, limit: int) -> tuple[list[Order], str | None]:
        """A customer's orders, newest first, and where the next page begins."""

    async def in_status(self, status: str, *, after: str | None, limit: int) -> tuple[list[Order], str | None]:
        """Everybody's orders in a status, newest first, and where the next page begins."""

    async def unpaid(self, *, until: str, after: str | None) -> tuple[list[str], str | None]:
        """Ids of open orders that were to be paid until then, and where the next page begins."""

    async def payment(self, payment_id: str, status: str) -> Payment | None:
        """What was said of a payment in this status: one that failed may be completed later."""

    async def add_payment(self, payment: Payment, *, events: Sequence[Event], cause: Cause) -> None:
        """Keep what the provider said of a payment; what is refused stands in nobody's way, and is kept once."""

    async def payments(self, order_id: str, *, after: str | None, limit: int) -> tuple[list[Payment], str | None]:
        """What was said of an order's payments, refused ones too, in order, and where the next page begins."""

    async def credit(self, customer_id: str) -> Mapping[str, int]:
        """A customer's credit: currency → minor units."""

    async def credited(self, redemption_id: str) -> CreditNote | None:
        """The credit that this redemption has brought."""

    async def add_credit(self, note: CreditNote, *, cause: Cause) -> None:
        """Keep a credit note, and raise the customer's credit by it."""


class Archive(Protocol):
    """All that there is, page by page, for checks."""

    def orders(self) -> AsyncIterator[Order]:
        """Every order."""

    def orders_of(self, customer_id: str) -> AsyncIterator[Order]:
        """Every order of a customer."""

    def payments(self) -> AsyncIterator[Payment]:
        """Every payment that was accepted or failed."""

    def credit_notes(self) -> AsyncIterator[CreditNote]:
        """Every credit note."""


class Catalog(Protocol):
    """The catalog, as orders sees it."""

    async def products(self, product_ids: Collection[str]) -> Mapping[str, ProductInfo]:
        """Those of the products that are for sale. `CatalogUnavailable` if nobody can tell."""

    async def forget(self, tags: Collection[str]) -> None:
        """What is remembered under these tags of the catalog's no longer holds. `NotForgotten` if others still may."""
