"""Orders that an older shop wrote become today's."""

from __future__ import annotations

import msgspec

from shop.kernel.clock import system_clock
from shop.orders.domain.order import Order
from shop.orders.infrastructure.documents import DOCUMENTS
from shop.platform.storage.port import Stored


def test_payments_that_were_amounts_keep_their_order_of_arrival(order, moment, captured):
    timeline = [
        {"what": "payment.completed", "at": at, "by": by, "detail": by}
        for at, by in (("2026-11-23T04:00:01.000000Z", "pay_b"), ("2026-11-23T04:00:02.000000Z", "pay_a"))
    ]
    paid = order.with_payment("pay_b", captured(), moment()).with_payment("pay_a", captured(1), moment())
    old = msgspec.json.decode(msgspec.json.encode(paid)) | {"timeline": timeline, "version": 3}
    old["payments"] = {"pay_b": 1998, "pay_a": 1998, "pay_c": 5}
    for new in ("credit_used", "refunds"):
        del old[new]

    put = DOCUMENTS.upgraded(Stored(f"order/{order.order_id}", msgspec.json.encode(old), 3, system_clock()), since=1)

    read = msgspec.json.decode(put.body, type=Order)
    assert {one: (payment.amount, payment.at) for one, payment in read.payments.items()} == {
        "pay_b": (1998, "2026-11-23T04:00:01.000000Z"),
        "pay_a": (1998, "2026-11-23T04:00:02.000000Z"),
        "pay_c": (5, "2026-11-23T04:00:02.000000Z"),
    }
    assert [owed.payment_id for owed in read.owed_back] == ["pay_a", "pay_c"]
    assert (put.was, read.version) == (2, 3)
