"""An order log: the sales that its files tell of, what came back of them, and every fault in them.

It has the columns of the UCI Online Retail set: one row per line of an invoice.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any, NamedTuple

import msgspec

from shop.kernel.money import Money, NotMoney

_HEADINGS = {
    "invoice": ("invoiceno", "invoice"),
    "code": ("stockcode",),
    "name": ("description",),
    "quantity": ("quantity",),
    "price": ("unitprice", "price"),
    "customer": ("customerid", "customer id"),
}
_SMALLEST_PRICE = Decimal("0.005")


class LogFault(NamedTuple):
    """What is wrong with a row of a log."""

    file: str
    line: int
    field: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A stock code at a price; where prices change, a stock code and its first price."""

    id: str
    code: str
    name: str
    price: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """One order, as the log or the API has it. `points` is what its customer earned with it, `points_back` what its
    refunds took of that. Prices are each product's; they are compared by what they come to.
    """

    reference: str
    customer: str
    lines: Mapping[str, int]  # product id → quantity
    prices: Mapping[str, Money] = field(compare=False)
    total: Decimal = Decimal(0)
    points: int = 0
    returned: Mapping[str, int] = field(default_factory=dict)  # product id → quantity
    refunded: Decimal = Decimal(0)
    points_back: int = 0

    def at(self, prices: Mapping[str, Money]) -> Sale:
        """The same sale at these prices, with all that follows from them."""
        total, refunded = _worth(self.lines, prices), _worth(self.returned, prices)
        return replace(
            self,
            prices=prices,
            total=Decimal(str(total)),
            points=total.whole_units,
            refunded=Decimal(str(refunded)),
            points_back=total.whole_units - (total - refunded).whole_units,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """What a credit note takes back of one sale: product id → quantity."""

    note: str
    reference: str
    lines: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Log:
    """The sales of a log. Rows passed over are none, and no refunds: gifts, corrections, no customer."""

    sales: Sequence[Sale]
    returns: Sequence[Return]
    products: Mapping[str, Product]
    faults: Sequence[LogFault]
    unmatched: Sequence[LogFault]  # rows of credit notes for which there is no sale further up
    left_out: Sequence[LogFault]  # rows with a second price for what the invoice has already
    passed_over: int

    @cached_property
    def units(self) -> Mapping[str, int]:
        """What is sold of each product."""
        sold: Counter[str] = Counter()
        for sale in self.sales:
            sold.update(sale.lines)
        return sold

    @cached_property
    def digest(self) -> str:
        """The same for the same sales."""
        told = msgspec.json.encode([(sale.reference, sale.customer, sorted(sale.lines.items())) for sale in self.sales])
        return hashlib.sha256(told).hexdigest()[:16]


def read_log(files: Sequence[tuple[str, bytes]], currency: str, *, price_changes: bool = False) -> Log:
    """The sales in these files of (name, content), by one rule, and every fault in them.

    A sale has an invoice number of digits only, a quantity above 0, a price of at least half a penny and a customer.
    A product is a stock code (upper case) at a price; lines of one product in one invoice are one line.
    With `price_changes` it is the stock code alone, which has one price in an invoice, the first.

    A credit note (its number begins with C, its quantity is below 0) takes back what the same customer bought of the
    same product at the same price further up, the newest sale first, in part where need be.
    """
    faults: list[LogFault] = []
    unmatched: list[LogFault] = []
    left_out: list[LogFault] = []
    back = _Back()
    products: dict[str, Product] = {}
    customers: dict[str, str] = {}
    lines: dict[str, Counter[str]] = {}
    prices: dict[str, dict[str, Money]] = defaultdict(dict)
    passed_over = 0
    for name, content in files:
        for line, row in _rows(name, content, faults):
            try:
                bought = _bought(row, currency, price_changes=price_changes)
            except _WrongCell as wrong:
                faults.append(LogFault(name, line, wrong.heading, str(wrong)))
                continue
            if bought is None:
                passed_over += 1
                continue
            invoice, customer, product, quantity = bought
            if quantity < 0:
                if left := back.give(invoice, customer, product, -quantity):
                    what = f"{left} of {product.id}{f' at {product.price}' if price_changes else ''}"
                    message = f"{what} in {invoice}: customer {customer or '?'} has not bought so many further up"
                    unmatched.append(LogFault(name, line, "credit note", message))
                continue
            if (price := prices[invoice].setdefault(product.id, product.price)) != product.price:
                message = f"{quantity} of {product.id} at {product.price} in {invoice}, which has it at {price}"
                left_out.append(LogFault(name, line, "price", message))
                continue
            back.sold(invoice, customer, product, quantity)
            if customers.setdefault(invoice, customer) != customer:
                message = f"invoice {invoice} is that of customer {customers[invoice]} further up, here of {customer}"
                faults.append(LogFault(name, line, "customer", message))
            known = products.setdefault(product.id, product)
            if known.code != product.code:
                faults.append(
                    LogFault(name, line, "stock code", f"{product.code!r} and {known.code!r} make the same id")
                )
            lines.setdefault(invoice, Counter())[product.id] += quantity
    came_back = back.by_sale()
    sales = [
        Sale(reference=invoice, customer=customers[invoice], lines=bag, prices={}, returned=came_back[invoice]).at(
            prices[invoice]
        )
        for invoice, bag in lines.items()
    ]
    return Log(
        sales=sales,
        returns=[Return(note=note, reference=sale, lines=bag) for (note, sale), bag in back.returns.items()],
        products=products,
        faults=faults,
        unmatched=unmatched,
        left_out=left_out,
        passed_over=passed_over,
    )


def _worth(bag: Mapping[str, int], prices: Mapping[str, Money]) -> Money:
    currency = next(iter(prices.values())).currency
    return Money(sum(prices[product].minor * quantity for product, quantity in bag.items()), currency)


class _Back:
    """What was sold to whom and has not come back."""

    def __init__(self) -> None:
        self.returns: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)  # (note, invoice) → product → quantity
        self._left: dict[tuple[str, str, Money], list[list[Any]]] = defaultdict(list)  # [invoice, quantity], as sold

    def sold(self, invoice: str, customer: str, product: Product, quantity: int) -> None:
        """The customer has these."""
        self._left[customer, product.id, product.price].append([invoice, quantity])

    def give(self, note: str, customer: str, product: Product, quantity: int) -> int:
        """The customer gives so many back, of the newest sale first; how many too many that is."""
        for sale in reversed(self._left[customer, product.id, product.price]):
            given = min(sale[1], quantity)
            if given:
                sale[1] -= given
                quantity -= given
                self.returns[note, sale[0]][product.id] += given
        return quantity

    def by_sale(self) -> Mapping[str, Counter[str]]:
        """All that came back of each."""
        of: dict[str, Counter[str]] = defaultdict(Counter)
        for (_, sale), bag in self.returns.items():
            of[sale] += bag
        return of


