"""Orders that an earlier version wrote are read as if today's had."""

from __future__ import annotations

import msgspec

from shop.orders.infrastructure.store import read_order


def test_payments_that_were_amounts_keep_their_order_of_arrival(order, moment, captured):
    paid = order.with_payment("pay_b", captured(), moment()).with_payment("pay_a", captured(1), moment())
    old = msgspec.json.decode(msgspec.json.encode(paid))
    old["payments"] = {"pay_b": 1998, "pay_a": 1998}
    for new in ("credit_used", "refunds"):
        del old[new]

    read = read_order(msgspec.json.encode(old))

    assert {one: payment.amount for one, payment in read.payments.items()} == {"pay_b": 1998, "pay_a": 1998}
    assert [owed.payment_id for owed in read.owed_back] == ["pay_a"]
    assert read_order(msgspec.json.encode(read)) == read
