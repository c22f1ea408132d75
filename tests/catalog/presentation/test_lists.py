"""What is on which list, and goes from one to another: categories, groups, SKUs, searches."""

from __future__ import annotations

import pytest

ANY = {"If-Match": "*"}
EVERY_LIST = ("/products?category=Tools", "/products?group=saws", "/products?sku=SAW,%201", "/search?q=saw")


@pytest.fixture
def lists(staff, a_saw):
    """Lists a product like the saw, but for this."""

    async def act(product_id, **other):
        answer = await staff.post("/products", json={**a_saw, "productId": product_id, **other})
        assert answer.status_code == 201

    return act


@pytest.fixture
def ids_of(anybody):
    async def act(path):
        answer = await anybody.get(path)
        assert answer.status_code == 200
        return [product["productId"] for product in answer.json()["data"]]

    return act


async def test_the_variants_of_an_article_are_its_group(lists, anybody):
    for product_id, group in (("b", "saws"), ("a", "saws"), ("c", "saws, blunt"), ("d", None)):
        await lists(product_id, groupId=group)

    answer = await anybody.get("/products?group=saws")
    blunt = await anybody.get("/products", params={"group": "saws, blunt"})

    assert [product["productId"] for product in answer.json()["data"]] == ["a", "b"]
    assert answer.headers["cache-control"] == "public, max-age=300, stale-while-revalidate=60"
    assert answer.headers["cache-tags"] == "group:saws,product:a,product:b"
    assert blunt.headers["cache-tags"] == "group:saws%2C%20blunt,product:c"


async def test_a_group_is_read_page_by_page(lists, anybody):
    for n in range(5):
        await lists(f"p{n}", groupId="saws")

    path, seen = "/products?group=saws&limit=2", []
    while path:
        page = await anybody.get(path)
        seen += [product["productId"] for product in page.json()["data"]]
        path = page.links.get("next", {}).get("url")

    assert seen == ["p0", "p1", "p2", "p3", "p4"]


async def test_a_product_is_found_by_its_sku(lists, anybody):
    await lists("a", sku="S")
    await lists("b", sku="S")
    await lists("c", sku="S2")

    answer = await anybody.get("/products?sku=S")

    assert [product["productId"] for product in answer.json()["data"]] == ["a", "b"]
    assert answer.headers["cache-tags"] == "sku:S,product:a,product:b"


@pytest.mark.parametrize("path", ["/products?group=none", "/products?sku=none", "/products?category=none"])
async def test_a_list_of_nothing_is_kept_until_something_comes_onto_it(anybody, path):
    answer = await anybody.get(path)

    assert answer.json() == {"data": [], "nextCursor": None}
    kind, _, name = path.removeprefix("/products?").partition("=")
    assert answer.headers["cache-tags"] == f"{kind}:{name}"


async def test_a_cursor_of_another_list_is_refused(lists, anybody):
    for product_id in ("a", "b"):
        await lists(product_id, groupId="saws")
    cursor = (await anybody.get("/products?group=saws&limit=1")).json()["nextCursor"]

    answer = await anybody.get(f"/products?group=axes&cursor={cursor}")

    assert (answer.status_code, answer.json()["code"]) == (422, "foreign-cursor")


async def test_a_category_has_what_is_below_it_and_not_what_begins_like_it(lists, ids_of):
    await lists("a", category="A/B")
    await lists("b", category="A/B/C")
    await lists("c", category="A/BC")
    await lists("d", category="AB")

    assert await ids_of("/products?category=A") == ["a", "b", "c"]
    assert await ids_of("/products?category=A/B") == ["a", "b"]
    assert await ids_of("/products?category=/A/B/") == ["a", "b"]
    assert await ids_of("/products?category=A/BC") == ["c"]
    assert await ids_of("/products?category=AB") == ["d"]
    assert await ids_of("/products?category=a") == []


async def test_a_product_goes_from_one_category_to_another(lists, ids_of, staff):
    await lists("a", category="A/B")

    await staff.patch("/products/a", json={"category": "C/D"}, headers=ANY)

    assert await ids_of("/products?category=A") == []
    assert await ids_of("/products?category=C") == ["a"]
    await staff.patch("/products/a", json={"category": "A/B/C"}, headers=ANY)
    assert await ids_of("/products?category=A/B") == ["a"]
    assert await ids_of("/products?category=C/D") == []


async def test_a_product_goes_from_one_group_and_sku_to_another(lists, ids_of, staff):
    await lists("a", groupId="saws")

    await staff.patch("/products/a", json={"groupId": "axes", "sku": "AXE"}, headers=ANY)

    assert [await ids_of(path) for path in EVERY_LIST[1:3]] == [[], []]
    assert await ids_of("/products?group=axes") == await ids_of("/products?sku=AXE") == ["a"]
    await staff.patch("/products/a", json={"groupId": None}, headers=ANY)
    assert await ids_of("/products?group=axes") == []


async def test_an_archived_product_is_read_by_its_id_alone_until_it_comes_back(lists, ids_of, staff, anybody):
    await lists("a", groupId="saws")
    assert [await ids_of(path) for path in EVERY_LIST] == [["a"]] * 4

    assert (await staff.delete("/products/a", headers={"If-Match": '"1.0"'})).status_code == 204

    assert [await ids_of(path) for path in EVERY_LIST] == [[]] * 4
    assert (await anybody.get("/products/a")).json()["status"] == "archived"
    assert await ids_of("/products?ids=a") == ["a"]

    back = await staff.patch("/products/a", json={"status": "active"}, headers={"If-Match": '"2.0"'})
    assert (back.status_code, back.json()["status"]) == (200, "active")
    assert [await ids_of(path) for path in EVERY_LIST] == [["a"]] * 4


async def test_what_is_changed_of_an_archived_product_does_not_bring_it_back(lists, ids_of, staff):
    await lists("a", groupId="saws")
    await staff.delete("/products/a", headers=ANY)

    await staff.patch("/products/a", json={"name": "Old saw", "category": "Attic"}, headers=ANY)
    await staff.put("/products/a/price", json={"basePrice": "1.00", "currency": "EUR"}, headers=ANY)

    assert [await ids_of(path) for path in (*EVERY_LIST, "/products?category=Attic")] == [[]] * 5


@pytest.mark.usefixtures("saw")
async def test_archived_twice_it_is_archived_once(staff, anybody):
    first = await staff.delete("/products/saw", headers={"If-Match": '"1.0"'})
    late = await staff.delete("/products/saw", headers={"If-Match": '"1.0"'})
    again = await staff.delete("/products/saw", headers={"If-Match": '"2.0"'})

    assert [answer.status_code for answer in (first, late, again)] == [204, 412, 204]
    assert (await anybody.get("/products/saw")).headers["etag"] == '"2.0"'
