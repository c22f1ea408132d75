"""A refund is made once for its key, at whatever distance its copies come."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shop.kernel.idempotency import Once
from shop.orders.domain.refund import RefundedLine
from shop.platform.retry import again

ALL = "19.98"


@pytest.fixture
async def completed(wired, placed, because):
    order = await placed(cup=2)
    await wired.record_stock()(order_id=order.order_id, outcome="reserved", cause=because("evt_1"))
    await wired.record_payment()(
        order_id=order.order_id, payment_id="p", amount=order.to_pay, taken_at="t", cause=because("evt_2")
    )
    return order


@pytest.mark.parametrize("read", ["get", "led_to"])
@pytest.mark.parametrize("wanted", [ALL, [RefundedLine(product_id="cup", quantity=2)]], ids=["amount", "goods"])
async def test_a_copy_that_looks_while_another_one_is_saved_is_answered_the_same(
    wired, completed, because, published, between, read, wanted
):
    asked = {"order_id": completed.order_id, "wanted": wanted, "once": Once(key="s/refund/k", fingerprint="f")}
    made = []

    async def refund():
        made.append(await wired.refund_order()(**asked, cause=because()))

    copy = replace(wired.refund_order(), orders=between(wired.orders(), read, refund))
    answer = await again(copy, **asked, cause=because())

    assert (made[0].replayed, answer.replayed) == (False, True)
    assert answer.refund == made[0].refund
    assert len(published("order.refunded")) == 1
