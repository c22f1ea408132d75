"""The payment provider tells of a payment: kept once, and told on if it fits the order."""

from __future__ import annotations

from dataclasses import dataclass

from shop.kernel.clock import Clock, rfc3339
from shop.kernel.errors import Invalid
from shop.kernel.events import Cause, Event
from shop.kernel.money import Money, NotMoney
from shop.orders.application.ports import Orders, Payment
from shop.orders.contract import PaymentCompleted, PaymentFailed
from shop.orders.domain.order import Order


class PaymentRefused(Invalid):
    """A payment that does not fit its order; it is recorded, and the provider is told."""

    code = "payment-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class TakePayment:
    """Write set: payment; event `payment.completed` or `payment.failed`, none when it is refused."""

    orders: Orders
    clock: Clock

    async def __call__(
        self, *, payment_id: str, order_id: str, amount: str, currency: str, status: str, cause: Cause
    ) -> bool:
        """Was it new? `PaymentRefused` for an unknown order, another currency or amount."""
        known = await self.orders.payment(payment_id, status)
        if known is None:
            refused = _misfit(await self.orders.get(order_id), amount, currency)
            known = Payment(
                payment_id=payment_id,
                order_id=order_id,
                amount=amount,
                currency=currency,
                status=status,
                at=rfc3339(self.clock()),
                refused=refused,
            )
            await self.orders.add_payment(known, events=[] if refused else [_told(known)], cause=cause)
            new = True
        else:
            new = False
            if not _same(known, order_id, amount, currency):
                raise PaymentRefused("this payment was told before, for another order or another amount")
        if known.refused:
            raise PaymentRefused(known.refused)
        return new


def _same(known: Payment, order_id: str, amount: str, currency: str) -> bool:
    if (known.order_id, known.currency) != (order_id, currency):
        return False
    try:
        return known.amount == amount or Money.parse(known.amount, currency) == Money.parse(amount, currency)
    except NotMoney:
        return False


def _misfit(order: Order | None, amount: str, currency: str) -> str | None:
    if order is None:
        return "there is no such order"
    if currency != order.currency:
        return f"the order is in {order.currency}, not in {currency}"
    try:
        fits = Money.parse(amount, currency) == order.total
    except NotMoney as error:
        return error.detail
    return None if fits else f"the order's total is {order.total}, not {amount}"


def _told(payment: Payment) -> Event:
    kind = PaymentCompleted if payment.status == "completed" else PaymentFailed
    return kind(
        payment_id=payment.payment_id, order_id=payment.order_id, amount=payment.amount, currency=payment.currency
    )
