"""Stock over HTTP: moved once per key, and every movement kept."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

pytestmark = pytest.mark.usefixtures("saw")


async def test_stock_is_moved_once_per_key(staff, move):
    first = await move(delta=3, key="k1")
    again = await move(delta=3, key='"k1"')
    other = await move(delta=4, key="k1")
    now = await staff.get("/products/saw/stock")

    expected = {"productId": "saw", "onHand": 3, "available": 3, "reserved": 0, "sold": 0, "version": 1}
    assert first.json() == again.json() == now.json() == expected
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert "no-store" in now.headers["cache-control"]


async def test_stock_is_not_moved_without_a_key(staff):
    answer = await staff.post("/products/saw/stock", json={"delta": 3, "reason": "delivery"})

    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency-key-missing")
    assert (await staff.get("/products/saw/stock")).json()["onHand"] == 0


async def test_a_key_is_of_one_product(staff, move, a_saw):
    await staff.post("/products", json={**a_saw, "productId": "axe"})
    await move("saw", delta=3, key="k1")

    assert (await move("axe", delta=3, key="k1")).json()["code"] == "idempotency-key-reused"


@pytest.mark.parametrize(("how", "after"), [({"delta": -3}, 0), ({"delta": 2}, 5), ({"on_hand": 1}, 1)])
async def test_twenty_copies_at_once_are_one_movement(staff, move, how, after):
    await move(delta=3)
    sent = {"onHand" if name == "on_hand" else name: n for name, n in how.items()}

    answers = await asyncio.gather(*(move(key="k1", **sent) for _ in range(20)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert (await staff.get("/products/saw/stock")).json()["onHand"] == after
    assert len((await staff.get("/products/saw/stock/movements")).json()["data"]) == 2


async def test_stock_is_counted_or_refused(move):
    counted = await move(onHand=7, reason="counted")
    too_much = await move(delta=-8, reason="broken")
    both = await move(delta=1, onHand=1)

    assert counted.json()["onHand"] == 7
    assert (too_much.status_code, too_much.json()["code"], too_much.json()["available"]) == (409, "not-enough-stock", 7)
    assert both.status_code == 422


async def test_movements_are_read_newest_first(staff, move, time):
    await move(delta=5, reason="delivery")
    time.passes(timedelta(minutes=1))
    await move(onHand=4, reason="counted")

    answer = await staff.get("/products/saw/stock/movements")

    counted, delivered = answer.json()["data"]
    assert counted == {
        "movementId": counted["movementId"],
        "delta": -1,
        "counted": 4,
        "reason": "counted",
        "who": "s1",
        "at": "2026-11-23T04:01:00.000000Z",
    }
    assert (delivered["delta"], delivered["reason"], "counted" in delivered) == (5, "delivery", False)
    assert "no-store" in answer.headers["cache-control"]


async def test_movements_are_read_page_by_page(staff, move, time):
    for n in range(1, 6):
        time.passes(timedelta(seconds=1))
        await move(delta=n)

    path, seen = "/products/saw/stock/movements?limit=2", []
    while path:
        page = await staff.get(path)
        seen += [movement["delta"] for movement in page.json()["data"]]
        path = page.links.get("next", {}).get("url")

    assert seen == [5, 4, 3, 2, 1]


async def test_of_an_archived_product_stock_can_be_moved_and_its_movements_read(staff, move):
    await staff.delete("/products/saw", headers={"If-Match": "*"})

    assert (await move(delta=1)).status_code == 200
    assert len((await staff.get("/products/saw/stock/movements")).json()["data"]) == 1
