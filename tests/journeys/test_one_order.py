"""One order from the shelf to its points."""

from __future__ import annotations

import asyncio

import pytest

pytestmark = pytest.mark.parity  # on every topology


async def test_an_order_is_placed_confirmed_paid_completed_and_rewarded(story):
    await story.sell("cup", price="9.99", on_hand=5)

    placed = await story.order("ann", ("cup", 2))
    await story.until_quiet()
    confirmed = await story.read(placed.json(), "ann")
    paid = await story.pay(placed.json())
    await story.until_quiet()
    completed = await story.read(placed.json(), "ann")

    assert placed.status_code == 201
    assert placed.json()["status"] == "pending"
    assert placed.json()["total"] == "19.98"
    assert confirmed["status"] == "confirmed"
    assert paid.status_code == 200
    assert completed["status"] == "completed"
    happened = [moment["what"] for moment in completed["timeline"]]
    assert happened == ["order.created", "stock.reserved", "payment.completed", "reward.issued"]
    assert await story.points("ann") == 19
    assert await story.stock("cup") == {
        "productId": "cup", "onHand": 3, "available": 3, "reserved": 0, "sold": 2, "version": 3
    }  # fmt: skip


async def test_paid_before_it_is_reserved_comes_to_the_same(story):
    await story.sell("cup", on_hand=1)

    placed = await story.order("ann", ("cup", 1))
    await story.pay(placed.json())
    await story.until_quiet()

    assert (await story.read(placed.json(), "ann"))["status"] == "completed"
    assert await story.points("ann") == 9


async def test_the_same_key_is_the_same_order_however_often_it_is_sent(story):
    await story.sell("cup")

    copies = await asyncio.gather(*(story.order("ann", ("cup", 1), key="k") for _ in range(20)))
    await story.until_quiet()

    assert {copy.status_code for copy in copies} == {201}
    assert len({copy.text for copy in copies}) == 1
    assert sum("idempotent-replayed" in copy.headers for copy in copies) == 19
    assert (await story.stock("cup"))["available"] == 9


async def test_the_same_key_with_another_body_is_refused(story):
    await story.sell("cup")
    await story.order("ann", ("cup", 1), key="k")

    refused = await story.order("ann", ("cup", 2), key="k")

    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency-key-reused")


async def test_two_customers_may_use_the_same_key(story):
    await story.sell("cup")

    answers = [await story.order(who, ("cup", 1), key="k") for who in ("ann", "bob")]

    assert len({answer.json()["orderId"] for answer in answers}) == 2


async def test_a_payment_of_an_order_without_stock_is_owed_back(story):
    await story.sell("cup", on_hand=0)
    placed = await story.order("ann", ("cup", 1))
    await story.pay(placed.json())
    await story.until_quiet()

    order = await story.read(placed.json(), "ann")

    assert (order["status"], order["reason"]) == ("cancelled", "out_of_stock")
    assert order["owedBack"] == "9.99"
    assert [moment["detail"] for moment in order["timeline"] if moment["what"] == "refund.due"] == ["pay_1"]
    assert len(await story.events("refund.due")) == 1
    assert await story.points("ann") == 0


async def test_a_payment_told_again_in_other_words_is_the_same_and_with_other_content_refused(story):
    await story.sell("cup", price="5.00")
    order = (await story.order("ann", ("cup", 1))).json()
    await story.pay(order, amount="5.00")

    again = await story.pay(order, amount="5")
    other = await story.pay(order, amount="4.00")

    assert (again.status_code, again.json()["duplicate"]) == (200, True)
    assert (other.status_code, other.json()["code"]) == (422, "payment-refused")


async def test_an_order_that_costs_nothing_completes_when_its_stock_is_reserved(story):
    await story.sell("leaflet", price="0.00")

    placed = await story.order("ann", ("leaflet", 1))
    await story.until_quiet()

    assert (await story.read(placed.json(), "ann"))["status"] == "completed"
    assert (await story.stock("leaflet"))["sold"] == 1


async def test_what_is_done_bears_an_id_whatever_it_answers(story):
    await story.sell("cup")
    etag = (await story.http.get("/products/cup")).headers["etag"]

    gone = await story.http.delete("/products/cup", headers=story.bearer("clerk", "staff") | {"If-Match": etag})

    assert (gone.status_code, gone.content) == (204, b"")
    assert gone.headers["x-request-id"].startswith("req_")


async def test_head_answers_like_get_without_a_body(story):
    await story.sell("cup")

    whole, head = await story.http.get("/products/cup"), await story.http.head("/products/cup")

    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "etag", "cache-control", "cache-tags", "last-modified"):
        assert head.headers[name] == whole.headers[name]


async def test_a_new_price_holds_for_orders_soon_after(story):
    await story.sell("cup", price="9.99")
    await story.order("ann", ("cup", 1), key="before")
    await story.until_quiet()
    staff = story.bearer("clerk", "staff")

    changed = await story.http.put(
        "/products/cup/price",
        headers=staff | {"If-Match": (await story.http.get("/products/cup")).headers["etag"]},
        json={"basePrice": "5.00", "currency": "EUR"},
    )
    await story.until_quiet()
    after = await story.order("ann", ("cup", 1), key="after")

    assert changed.status_code == 200, changed.text
    assert after.json()["total"] == "5.00"


@pytest.mark.parametrize(
    ("items", "code"),
    [
        ([], "nothing-ordered"),
        ([("ghost", 1)], "unknown-products"),
        ([("cup", 0)], "wrong-quantity"),
        ([("cup", -1)], "wrong-quantity"),
        ([("cup", 10**9)], "wrong-quantity"),
        ([("cup", 600_000), ("cup", 600_000)], "wrong-quantity"),
        ([("cup", 2**70)], "wrong-quantity"),
        ([("cup", 1.5)], "wrong-shape"),
        ([("a/b", 1)], "wrong-shape"),
        ([("cup", 1), ("yen", 1)], "mixed-currencies"),
    ],
)
async def test_an_order_that_cannot_be_is_refused_and_nothing_is_written(story, items, code):
    await story.sell("cup")
    await story.sell("yen", price="100", currency="JPY")

    refused = await story.order("ann", *items)

    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert refused.headers["content-type"] == "application/problem+json"
    assert (await story.http.get("/orders", headers=story.bearer("ann"))).json()["data"] == []


async def test_an_order_of_120_lines_is_placed_reserved_and_sold(story):
    products = [f"p{n:04}" for n in range(120)]  # more than one commit has room for on some engines
    for begin in range(0, 120, 40):
        await asyncio.gather(*(story.sell(product, on_hand=1) for product in products[begin : begin + 40]))

    placed = await story.order("ann", *((product, 1) for product in products))
    await story.until_quiet()
    await story.pay(placed.json())
    await story.until_quiet()

    assert placed.status_code == 201
    assert (await story.read(placed.json(), "ann"))["status"] == "completed"
    assert {(await story.stock(product))["sold"] for product in products[::12]} == {1}
