"""The catalog over HTTP: what is answered, what caches are told, what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest


async def test_a_product_that_was_listed_can_be_read(saw, anybody, a_saw):
    answer = await anybody.get("/products/saw")

    assert saw.headers["location"] == "/products/saw"
    assert answer.json() == saw.json()
    assert answer.json() == {
        **a_saw,
        "description": "",
        "inStock": False,
        "stockQuantity": 0,
        "status": "active",
        "version": 1,
        "updatedAt": "2026-11-23T04:00:00.000000Z",
    }


@pytest.mark.usefixtures("saw")
async def test_caches_are_told_how_long_and_under_which_tags(anybody, move):
    await move(delta=3)

    headers = (await anybody.get("/products/saw")).headers

    assert headers["cache-control"] == "public, max-age=300, stale-while-revalidate=60"
    assert headers["etag"] == '"1.1"'
    assert headers["last-modified"] == "Mon, 23 Nov 2026 04:00:00 GMT"
    assert headers["cache-tags"] == ("product:saw,category:Tools,category:Tools/Hand%20saws,sku:SAW%2C%201,in-stock")


@pytest.mark.usefixtures("saw")
@pytest.mark.parametrize(
    "path",
    ["/products/saw", "/products?ids=saw", "/products?category=Tools", "/products?sku=SAW,%201", "/search?q=saw"],
)
async def test_who_has_it_is_sent_nothing_again(anybody, move, path):
    first = await anybody.get(path)
    etag = first.headers["etag"]

    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = await anybody.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert again.headers["cache-tags"] == first.headers["cache-tags"]

    await move(delta=1)
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
async def test_a_sale_does_not_spoil_a_colleagues_edit(staff, anybody, move):
    seen = (await anybody.get("/products/saw")).headers["etag"]
    await move(delta=1)

    answer = await staff.patch("/products/saw", json={"name": "Better saw"}, headers={"If-Match": seen})

    assert answer.status_code == 200
    assert answer.headers["etag"] == '"2.1"'


@pytest.mark.usefixtures("saw")
@pytest.mark.parametrize("known", ["*", ' "1.0" ', 'W/"1.0"', '"1.77"'])
async def test_whatever_names_the_version_will_do(staff, known):
    """Weak ones too: proxies that compress make ETags weak, and of ours only the product's version counts."""
    answer = await staff.patch("/products/saw", json={"name": "Better saw"}, headers={"If-Match": known})

    assert (answer.status_code, answer.headers["etag"]) == (200, '"2.0"')


@pytest.mark.usefixtures("saw")
@pytest.mark.parametrize("known", ["", '""', "1.0", '"1"', '"x.0"', '"-1.0"', '"2.0"', 'W/"2.0"'])
async def test_whatever_names_no_version_or_another_changes_nothing(staff, anybody, known):
    for answer in (
        await staff.patch("/products/saw", json={"name": "Better saw"}, headers={"If-Match": known}),
        await staff.put(
            "/products/saw/price", json={"basePrice": "1.00", "currency": "EUR"}, headers={"If-Match": known}
        ),
        await staff.delete("/products/saw", headers={"If-Match": known}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (412, "version-moved")
    assert (await anybody.get("/products/saw")).headers["etag"] == '"1.0"'


@pytest.mark.parametrize("same", [{}, {"name": "Saw"}, {"attributes": {"teeth": 24}, "status": "active"}])
async def test_a_change_that_changes_nothing_leaves_the_version(saw, staff, time, same):
    time.passes(timedelta(days=1))

    answer = await staff.patch("/products/saw", json=same, headers={"If-Match": '"1.0"'})

    assert (answer.status_code, answer.json()) == (200, saw.json())
    assert answer.headers["etag"] == '"1.0"'


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
async def test_a_product_that_is_wrong_is_refused_with_its_field(staff, a_saw, change, status, code, field):
    answer = await staff.post("/products", json={**a_saw, **change})

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    if field:
        assert answer.json()["errors"][0]["field"] == field


@pytest.mark.usefixtures("saw")
async def test_an_id_is_given_once(staff, a_saw):
    answer = await staff.post("/products", json=a_saw)

    assert (answer.status_code, answer.json()["code"]) == (409, "product-exists")


async def test_nobody_but_staff_writes(anybody):
    for method, path in (
        ("POST", "/products"),
        ("PATCH", "/products/saw"),
        ("PUT", "/products/saw/price"),
        ("DELETE", "/products/saw"),
        ("GET", "/products/saw/stock"),
        ("POST", "/products/saw/stock"),
        ("GET", "/products/saw/stock/movements"),
        ("GET", "/products/saw/prices"),
    ):
        assert (await anybody.request(method, path)).status_code == 401, path


async def test_what_is_not_there_is_not_found(anybody, staff, move):
    for answer in (
        await anybody.get("/products/saw"),
        await staff.get("/products/saw/stock"),
        await move(delta=1),
        await staff.get("/products/saw/stock/movements"),
        await staff.get("/products/saw/prices"),
        await staff.get("/products/saw/prices?at=2026-11-23T04:00:00Z"),
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


@pytest.mark.parametrize(
    "path", ["/products", "/products?ids=a&category=b", "/products?group=a&sku=b", "/search?q=", "/search?q=%20"]
)
async def test_a_list_of_nothing_in_particular_is_refused(anybody, path):
    assert (await anybody.get(path)).status_code == 422


async def test_a_category_is_read_page_by_page(staff, anybody, a_saw):
    for n in range(5):
        await staff.post("/products", json={**a_saw, "productId": f"p{n}", "name": f"Saw {n}"})

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
        assert answer.headers["cache-tags"] == "products:all,product:saw"


@pytest.mark.usefixtures("saw")
async def test_a_foreign_cursor_is_refused(anybody):
    assert (await anybody.get("/products?category=Tools&cursor=nonsense")).status_code == 422
