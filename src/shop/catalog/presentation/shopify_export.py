"""Products as a Shopify CSV that `shopify.py` reads back to the letter.

What Shopify's columns cannot say stands in columns of our own, which others pass over. Variants become one article
where Shopify's way of telling them leaves nothing out: same group and category, same texts and tags, a name that is
title and option values. All others are articles of their own.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from shop.catalog.domain.product import Product
from shop.catalog.domain.stock import Stock
from shop.catalog.presentation.html_text import html_of
from shop.catalog.presentation.shopify_texts import (
    BETWEEN_TITLE_AND_VALUES,
    BETWEEN_VALUES,
    category_cell,
    code_cell,
    is_plain,
    is_value,
    name_of,
    tags_cell,
    text_cell,
)

_HEADINGS: Mapping[str, str] = {  # our word for a column -> its heading
    "handle": "Handle",
    "title": "Title",
    "description": "Body (HTML)",
    "vendor": "Vendor",
    "type": "Type",
    "tags": "Tags",
    "option1": "Option1 Name",
    "value1": "Option1 Value",
    "option2": "Option2 Name",
    "value2": "Option2 Value",
    "option3": "Option3 Name",
    "value3": "Option3 Value",
    "sku": "Variant SKU",
    "tracker": "Variant Inventory Tracker",
    "quantity": "Variant Inventory Qty",
    "price": "Variant Price",
    "compare": "Variant Compare At Price",
    "status": "Status",
    "id": "Shop ID",
    "group": "Shop Group",
    "currency": "Shop Currency",
    "location": "Shop Warehouse Location",
    "attributes": "Shop Attributes",
}
_MOST_OPTIONS = 3
_json = msgspec.json.Encoder(order="deterministic").encode

Goods = tuple[Product, Stock]
_Row = Mapping[str, str]


def csv_of(products: Iterable[Goods]) -> Iterator[bytes]:
    """The file, piece by piece: the same for the same products and counts in the same order.

    The quantity is what is on hand. Not in it: what orders hold, what was sold, histories, versions.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _HEADINGS, restval="", lineterminator="\r\n")
    writer.writerow(_HEADINGS)
    for rows in _articles([_Variant.of(product, stock.on_hand) for product, stock in products]):
        writer.writerows(rows)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Variant:
    """A product as it may stand among others of its article. `options`, in its name, are attributes; perhaps none."""

    product: Product
    on_hand: int
    title: str
    options: Mapping[str, str]
    common: _Row  # what stands once per article

    @classmethod
    def of(cls, product: Product, on_hand: int) -> "_Variant":
        title, options = _taken_apart(product)
        common = {
            "description": html_of(product.description),
            "vendor": text_cell(product.supplier_id),
            "type": category_cell(product.category),
            "tags": tags_cell(product.attributes.get("tags")),
            "status": product.status,
        }
        return cls(product=product, on_hand=on_hand, title=title, options=options, common=common)

    @property
    def article(self) -> tuple[str | None, ...]:
        """The same for those that can be variants of one article."""
        if self.product.group_id is None or not self.options:
            return (self.product.product_id,)
        return (self.product.group_id, self.title, *self.options, *self.common.values())

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(self.options.values())


def _articles(variants: Sequence[_Variant]) -> Iterator[list[_Row]]:
    """In the order of their first variants."""
    articles: dict[tuple[str | None, ...], list[_Variant]] = defaultdict(list)
    for variant in variants:
        articles[variant.article].append(variant)
    taken = {variant.product.product_id for variant in variants}
    for of in articles.values():
        if len(of) > 1 and len({variant.values for variant in of}) == len(of):
            yield _together(of, _handle(of[0].product, taken))
        else:
            yield from ([_alone(variant)] for variant in of)


def _handle(first: Product, taken: set[str]) -> str:
    """The group's id, if no other article has it."""
    group_id = first.group_id or ""
    if not is_plain(group_id) or group_id in taken:
        return first.product_id
    taken.add(group_id)
    return group_id


def _together(variants: Sequence[_Variant], handle: str) -> list[_Row]:
    first = variants[0]
    names = {f"option{n}": text_cell(name) for n, name in enumerate(first.options, 1)}
    rows = [
        {f"value{n}": text_cell(value) for n, value in enumerate(variant.values, 1)}
        | _own(variant, said={*variant.options, "tags"} if variant.common["tags"] else variant.options)
        | {"handle": text_cell(handle)}
        for variant in variants
    ]
    rows[0] |= {"title": text_cell(first.title)} | names | dict(first.common)
    return rows  # type: ignore[return-value] # a dict is a mapping


def _alone(variant: _Variant) -> _Row:
    return {
        "handle": text_cell(variant.product.product_id),
        "title": text_cell(variant.product.name),
        "option1": "Title",
        "value1": "Default Title",  # Shopify's words for an article without options
        **variant.common,
        **_own(variant, said=["tags"] if variant.common["tags"] else []),
    }


def _own(variant: _Variant, *, said: Collection[str]) -> dict[str, str]:
    """What stands in the row of each product. `said`: the attributes that other columns tell."""
    product, price = variant.product, variant.product.price
    further = {name: value for name, value in product.attributes.items() if name not in said}
    return {
        "sku": code_cell(product.sku),
        "tracker": "shopify",  # else Shopify would not count it
        "quantity": str(variant.on_hand),
        "price": str(price.discounted or price.base),
        "compare": str(price.base) if price.discounted else "",
        "id": code_cell(product.product_id),
        "group": text_cell(product.group_id),
        "currency": product.currency,
        "location": text_cell(product.warehouse_location),
        "attributes": _json(further).decode() if further else "",
    }


def _taken_apart(product: Product) -> tuple[str, Mapping[str, str]]:
    """`Mug - Small / Red` (the dash an en dash) as title, Size and Colour; no options if it cannot be read so."""
    title, _, shown = product.name.rpartition(BETWEEN_TITLE_AND_VALUES)
    values = shown.split(BETWEEN_VALUES)
    if not is_plain(title) or len(values) > _MOST_OPTIONS:
        return "", {}
    options: dict[str, str] = {}
    for value in values:
        named_so = (name for name in sorted(product.attributes) if product.attributes[name] == value)
        name = next((name for name in named_so if name not in ("tags", *options) and is_plain(name)), None)
        if name is None or not is_plain(value) or not is_value(value):
            return "", {}
        options[name] = value
    return (title, options) if name_of(title, values) == product.name else ("", {})
