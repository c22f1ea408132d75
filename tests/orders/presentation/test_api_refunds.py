"""Orders over HTTP: refunds, credit, and what the payment provider told."""

from __future__ import annotations

import asyncio

import pytest

from shop.kernel.money import Money


@pytest.fixture
async def completed(post_order, wired, because):
    """Two cups for 19.98 EUR, reserved and paid; its id."""
    order_id = (await post_order()).json()["orderId"]
    await wired.record_stock()(order_id=order_id, outcome="reserved", cause=because("evt_stock"))
    await pay(wired, because, order_id)
    return order_id


async def pay(wired, because, order_id):
    order = await wired.orders().get(order_id)
    await wired.record_payment()(
        order_id=order_id,
        payment_id="pay_1",
        amount=order.to_pay,
        taken_at="2026-11-23T04:00:00.000000Z",
        cause=because("evt_pay"),
    )


@pytest.fixture
def refund(http, bearer, completed):
    def post(body, *, key="r1", who=("clerk", "staff"), order_id=completed):
        headers = bearer(*who) | {"Idempotency-Key": key}
        return http.post(f"/orders/{order_id}/refunds", headers=headers, json=body)

    return post


async def test_goods_are_refunded_and_come_back(refund, http, bearer, completed, published):
    answer = await refund({"lines": [{"productId": "cup", "quantity": 1, "restock": True}]})
    order = (await http.get(f"/orders/{completed}", headers=bearer("c1"))).json()

    made = answer.json()
    assert answer.status_code == 201
    assert (made["amount"], made["toPayment"], made["toCredit"], made["currency"]) == ("9.99", "9.99", "0.00", "EUR")
    assert made["lines"] == [{"productId": "cup", "quantity": 1, "restock": True}]
    assert (order["status"], order["refundedTotal"], order["owedBack"]) == ("completed", "9.99", "9.99")
    assert order["refunds"] == [made]
    assert [moment["what"] for moment in order["timeline"]][-2:] == ["order.refunded", "refund.due"]
    assert published("order.refunded", "refund.due") == [
        (
            "order.refunded",
            {
                "refundId": made["refundId"],
                "orderId": completed,
                "customerId": "c1",
                "amount": "9.99",
                "currency": "EUR",
                "remainingBefore": "19.98",
                "remainingAfter": "9.99",
                "restock": [{"productId": "cup", "quantity": 1}],
            },
        ),
        (
            "refund.due",
            {
                "orderId": completed,
                "paymentId": "pay_1",
                "amount": "9.99",
                "currency": "EUR",
                "reason": "refund",
                "refundId": made["refundId"],
            },
        ),
    ]


async def test_the_same_key_and_body_is_the_same_refund_and_another_body_refused(refund, published):
    copies = await asyncio.gather(*(refund({"amount": "5.00"}) for _ in range(20)))
    other = await refund({"amount": "6.00"})

    assert {copy.status_code for copy in copies} == {201}
    assert len({copy.text for copy in copies}) == 1
    assert sum("idempotent-replayed" in copy.headers for copy in copies) == 19
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert len(published("order.refunded")) == 1


async def test_a_key_is_of_one_order_too(refund, post_order):
    await refund({"amount": "5.00"})

    elsewhere = await refund({"amount": "5.00"}, order_id=(await post_order()).json()["orderId"])

    assert (elsewhere.status_code, elsewhere.json()["code"]) == (422, "idempotency-key-reused")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"amount": "20.00"}, 409, "refund-too-large"),
        ({"amount": "0.00"}, 422, "nothing-to-refund"),
        ({"amount": "5"}, 201, None),
        ({"amount": "5.001"}, 422, "not-money"),
        ({}, 422, "amount-or-lines"),
        ({"amount": "5.00", "lines": [{"productId": "cup", "quantity": 1}]}, 422, "amount-or-lines"),
        ({"lines": []}, 422, "wrong-shape"),
        ({"lines": [{"productId": "cup", "quantity": 3}]}, 422, "not-of-this-order"),
        ({"lines": [{"productId": "pot", "quantity": 1}]}, 422, "not-of-this-order"),
        ({"lines": [{"productId": "cup", "quantity": 1, "price": "1.00"}]}, 422, "wrong-shape"),
        ({"amount": 5}, 422, "wrong-shape"),
    ],
    ids=str,
)
async def test_a_refund_that_cannot_be_is_refused_with_its_reason(refund, body, status, code):
    answer = await refund(body)

    assert (answer.status_code, answer.json().get("code")) == (status, code)


async def test_an_order_that_is_not_completed_is_not_refunded(refund, post_order):
    answer = await refund({"amount": "1.00"}, order_id=(await post_order()).json()["orderId"])

    assert (answer.status_code, answer.json()["code"]) == (409, "not-completed")


async def test_a_refund_needs_staff_and_a_key(refund, http, bearer, completed):
    by_customer = await refund({"amount": "1.00"}, who=("c1", "customer"))
    headers = bearer("clerk", "staff")
    keyless = await http.post(f"/orders/{completed}/refunds", headers=headers, json={"amount": "1.00"})

    assert (by_customer.status_code, keyless.status_code) == (403, 400)
    assert keyless.json()["code"] == "idempotency-key-missing"


async def test_an_order_costs_less_with_credit_and_the_answer_says_what_is_to_pay(
    http, post_order, bearer, wired, because, webhook
):
    await credit(wired, because, "500")
    body = {"items": [{"productId": "cup", "quantity": 2}], "useCredit": True, "expectedTotal": "19.98"}
    placed = (await post_order(body=body, key="k")).json()
    left = await http.get("/credit/c1", headers=bearer("c1"))
    whole, rest = await webhook(placed["orderId"]), await webhook(placed["orderId"], amount="14.98")

    assert (placed["total"], placed["creditUsed"], placed["toPay"]) == ("19.98", "5.00", "14.98")
    assert left.json() == {"customerId": "c1", "credit": {}}
    assert (whole.status_code, rest.status_code) == (422, 200)
    assert (await post_order(body=body, key="k")).json() == placed


async def test_credit_is_of_its_customer_alone(http, bearer, wired, because):
    await credit(wired, because, "500")

    owner, staff, other = [
        await http.get("/credit/c1", headers=who) for who in (bearer("c1"), bearer("s", "staff"), bearer("c2"))
    ]

    assert owner.json() == staff.json() == {"customerId": "c1", "credit": {"EUR": "5.00"}}
    assert (other.status_code, other.json()["code"]) == (404, "no-such-customer")


async def test_staff_see_what_the_provider_told_refused_payments_too(http, bearer, post_order, webhook):
    order_id = (await post_order()).json()["orderId"]
    for amount in ("1.00", "19.98"):
        await webhook(order_id, amount=amount)

    staff = await http.get(f"/orders/{order_id}/payments", headers=bearer("s", "staff"))
    owner = await http.get(f"/orders/{order_id}/payments", headers=bearer("c1"))

    assert sorted((one["amount"], one.get("refused")) for one in staff.json()["data"]) == [
        ("1.00", "19.98 EUR is to be paid for the order, not 1.00"),
        ("19.98", None),
    ]
    assert owner.status_code == 403


async def credit(wired, because, minor):
    await wired.keep_credit()(
        redemption_id="rdm_1", customer_id="c1", amount=Money(int(minor), "EUR"), cause=because("evt_credit")
    )
