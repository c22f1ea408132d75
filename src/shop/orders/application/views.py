"""Orders as others see them."""

from __future__ import annotations

import msgspec

from shop.kernel.money import decimal_text
from shop.orders.application.ports import Payment
from shop.orders.contract import LineView, MomentView, OrderView, PaymentView, RefundedLineView, RefundView
from shop.orders.domain.order import Order, Status
from shop.orders.domain.refund import Refund


def order_as_placed(order: Order) -> OrderView:
    """What never changes of an order: the answer to the request that placed it, and to its copies."""
    return _view(order, status=Status.PENDING)


def order_view(order: Order) -> OrderView:
    """An order as it stands, with its timeline."""
    owed = sum(owed.amount for owed in order.owed_back)
    return msgspec.structs.replace(
        _view(order, status=order.status),
        reason=order.reason,
        owed_back=decimal_text(owed, order.currency) if owed else None,
        refunded_total=str(order.refunded) if order.refunds else None,
        refunds=tuple(refund_view(order, refund) for refund in order.refunds),
        timeline=tuple(MomentView(what=m.what, at=m.at, by=m.by, detail=m.detail) for m in order.timeline),
    )


def refund_view(order: Order, refund: Refund) -> RefundView:
    """A refund; nothing of it changes later."""
    return RefundView(
        refund_id=refund.refund_id,
        order_id=order.order_id,
        amount=decimal_text(refund.amount, order.currency),
        to_payment=decimal_text(refund.to_payment, order.currency),
        to_credit=decimal_text(refund.to_credit, order.currency),
        currency=order.currency,
        lines=tuple(
            RefundedLineView(product_id=line.product_id, quantity=line.quantity, restock=line.restock)
            for line in refund.lines
        ),
        at=refund.at,
    )


def payment_view(payment: Payment) -> PaymentView:
    """A payment as the provider told of it, amounts as it wrote them."""
    return PaymentView(
        payment_id=payment.payment_id,
        order_id=payment.order_id,
        amount=payment.amount,
        currency=payment.currency,
        status=payment.status,
        at=payment.at,
        refused=payment.refused,
    )


def _view(order: Order, *, status: Status) -> OrderView:
    currency = order.currency
    return OrderView(
        order_id=order.order_id,
        customer_id=order.customer_id,
        status=status.value,
        lines=tuple(
            LineView(
                product_id=line.product_id,
                name=line.name,
                quantity=line.quantity,
                unit_price=decimal_text(line.price, currency),
                total=decimal_text(line.total, currency),
            )
            for line in order.lines
        ),
        total=str(order.total),
        to_pay=str(order.to_pay),
        currency=currency,
        created_at=order.created_at,
        expires_at=order.expires_at,
        credit_used=decimal_text(order.credit_used, currency) if order.credit_used else None,
        reference=order.reference,
        shipping_address=dict(order.shipping_address) if order.shipping_address else None,
        metadata=dict(order.metadata) if order.metadata else None,
    )
