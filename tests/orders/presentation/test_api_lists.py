"""Orders over HTTP: lists, page by page."""

from __future__ import annotations

from datetime import timedelta

import pytest


@pytest.fixture
async def seven(post_order, clock, wired, because):
    """Seven orders of a customer, every third of them rejected, and one of another; oldest first."""
    orders = []
    for n in range(7):
        clock.forward(timedelta(seconds=1))
        orders.append((await post_order("c1")).json()["orderId"])
        if n % 3 == 0:
            await wired.record_stock()(order_id=orders[-1], outcome="rejected", cause=because(f"evt_{n}"))
    clock.forward(timedelta(seconds=1))
    orders.append((await post_order("c2")).json()["orderId"])
    return orders


@pytest.fixture
def walk(http):
    """Every page of a list, by its Link headers: `[ids]` of each page."""

    async def pages(headers, **asked):
        answer = await http.get("/orders", params=asked, headers=headers)
        found = []
        for _ in range(100):
            assert answer.status_code == 200, answer.text
            found.append([order["orderId"] for order in answer.json()["data"]])
            after = answer.json()["nextCursor"]
            assert ("next" in answer.links) == (after is not None)
            if after is None:
                return found
            answer = await http.get(answer.links["next"]["url"], headers=headers)
        raise AssertionError("a list without an end")

    return pages


async def test_a_customers_orders_come_newest_first_page_by_page(seven, walk, bearer):
    assert await walk(bearer("c1"), limit=3) == [seven[6:3:-1], seven[3:0:-1], seven[0:1]]


@pytest.mark.parametrize("limit", [7, 8, 100])
async def test_a_list_that_fits_has_no_next(seven, walk, bearer, limit):
    assert await walk(bearer("c1"), limit=limit) == [seven[6::-1]]


async def test_a_customer_sees_nobody_elses_orders_whatever_is_asked(seven, walk, bearer, http):
    others = await http.get("/orders", params={"customerId": "c1"}, headers=bearer("c2"))

    assert (others.status_code, others.json()["code"]) == (403, "not-allowed")
    assert await walk(bearer("c2"), customerId="c2") == [[seven[7]]]
    assert await walk(bearer("c3"), status="pending") == [[]]


@pytest.mark.usefixtures("seven")
async def test_a_list_is_private(http, bearer):
    answer = await http.get("/orders", headers=bearer("c1"))

    assert answer.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_a_customer_may_ask_for_a_status(seven, walk, bearer, limit):
    rejected, pending = [seven[6], seven[3], seven[0]], [seven[5], seven[4], seven[2], seven[1]]

    for status, there in (("cancelled", rejected), ("pending", pending), ("completed", [])):
        pages = await walk(bearer("c1"), status=status, limit=limit)
        assert [one for page in pages for one in page] == there
        assert max(map(len, pages)) <= limit


async def test_a_rare_status_among_many_orders_is_found(post_order, wired, because, walk, bearer, clock):
    first = (await post_order()).json()["orderId"]
    await wired.record_stock()(order_id=first, outcome="reserved", cause=because())
    for _ in range(30):
        clock.forward(timedelta(seconds=1))
        await post_order()

    pages = await walk(bearer("c1"), status="confirmed", limit=2)

    assert [one for page in pages for one in page] == [first]


async def test_staff_see_a_customers_orders_and_everybodys_in_a_status(seven, walk, bearer):
    staff = bearer("s1", "staff")

    assert await walk(staff, customerId="c2") == [[seven[7]]]
    assert await walk(staff, status="cancelled", limit=2) == [[seven[6], seven[3]], [seven[0]]]
    assert await walk(staff, status="pending") == [[seven[7], seven[5], seven[4], seven[2], seven[1]]]
    assert await walk(staff, customerId="c1", status="cancelled") == [[seven[6], seven[3], seven[0]]]


async def test_staff_must_say_which_orders(http, bearer):
    answer = await http.get("/orders", headers=bearer("s1", "staff"))

    assert (answer.status_code, answer.json()["code"]) == (422, "whose-orders")


async def test_a_page_stays_where_it_was_while_orders_come(seven, http, post_order, bearer, clock):
    first = await http.get("/orders", params={"limit": 3}, headers=bearer("c1"))
    clock.forward(timedelta(seconds=1))
    await post_order("c1")

    second = await http.get(first.links["next"]["url"], headers=bearer("c1"))

    assert [order["orderId"] for order in second.json()["data"]] == seven[3:0:-1]


@pytest.mark.usefixtures("seven")
async def test_a_cursor_of_another_question_is_refused(http, bearer):
    mine = (await http.get("/orders", params={"limit": 2}, headers=bearer("c1"))).json()["nextCursor"]
    staff = bearer("s1", "staff")
    everybodys = await http.get("/orders", params={"limit": 2, "status": "pending"}, headers=staff)

    for headers, asked in [
        (bearer("c2"), {"cursor": mine}),
        (staff, {"cursor": mine, "status": "pending"}),
        (staff, {"cursor": mine, "customerId": "c2"}),
        (staff, {"cursor": everybodys.json()["nextCursor"], "status": "cancelled"}),
        (bearer("c1"), {"cursor": everybodys.json()["nextCursor"]}),
    ]:
        answer = await http.get("/orders", params=asked, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "foreign-cursor")


@pytest.mark.parametrize(
    ("name", "value"),
    [("limit", "0"), ("limit", "101"), ("limit", "-5"), ("limit", "x"), ("limit", "1.5"), ("limit", ""),
     ("status", "lost"), ("status", "PENDING"), ("status", "null"), ("status", "")],
)  # fmt: skip
async def test_a_question_that_is_wrong_is_refused_where_it_is(http, bearer, name, value):
    answer = await http.get("/orders", params={name: value}, headers=bearer("c1"))

    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert [one["field"] for one in answer.json()["errors"]] == [name]
