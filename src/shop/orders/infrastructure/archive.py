"""All that orders keeps, page by page, for checks and upgrades."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec

from shop.orders.application.ports import CreditNote, Payment
from shop.orders.domain.order import Order
from shop.orders.infrastructure.store import OrdersStore
from shop.platform.storage.port import Records
from shop.platform.storage.scanned import scanned

_PAGE = 100
_order = msgspec.json.Decoder(Order).decode
_payment = msgspec.json.Decoder(Payment).decode
_note = msgspec.json.Decoder(CreditNote).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersArchive:
    """The documents of `OrdersStore`, in the order of their keys."""

    records: Records
    store: OrdersStore

    async def orders(self) -> AsyncIterator[Order]:
        """Every order."""
        async for stored in scanned(self.records, "order/"):
            yield _order(stored.body)

    async def orders_of(self, customer_id: str) -> AsyncIterator[Order]:
        """Every order of a customer."""
        after, more = None, True
        while more:
            page, after = await self.store.of_customer(customer_id, after=after, limit=_PAGE)
            for order in page:
                yield order
            more = after is not None

    async def payments(self) -> AsyncIterator[Payment]:
        """Every payment that was accepted or failed."""
        async for stored in scanned(self.records, "payment/"):
            yield _payment(stored.body)

    async def credit_notes(self) -> AsyncIterator[CreditNote]:
        """Every credit note."""
        async for stored in scanned(self.records, "credited/"):
            yield _note(stored.body)
