"""The payment provider's notices in bad weather: many times, in any order, forged ones among them."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import timedelta

import pytest

from shop.platform import signatures

TIMES = 10


def notices(story, order, payment_id):
    """(what is wrong with it, header, body) of each notice; None for the right one."""
    told = {"paymentId": payment_id, "orderId": order["orderId"], "amount": order["toPay"], "currency": "EUR"}
    told |= {"status": "completed"}
    right = json.dumps(told).encode()
    secret, now = story.payment_secret, story.clock()
    bodies = {
        None: right,
        "another amount": json.dumps(told | {"amount": "0.01"}).encode(),
        "another currency": json.dumps(told | {"currency": "USD"}).encode(),
        "no order": json.dumps(told | {"orderId": "ord_none"}).encode(),
    }
    for wrong, body in bodies.items():
        yield wrong, signatures.sign(secret=secret, at=now, body=body), body
    yield "another secret", signatures.sign(secret="x" * 32, at=now, body=right), right
    yield "another body", signatures.sign(secret=secret, at=now, body=b"{}"), right
    yield "too old", signatures.sign(secret=secret, at=now - timedelta(seconds=301), body=right), right
    yield "from the future", signatures.sign(secret=secret, at=now + timedelta(seconds=900), body=right), right
    yield "no signature", None, right


@pytest.mark.parity
@pytest.mark.parametrize("seed", range(3))
async def test_ten_times_out_of_order_and_forged_it_is_one_capture_and_the_rest_is_refused(story, seed):
    await story.sell("cup", price="9.99")
    order = (await story.order("ann", ("cup", 2))).json()
    sent = [*notices(story, order, "pay_1")] * TIMES
    random.Random(seed).shuffle(sent)

    answers = []
    for wrong, header, body in sent:
        headers = {"Payment-Signature": header} if header else {}
        answer = await story.http.post("/payments/webhook", headers=headers, content=body)
        answers.append((wrong, answer.status_code, answer.json().get("duplicate")))
    await story.until_quiet()

    assert sorted(duplicate for wrong, _, duplicate in answers if wrong is None) == [False] + [True] * (TIMES - 1)
    forged = {"another secret", "another body", "too old", "from the future", "no signature"}
    assert {status for wrong, status, _ in answers if wrong in forged} == {401}
    assert {status for wrong, status, _ in answers if wrong and wrong not in forged} == {422}
    assert len(await story.events("payment.completed")) == 1
    paid = await story.read(order, "ann")
    assert (paid["status"], paid.get("owedBack")) == ("completed", None)
    staff = story.bearer("clerk", "staff")
    kept = (await story.http.get(f"/orders/{order['orderId']}/payments", headers=staff)).json()["data"]
    assert sorted((one["amount"], one["currency"], "refused" in one) for one in kept) == [
        ("0.01", "EUR", True),
        ("19.98", "EUR", False),
        ("19.98", "USD", True),
    ]
    assert await story.points("ann") == 19


async def test_a_secret_that_is_being_replaced_still_signs_and_one_that_was_does_not(settings, visiting):
    old, new = "o" * 32, "n" * 32
    rotating, rotated = replace(settings, payment_secrets=(new, old)), replace(settings, payment_secrets=(new,))
    for current, signed, status in ((rotating, old, 200), (rotating, new, 200), (rotated, old, 401)):
        async with visiting(current, serving=True) as story:
            name = f"cup-{signed[0]}-{status}"
            await story.sell(name)
            order = (await story.order("ann", (name, 1), key=name)).json()
            told = {"paymentId": name, "orderId": order["orderId"], "amount": "9.99", "currency": "EUR"}
            body = json.dumps(told | {"status": "completed"}).encode()
            header = signatures.sign(secret=signed, at=story.clock(), body=body)
            answer = await story.http.post("/payments/webhook", headers={"Payment-Signature": header}, content=body)
            assert answer.status_code == status
