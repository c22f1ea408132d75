"""What a change of an order's facts leads to: an event wherever its status or what is owed back moves."""

from __future__ import annotations

from collections.abc import Iterator

from shop.kernel.events import Event
from shop.kernel.money import decimal_text
from shop.orders.contract import OrderCancelled, OrderCompleted, RefundDue
from shop.orders.domain.order import Order, Status


def consequences(before: Order, after: Order) -> list[Event]:
    """The events of this step. They go out in the commit that saves it, so none goes out twice."""
    return [*_status_moved(before, after), *_owed_more(before, after)]


def _status_moved(before: Order, after: Order) -> Iterator[Event]:
    if after.status is before.status:
        return
    who = {"order_id": after.order_id, "customer_id": after.customer_id}
    if after.status is Status.COMPLETED:
        yield OrderCompleted(**who, total=str(after.total), currency=after.currency)
    elif after.status is Status.CANCELLED:
        yield OrderCancelled(**who, reason=after.reason or "")


def _owed_more(before: Order, after: Order) -> Iterator[Event]:
    for payment_id, (amount, reason) in after.owed_back.items():
        if payment_id not in before.owed_back:
            yield RefundDue(
                order_id=after.order_id,
                payment_id=payment_id,
                amount=decimal_text(amount, after.currency),
                currency=after.currency,
                reason=reason,
            )
