"""Orders over HTTP: placing and reading them."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64encode

import pytest

from shop.kernel.errors import TryLater


def _encoded(raw):
    return urlsafe_b64encode(raw).decode().rstrip("=")


async def test_an_order_is_created_with_its_place(post_order, http, bearer):
    answer = await post_order(key="k")

    assert answer.status_code == 201
    order = answer.json()
    assert order == {
        "orderId": order["orderId"],
        "customerId": "c1",
        "status": "pending",
        "lines": [{"productId": "cup", "name": "Product cup", "quantity": 2, "unitPrice": "9.99", "total": "19.98"}],
        "total": "19.98",
        "toPay": "19.98",
        "currency": "EUR",
        "createdAt": "2026-11-23T04:00:00.000000Z",
        "expiresAt": "2026-11-23T04:30:00.000000Z",
    }
    assert answer.headers["location"] == f"/orders/{order['orderId']}"
    assert answer.headers["cache-control"] == "private, no-store"
    read = await http.get(answer.headers["location"], headers=bearer("c1"))
    timeline = read.json().pop("timeline")
    assert read.json() == order | {"timeline": timeline}
    assert [(moment["what"], moment["by"]) for moment in timeline] == [
        ("order.created", answer.headers["x-request-id"])
    ]


async def test_what_belongs_to_its_owner_is_given_back(post_order, http, bearer):
    more = {"reference": "PO 7", "shippingAddress": {"city": "Köln"}, "metadata": {"a": "b"}}

    answer = await post_order(body={"items": [{"productId": "cup", "quantity": 1}]} | more)

    assert more.items() <= answer.json().items()
    assert more.items() <= (await http.get(answer.headers["location"], headers=bearer("c1"))).json().items()


async def test_a_copy_is_answered_as_the_first_was_whatever_has_become_of_the_order(post_order, wired, because):
    first = await post_order(key="k")
    await wired.record_stock()(order_id=first.json()["orderId"], outcome="reserved", cause=because())

    copy = await post_order(key="k")

    assert (copy.status_code, copy.content) == (201, first.content)
    assert copy.headers["location"] == first.headers["location"]
    assert copy.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers


async def test_the_same_body_written_another_way_is_the_same(post_order):
    first = await post_order(
        key="k", content=b'{"items":[{"productId":"cup","quantity":2}],"metadata":{"a":"1","b":"2"}}'
    )
    copy = await post_order(
        key='"k"',
        content=b'{"metadata":{"b":"2", "a":"1"}, "reference":null, "items": [{"quantity": 2, "productId": "cup"}]}',
    )

    assert copy.json() == first.json()


async def test_another_body_under_the_same_key_is_refused(post_order):
    await post_order(key="k")

    answer = await post_order(key="k", body={"items": [{"productId": "cup", "quantity": 3}]})

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")


async def test_twenty_copies_at_once_have_one_answer(post_order, published):
    answers = await asyncio.gather(*(post_order(key="k") for _ in range(20)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len(published("order.created")) == 1


async def test_an_order_without_a_key_is_refused(http, bearer):
    answer = await http.post("/orders", headers=bearer("c1"), json={"items": [{"productId": "cup", "quantity": 1}]})

    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency-key-missing")


_CUP = {"items": [{"productId": "cup", "quantity": 1}]}


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "wrong-shape", ""),
        ({"items": []}, "nothing-ordered", "items"),
        ({"items": [{"productId": "cup", "quantity": 0}]}, "wrong-quantity", "items[0].quantity"),
        ({"items": [{"productId": "cup", "quantity": "2"}]}, "wrong-shape", "items[0].quantity"),
        ({"items": [{"productId": "cup", "quantity": True}]}, "wrong-shape", "items[0].quantity"),
        ({"items": [{"productId": "cup", "quantity": 10**30}]}, None, "items[0].quantity"),
        ({"items": [{"productId": "a/b", "quantity": 1}]}, "wrong-shape", "items[0].productId"),
        ({"items": [{"productId": "a,b", "quantity": 1}]}, "wrong-shape", "items[0].productId"),
        ({"items": [{"productId": "", "quantity": 1}]}, "wrong-shape", "items[0].productId"),
        ({"items": [{"productId": "x" * 101, "quantity": 1}]}, "wrong-shape", "items[0].productId"),
        ({"items": [{"productId": "cup\n", "quantity": 1}]}, "wrong-shape", "items[0].productId"),
        ({"items": [{"productId": "cup", "quantity": 1, "price": "0.01"}]}, "wrong-shape", "items[0]"),
        ({"items": [{"productId": "cup", "quantity": 1}], "customerId": "c2"}, "wrong-shape", ""),
        ({"items": [{"productId": "cup", "quantity": 1}], "metadata": {"a": 1}}, "wrong-shape", "metadata[...]"),
        (_CUP | {"metadata": {str(n): "x" * 1000 for n in range(9)}}, "texts-too-large", "metadata"),
        (_CUP | {"shippingAddress": {str(n): "é" * 1000 for n in range(5)}}, "texts-too-large", "shippingAddress"),
    ],
    ids=str,
)
async def test_a_wrong_order_is_refused_where_it_is_wrong(post_order, published, body, code, field):
    answer = await post_order(body=body)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    if code is not None:
        assert answer.json()["code"] == code
    assert [one["field"] for one in answer.json()["errors"]] == [field]
    assert published() == []


async def test_products_nobody_sells_are_named(post_order):
    answer = await post_order(body={"items": [{"productId": "none", "quantity": 1}]})

    assert (answer.status_code, answer.json()["code"]) == (422, "unknown-products")
    assert answer.json()["productIds"] == ["none"]


async def test_another_total_than_expected_is_a_conflict_that_names_both(post_order):
    answer = await post_order(body={"items": [{"productId": "cup", "quantity": 2}], "expectedTotal": "1.00"})

    assert (answer.status_code, answer.json()["code"]) == (409, "total-differs")
    assert (answer.json()["total"], answer.json()["expectedTotal"]) == ("19.98", "1.00")


async def test_too_much_work_lets_no_more_orders_in(post_order, admitted, published):
    admitted.append(TryLater("too much", retry_after=5))

    answer = await post_order()

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert published() == []


async def test_somebody_elses_order_is_not_there(post_order, http, bearer):
    place = (await post_order("c1")).headers["location"]

    theirs = await http.get(place, headers=bearer("c2"))
    none = await http.get("/orders/ord_none", headers=bearer("c2"))

    assert theirs.status_code == none.status_code == 404
    keep = ("code", "detail", "title", "type")
    assert [theirs.json()[one] for one in keep] == [none.json()[one] for one in keep]
    assert (await http.get(place, headers=bearer("s1", "staff"))).status_code == 200


@pytest.mark.parametrize("order_id", ["%00", "%2e%2e", "x" * 5000, "%ff", "%F0%9F%98%80", "ord_%27--"])
async def test_no_id_whatever_is_our_fault(http, bearer, order_id):
    assert (await http.get(f"/orders/{order_id}", headers=bearer("c1"))).status_code == 404


async def test_staff_place_no_orders_and_nobody_reads_without_a_token(http, bearer):
    body = {"items": [{"productId": "cup", "quantity": 1}]}

    assert (await http.post("/orders", headers=bearer("s1", "staff"), json=body)).status_code == 403
    for answer in (await http.post("/orders", json=body), await http.get("/orders"), await http.get("/orders/x")):
        assert answer.status_code == 401


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "x", "é", "=", "====", "AAAA", "W10", "bnVsbA", "a" * 5000, "\x00"),
        *map(_encoded, (b"[[],[]]", b'[["customer","c1","","",true],1]', b'["\xff"]', b"[" * 5000, b'{"a":' * 1100)),
    ],
    ids=lambda cursor: repr(cursor[:20]),
)
async def test_a_cursor_that_is_none_is_refused(http, bearer, cursor):
    answer = await http.get("/orders", params={"cursor": cursor}, headers=bearer("c1"))

    assert (answer.status_code, answer.json()["code"]) == (422, "foreign-cursor")
