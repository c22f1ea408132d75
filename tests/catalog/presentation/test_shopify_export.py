"""Any valid product → export → import → the same product; and what a spreadsheet and other shops see of it."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from shop.catalog.domain.price import Price
from shop.catalog.domain.product import LONGEST_DESCRIPTION, Details, Product
from shop.catalog.domain.stock import MOST, Stock
from shop.catalog.presentation.html_text import html_of, text_kept
from shop.catalog.presentation.shopify import Import, read_products
from shop.catalog.presentation.shopify_export import csv_of
from shop.kernel.errors import Invalid
from shop.kernel.money import MOST as MOST_MINOR
from shop.kernel.money import Money

AT = datetime(2026, 11, 23, tzinfo=UTC)
RUN = ("=", "+", "-", "@", "\t", "\r", "\uff1d")  # what a spreadsheet runs begins so
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "'=1", "''", "\uff1d1", "\t=1"]
Goods = list[tuple[Product, Stock]]


def mug(product_id: str = "mug", *, base: str = "5.00", discounted: str | None = None, **details: Any) -> Product:
    price = Price.parse(base=base, discounted=discounted, currency=details.pop("currency", "EUR"))
    given_ = {"sku": product_id, "name": "Mug", "category": "Kitchen/Cups"} | details
    return Product.create(product_id=product_id, details=Details(**given_), price=price, at=AT)  # type: ignore[typeddict-item]


def exported(*products: Product, on_hand: int = 0) -> bytes:
    return b"".join(csv_of((product, Stock(on_hand=on_hand)) for product in products))


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def imported(content: bytes) -> Goods:
    """As an import into an empty catalog has them."""
    found = read_products(content, "CHF")  # a currency that no product has
    assert found.faults == found.remarks == ()
    return [_created(row) for row in found.products]


def _created(row: Any) -> tuple[Product, Stock]:
    product = Product.create(product_id=row.product_id, details=row.details, price=row.price, at=AT)
    return product, Stock(on_hand=row.on_hand)


def by_id(goods: Goods) -> Goods:
    return sorted(goods, key=lambda one: one[0].product_id)


# Any product

LETTERS = st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from(
    "=+-@',;\"<>&/ \xa0\u2028\x85\ufeff\uff1d\u2013"
)
TEXT = st.text(LETTERS, max_size=12) | st.sampled_from(
    ["", " ", "Default Title", "007", "1E5", "Uncategorized", *FORMULAS[:7]]
)
MARKUP = st.text(
    st.sampled_from("a &<>;/!-#'\"=\n\r\t\0\x0b\xa0") | st.characters(exclude_categories=("Cs",)), max_size=40
)
DESCRIPTION = MARKUP | st.lists(st.sampled_from(["", "One", "- two", "<p>", "&amp;", "</pre>"])).map("\n".join)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda within: st.lists(within, max_size=3) | st.dictionaries(TEXT, within, max_size=3),
    max_leaves=4,
)
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["Size", "Colour", "vendor"]) | TEXT, st.sampled_from(["S", "Deep Sea"]) | JSON, max_size=4
)
TAGS = st.just({}) | st.fixed_dictionaries({"tags": st.lists(st.sampled_from(["tea", "black tea", "=1"]) | TEXT)})
CURRENCIES = st.sampled_from(["EUR", "GBP", "JPY", "KWD"])


@st.composite
def products(draw: Any) -> Goods:
    """Some products; a few share a group, and what variants share."""
    ids = draw(st.lists(st.from_regex(r"[A-Za-z0-9._~@-]{1,6}", fullmatch=True), min_size=1, max_size=5, unique=True))
    shared = {
        "category": draw(st.just("Cups") | TEXT),
        "description": draw(DESCRIPTION),
        "group_id": draw(st.sampled_from(["g", ids[0]]) | TEXT),
    }
    goods: Goods = []
    for product_id in ids:
        details = draw(OWN | SIZES.map(lambda size: _variant(shared, size)))
        currency = draw(CURRENCIES)
        base, less = draw(st.integers(0, MOST_MINOR)), draw(st.none() | st.integers(0, MOST_MINOR))
        discounted = None if less is None else Money(min(base, less), currency)
        try:
            price = Price(Money(base, currency), discounted)
            product = Product.create(product_id=product_id, details=details, price=price, at=AT)
        except Invalid:
            continue
        goods.append((product, Stock(on_hand=draw(st.integers(0, MOST)))))
    assume(goods)
    return by_id(goods)


OWN = st.fixed_dictionaries(
    {
        "sku": TEXT,
        "name": TEXT,
        "description": DESCRIPTION,
        "category": st.lists(TEXT, min_size=1, max_size=3).map("/".join) | st.just("Kitchen/Cups"),
        "supplier_id": st.none() | TEXT,
        "warehouse_location": st.none() | TEXT,
        "group_id": st.none() | TEXT,
        "attributes": st.builds(dict.__or__, ATTRIBUTES, TAGS),
        "status": st.sampled_from(["active", "archived"]),
    }
)
SIZES = st.sampled_from(["S", "M", "=L", "007"])


def _variant(shared: dict[str, Any], size: str) -> dict[str, Any]:
    """One that may stand beside others in one article."""
    return shared | {"sku": size, "name": f"Mug \u2013 {size}", "attributes": {"Size": size}}


@settings(max_examples=150, deadline=None)
@given(goods=products())
def test_any_product_comes_back_from_its_export_as_it_was(goods: Goods) -> None:
    content = b"".join(csv_of(goods))

    found = by_id(imported(content))

    assert found == goods
    assert [one.details_unlike(other) for (one, _), (other, _) in zip(found, goods, strict=True)] == [()] * len(goods)
    assert b"".join(csv_of(found)) == content
    assert not [cell for row in rows_of(content) for cell in row.values() if cell.startswith(RUN)]


@settings(max_examples=300)
@given(text=DESCRIPTION | st.text(st.characters(exclude_categories=("Cs",))))
@example(text="<pre>a</pre>")
def test_html_of_any_text_is_read_as_that_text(text: str) -> None:
    assert text_kept(html_of(text)) == text


# What others see


def test_variants_of_a_group_are_one_article() -> None:
    alike = {"group_id": "mug", "description": "For tea.\n\nOr not.", "supplier_id": "Orla Clay"}
    small = mug("mug~s", name="Mug \u2013 S", attributes={"tags": ["tea", "cup"], "Size": "S"}, **alike)
    large = mug(
        "mug~l", name="Mug \u2013 L", attributes={"tags": ["tea", "cup"], "Size": "L"}, discounted="4.50", **alike
    )

    first, second = rows_of(exported(small, large, on_hand=3))

    assert first["Handle"] == second["Handle"] == "mug"
    assert [first[name] for name in ("Title", "Body (HTML)", "Vendor", "Type", "Tags", "Option1 Name")] == [
        "Mug", "<p>For tea.</p><p>Or not.</p>", "Orla Clay", "Kitchen > Cups", "tea, cup", "Size",
    ]  # fmt: skip
    assert (first["Option1 Value"], second["Option1 Value"], second["Title"], second["Tags"]) == ("S", "L", "", "")
    assert (second["Variant Price"], second["Variant Compare At Price"]) == ("4.50", "5.00")
    assert first["Variant Inventory Qty"] == "3"
    assert first["Shop Attributes"] == second["Shop Attributes"] == ""


@pytest.mark.parametrize(
    "unlike",
    [
        {"status": "archived"},
        {"description": "Another."},
        {"category": "Kitchen"},
        {"supplier_id": "x"},
        {"group_id": "pot"},
        {"name": "Large Mug"},
        {"name": "Mug \u2013 S", "attributes": {"Size": "S"}},
        {"attributes": {"Size": "L", "tags": ["tea"]}},
    ],
)
def test_what_one_article_cannot_say_are_several(unlike: dict[str, Any]) -> None:
    small = mug("a", group_id="mug", name="Mug \u2013 S", attributes={"Size": "S"})
    large = mug("b", **({"group_id": "mug", "name": "Mug \u2013 L", "attributes": {"Size": "L"}} | unlike))

    content = exported(small, large)

    assert [row["Handle"] for row in rows_of(content)] == ["a", "b"]
    assert [product for product, _ in imported(content)] == [small, large]


def test_a_group_named_like_a_product_does_not_mix_with_it() -> None:
    variants = [mug(f"v{size}", group_id="mug", name=f"Mug \u2013 {size}", attributes={"Size": size}) for size in "SL"]

    content = exported(mug("mug"), *variants)

    assert [row["Handle"] for row in rows_of(content)] == ["mug", "vS", "vS"]
    assert [product for product, _ in imported(content)] == [mug("mug"), *variants]


def test_each_price_has_its_currency() -> None:
    prices = [("a", "1.234", "KWD"), ("b", "1234", "JPY"), ("c", "1234.50", "EUR"), ("d", "1.23", "GBP")]
    goods = [mug(product_id, base=base, currency=currency) for product_id, base, currency in prices]

    content = exported(*goods)

    assert [(row["Shop ID"], row["Variant Price"], row["Shop Currency"]) for row in rows_of(content)] == prices
    assert [product for product, _ in imported(content)] == goods


@pytest.mark.parametrize("text", [*FORMULAS[:7], "007", "12345678901234", " two  blanks ", "1E5"])
def test_a_sku_is_marked_as_a_text_where_a_spreadsheet_would_change_it(text: str) -> None:
    (row,) = rows_of(exported(mug(sku=text)))

    assert row["Variant SKU"] == f"'{text}"


@pytest.mark.parametrize("text", ["a\0b", "a\r\nb\rc", "<pre>a</pre>", "'a", "=1", " a", "a\n\n\n\nb", "&amp; <b>"])
def test_a_description_comes_back_to_the_letter(text: str) -> None:
    whole = mug(description=text)

    assert [product for product, _ in imported(exported(whole))] == [whole]


def test_the_largest_description_and_attributes_come_back() -> None:
    whole = mug(description="&\n" * (LONGEST_DESCRIPTION // 2), attributes={"x": "\x01" * 5000})

    assert [product for product, _ in imported(exported(whole))] == [whole]


def test_an_empty_catalog_is_a_heading() -> None:
    assert exported().count(b"\r\n") == 1


# What hands may do to an export


def edited(content: bytes, **cells: str) -> Import:
    rows = rows_of(content)
    rows[-1] |= {name.replace("_", " "): cell for name, cell in cells.items()}
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return read_products(out.getvalue().encode(), "EUR")


def test_what_was_changed_in_a_spreadsheet_is_changed() -> None:
    cells = {
        "Title": "  Large   Mug ",
        "Variant_SKU": "M-2",
        "Variant_Price": "6,5",
        "Tags": "tea",
        "Shop_Currency": "USD",
    }

    (row,) = edited(exported(mug()), **cells).products

    assert (row.product_id, row.details["sku"], row.details["name"]) == ("mug", "M-2", "Large Mug")
    assert row.details["attributes"] == {"tags": ["tea"]}
    assert row.price == Price(Money(650, "USD"))


def test_a_row_that_was_added_has_an_id_and_a_group_as_in_any_shopify_file() -> None:
    content = exported(mug("mug~s", group_id="mug", name="Mug \u2013 S", attributes={"Size": "S"}), mug("new"))
    cells = {
        "Handle": "mug~s",
        "Title": "",
        "Option1_Value": "XL",
        "Variant_SKU": "",
        "Shop_ID": "",
        "Shop_Currency": "",
    }

    *_, new = edited(content, **cells).products

    assert (new.product_id, new.details["group_id"], new.price.base.currency) == ("mug~s~xl", "mug~s", "EUR")


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        ({"Shop_ID": "a b"}, "Shop ID"),
        ({"Shop_Currency": "EURO"}, "Shop Currency"),
        ({"Shop_Attributes": "{colour: red}"}, "Shop Attributes"),
        ({"Shop_Attributes": "[1]"}, "Shop Attributes"),
        ({"Shop_Warehouse_Location": "x" * 201}, "Shop Warehouse Location"),
        ({"Shop_Group": "x" * 201}, "Shop Group"),
    ],
)
def test_a_fault_in_a_column_of_ours_is_named(cells: dict[str, str], field: str) -> None:
    assert {(fault.line, fault.field) for fault in edited(exported(mug()), **cells).faults} == {(2, field)}


def test_an_id_that_stands_twice_is_named() -> None:
    (fault,) = edited(exported(mug("a"), mug("b")), Shop_ID="a").faults

    assert (fault.line, fault.field) == (3, "Shop ID")
