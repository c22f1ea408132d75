"""Products from a Shopify CSV, or from an export of ours. Pure: it reads, checks and names every fault."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from shop.catalog.domain.price import Price
from shop.catalog.domain.product import Details, Product, Status
from shop.catalog.domain.stock import MOST as MOST_UNITS
from shop.catalog.presentation.decimal_marks import mark_of, with_point
from shop.catalog.presentation.html_text import text_kept, text_of
from shop.catalog.presentation.shopify_cells import Cells, Fault, Sheet, read_sheet
from shop.catalog.presentation.shopify_ids import cut, fitting
from shop.catalog.presentation.shopify_texts import is_value, name_of, path_of, tags_of
from shop.kernel.errors import Invalid
from shop.kernel.money import CURRENCIES, Money, NotMoney, exponent

MOST_BYTES = 50 * 1024 * 1024

_OPTIONS = (("option1", "value1"), ("option2", "value2"), ("option3", "value3"))
_OF_A_VARIANT = ("sku", "price", "value1", "value2", "value3")
_STATUSES: Mapping[str, Status] = {
    "": "active",
    "active": "active",
    "draft": "archived",
    "archived": "archived",
    "unlisted": "archived",
}
_FROM = {  # a field of the product, and the columns it comes from
    "productId": ("id", "sku", "handle"),
    "sku": ("sku", "id", "handle"),
    "name": ("title",),
    "description": ("description",),
    "category": ("category", "type"),
    "supplierId": ("vendor",),
    "warehouseLocation": ("location",),
    "groupId": ("group", "handle"),
    "attributes": ("attributes", "tags", "value1"),
}
_ANY_MOMENT = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One variant, as the act that imports a product takes it, and the line it starts on.

    Details that the file has no column for are left out; `on_hand` is None where it says nothing about stock.
    """

    line: int
    product_id: str
    details: Details
    price: Price
    on_hand: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What a file holds. With any fault nothing of it should be written; remarks are to be read, no more."""

    products: tuple[Row, ...]
    faults: tuple[Fault, ...]
    remarks: tuple[Fault, ...]


def read_products(content: bytes, currency: str) -> Import:
    """Every product of the file, and every fault in it. Only an unknown `currency` raises (`NotMoney`).

    The id is the SKU, else `handle~option-values` (the handle alone for `Default Title`), put into the letters an id
    may have. A Price below its Compare At Price is the discounted price; else Price is the base price. An export of
    ours says more than Shopify knows: the id, the currency (`currency` is of rows that name none), and so on.
    """
    exponent(currency)
    if len(content) > MOST_BYTES:
        large = Fault(1, "file", f"is larger than {MOST_BYTES >> 20} MB; split it into several")
        return Import(products=(), faults=(large,), remarks=())
    sheet = read_sheet(content)
    amounts: dict[str, list[str]] = defaultdict(list)
    for row in sheet.rows:
        amounts[row["currency"] or currency] += (row["price"], row["compare"])
    marks = {code: mark_of(of, code) for code, of in amounts.items() if code in CURRENCIES}
    return _Reading(sheet=sheet, currency=currency, marks=marks).all()


@dataclass(slots=True, kw_only=True)
class _Reading:
    """One pass over the rows; collects what is wrong instead of stopping at it."""

    sheet: Sheet
    currency: str
    marks: Mapping[str, str | None]  # of decimals, by currency
    faults: list[Fault] = field(default_factory=list)
    remarks: list[Fault] = field(default_factory=list)

    def all(self) -> Import:
        self.faults.extend(self.sheet.faults)
        products = [product for rows in self._articles() for product in self._products(rows)]
        products.sort(key=lambda product: product.line)
        self._refuse_same_ids(products)
        if not products and not self.faults:
            self._fault(1, "file", "has no products below its heading")
        self.faults.sort(key=lambda fault: fault.line)
        return Import(products=tuple(products), faults=tuple(self.faults), remarks=tuple(self.remarks))

    def _articles(self) -> list[list[Cells]]:
        articles: dict[str, list[Cells]] = defaultdict(list)
        for row in self.sheet.rows:
            if row["handle"]:
                articles[row["handle"]].append(row)
            elif any(row.of.values()):
                self._fault(row.line, "handle", "is empty")
        return list(articles.values())

    def _products(self, rows: Sequence[Cells]) -> Iterator[Row]:
        """The variants of one article; its further rows have an image and nothing else."""
        variants = [row for row in rows if any(row[word] for word in _OF_A_VARIANT)]
        lead = next((row for row in rows if row["title"]), None)
        if lead is None:
            if variants:
                self._fault(variants[0].line, "title", f"is empty in all rows of {variants[0]['handle'][:60]!r}")
            return
        several = len(variants) > 1
        common = self._common(lead)
        for row in variants or [lead]:
            product_id, price, on_hand = self._id(row), self._price(row), self._on_hand(row)
            if product_id is None or price is None:
                continue
            details = common | self._own(lead, row, product_id, several=several)
            product = Row(line=row.line, product_id=product_id, details=details, price=price, on_hand=on_hand)
            if self._keeps_the_rules(product):
                yield product

    def _common(self, lead: Cells) -> Details:
        """What all variants of an article share."""
        common = Details(category=_category(lead))
        if self._has("description"):
            common["description"] = (text_kept if self._ours else text_of)(lead["description"])
        if self._has("vendor"):
            common["supplier_id"] = lead.text("vendor")
        if self._has("status", "published"):
            common["status"] = self._status(lead)
        return common

    def _own(self, lead: Cells, row: Cells, product_id: str, *, several: bool) -> Details:
        own = Details(sku=_sku(row) or product_id, name=_name(lead, row, several=several))
        if row["id"] and self._has("group"):
            own["group_id"] = row.text("group")
        else:
            own["group_id"] = cut(fitting(row["handle"])) or None if several else None
        if self._has("location"):
            own["warehouse_location"] = row.text("location")
        if self._has("tags", "value1", "attributes"):
            own["attributes"] = _attributes(lead, row) | self._further(row)
        return own

    def _further(self, row: Cells) -> dict[str, Any]:
        """Attributes that are neither tags nor options."""
        try:
            return msgspec.json.decode(row["attributes"] or "{}", type=dict[str, Any])
        except msgspec.DecodeError as error:
            self._fault(row.line, "attributes", f'is no JSON like {{"colour": "red"}}: {error}')
            return {}

    def _keeps_the_rules(self, row: Row) -> bool:
        """What the catalog would refuse later is a fault now."""
        try:
            Product.create(product_id=row.product_id, details=row.details, price=row.price, at=_ANY_MOMENT)
        except Invalid as refused:
            for error in refused.errors:
                word = next((word for word in _FROM[error["field"]] if self._has(word)), "row")
                self._fault(row.line, word, error["message"])
            return False
        return True

    def _id(self, row: Cells) -> str | None:
        if row["id"]:
            return row["id"]
        handle, options = fitting(row["handle"].casefold()), fitting("-".join(_values(row)).casefold())
        found = fitting(_sku(row)) or (f"{handle}~{options}" if options else handle)
        if not found.strip("~"):
            self._fault(row.line, "handle", "has no letter or digit to make an id of")
            return None
        return cut(found)

    def _price(self, row: Cells) -> Price | None:
        price = self._amount(row, "price")
        compared = self._amount(row, "compare") if row["compare"] else None
        if price is None:
            return None
        if compared is not None and (price < compared or (self._ours and price == compared)):
            return Price(compared, price)
        return Price(price)

    def _amount(self, row: Cells, word: str) -> Money | None:
        if not row[word]:
            self._fault(row.line, word, "is empty; every variant needs one")
            return None
        currency = row["currency"] or self.currency
        if currency not in self.marks:
            self._fault(row.line, "currency", f"{currency[:40]!r} is no ISO 4217 currency code")
            return None
        try:
            amount = Money.parse(with_point(row[word], self.marks[currency]), currency)
        except NotMoney as error:
            self._fault(row.line, word, error.detail)
            return None
        if amount.minor < 0:
            self._fault(row.line, word, f"{row[word]} is below zero")
            return None
        return amount

    def _on_hand(self, row: Cells) -> int | None:
        text = row["quantity"]
        if not text:
            return None
        if not re.fullmatch(r"-?[0-9]{1,12}", text):
            self._fault(row.line, "quantity", f"{text[:40]!r} is no whole number")
            return None
        if int(text) > MOST_UNITS:
            self._fault(row.line, "quantity", f"{text} is more than {MOST_UNITS}")
            return None
        if int(text) < 0:
            self.remarks.append(Fault(row.line, self.sheet.headings["quantity"], f"{text} (oversold) is taken as 0"))
        return max(int(text), 0)

    def _status(self, lead: Cells) -> Status:
        """What Shopify does not show is archived here."""
        status = _STATUSES.get(lead["status"].casefold())
        if status is None:
            self._fault(lead.line, "status", f"{lead['status'][:40]!r} is none of active, draft, archived, unlisted")
        hidden = lead["published"].casefold() in ("false", "no", "0")
        return "archived" if hidden or status is None else status

    def _refuse_same_ids(self, products: Sequence[Row]) -> None:
        first: dict[str, int] = {}
        for product in products:
            line = first.setdefault(product.product_id, product.line)
            if line != product.line:
                word = next(word for word in _FROM["productId"] if self._has(word))
                own = "its own id" if word == "id" else "its own SKU"
                same = f"makes the same id as line {line}, {product.product_id!r}; each needs {own}"
                self._fault(product.line, word, same)

    @property
    def _ours(self) -> bool:
        return self._has("id")

    def _has(self, *words: str) -> bool:
        return any(word in self.sheet.headings for word in words)

    def _fault(self, line: int, word: str, message: str) -> None:
        self.faults.append(Fault(line, self.sheet.headings.get(word, word), message))


def _sku(row: Cells) -> str:
    if "sku" in row.exact:
        return row["sku"]
    return row["sku"].removeprefix("'").strip()  # Shopify puts a ' before what a spreadsheet would take for a number


def _values(row: Cells) -> list[str]:
    return [value for _, word in _OPTIONS if is_value(value := row[word])]


def _name(lead: Cells, row: Cells, *, several: bool) -> str:
    values = _values(row) if several else []
    return name_of(lead["title"], values) if values else lead.text("title") or ""


def _category(lead: Cells) -> str:
    word = "type" if lead["category"].casefold() in ("", "uncategorized") else "category"
    return lead[word] if word in lead.exact else path_of(lead[word])


def _attributes(lead: Cells, row: Cells) -> dict[str, Any]:
    tags: dict[str, Any] = {"tags": tags_of(lead["tags"])}
    options = {row[name] or lead[name] or name.title(): row[word] for name, word in _OPTIONS if is_value(row[word])}
    return (tags if tags["tags"] else {}) | options
