"""Orders over HTTP: what the payment provider tells."""

from __future__ import annotations

from datetime import timedelta

import pytest


@pytest.fixture
async def order_id(post_order):
    return (await post_order()).json()["orderId"]


async def test_a_payment_is_taken_once(webhook, order_id, published):
    first = await webhook(order_id)
    second = await webhook(order_id)

    assert (first.status_code, first.json()) == (200, {"paymentId": "pay_1", "duplicate": False})
    assert (second.status_code, second.json()) == (200, {"paymentId": "pay_1", "duplicate": True})
    assert len(published("payment.completed")) == 1


@pytest.mark.parametrize("secret", ["n" * 32, "o" * 32])
async def test_either_secret_signs_while_they_rotate(webhook, order_id, secret):
    assert (await webhook(order_id, secret=secret)).status_code == 200


@pytest.mark.parametrize("told", [{"secret": "x" * 32}, {"late": timedelta(seconds=301)}], ids=str)
async def test_what_the_provider_did_not_sign_is_refused(webhook, order_id, published, told):
    answer = await webhook(order_id, **told)

    assert (answer.status_code, answer.json()["code"]) == (401, "wrong-signature")
    assert published("payment.completed") == []


async def test_a_webhook_without_a_signature_is_refused(http, order_id):
    body = {"paymentId": "p", "orderId": order_id, "amount": "19.98", "currency": "EUR", "status": "completed"}

    assert (await http.post("/payments/webhook", json=body)).status_code == 401


@pytest.mark.parametrize("told", [{"amount": "1.00"}, {"currency": "USD"}, {"amount": "x"}], ids=str)
async def test_a_payment_that_does_not_fit_is_refused_each_time(webhook, order_id, published, told):
    for _ in range(2):
        answer = await webhook(order_id, **told)
        assert (answer.status_code, answer.json()["code"]) == (422, "payment-refused")

    assert published("payment.completed") == []


async def test_a_payment_of_no_order_is_refused(webhook):
    answer = await webhook("ord_none")

    assert (answer.status_code, answer.json()["code"]) == (422, "payment-refused")


async def test_what_the_provider_tells_besides_is_passed_over(webhook, order_id):
    assert (await webhook(order_id, fee="0.30", nested={"a": [1]})).status_code == 200


@pytest.mark.parametrize(
    "told",
    [
        {"status": "pending"},
        {"status": "completed\n"},
        {"paymentId": ""},
        {"paymentId": "x" * 201},
        {"amount": 19.98},
        {"currency": None},
    ],
    ids=str,
)
async def test_a_payment_of_the_wrong_shape_is_refused(webhook, order_id, told):
    answer = await webhook(order_id, **told)

    assert (answer.status_code, answer.json()["code"]) == (422, "wrong-shape")


@pytest.mark.parametrize("content", [b'{"x":' + b"[" * 100_000, b'{"x":' * 100_000], ids=["lists", "objects"])
async def test_nobody_can_make_us_fail_with_a_deep_body(webhook, content):
    answer = await webhook("ord_1", content=content)

    assert answer.status_code in {400, 401, 422}


async def test_an_amount_of_a_million_digits_is_refused(webhook, order_id):
    answer = await webhook(order_id, amount="9" * 1_000_000)

    assert answer.status_code == 422
    assert len(answer.content) < 1000
