"""What a change of an order's facts leads to, saved with it in one commit."""

from __future__ import annotations

from collections.abc import Iterator

from shop.kernel.events import Cause, Event
from shop.kernel.idempotency import Guard
from shop.kernel.money import decimal_text
from shop.orders.application.ports import Orders
from shop.orders.contract import OrderCancelled, OrderCompleted, OrderedLine, OrderRefunded, RefundDue
from shop.orders.domain.order import Order, Status, more_owed


async def save(orders: Orders, before: Order, after: Order, *, guard: Guard | None = None, cause: Cause) -> None:
    """The order as it is now, its events, and the credit it gives back. Where nothing is different, nothing."""
    if after is not before:
        credit = before.credit_held - after.credit_held
        await orders.save(after, events=consequences(before, after), credit=credit, guard=guard, cause=cause)


def consequences(before: Order, after: Order) -> list[Event]:
    """An event wherever the status, the refunds or what is owed back move; so none goes out twice."""
    return [*_status_moved(before, after), *_refunded(before, after), *_owed_more(before, after)]


def _status_moved(before: Order, after: Order) -> Iterator[Event]:
    if after.status is before.status:
        return
    who = {"order_id": after.order_id, "customer_id": after.customer_id}
    if after.status is Status.COMPLETED:
        yield OrderCompleted(**who, total=str(after.total), currency=after.currency)
    elif after.status is Status.CANCELLED:
        yield OrderCancelled(**who, reason=after.reason or "")


def _refunded(before: Order, after: Order) -> Iterator[Event]:
    remaining = after.total.minor - before.refunded.minor
    for refund in after.refunds[len(before.refunds) :]:
        yield OrderRefunded(
            refund_id=refund.refund_id,
            order_id=after.order_id,
            customer_id=after.customer_id,
            amount=decimal_text(refund.amount, after.currency),
            currency=after.currency,
            remaining_before=decimal_text(remaining, after.currency),
            remaining_after=decimal_text(remaining - refund.amount, after.currency),
            restock=tuple(
                OrderedLine(product_id=line.product_id, quantity=line.quantity) for line in refund.lines if line.restock
            ),
        )
        remaining -= refund.amount


def _owed_more(before: Order, after: Order) -> Iterator[Event]:
    for owed in more_owed(before, after):
        yield RefundDue(
            order_id=after.order_id,
            payment_id=owed.payment_id,
            amount=decimal_text(owed.amount, after.currency),
            currency=after.currency,
            reason=owed.cause,
            refund_id=owed.refund_id,
        )
