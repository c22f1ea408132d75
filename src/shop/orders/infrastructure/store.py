"""Orders in the document store: an order is one document, whatever it has been through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import msgspec

from shop.kernel.clock import Clock
from shop.kernel.events import Cause, Event, Publisher
from shop.kernel.idempotency import Guard, Once
from shop.orders.application.ports import CreditNote, Payment
from shop.orders.domain.order import Order
from shop.platform.storage.body import pack
from shop.platform.storage.guards import led_to, put_guard
from shop.platform.storage.port import (
    MOST_BODY,
    Change,
    Conflict,
    Layout,
    NotEnough,
    Page,
    Place,
    Put,
    Records,
    TooMuch,
)

LAYOUT = Layout(context="orders", indexes={"customer": 1, "status": 8, "due": 8, "payments": 1}, version=2)
_ROOM = 64 * 1024  # bytes of an order's document, for what is to be heard of it: a fact cannot be refused

_encode = msgspec.json.Encoder().encode
_order = msgspec.json.Decoder(Order).decode
_payment = msgspec.json.Decoder(Payment).decode
_note = msgspec.json.Decoder(CreditNote).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersStore:
    """`order/…`, `key/…`, `payment/…`, `refused/…`, `credited/…`, and counters `credit/{customer}`: minor units per
    currency.
    """

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
        """Save a new order, its guard and its events, and take the credit it uses, all or nothing."""
        try:
            put = _with_room(put_order(order))
            await self._commit([put, put_guard(guard)], events, cause, _credit(order, -order.credit_used))
        except NotEnough as error:
            raise Conflict(error.keys) from error  # another order has used it: read it again, decide again

    async def save(
        self, order: Order, *, events: Sequence[Event], credit: int = 0, guard: Guard | None = None, cause: Cause
    ) -> None:
        """Save an order as read and changed, with its events and the credit (minor units) it gives back."""
        put = put_order(order)
        if guard and order.refunds[-1].lines:
            put = _with_room(put)
        puts = [put, put_guard(guard)] if guard else [put]
        await self._commit(puts, events, cause, _credit(order, credit))

    async def tell(self, events: Sequence[Event], *, cause: Cause) -> None:
        """Publish events of orders that have not changed."""
        await self._commit([], events, cause)

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
        """Keep what the provider said of a payment; what is refused stands in nobody's way, and is kept once."""
        put = put_payment(payment)
        if payment.refused is None or await self.records.get(put.key) is None:
            await self._commit([put], events, cause)

    async def payments(self, order_id: str, *, after: str | None, limit: int) -> tuple[list[Payment], str | None]:
        """What was said of an order's payments, refused ones too, in order, and where the next page begins."""
        page = await self.records.find("payments", order_id, after=after, limit=limit)
        return [_payment(stored.body) for stored in page.found], page.after

    async def credit(self, customer_id: str) -> Mapping[str, int]:
        """A customer's credit: currency → minor units."""
        key = f"credit/{customer_id}"
        return (await self.records.counts((key,)))[key].of

    async def credited(self, redemption_id: str) -> CreditNote | None:
        """The credit that this redemption has brought."""
        stored = await self.records.get(f"credited/{redemption_id}")
        return _note(stored.body) if stored else None

    async def add_credit(self, note: CreditNote, *, cause: Cause) -> None:
        """Keep a credit note, and raise the customer's credit by it."""
        put = put_note(note)
        change = Change(key=f"credit/{note.customer_id}", by={note.currency: note.amount})
        await self._commit([put], [], cause, [change])

    async def _commit(
        self, puts: Sequence[Put], events: Sequence[Event], cause: Cause, changes: Sequence[Change] = ()
    ) -> None:
        at = self.clock()
        await self.records.commit(
            puts=puts,
            changes=changes,
            events=[self.publish(event, at=at, cause=cause) for event in events],
            consumed=cause.delivery,
        )


def put_order(order: Order) -> Put:
    """An order as read and changed."""
    places: dict[str, Place] = {
        "customer": (order.customer_id, order.order_id),
        "status": (order.status, order.order_id),
    }
    if order.status in ("pending", "confirmed") and not order.paid:
        places["due"] = ("unpaid", order.expires_at)
    body = _encode(replace(order, version=order.version + 1))
    return Put(key=f"order/{order.order_id}", body=body, was=order.version, indexes=places)


def _with_room(put: Put) -> Put:
    """The order, if it can take in what is heard of it later; else `TooMuch`, as long as one may still say no."""
    most = MOST_BODY - _ROOM
    if len(put.body) > most and len(pack(put.key, put.body)[0]) > most:
        raise TooMuch(f"{put.key} has more than {most} bytes as stored: order, or refund, fewer lines at once")
    return put


def put_payment(payment: Payment) -> Put:
    """What was newly said of a payment."""
    places = {"payments": (payment.order_id, payment.at)}
    return Put(key=_payment_key(payment), body=_encode(payment), was=0, indexes=places)


def put_note(note: CreditNote) -> Put:
    """A new credit note."""
    return Put(key=f"credited/{note.redemption_id}", body=_encode(note), was=0)


def _payment_key(payment: Payment) -> str:
    if payment.refused is None:
        return f"payment/{payment.payment_id}/{payment.status}"
    told = _encode((payment.order_id, payment.amount, payment.currency, payment.status))
    return f"refused/{payment.payment_id}/{sha256(told).hexdigest()}"


def _credit(order: Order, by: int) -> list[Change]:
    return [Change(key=f"credit/{order.customer_id}", by={order.currency: by})] if by else []


def _orders(page: Page) -> tuple[list[Order], str | None]:
    return [_order(stored.body) for stored in page.found], page.after
