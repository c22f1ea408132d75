"""Placing an order: once per key, at the catalog's prices of now."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from shop.kernel.idempotency import KeyReused
from shop.kernel.money import Money, NotMoney
from shop.orders.application.create_order import TotalDiffers
from shop.orders.application.ports import CatalogUnavailable
from shop.orders.domain.lines import MixedCurrencies, NothingOrdered, UnknownProducts
from shop.orders.domain.order import Status
from shop.platform.retry import again


async def test_an_order_is_placed_at_the_price_of_now_and_told(wired, new, because, published):
    order, there_before = await wired.create_order()(wanted=new(cup=2, pot=1), cause=because("req_7"))

    assert not there_before
    assert order.order_id.startswith("ord_")
    assert order.total == Money(4498, "EUR")  # the pot at its discount
    assert order.status is Status.PENDING
    assert (order.created_at, order.expires_at) == ("2026-11-23T04:00:00.000000Z", "2026-11-23T04:30:00.000000Z")
    assert [(moment.what, moment.by) for moment in order.timeline] == [("order.created", "req_7")]
    assert published() == [
        (
            "order.created",
            {
                "orderId": order.order_id,
                "customerId": "c1",
                "lines": [{"productId": "cup", "quantity": 2}, {"productId": "pot", "quantity": 1}],
            },
        )
    ]


async def test_a_placed_order_is_read_as_it_was_placed(wired, placed):
    order = await placed(cup=2)

    read = await wired.read_orders().one(order_id=order.order_id, of_customer="c1")

    assert read == replace(order, version=1)


async def test_lines_of_the_same_product_become_one(wired, new, because, published):
    wanted = replace(new(cup=2), items=[("cup", 2), ("pot", 1), ("cup", 3)])
    order, _ = await wired.create_order()(wanted=wanted, cause=because())

    assert [(line.product_id, line.quantity) for line in order.lines] == [("cup", 5), ("pot", 1)]
    assert published()[0][1]["lines"][0] == {"productId": "cup", "quantity": 5}


async def test_the_same_key_and_body_is_the_same_order(wired, new, because, published, clock, shelf):
    first, _ = await wired.create_order()(wanted=new(key="k", cup=2), cause=because())
    clock.forward(timedelta(days=400))
    shelf.has("cup", "99.00")

    again_, there_before = await wired.create_order()(wanted=new(key="k", cup=2), cause=because())

    assert there_before
    assert again_.order_id == first.order_id
    assert again_.total == first.total
    assert len(published()) == 1


async def test_the_same_key_with_another_body_is_refused(wired, new, because, published):
    await wired.create_order()(wanted=new(key="k", cup=2), cause=because())

    with pytest.raises(KeyReused):
        await wired.create_order()(wanted=new(key="k", cup=3), cause=because())

    assert len(published()) == 1


async def test_another_key_is_another_order(wired, new, because, published):
    for key in ("k1", "k2"):
        await wired.create_order()(wanted=new(key=key, cup=2), cause=because())

    assert len({data["orderId"] for _, data in published()}) == 2


async def test_the_same_key_of_another_customer_is_another_order(wired, new, because, published):
    for customer in ("c1", "c2"):
        await wired.create_order()(wanted=new(key="k", customer=customer, cup=2), cause=because())

    assert [data["customerId"] for _, data in published()] == ["c1", "c2"]


async def test_twenty_copies_at_once_are_one_order(wired, new, because, published):
    answers = await asyncio.gather(
        *(again(wired.create_order(), wanted=new(key="k", cup=2), cause=because(f"req_{n}")) for n in range(20))
    )

    assert len({order.order_id for order, _ in answers}) == 1
    assert sorted(there_before for _, there_before in answers) == [False] + [True] * 19
    assert len(published()) == 1


async def test_a_copy_that_would_be_refused_finds_that_another_one_of_it_was_placed(
    wired, new, because, published, shelf, between
):
    wanted = new(key="k", cup=2, expected="19.98")
    made = []

    async def another_copy_and_then_another_price():
        made.append((await wired.create_order()(wanted=wanted, cause=because()))[0])
        shelf.has("cup", "12.00")
        await wired.catalog().forget(["product:cup"])

    orders = between(wired.orders(), "led_to", another_copy_and_then_another_price)
    order, replayed = await again(replace(wired.create_order(), orders=orders), wanted=wanted, cause=because())

    assert (order.order_id, replayed) == (made[0].order_id, True)
    assert len(published("order.created")) == 1


async def test_twenty_bodies_under_one_key_at_once_are_one_order_and_19_refusals(wired, new, because, published):
    answers = await asyncio.gather(
        *(again(wired.create_order(), wanted=new(key="k", cup=n + 1), cause=because()) for n in range(20)),
        return_exceptions=True,
    )

    assert sorted(type(answer).__name__ for answer in answers) == ["KeyReused"] * 19 + ["tuple"]
    assert len(published()) == 1


@pytest.mark.parametrize("expected", ["19.98", "19.980", "019.98"])
async def test_the_total_the_customer_was_shown_is_taken(placed, expected):
    assert (await placed(cup=2, expected=expected)).total == Money(1998, "EUR")


async def test_another_total_than_shown_is_refused_and_both_are_named(placed, published):
    with pytest.raises(TotalDiffers) as refused:
        await placed(cup=2, expected="19.97")

    assert refused.value.extra == {"total": "19.98", "expectedTotal": "19.97", "currency": "EUR"}
    assert published() == []


@pytest.mark.parametrize("expected", ["", "x", "19.985", "1e1", "19,98"])
async def test_a_total_that_is_no_amount_is_refused(placed, published, expected):
    with pytest.raises(NotMoney):
        await placed(cup=2, expected=expected)

    assert published() == []


async def test_what_is_refused_leaves_its_key_free(wired, new, because):
    with pytest.raises(UnknownProducts):
        await wired.create_order()(wanted=new(key="k", unknown=1), cause=because())

    _, there_before = await wired.create_order()(wanted=new(key="k", cup=1), cause=because())
    assert not there_before


@pytest.mark.parametrize(
    ("items", "refusal"),
    [({}, NothingOrdered), ({"cup": 1, "usd": 1}, MixedCurrencies), ({"none": 1}, UnknownProducts)],
)
async def test_what_cannot_be_ordered_is_refused_and_nothing_is_told(placed, published, items, refusal):
    with pytest.raises(refusal):
        await placed(**items)

    assert published() == []


async def test_an_archived_product_is_not_for_sale(placed, shelf):
    shelf.has("old", status="archived")

    with pytest.raises(UnknownProducts):
        await placed(old=1)


async def test_a_product_that_is_out_of_stock_does_not_refuse_an_order(placed, shelf):
    shelf.has("gone", inStock=False, stockQuantity=0)

    assert (await placed(gone=1)).status is Status.PENDING


async def test_a_catalog_that_does_not_answer_refuses_an_order_for_now(placed, shelf, published):
    shelf.answer = httpx.Response(500)

    with pytest.raises(CatalogUnavailable) as refused:
        await placed(cup=1)

    assert refused.value.retry_after == 5
    assert published() == []


async def test_an_order_is_placed_from_memory_while_the_catalog_is_away(placed, shelf):
    await placed(cup=1)
    shelf.answer = httpx.Response(500)

    assert (await placed(cup=2)).total == Money(1998, "EUR")


async def test_an_order_of_1500_lines_is_placed_and_its_event_fits_on_a_bus(placed, shelf, store):
    ids = [f"{n:04d}".rjust(100, "x") for n in range(1500)]
    for one in ids:
        shelf.has(one, "0.01")

    order = await placed(**dict.fromkeys(ids, 1_000_000))

    [(size,)] = store.file.reader.execute("SELECT length(body) FROM events").fetchall()
    assert len(order.lines) == 1500
    assert size < 200 * 1024
