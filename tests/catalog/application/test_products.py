"""The acts on products, their prices and their stock."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import count

import pytest

from shop.catalog.application.move_stock import StockMoved
from shop.catalog.application.refusals import ProductExists, ProductMoved, ProductNotFound
from shop.catalog.contract import ProductCreated, ProductPriceChanged, ProductUpdated
from shop.catalog.domain.price import Price
from shop.catalog.domain.stock import MOST, NotAMovement, NotEnoughStock
from shop.kernel.events import Cause
from shop.kernel.idempotency import KeyReused, Once
from shop.kernel.money import Money
from shop.platform.retry import again
from shop.platform.storage.port import Conflict

TEN, NINE = Price(Money(1000, "EUR")), Price(Money(1000, "EUR"), Money(900, "EUR"))


@pytest.fixture
def create(catalog, details, delivered):
    def act(product_id="saw", **other):
        return catalog.create_product(
            product_id=product_id, details=details(**other), price=TEN, who="staff-1", cause=delivered()
        )

    return act


@pytest.fixture
def imported(catalog, details, delivered):
    def act(product_id="saw", *, price=TEN, on_hand=3, **other):
        return catalog.import_product(
            product_id=product_id, details=details(**other), price=price, on_hand=on_hand, who="cli", cause=delivered()
        )

    return act


@pytest.fixture
def move(catalog, delivered):
    """A movement of the saw's stock, each under a key of its own unless one is given."""
    keys = count()

    def act(*, reason="x", who="s", key=None, fingerprint="f", **how):
        once = Once(key=f"{who}/move-stock/{key or next(keys)}", fingerprint=fingerprint)
        return catalog.move_stock(product_id="saw", reason=reason, who=who, once=once, cause=delivered(), **how)

    return act


def said(records):
    return [(event.type, event.subject) for event in records.events]


def heard(records, kind):
    return [event.read(kind) for event in records.events if event.type == kind.TYPE]


async def test_a_product_is_listed_with_its_first_price(catalog, records, create):
    product = await create()

    assert product.version == 1
    assert await catalog.queries.one("saw") == (product, await catalog.products.stock("saw"))
    assert said(records) == [("product.created", "saw")]
    (event,) = heard(records, ProductCreated)
    assert (event.sku, event.category, event.price.base_price) == ("SAW-1", "Tools/Saws", "10.00")
    history = await records.find("history", "price/saw")
    assert len(history.found) == 1


async def test_an_id_is_given_once(create):
    await create()

    with pytest.raises(ProductExists):
        await create()


async def test_of_two_who_list_the_same_id_at_once_one_does(create):
    results = await asyncio.gather(create(), create(), return_exceptions=True)

    assert sum(isinstance(result, ProductExists | Conflict) for result in results) == 1


async def test_a_change_says_what_changed(catalog, records, create, delivered):
    await create()

    after = await catalog.change_product(
        product_id="saw", version=1, details={"name": "Better saw", "category": "Tools/Hand/Saws"}, cause=delivered()
    )

    assert after.version == 2
    (event,) = heard(records, ProductUpdated)
    assert event.changed == ("name", "category")
    assert (event.old_category, event.new_category) == ("Tools/Saws", "Tools/Hand/Saws")


async def test_a_change_to_what_it_is_writes_nothing(catalog, records, create, delivered):
    await create()
    writes = records.calls.count("commit")

    after = await catalog.change_product(product_id="saw", version=1, details={"name": "Saw"}, cause=delivered())

    assert (after.version, records.calls.count("commit")) == (1, writes)


async def test_a_change_of_what_somebody_else_changed_is_refused(catalog, create, delivered):
    await create()
    await catalog.change_product(product_id="saw", version=1, details={"name": "Mine"}, cause=delivered())

    with pytest.raises(ProductMoved):
        await catalog.change_product(product_id="saw", version=1, details={"name": "Yours"}, cause=delivered())
    assert (await catalog.queries.one("saw"))[0].name == "Mine"


async def test_what_is_not_there_is_not_changed(catalog, delivered):
    with pytest.raises(ProductNotFound):
        await catalog.change_product(product_id="saw", version=None, details={}, cause=delivered())


