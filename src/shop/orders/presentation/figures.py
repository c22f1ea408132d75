"""What is counted of orders, by what is published of them.

That an order is confirmed is nothing that orders publishes: `shop_reservations_total` of the catalog, by which it is.
"""

from shop.kernel.events import Envelope
from shop.orders.contract import (
    OrderCancelled,
    OrderCompleted,
    OrderCreated,
    OrderRefunded,
    PaymentCompleted,
    PaymentFailed,
)
from shop.platform.figures import Counting, Figures, counter

ORDERS = counter("shop_orders", "Orders by what has become of them.", "status", dimensions=("status",))
CANCELLATIONS = counter("shop_cancellations", "Orders cancelled, by why.", "reason", dimensions=("reason",))
REVENUE = counter(
    "shop_revenue", "Of completed orders, refunds not taken off.", "currency", dimensions=("currency",), unit="None"
)
REFUNDS = counter("shop_refunds", "Money that went back.", "currency", dimensions=("currency",), unit="None")
PAYMENTS = counter("shop_payments", "Payments by what the provider said.", "result", dimensions=("result",))
METRICS = (ORDERS, CANCELLATIONS, REVENUE, REFUNDS, PAYMENTS)


def _completed(event: Envelope, figures: Figures) -> None:
    fact = event.read(OrderCompleted)
    figures.count(ORDERS, "completed")
    figures.count(REVENUE, fact.currency, by=float(fact.total))


def _cancelled(event: Envelope, figures: Figures) -> None:
    figures.count(ORDERS, "cancelled")
    figures.count(CANCELLATIONS, event.read(OrderCancelled).reason)


def _refunded(event: Envelope, figures: Figures) -> None:
    fact = event.read(OrderRefunded)
    figures.count(ORDERS, "refunded")
    figures.count(REFUNDS, fact.currency, by=float(fact.amount))


COUNTING: Counting = {
    OrderCreated.TYPE: (ORDERS, "created"),
    OrderCompleted.TYPE: _completed,
    OrderCancelled.TYPE: _cancelled,
    OrderRefunded.TYPE: _refunded,
    PaymentCompleted.TYPE: (PAYMENTS, "completed"),
    PaymentFailed.TYPE: (PAYMENTS, "failed"),
}
