"""The catalog as orders sees it: just what it needs, whatever else is said."""

from __future__ import annotations

import httpx
import pytest

from shop.orders.application.ports import CatalogUnavailable
from shop.orders.domain.lines import ProductInfo


@pytest.fixture
def catalog(wired):
    return wired.catalog()


async def test_a_product_is_what_orders_needs_of_it(catalog):
    assert await catalog.products(["cup"]) == {"cup": ProductInfo("cup", "Product cup", 999, "EUR")}


@pytest.mark.parametrize(
    ("prices", "minor"),
    [
        ({"basePrice": "30.00", "discountedPrice": "25.00"}, 2500),
        ({"basePrice": "30.00", "discountedPrice": None}, 3000),
        ({"basePrice": "30.00"}, 3000),
        ({"basePrice": "30.00", "discountedPrice": "0.00"}, 0),
        ({"basePrice": "30", "discountedPrice": "35.5"}, 3550),
    ],
)
async def test_the_discounted_price_wins(catalog, shelf, prices, minor):
    shelf.has("pan", **prices)

    assert (await catalog.products(["pan"]))["pan"].price == minor


@pytest.mark.parametrize(("price", "currency", "minor"), [("1999", "JPY", 1999), ("1.234", "KWD", 1234)])
async def test_prices_are_in_the_minor_units_of_their_currency(catalog, shelf, price, currency, minor):
    shelf.has("pan", price, currency)

    product = (await catalog.products(["pan"]))["pan"]
    assert (product.price, product.currency) == (minor, currency)


async def test_what_orders_does_not_know_is_passed_over(catalog, shelf):
    shelf.has("pan", attributes={"a": [1, {"b": None}]}, version="not a number", inStock=False, stockQuantity=-3)

    assert set(await catalog.products(["pan"])) == {"pan"}


async def test_a_product_without_a_status_is_for_sale(catalog, shelf):
    shelf.has("pan")
    del shelf.products["pan"]["status"]

    assert set(await catalog.products(["pan"])) == {"pan"}


@pytest.mark.parametrize("status", ["archived", "draft", ""])
async def test_what_is_not_active_is_not_for_sale(catalog, shelf, status):
    shelf.has("pan", status=status)

    assert set(await catalog.products(["pan", "cup"])) == {"cup"}


async def test_an_archived_product_is_remembered_as_such(catalog, shelf):
    shelf.has("pan", status="archived")
    await catalog.products(["pan"])
    await catalog.products(["pan"])

    assert shelf.asked == 1


async def test_what_is_forgotten_is_asked_for_again(catalog, shelf):
    await catalog.products(["cup", "pot"])
    shelf.has("cup", "1.00")
    shelf.has("pot", "1.00")

    await catalog.forget(["product:cup"])

    products = await catalog.products(["cup", "pot"])
    assert (products["cup"].price, products["pot"].price) == (100, 2500)


@pytest.mark.parametrize(
    "wrong",
    [{"basePrice": "x"}, {"basePrice": "9.999"}, {"currency": "XXY"}, {"basePrice": 9.99}, {"name": None}],
    ids=str,
)
async def test_a_product_that_is_not_as_agreed_is_the_catalogs_fault_and_not_the_customers(catalog, shelf, wrong):
    shelf.has("pan", **wrong)

    with pytest.raises(CatalogUnavailable):
        await catalog.products(["pan"])


async def test_a_catalog_that_does_not_answer_says_when_to_try_again(catalog, shelf):
    shelf.answer = httpx.Response(500)

    with pytest.raises(CatalogUnavailable) as refused:
        await catalog.products(["cup"])

    assert refused.value.retry_after == 5