async def test_a_new_price_is_told_and_the_old_one_kept(catalog, records, create, delivered, time):
    await create()
    time.passes(timedelta(days=1))

    after = await catalog.set_price(product_id="saw", version=1, price=NINE, who="staff-1", cause=delivered())

    assert (after.base_price, after.discounted_price) == (1000, 900)
    (event,) = heard(records, ProductPriceChanged)
    assert (event.old.discounted_price, event.new.discounted_price) == (None, "9.00")
    history = await records.find("history", "price/saw", newest_first=True)
    assert len(history.found) == 2
    assert b'"discounted_price":900' in history.found[0].body
    assert heard(records, ProductUpdated) == []


async def test_the_same_price_again_writes_nothing(catalog, records, create, delivered):
    await create()

    after = await catalog.set_price(product_id="saw", version=1, price=TEN, who="staff-1", cause=delivered())

    assert after.version == 1
    assert len(records.events) == 1


async def test_an_archived_product_is_off_the_lists_and_still_there_by_its_id(catalog, records, create, delivered):
    await create()

    await catalog.archive_product(product_id="saw", version=1, cause=delivered())

    assert (await catalog.queries.one("saw"))[0].archived
    assert (await catalog.queries.in_category("Tools", after=None, limit=9)).listed == []
    assert (await catalog.queries.search("saw", after=None, limit=9)).listed == []
    assert heard(records, ProductUpdated)[0].changed == ("status",)


async def test_an_archived_product_can_come_back(catalog, create, delivered):
    await create()
    await catalog.archive_product(product_id="saw", version=1, cause=delivered())

    await catalog.change_product(product_id="saw", version=2, details={"status": "active"}, cause=delivered())

    assert len((await catalog.queries.in_category("Tools", after=None, limit=9)).listed) == 1


async def test_a_category_has_what_is_below_it_and_not_what_begins_like_it(catalog, create):
    await create("a", category="A/B")
    await create("b", category="A/B/C")
    await create("c", category="A/BC")

    async def ids(category):
        page = await catalog.queries.in_category(category, after=None, limit=9)
        return [product.product_id for product, _ in page.listed]

    assert await ids("A") == ["a", "b", "c"]
    assert await ids("A/B") == ["a", "b"]
    assert await ids("A/BC") == ["c"]


async def test_a_category_is_read_page_by_page(catalog, create):
    for n in range(5):
        await create(f"p{n}", name=f"Saw {n}")

    first = await catalog.queries.in_category("Tools", after=None, limit=3)
    second = await catalog.queries.in_category("Tools", after=first.after, limit=3)

    assert [product.product_id for product, _ in (*first.listed, *second.listed)] == ["p0", "p1", "p2", "p3", "p4"]
    assert second.after is None


async def test_products_come_in_the_order_they_were_asked_for(catalog, records, create):
    await create("a")
    await create("b")
    records.calls.clear()

    page = await catalog.queries.many(["b", "no", "a", "b"])

    assert [product.product_id for product, _ in page.listed] == ["b", "a"]
    assert records.calls == ["get_many", "counts"]


async def test_a_product_is_found_by_vendor_and_tags_too(catalog, create):
    await create(supplier_id="Acme", attributes={"tags": ["garden", "wood"]})

    for text in ("saw", "SAW-1", "acme", "gard", "wood tools"):
        assert len((await catalog.queries.search(text, after=None, limit=9)).listed) == 1, text
    assert (await catalog.queries.search("wood iron", after=None, limit=9)).listed == []


async def test_a_product_of_very_many_words_can_be_listed(catalog, create):
    await create(name="Saw of all saws", attributes={"tags": [f"tag{n}" for n in range(200)]})

    assert len((await catalog.queries.search("tag5 saws", after=None, limit=9)).listed) == 1


async def test_reading_one_product_is_one_call(catalog, records, create):
    await create()
    records.calls.clear()

    await catalog.queries.one("saw")

    assert records.calls == ["get_with_counts"]


async def test_stock_is_put_in_and_the_movement_kept(catalog, records, create, move):
    await create()

    moved = await move(delta=5, reason="delivery", who="staff-1")

    assert (moved.view.on_hand, moved.view.available, moved.view.version) == (5, 5, 1)
    assert await catalog.counters("saw") == {"onHand": 5, "available": 5, "sold": 0}
    history = await records.find("history", "movement/saw")
    assert b'"delta":5,"counted":null,"reason":"delivery","who":"staff-1"' in history.found[0].body


async def test_in_stock_turning_over_is_told(records, create, move):
    await create()
    for delta in (1, 1, -2):
        await move(delta=delta)

    assert [event.changed for event in heard(records, ProductUpdated)] == [("inStock",), ("inStock",)]


