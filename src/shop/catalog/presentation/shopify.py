"""Products from a Shopify CSV, with its old headings and its new ones. Pure: it reads, checks and names every fault."""

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shop.catalog.domain.price import Price
from shop.catalog.domain.product import Details, Product, Status
from shop.catalog.domain.stock import MOST as MOST_UNITS
from shop.catalog.presentation.decimal_marks import mark_of, with_point
from shop.catalog.presentation.html_text import text_of
from shop.catalog.presentation.shopify_cells import Cells, Fault, Sheet, read_sheet
from shop.kernel.errors import Invalid
from shop.kernel.money import Money, NotMoney, exponent

MOST_BYTES = 50 * 1024 * 1024
LONGEST_ID = 100

_OPTIONS = (("option1", "value1"), ("option2", "value2"), ("option3", "value3"))
_OF_A_VARIANT = ("sku", "price", "value1", "value2", "value3")
_STATUSES: Mapping[str, Status] = {
    "": "active",
    "active": "active",
    "draft": "archived",
    "archived": "archived",
    "unlisted": "archived",
}
_UNCATEGORISED = "Uncategorised"
_FROM = {  # a field of the product, and the columns it comes from
    "productId": ("sku", "handle"),
    "sku": ("sku", "handle"),
    "name": ("title",),
    "description": ("description",),
    "category": ("category", "type"),
    "supplierId": ("vendor",),
    "groupId": ("handle",),
    "attributes": ("tags", "value1"),
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
    may have. A Price below its Compare At Price is the discounted price; else Price is the base price.
    """
    exponent(currency)
    if len(content) > MOST_BYTES:
        large = Fault(1, "file", f"is larger than {MOST_BYTES >> 20} MB; split it into several")
        return Import(products=(), faults=(large,), remarks=())
    sheet = read_sheet(content)
    amounts = [row[word] for row in sheet.rows for word in ("price", "compare")]
    return _Reading(sheet=sheet, currency=currency, mark=mark_of(amounts, currency)).all()


@dataclass(slots=True, kw_only=True)
class _Reading:
    """One pass over the rows; collects what is wrong instead of stopping at it."""

    sheet: Sheet
    currency: str
    mark: str | None
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
            common["description"] = text_of(lead["description"])
        if self._has("vendor"):
            common["supplier_id"] = " ".join(lead["vendor"].split()) or None
        if self._has("status", "published"):
            common["status"] = self._status(lead)
        return common

    def _own(self, lead: Cells, row: Cells, product_id: str, *, several: bool) -> Details:
        own = Details(sku=_sku(row) or product_id, name=_name(lead, row, several=several))
        own["group_id"] = _cut(_fitting(row["handle"])) or None if several else None
        if self._has("tags", "value1"):
            own["attributes"] = _attributes(lead, row)
        return own

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
        handle, options = _fitting(row["handle"].casefold()), _fitting("-".join(_values(row)).casefold())
        found = _fitting(_sku(row)) or (f"{handle}~{options}" if options else handle)
        if not found.strip("~"):
            self._fault(row.line, "handle", "has no letter or digit to make an id of")
            return None
        return _cut(found)

    def _price(self, row: Cells) -> Price | None:
        price = self._amount(row, "price")
        compared = self._amount(row, "compare") if row["compare"] else None
        if price is None:
            return None
        return Price(compared, price) if compared is not None and price < compared else Price(price)

    def _amount(self, row: Cells, word: str) -> Money | None:
        if not row[word]:
            self._fault(row.line, word, "is empty; every variant needs one")
            return None
        try:
            amount = Money.parse(with_point(row[word], self.mark), self.currency)
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
                word = "sku" if self._has("sku") else "handle"
                same = f"makes the same id as line {line}, {product.product_id!r}; each needs its own SKU"
                self._fault(product.line, word, same)

    def _has(self, *words: str) -> bool:
        return any(word in self.sheet.headings for word in words)

    def _fault(self, line: int, word: str, message: str) -> None:
        self.faults.append(Fault(line, self.sheet.headings.get(word, word), message))


def _sku(row: Cells) -> str:
    return row["sku"].removeprefix("'").strip()  # Shopify puts a ' before what a spreadsheet would take for a number


def _values(row: Cells) -> list[str]:
    return [value for _, word in _OPTIONS if (value := row[word]) and value.casefold() != "default title"]


def _name(lead: Cells, row: Cells, *, several: bool) -> str:
    values = _values(row) if several else []
    return " ".join(f"{lead['title']} \u2013 {' / '.join(values)}".split() if values else lead["title"].split())


def _category(lead: Cells) -> str:
    path = lead["category"] if lead["category"].casefold() not in ("", "uncategorized") else lead["type"]
    steps = [" ".join(step.replace("/", " ").split()) for step in path.split(">")]
    return "/".join(step for step in steps if step) or _UNCATEGORISED


def _attributes(lead: Cells, row: Cells) -> dict[str, Any]:
    tags: dict[str, Any] = {"tags": [tag for part in lead["tags"].split(",") if (tag := part.strip())]}
    options = {row[name] or lead[name] or name.title(): row[word] for name, word in _OPTIONS if row[word]}
    shown = {name: value for name, value in options.items() if value.casefold() != "default title"}
    return (tags if tags["tags"] else {}) | shown


def _fitting(text: str) -> str:
    """`text` in the letters an id may have; letters that it cannot keep, a hash keeps apart."""
    folded = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    plain = "".join(letter for letter in folded if not unicodedata.combining(letter))
    fitting = re.sub(r"[^A-Za-z0-9._~@-]+", "-", plain).strip("-")
    if any(letter.isalnum() and not letter.isascii() for letter in plain):
        fitting = f"{fitting}-{_hash(text)}".lstrip("-")
    return fitting if fitting.strip(".") else ""  # a URL would lose «.» and «..»


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_ID else f"{text[: LONGEST_ID - 9]}-{_hash(text)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:8]
