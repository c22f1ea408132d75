"""What rewards hears, as it comes over a bus."""

from __future__ import annotations

import msgspec
import pytest

from shop.kernel.events import Envelope
from shop.orders.contract import OrderCompleted, OrderRefunded


@pytest.fixture
def heard(hear):
    """Tells rewards of an event with this data."""

    async def told(kind, order_id, **data):
        envelope = Envelope(
            id=f"evt_{kind}",
            type=kind,
            source="/shop/orders",
            subject=order_id,
            time="2026-11-23T04:00:00.123456Z",
            dataschema=f"urn:shop:{kind}:1",
            data=msgspec.Raw(msgspec.json.encode({"orderId": order_id, "customerId": "c1", "currency": "EUR"} | data)),
        )
        await hear(envelope)

    return told


def test_these_events_are_heard(wired):
    assert set(wired.reactions().table()) == {OrderCompleted.TYPE, OrderRefunded.TYPE}


async def test_a_completed_order_earns_and_a_refund_takes_back(heard, account, published):
    await heard("order.completed", "ord_1", total="29.99", futureField=[1])
    await heard(
        "order.refunded",
        "ord_1",
        refundId="ref_1",
        amount="10.00",
        remainingBefore="29.99",
        remainingAfter="19.99",
        restock=[{"productId": "cup", "quantity": 1}],
        futureField={"a": 1},
    )

    assert (await account()).left == {"2028-11": 19}
    assert published("reward.issued") == [{"customerId": "c1", "points": 29, "orderId": "ord_1"}]
    assert published("reward.reversed") == [{"customerId": "c1", "points": 10, "orderId": "ord_1", "refundId": "ref_1"}]


async def test_currencies_without_and_with_three_decimals_earn_by_whole_units(heard, account):
    await heard("order.completed", "ord_1", total="500", currency="JPY")
    await heard("order.completed", "ord_2", total="2.999", currency="KWD")
    await heard(
        "order.refunded",
        "ord_2",
        refundId="ref_1",
        amount="1.000",
        currency="KWD",
        remainingBefore="2.999",
        remainingAfter="1.999",
    )

    assert (await account()).balance == 501