async def test_a_count_sets_what_is_on_hand(catalog, imported, move):
    await imported(on_hand=3)

    await move(on_hand=1)

    assert await catalog.counters("saw") == {"onHand": 1, "available": 1, "sold": 0}


async def test_what_orders_hold_is_not_moved_away(imported, move):
    await imported(on_hand=3)

    with pytest.raises(NotEnoughStock):
        await move(delta=-4)


async def test_a_movement_happens_once_for_its_key(catalog, imported, move, time):
    await imported(on_hand=3)

    def twice(fingerprint="f"):
        return move(delta=2, key="k", fingerprint=fingerprint)

    first, second = await twice(), await twice()

    assert (first.replayed, second.replayed) == (False, True)
    assert first.view == second.view
    assert (await catalog.counters("saw"))["onHand"] == 5
    with pytest.raises(KeyReused):
        await twice(fingerprint="g")

    time.passes(timedelta(hours=49))
    assert not (await twice(fingerprint="g")).replayed


@pytest.mark.parametrize("how", [{"delta": -3}, {"delta": 3}, {"on_hand": 0}])
async def test_copies_of_a_movement_at_any_distance_are_one(catalog_over, time, how):
    """Also where the second reads before the first has written, and goes on after it."""

    async def pause(_: str) -> None:
        await asyncio.sleep(0)

    catalog = catalog_over(time, pause=pause)
    await catalog.lists("saw", on_hand=3)
    once = Once(key="s/move-stock/k", fingerprint="f")

    async def copy(behind: int) -> StockMoved:
        for _ in range(behind):
            await asyncio.sleep(0)
        return await again(
            catalog.move_stock, product_id="saw", reason="x", who="s", once=once, cause=Cause(id="c"), **how
        )

    moved = await asyncio.gather(*(copy(behind) for behind in range(20)))

    assert [one.replayed for one in moved].count(False) == 1
    assert len({one.view for one in moved}) == 1
    assert len([key for key in catalog.records.documents if key.startswith("movement/saw/")]) == 2  # and the first


async def test_more_than_can_be_counted_is_not_put_in(imported, move):
    await imported(on_hand=MOST)

    with pytest.raises(NotAMovement):
        await move(delta=1)


async def test_an_attribute_of_another_json_type_is_a_change(catalog, records, create, delivered):
    await create(attributes={"sharp": 1})

    after = await catalog.change_product(
        product_id="saw", version=1, details={"attributes": {"sharp": True}}, cause=delivered()
    )

    assert after.version == 2
    assert heard(records, ProductUpdated)[0].changed == ("attributes",)


async def test_what_is_told_of_a_product_names_its_group(catalog, records, create, delivered):
    await create(group_id="saws")

    await catalog.change_product(product_id="saw", version=1, details={"group_id": "tools"}, cause=delivered())

    assert heard(records, ProductCreated)[0].group_id == "saws"
    assert heard(records, ProductUpdated)[0].group_id == "tools"


async def test_an_import_is_a_product_a_price_a_movement_and_its_stock_in_one_commit(catalog, records, imported):
    assert await imported(on_hand=3) == "created"

    assert records.calls.count("commit") == 1
    assert await catalog.counters("saw") == {"onHand": 3, "available": 3, "sold": 0}
    assert said(records) == [("product.created", "saw")]
    kinds = sorted(key.partition("/")[0] for key in records.documents)
    assert kinds == ["movement", "price", "product"]


async def test_the_same_import_again_changes_nothing(records, imported):
    await imported()

    assert await imported() == "unchanged"
    assert records.calls.count("commit") == 1


async def test_an_import_says_what_is_new(records, imported):
    await imported(on_hand=3)
    records.events.clear()

    assert await imported(price=NINE, on_hand=0, name="Better saw") == "changed"

    assert [event.changed for event in heard(records, ProductUpdated)] == [("name", "inStock")]
    assert len(heard(records, ProductPriceChanged)) == 1
    assert records.documents["product/saw"].version == 2


async def test_an_import_that_says_nothing_of_stock_leaves_it(catalog, imported):
    await imported(on_hand=3)

    await imported(on_hand=None, name="Better saw")

    assert (await catalog.counters("saw"))["onHand"] == 3


async def test_an_import_of_stock_alone_leaves_the_product(records, imported):
    await imported(on_hand=3)

    assert await imported(on_hand=4) == "changed"
    assert records.documents["product/saw"].version == 1