class _WrongCell(Exception):
    def __init__(self, heading: str, message: str) -> None:
        super().__init__(message)
        self.heading = heading


def _rows(name: str, content: bytes, faults: list[LogFault]) -> Iterator[tuple[int, Mapping[str, str]]]:
    """(line, cells under our words) of each row."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        faults.append(LogFault(name, content.count(b"\n", 0, error.start) + 1, "file", "is not UTF-8"))
        return
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        headings = [" ".join(cell.casefold().split()) for cell in next(reader, [])]
        places = {word: headings.index(h) for word, names in _HEADINGS.items() for h in names if h in headings}
        if missing := [names[0] for word, names in _HEADINGS.items() if word not in places]:
            faults.append(LogFault(name, 1, missing[0], "this column is missing in the heading"))
            return
        line = reader.line_num + 1
        for cells in reader:
            if len(cells) == len(headings):
                yield line, {word: cells[place].strip() for word, place in places.items()}
            elif any(cells):
                faults.append(
                    LogFault(name, line, "row", f"has {len(cells)} cells where the heading has {len(headings)}")
                )
            line = reader.line_num + 1
    except csv.Error as error:
        faults.append(LogFault(name, line, "row", f"cannot be read: {error}; is a quote missing?"))


def _bought(row: Mapping[str, str], currency: str, *, price_changes: bool) -> tuple[str, str, Product, int] | None:
    """Invoice, customer, product, quantity (below 0: given back); None for a row that is neither."""
    invoice, customer = row["invoice"].upper(), re.sub(r"\.0+$", "", row["customer"])
    back = bool(re.fullmatch(r"C[0-9]+", invoice))
    if not (back or (re.fullmatch(r"[0-9]+", invoice) and customer)):
        return None
    if not re.fullmatch(r"[-+]?[0-9]{1,9}", row["quantity"]):
        raise _WrongCell("quantity", f"{row['quantity'][:40]!r} is no whole number")
    try:
        exact = Decimal(row["price"])
        price = Money.rounded(exact, currency) if exact.is_finite() else None
    except (InvalidOperation, NotMoney):
        price = None
    if price is None:
        raise _WrongCell("price", f"{row['price'][:40]!r} is no amount")
    quantity = int(row["quantity"])
    if quantity * (-1 if back else 1) <= 0 or exact < _SMALLEST_PRICE:
        return None
    code = row["code"].upper()
    fitting = re.sub(r"[^A-Z0-9._~-]+", "-", code)[:80]
    if not fitting:
        raise _WrongCell("stock code", "is empty")
    id_ = fitting if price_changes else f"{fitting}@{price}"
    return invoice, customer, Product(id=id_, code=code, name=row["name"] or code, price=price), quantity
