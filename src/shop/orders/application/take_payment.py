"""The payment provider tells of a payment: kept once, and told on if it fits the order."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shop.kernel.clock import Clock, rfc3339
from shop.kernel.errors import Invalid
from shop.kernel.events import Cause, Event
from shop.kernel.money import Money, NotMoney
from shop.orders.application.ports import Orders, Payment
from shop.orders.contract import PaymentCompleted, PaymentFailed
from shop.orders.domain.order import Order


class PaymentRefused(Invalid):
    """A payment that does not fit what its order costs; it is recorded, and the provider is told."""

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
        told = Payment(
            payment_id=payment_id,
            order_id=order_id,
            amount=amount,
            currency=currency,
            status=status,
            at=rfc3339(self.clock()),
        )
        known = await self.orders.payment(payment_id, status)
        if known is not None and _same(known, told):
            if known.refused:
                raise PaymentRefused(known.refused)
            return False
        order = await self.orders.get(order_id)
        refused = _misfit(order, told) if known is None else "this payment was told before, of another order or amount"
        if refused:
            await self.orders.add_payment(replace(told, refused=refused), events=[], cause=cause)
            raise PaymentRefused(refused)
        await self.orders.add_payment(told, events=[_told(told)], cause=cause)
        return True


def _same(known: Payment, told: Payment) -> bool:
    if (known.order_id, known.currency) != (told.order_id, told.currency):
        return False
    try:
        return known.amount == told.amount or _money(known) == _money(told)
    except NotMoney:
        return False


def _misfit(order: Order | None, told: Payment) -> str | None:
    if order is None:
        return "there is no such order"
    if told.currency != order.currency:
        return f"the order is in {order.currency}, not in {told.currency}"
    if not order.to_pay.minor:
        return "nothing is to be paid for the order"
    try:
        fits = _money(told) == order.to_pay
    except NotMoney as error:
        return error.detail
    return None if fits else f"{order.to_pay} {order.currency} is to be paid for the order, not {told.amount}"


def _money(payment: Payment) -> Money:
    return Money.parse(payment.amount, payment.currency)


def _told(payment: Payment) -> Event:
    kind = PaymentCompleted if payment.status == "completed" else PaymentFailed
    return kind(
        payment_id=payment.payment_id, order_id=payment.order_id, amount=payment.amount, currency=payment.currency
    )
