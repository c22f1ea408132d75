"""Products from a Shopify CSV, with its old headings and its new ones. Pure: it reads, checks and names every fault.

Source: help.shopify.com, «Using CSV files to import and export products».
"""

import csv
import hashlib
import io
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any, TextIO

from shop.catalog.domain.price import Price
from shop.catalog.domain.product import Details, Product, Status
from shop.catalog.domain.stock import MOST as MOST_UNITS
from shop.kernel.errors import Invalid
from shop.kernel.money import Money, NotMoney, exponent

MOST_BYTES = 50 * 1024 * 1024
LONGEST_ID = 100

# Our word for a column, and its headings: the one of old, then the one of today.
_COLUMNS = {
    "handle": ("handle", "url handle"),
    "title": ("title",),
    "description": ("body (html)", "description"),
    "vendor": ("vendor",),
    "category": ("product category", "standardized product type"),
    "type": ("type", "custom product type"),
    "tags": ("tags",),
    "published": ("published", "published on online store"),
    "status": ("status",),
    "option1": ("option1 name",),
    "value1": ("option1 value",),
    "option2": ("option2 name",),
    "value2": ("option2 value",),
    "option3": ("option3 name",),
    "value3": ("option3 value",),
    "sku": ("variant sku", "sku"),
    "quantity": ("variant inventory qty", "inventory quantity"),
    "price": ("variant price", "price"),
    "compare": ("variant compare at price", "compare-at price", "compare at price"),
}
_WORDS = {heading: word for word, headings in _COLUMNS.items() for heading in headings}
_NEEDED = ("handle", "title", "price")
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


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, under which heading, at which line of the file."""

    line: int
    field: str
    message: str


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

    products: tuple[Row, ...] = ()
    faults: tuple[Fault, ...] = ()
    remarks: tuple[Fault, ...] = ()


def read_products(file: TextIO | bytes, currency: str) -> Import:
    """Every product of the file, and every fault in it. Only an unknown `currency` raises (`NotMoney`).

    The id is the SKU, else `handle~option-values` (the handle alone for `Default Title`), put into the letters an id
    may have. A Price below its Compare At Price is the discounted price; else Price is the base price.
    """
    exponent(currency)
    try:
        sheet = _sheet(_text(file))
    except _Unreadable as unreadable:
        return Import(faults=(unreadable.fault,))
    return _Reading(sheet=sheet, currency=currency, mark=_mark(sheet, currency)).all()


# From the file to cells


class _Unreadable(Exception):
    """Nothing from this place on can be trusted."""

    def __init__(self, line: int, heading: str, message: str) -> None:
        super().__init__(message)
        self.fault = Fault(line, heading, message)


@dataclass(frozen=True, slots=True)
class _Cells:
    """One row: the line it starts on, and its cells under our words."""

    line: int
    of: Mapping[str, str]

    def __getitem__(self, word: str) -> str:
        return self.of.get(word, "")


@dataclass(frozen=True, slots=True)
class _Sheet:
    headings: Mapping[str, str]  # our word -> as the file has it
    rows: Sequence[_Cells]
    faults: Sequence[Fault]


def _text(file: TextIO | bytes) -> str:
    content = file if isinstance(file, bytes) else file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise _Unreadable(1, "file", f"is larger than {MOST_BYTES >> 20} MB; split it into several")
    text = (_decoded(content) if isinstance(content, bytes) else content).removeprefix("\ufeff")
    if not text.strip():
        raise _Unreadable(1, "file", "is empty")
    return text if "\n" in text else text.replace("\r", "\n")


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = 1 if content[:2] in (b"\xff\xfe", b"\xfe\xff") else content.count(b"\n", 0, error.start) + 1
        raise _Unreadable(line, "file", "is not UTF-8; save it as «CSV UTF-8» and try again") from error


def _sheet(text: str) -> _Sheet:
    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(",;\t", key=lambda mark: sum(_plain(cell) in _WORDS for cell in first.split(mark)))
    records = _records(text, delimiter)
    top, _, names = next((record for record in records if any(record[2])), (1, 1, []))
    words = [_WORDS.get(_plain(name), "") for name in names]
    headings = {word: name.strip() for word, name in zip(words, names, strict=True) if word}
    for word in _NEEDED:
        if word not in headings:
            raise _Unreadable(top, _COLUMNS[word][0].title(), "this column is missing in the heading")
    for word, heading in headings.items():
        if words.count(word) > 1:
            raise _Unreadable(top, heading, "this column stands twice in the heading")
    rows: list[_Cells] = []
    faults: list[Fault] = []
    try:
        for line, last, cells in records:
            if len(cells) == len(words):
                rows.append(_Cells(line, {word: _clean(cell) for word, cell in zip(words, cells, strict=True) if word}))
            elif any(cells):
                spread = f", and runs to line {last}: is a quote missing?" if last > line else ""
                faults.append(Fault(line, "row", f"has {len(cells)} cells where the heading has {len(words)}{spread}"))
    except _Unreadable as broken:
        faults.append(broken.fault)
    return _Sheet(headings, rows, faults)


def _plain(heading: str) -> str:
    return " ".join(heading.replace("\u2011", "-").strip("\ufeff\" '").casefold().split())


def _clean(cell: str) -> str:
    return cell.replace("\0", "").strip()


def _records(text: str, delimiter: str) -> Iterator[tuple[int, int, list[str]]]:
    """(first line, last line, cells) of each row."""
    reader = csv.reader(io.StringIO(text, newline="\n"), delimiter=delimiter, strict=True)
    while True:
        first = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise _broken(text, first, delimiter) from error
        if cells is None:
            return
        yield first, reader.line_num, cells


_QUOTED = re.compile(r'"[^"]*(?:""[^"]*)*"')


def _broken(text: str, first: int, delimiter: str) -> _Unreadable:
    """Finds the quote that is never closed, or closed in the middle of a cell, from line `first` on."""
    at = 0
    for _ in range(first - 1):
        at = text.index("\n", at) + 1
    while at < len(text):
        if text[at] == '"':
            closed = _QUOTED.match(text, at)
            behind = text[closed.end() : closed.end() + 1] if closed else "?"
            if closed is None or behind not in ("", delimiter, "\r", "\n"):
                line = text.count("\n", 0, at) + 1
                return _Unreadable(
                    line,
                    "row",
                    'a quote opens here that is not closed at the end of its cell; write a quote inside a cell as ""',
                )
            at = closed.end()
        ends = [end for mark in (delimiter, "\n") if (end := text.find(mark, at)) >= 0]
        at = min(ends, default=len(text)) + 1
    return _Unreadable(first, "row", "cannot be read: a cell is too long, or has a bare carriage return outside quotes")


# From cells to products


@dataclass(slots=True, kw_only=True)
class _Reading:
    """One pass over the rows; collects what is wrong instead of stopping at it."""

    sheet: _Sheet
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

    def _articles(self) -> list[list[_Cells]]:
        articles: dict[str, list[_Cells]] = defaultdict(list)
        for row in self.sheet.rows:
            if row["handle"]:
                articles[row["handle"]].append(row)
            elif any(row.of.values()):
                self._fault(row.line, "handle", "is empty")
        return list(articles.values())

    def _products(self, rows: Sequence[_Cells]) -> Iterator[Row]:
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

    def _common(self, lead: _Cells) -> Details:
        """What all variants of an article share."""
        common = Details(category=_category(lead))
        if self._has("description"):
            common["description"] = _without_tags(lead["description"])
        if self._has("vendor"):
            common["supplier_id"] = " ".join(lead["vendor"].split()) or None
        if self._has("status", "published"):
            common["status"] = self._status(lead)
        return common

    def _own(self, lead: _Cells, row: _Cells, product_id: str, *, several: bool) -> Details:
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

    def _id(self, row: _Cells) -> str | None:
        handle, options = _fitting(row["handle"].casefold()), _fitting("-".join(_values(row)).casefold())
        found = _fitting(_sku(row)) or (f"{handle}~{options}" if options else handle)
        if not found.strip("~"):
            self._fault(row.line, "handle", "has no letter or digit to make an id of")
            return None
        return _cut(found)

    def _price(self, row: _Cells) -> Price | None:
        price = self._amount(row, "price")
        compared = self._amount(row, "compare") if row["compare"] else None
        if price is None:
            return None
        return Price(compared, price) if compared is not None and price < compared else Price(price)

    def _amount(self, row: _Cells, word: str) -> Money | None:
        try:
            amount = Money.parse(_decimal(row[word], self.mark), self.currency)
        except NotMoney as error:
            self._fault(row.line, word, error.detail)
            return None
        if amount.minor < 0:
            self._fault(row.line, word, f"{row[word]} is below zero")
            return None
        return amount

    def _on_hand(self, row: _Cells) -> int | None:
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

    def _status(self, lead: _Cells) -> Status:
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
                self._fault(
                    product.line,
                    word,
                    f"makes the same id as line {line}, {product.product_id!r}; each needs its own SKU",
                )

    def _has(self, *words: str) -> bool:
        return any(word in self.sheet.headings for word in words)

    def _fault(self, line: int, word: str, message: str) -> None:
        self.faults.append(Fault(line, self.sheet.headings.get(word, word), message))


def _sku(row: _Cells) -> str:
    return row["sku"].removeprefix("'").strip()  # Shopify puts a ' before what a spreadsheet would take for a number


def _values(row: _Cells) -> list[str]:
    return [value for _, word in _OPTIONS if (value := row[word]) and value.casefold() != "default title"]


def _name(lead: _Cells, row: _Cells, *, several: bool) -> str:
    values = _values(row) if several else []
    return " ".join(f"{lead['title']} \u2013 {' / '.join(values)}".split() if values else lead["title"].split())


def _category(lead: _Cells) -> str:
    path = lead["category"] if lead["category"].casefold() not in ("", "uncategorized") else lead["type"]
    steps = [" ".join(step.replace("/", " ").split()) for step in path.split(">")]
    return "/".join(step for step in steps if step) or _UNCATEGORISED


def _attributes(lead: _Cells, row: _Cells) -> dict[str, Any]:
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


# Amounts: never guessed, for a price times 1000 is worse than a question

_GROUP = 3  # digits between two marks of thousands
_MARKS = {",": ".", ".": ","}


def _mark(sheet: _Sheet, currency: str) -> str | None:
    """The decimal mark of the file: the one its prices show beyond doubt. None: they show both, or neither."""
    amounts = [row[word] for row in sheet.rows for word in ("price", "compare")]
    shown = {_shown(amount) for amount in amounts} - {None}
    if not shown and exponent(currency) == _GROUP and not any("," in amount for amount in amounts):
        return "."
    return shown.pop() if len(shown) == 1 else None


def _shown(text: str) -> str | None:
    """The decimal mark of one amount, if there can be no other reading of it: not in `1.234`, not in `1,234`."""
    marks = [letter for letter in text if letter in _MARKS]
    if not marks:
        return None
    if len(marks) == 1:
        whole, _, decimals = text.partition(marks[0])
        digits = whole.strip().removeprefix("-")
        doubtful = len(decimals) == _GROUP and 1 <= len(digits) <= _GROUP and not digits.startswith("0")
        return None if doubtful else marks[0]
    return marks[-1] if len(set(marks)) > 1 else _MARKS[marks[0]]


def _decimal(text: str, of_the_file: str | None) -> str:
    """`1.234,50` → `1234.50`. `NotMoney` where that is no amount, or could be two."""
    mark = _shown(text) or of_the_file
    if not text:
        raise NotMoney("is empty; every variant needs one")
    if mark is None and ("." in text or "," in text):
        raise NotMoney(f"{text[:40]!r} may be thousands or decimals; write it with two decimals, like 1234.00")
    whole, _, decimals = text.partition(mark) if mark else (text, "", "")
    if not re.fullmatch(r"-?([0-9]+|[0-9]{1,3}([.,'\u2019\s][0-9]{3})+)", whole) or not re.fullmatch(
        "[0-9]*", decimals
    ):
        raise NotMoney(f"{text[:40]!r} is no amount; write it like 1234.50")
    digits = re.sub(r"[.,'\u2019\s]", "", whole)
    return f"{digits}.{decimals}" if decimals else digits


# Descriptions


def _without_tags(html: str) -> str:
    reader = _Text()
    try:
        reader.feed(html)
        reader.close()
    except AssertionError:  # html.parser gives up on a few kinds of broken declarations
        return " ".join(re.sub(r"<[^>]*>", " ", html).split())
    lines = (" ".join(line.split()) for line in "".join(reader.parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Text(HTMLParser):
    """Keeps the text and the breaks between blocks."""

    _BLOCKS = frozenset(
        [
            "p",
            "div",
            "br",
            "li",
            "ul",
            "ol",
            "tr",
            "table",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "section",
            "article",
            "blockquote",
            "hr",
        ]
    )

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - html.parser's signature
        self._hidden += tag in ("script", "style")
        self._break(tag)
        if tag == "li":
            self.parts.append("- ")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style") and self._hidden > 0
        if tag != "li":
            self._break(tag)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)

    def _break(self, tag: str) -> None:
        if tag in self._BLOCKS:
            self.parts.append("\n")
