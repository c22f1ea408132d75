"""Orders in the document store: an order is one document, whatever it has been through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from shop.kernel.clock import Clock
from shop.kernel.events import Cause, Event, Publisher
from shop.kernel.idempotency import Guard, Once
from shop.orders.application.ports import Payment
from shop.orders.domain.order import Order
from shop.platform.storage.guards import led_to, put_guard
from shop.platform.storage.port import Layout, Page, Place, Put, Records

LAYOUT = Layout(context="orders", indexes={"customer": 1, "status": 8, "due": 8, "payments": 1})


_encode = msgspec.json.Encoder().encode
_order = msgspec.json.Decoder(Order).decode
_payment = msgspec.json.Decoder(Payment).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersStore:
    """`order/…`, `key/…` and `payment/…`; what is committed goes out as events of `/shop/orders`."""

    records: Records
    publish: Publisher
    clock: Clock

    async def get(self, order_id: str) -> Order | None:
        """The order as it was last saved."""
        stored = await self.records.get(f"order/{order_id}")
        return _order(stored.body) if stored else None

    async def led_to(self, once: Once) -> str | None:
        """The id of what this request has led to, if it came before; `KeyReused` if its key came with another."""
        return await led_to(self.records, once)

    async def add(self, order: Order, *, guard: Guard, events: Sequence[Event], cause: Cause) -> None:
        """Save a new order, its guard and its events, all or nothing."""
        await self._commit([_put(order), put_guard(guard)], events, cause)

    async def save(self, order: Order, *, events: Sequence[Event], cause: Cause) -> None:
        """Save an order as read and changed, with its events."""
        await self._commit([_put(order)], events, cause)

    async def of_customer(self, customer_id: str, *, after: str | None, limit: int) -> tuple[list[Order], str | None]:
        """A customer's orders, newest first, and where the next page begins."""
        return _orders(await self.records.find("customer", customer_id, newest_first=True, after=after, limit=limit))

    async def in_status(self, status: str, *, after: str | None, limit: int) -> tuple[list[Order], str | None]:
        """Everybody's orders in a status, newest first, and where the next page begins."""
        return _orders(await self.records.find("status", status, newest_first=True, after=after, limit=limit))

    async def unpaid(self, *, until: str, after: str | None) -> tuple[list[str], str | None]:
        """Ids of open orders that were to be paid until then, and where the next page begins."""
        page = await self.records.find("due", "unpaid", high=until, after=after, limit=100)
        return [stored.key.removeprefix("order/") for stored in page.found], page.after

    async def payment(self, payment_id: str, status: str) -> Payment | None:
        """What was said of a payment in this status: one that failed may be completed later."""
        stored = await self.records.get(f"payment/{payment_id}/{status}")
        return _payment(stored.body) if stored else None

    async def add_payment(self, payment: Payment, *, events: Sequence[Event], cause: Cause) -> None:
        """Keep what the provider said of a payment."""
        put = Put(
            key=f"payment/{payment.payment_id}/{payment.status}",
            body=_encode(payment),
            was=0,
            indexes={"payments": (payment.order_id, payment.at)},
        )
        await self._commit([put], events, cause)

    async def _commit(self, puts: Sequence[Put], events: Sequence[Event], cause: Cause) -> None:
        at = self.clock()
        await self.records.commit(
            puts=puts,
            events=[self.publish(event, at=at, cause=cause) for event in events],
            consumed=cause.delivery,
        )


def _put(order: Order) -> Put:
    places: dict[str, Place] = {
        "customer": (order.customer_id, order.order_id),
        "status": (order.status, order.order_id),
    }
    if order.status in ("pending", "confirmed") and not order.paid:
        places["due"] = ("unpaid", order.expires_at)
    body = _encode(replace(order, version=order.version + 1))
    return Put(key=f"order/{order.order_id}", body=body, was=order.version, indexes=places)


def _orders(page: Page) -> tuple[list[Order], str | None]:
    return [_order(stored.body) for stored in page.found], page.after
