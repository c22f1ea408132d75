"""What a product cost, over HTTP."""

from __future__ import annotations

from datetime import timedelta

import pytest

PRICES = ("29.99", "28.00", "27.00")  # a day each, from 2026-11-23T04:00:00Z on


@pytest.fixture
async def repriced(saw, staff, time):
    """A saw that had these prices."""
    etag = saw.headers["etag"]
    for price in PRICES[1:]:
        time.passes(timedelta(days=1))
        body = {"basePrice": price, "discountedPrice": "26.00", "currency": "EUR"}
        answer = await staff.put("/products/saw/price", json=body, headers={"If-Match": etag})
        etag = answer.headers["etag"]


@pytest.mark.usefixtures("repriced")
async def test_prices_are_read_newest_first(staff):
    answer = await staff.get("/products/saw/prices")

    newest, *_, first = answer.json()["data"]
    assert newest == {
        "basePrice": "27.00",
        "discountedPrice": "26.00",
        "currency": "EUR",
        "at": "2026-11-25T04:00:00.000000Z",
        "who": "s1",
    }
    assert first == {"basePrice": "29.99", "currency": "EUR", "at": "2026-11-23T04:00:00.000000Z", "who": "s1"}
    assert answer.json()["nextCursor"] is None
    assert "no-store" in answer.headers["cache-control"]


@pytest.mark.usefixtures("repriced")
async def test_prices_are_read_page_by_page(staff):
    path, seen = "/products/saw/prices?limit=1", []
    while path:
        page = await staff.get(path)
        seen += [price["basePrice"] for price in page.json()["data"]]
        path = page.links.get("next", {}).get("url")

    assert seen == list(reversed(PRICES))


@pytest.mark.usefixtures("repriced")
@pytest.mark.parametrize(
    ("at", "held"),
    [
        ("2026-11-23T03:59:59.999999Z", []),
        ("2026-11-23T04:00:00Z", ["29.99"]),
        ("2026-11-24T03:59:59.999999Z", ["29.99"]),
        ("2026-11-24T05:00:00%2B01:00", ["28.00"]),
        ("2026-11-24T23:00:00Z", ["28.00"]),
        ("2999-01-01T00:00:00Z", ["27.00"]),
    ],
)
async def test_the_price_of_a_moment_is_the_one_that_held_then(staff, at, held):
    answer = await staff.get(f"/products/saw/prices?at={at}")

    assert [price["basePrice"] for price in answer.json()["data"]] == held
    assert answer.json()["nextCursor"] is None


@pytest.mark.usefixtures("saw")
async def test_a_price_that_is_set_to_what_it_is_is_no_further_entry(staff):
    price = {"basePrice": "29.990", "currency": "EUR"}

    same = await staff.put("/products/saw/price", json=price, headers={"If-Match": "*"})

    assert same.headers["etag"] == '"1.0"'
    assert len((await staff.get("/products/saw/prices")).json()["data"]) == 1


@pytest.mark.usefixtures("saw")
@pytest.mark.parametrize(
    ("question", "code"),
    [
        ("at=yesterday", "not-a-moment"),
        ("at=2026-11-23T04:00:00", "not-a-moment"),
        ("at=2026-11-23T04:00:00Z&cursor=x", "which-prices"),
        ("cursor=x", "foreign-cursor"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(staff, question, code):
    answer = await staff.get(f"/products/saw/prices?{question}")

    assert (answer.status_code, answer.json()["code"]) == (422, code)
