"""The catalog over HTTP: what is answered, what caches are told, what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest

SAW = {
    "productId": "saw",
    "sku": "SAW, 1",
    "name": "Saw",
    "category": "Tools/Hand saws",
    "basePrice": "29.99",
    "currency": "EUR",
    "attributes": {"teeth": 24},
}


@pytest.fixture
async def saw(staff):
    answer = await staff.post("/products", json=SAW)
    assert answer.status_code == 201
    return answer


async def test_a_product_that_was_listed_can_be_read(saw, anybody):
    answer = await anybody.get("/products/saw")

    assert saw.headers["location"] == "/products/saw"
    assert answer.json() == saw.json()
    assert answer.json() == {
        **SAW,
        "description": "",
        "inStock": False,
        "stockQuantity": 0,
        "status": "active",
        "version": 1,
        "updatedAt": "2026-11-23T04:00:00.000000Z",
    }


@pytest.mark.usefixtures("saw")
async def test_caches_are_told_how_long_and_under_which_tags(staff, anybody):
    await staff.post("/products/saw/stock", json={"delta": 3, "reason": "delivery"})

    headers = (await anybody.get("/products/saw")).headers

    assert headers["cache-control"] == "public, max-age=300, stale-while-revalidate=60"
    assert headers["etag"] == '"1.1"'
    assert headers["last-modified"] == "Mon, 23 Nov 2026 04:00:00 GMT"
    assert headers["cache-tags"] == ("product:saw,category:Tools,category:Tools/Hand%20saws,sku:SAW%2C%201,in-stock")


@pytest.mark.usefixtures("saw")
@pytest.mark.parametrize("path", ["/products/saw", "/products?ids=saw", "/products?category=Tools", "/search?q=saw"])
async def test_who_has_it_is_sent_nothing_again(staff, anybody, path):
    first = await anybody.get(path)
    etag = first.headers["etag"]

    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = await anybody.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert again.headers["cache-tags"] == first.headers["cache-tags"]

    await staff.post("/products/saw/stock", json={"delta": 1, "reason": "delivery"})
    assert (await anybody.get(path, headers={"If-None-Match": etag})).status_code == 200


@pytest.mark.usefixtures("saw")
async def test_a_change_needs_the_version_that_was_seen(staff):
    change = {"name": "Better saw"}

    missing = await staff.patch("/products/saw", json=change)
    moved = await staff.patch("/products/saw", json=change, headers={"If-Match": '"2.0"'})
    nonsense = await staff.patch("/products/saw", json=change, headers={"If-Match": "yesterday"})
    done = await staff.patch("/products/saw", json=change, headers={"If-Match": '"1.0"'})
    late = await staff.patch("/products/saw", json=change, headers={"If-Match": '"1.0"'})

    assert [answer.status_code for answer in (missing, moved, nonsense, done, late)] == [428, 412, 412, 200, 412]
    assert done.headers["etag"] == '"2.0"'
    assert done.json()["name"] == "Better saw"


@pytest.mark.usefixtures("saw")
async def test_a_sale_does_not_spoil_a_colleagues_edit(staff, anybody):
    seen = (await anybody.get("/products/saw")).headers["etag"]
    await staff.post("/products/saw/stock", json={"delta": 1, "reason": "delivery"})

    answer = await staff.patch("/products/saw", json={"name": "Better saw"}, headers={"If-Match": seen})

    assert answer.status_code == 200
    assert answer.headers["etag"] == '"2.1"'


@pytest.mark.usefixtures("saw")
async def test_null_takes_away_and_what_is_left_out_stays(staff):
    await staff.patch("/products/saw", json={"supplierId": "acme", "groupId": "g"}, headers={"If-Match": "*"})

    answer = await staff.patch("/products/saw", json={"supplierId": None}, headers={"If-Match": "*"})

    assert "supplierId" not in answer.json()
    assert answer.json()["groupId"] == "g"


@pytest.mark.usefixtures("saw")
async def test_a_price_is_set_whole(staff, anybody):
    price = {"basePrice": "29.99", "discountedPrice": "19.99", "currency": "EUR"}
    await staff.put("/products/saw/price", json=price, headers={"If-Match": '"1.0"'})
    assert (await anybody.get("/products/saw")).json()["discountedPrice"] == "19.99"

    del price["discountedPrice"]
    await staff.put("/products/saw/price", json=price, headers={"If-Match": '"2.0"'})
    assert "discountedPrice" not in (await anybody.get("/products/saw")).json()


@pytest.mark.usefixtures("saw")
async def test_an_archived_product_is_read_by_its_id_alone(staff, anybody):
    assert (await staff.delete("/products/saw", headers={"If-Match": '"1.0"'})).status_code == 204

    assert (await anybody.get("/products/saw")).json()["status"] == "archived"
    assert (await anybody.get("/products?ids=saw")).json()["data"][0]["status"] == "archived"
    assert (await anybody.get("/products?category=Tools")).json()["data"] == []
    assert (await anybody.get("/search?q=saw")).json()["data"] == []


@pytest.mark.parametrize(
    ("change", "status", "code", "field"),
    [
        ({"productId": "a/b"}, 422, "not-a-product-id", "productId"),
        ({"name": ""}, 422, "text-not-fit", "name"),
        ({"basePrice": "1.005"}, 422, "not-money", None),
        ({"basePrice": 29.99}, 422, "wrong-shape", "basePrice"),
        ({"discountedPrice": "30"}, 422, "discount-above-base", "discountedPrice"),
        ({"stockQuantity": 5}, 422, "wrong-shape", None),
    ],
)
async def test_a_product_that_is_wrong_is_refused_with_its_field(staff, change, status, code, field):
    answer = await staff.post("/products", json={**SAW, **change})

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    if field:
        assert answer.json()["errors"][0]["field"] == field


@pytest.mark.usefixtures("saw")
async def test_an_id_is_given_once(staff):
    answer = await staff.post("/products", json=SAW)

    assert (answer.status_code, answer.json()["code"]) == (409, "product-exists")


async def test_nobody_but_staff_writes(anybody):
    for method, path in (
        ("POST", "/products"),
        ("PATCH", "/products/saw"),
        ("PUT", "/products/saw/price"),
        ("DELETE", "/products/saw"),
        ("GET", "/products/saw/stock"),
        ("POST", "/products/saw/stock"),
    ):
        assert (await anybody.request(method, path)).status_code == 401, path


async def test_what_is_not_there_is_not_found(anybody, staff):
    for answer in (
        await anybody.get("/products/saw"),
        await staff.get("/products/saw/stock"),
        await staff.post("/products/saw/stock", json={"delta": 1, "reason": "x"}),
        await staff.patch("/products/saw", json={}, headers={"If-Match": "*"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "product-not-found")


async def test_products_are_listed_by_ids_with_the_tags_of_all_that_were_asked_for(saw, anybody):
    answer = await anybody.get("/products?ids=no,saw,saw")

    assert answer.json() == {"data": [saw.json()], "nextCursor": None}
    assert answer.headers["cache-tags"] == "product:no,product:saw"


async def test_more_ids_than_a_hundred_are_refused(anybody):
    answer = await anybody.get("/products", params={"ids": ",".join(f"p{n}" for n in range(101))})

    assert (answer.status_code, answer.json()["code"]) == (422, "too-many-ids")


@pytest.mark.parametrize("path", ["/products", "/products?ids=a&category=b", "/search?q=", "/search?q=%20"])
async def test_a_list_of_nothing_in_particular_is_refused(anybody, path):
    assert (await anybody.get(path)).status_code == 422


async def test_a_category_is_read_page_by_page(staff, anybody):
    for n in range(5):
        await staff.post("/products", json={**SAW, "productId": f"p{n}", "name": f"Saw {n}"})

    path, seen = "/products?category=Tools&limit=2", []
    while path:
        page = await anybody.get(path)
        seen += [product["productId"] for product in page.json()["data"]]
        assert page.headers["cache-tags"].startswith("category:Tools,product:")
        path = page.links.get("next", {}).get("url")

    assert seen == ["p0", "p1", "p2", "p3", "p4"]


@pytest.mark.usefixtures("saw")
async def test_a_search_finds_words_and_their_beginnings(anybody):
    for q in ("saw", "SAW", "han", "hand tools"):
        answer = await anybody.get("/search", params={"q": q})
        assert [product["productId"] for product in answer.json()["data"]] == ["saw"], q
        assert answer.headers["cache-tags"] == "search,product:saw"


@pytest.mark.usefixtures("saw")
async def test_a_foreign_cursor_is_refused(anybody):
    assert (await anybody.get("/products?category=Tools&cursor=nonsense")).status_code == 422


@pytest.mark.usefixtures("saw")
async def test_stock_is_moved_once_per_key(staff):
    headers = {"Idempotency-Key": "k1"}

    first = await staff.post("/products/saw/stock", json={"delta": 3, "reason": "delivery"}, headers=headers)
    again = await staff.post("/products/saw/stock", json={"reason": "delivery", "delta": 3}, headers=headers)
    other = await staff.post("/products/saw/stock", json={"delta": 4, "reason": "delivery"}, headers=headers)
    now = await staff.get("/products/saw/stock")

    expected = {"productId": "saw", "onHand": 3, "available": 3, "reserved": 0, "sold": 0, "version": 1}
    assert first.json() == again.json() == now.json() == expected
    assert again.headers["idempotent-replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert "no-store" in now.headers["cache-control"]


@pytest.mark.usefixtures("saw")
async def test_stock_is_counted_or_refused(staff):
    counted = await staff.post("/products/saw/stock", json={"onHand": 7, "reason": "counted"})
    too_much = await staff.post("/products/saw/stock", json={"delta": -8, "reason": "broken"})
    both = await staff.post("/products/saw/stock", json={"delta": 1, "onHand": 1, "reason": "x"})

    assert counted.json()["onHand"] == 7
    assert (too_much.status_code, too_much.json()["code"], too_much.json()["available"]) == (409, "not-enough-stock", 7)
    assert both.status_code == 422


@pytest.mark.usefixtures("saw")
async def test_the_price_history_is_in_order(staff, wired, time):
    for n, price in enumerate(("28.00", "27.00"), start=1):
        time.passes(timedelta(days=1))
        body = {"basePrice": price, "currency": "EUR"}
        await staff.put("/products/saw/price", json=body, headers={"If-Match": f'"{n}.0"'})

    page = await wired.records().find("history", "price/saw", high="2026-11-24T12", newest_first=True, limit=1)

    assert b'"base_price":2800' in page.found[0].body
