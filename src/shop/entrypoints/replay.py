"""Plays an order log through the HTTP API, and counts what came of it from what the API says.

The log has the columns of the UCI Online Retail set: one row per line of an invoice.
"""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal, InvalidOperation
from time import monotonic
from typing import TypeVar
from urllib.parse import quote

import httpx
import msgspec

from shop.kernel.money import Money, NotMoney

T = TypeVar("T")
Progress = Callable[[str, int, int], None]  # (phase, done, of how many)

_HEADINGS = {
    "invoice": ("invoiceno", "invoice"),
    "code": ("stockcode",),
    "name": ("description",),
    "quantity": ("quantity",),
    "price": ("unitprice", "price"),
    "customer": ("customerid", "customer id"),
}
_SMALLEST_PRICE = Decimal("0.005")
_STATUSES = ("pending", "confirmed", "completed", "cancelled")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5  # seconds between two looks at the same thing
_TRY_LATER = (429, 503)
_NO_ENTRY = (401, 403)


class ReplayFailed(Exception):
    """The replay cannot go on; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class LogFault:
    """What is wrong with a row of a log."""

    file: str
    line: int
    field: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A stock code at a price."""

    id: str
    code: str
    name: str
    price: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """One order, as the log or the API has it. `points` is what its customer earned with it."""

    reference: str
    customer: str
    lines: Mapping[str, int]  # product id → quantity
    total: Decimal
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The sales of a log. Rows passed over are no sales: credit notes, gifts, corrections, no customer."""

    sales: Sequence[Sale]
    products: Mapping[str, Product]
    faults: Sequence[LogFault]
    passed_over: int

    def units(self) -> Mapping[str, int]:
        """What is sold of each product."""
        sold: Counter[str] = Counter()
        for sale in self.sales:
            sold.update(sale.lines)
        return sold

    def digest(self) -> str:
        """The same for the same sales."""
        told = msgspec.json.encode([(sale.reference, sale.customer, sorted(sale.lines.items())) for sale in self.sales])
        return hashlib.sha256(told).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Control totals."""

    orders: int
    merged_lines: int
    most_lines_in_one_order: int
    units: int
    products: int
    customers: int
    revenue: str
    points: int

    @classmethod
    def of(cls, sales: Sequence[Sale]) -> Totals:
        """Counted from these sales and nothing else."""
        return cls(
            orders=len(sales),
            merged_lines=sum(len(sale.lines) for sale in sales),
            most_lines_in_one_order=max((len(sale.lines) for sale in sales), default=0),
            units=sum(sum(sale.lines.values()) for sale in sales),
            products=len({product for sale in sales for product in sale.lines}),
            customers=len({sale.customer for sale in sales}),
            revenue=str(sum((sale.total for sale in sales), Decimal(0))),
            points=sum(sale.points for sale in sales),
        )

    def json(self) -> str:
        """All of them in one line."""
        return msgspec.json.encode(asdict(self)).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the API says, what the log says, where they differ; how much went per second, how long points took.

    Remarks are what went wrong on the way and came right in the end.
    """

    totals: Totals
    wanted: Totals
    differences: Sequence[str]
    remarks: Sequence[str]
    points_after: float
    rates: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Products, stock, orders, payments; then everything is read back. Run again, it adds nothing.

    `token(role, subject)` signs a bearer token, `sign(body)` a payment notice; `patience` is how many seconds one
    thing may take to happen.
    """

    client: httpx.AsyncClient
    token: Callable[[str, str], str]
    sign: Callable[[bytes], str]
    at_once: int = 32
    patience: float = 120
    progress: Progress = lambda _phase, _done, _of: None

    async def __call__(self, log: Log) -> Report:
        """Play it. `ReplayFailed` if the shop does not answer or does not know us."""
        shop = _Shop(client=self.client, token=self.token, sign=self.sign, patience=self.patience)
        await shop.knock()
        run = _Run(log=log, shop=shop, at_once=self.at_once, progress=self.progress, patience=self.patience)
        begun = monotonic()
        await run.each("products", list(log.products.values()), run.deliver)
        stocked = monotonic()
        await run.each("orders placed", log.sales, run.place)
        placed = monotonic()
        await run.each("orders paid", [sale for sale in log.sales if sale.reference in run.placed], run.pay)
        await run.each("orders completed", [sale for sale in log.sales if sale.reference in run.placed], run.complete)
        settled = monotonic()
        await run.each("customers with points", run.customers(), run.await_points)
        rewarded = monotonic()
        sales, others = await run.read_back()
        wrong = [*_differences(sales, log.sales), *others]
        return Report(
            totals=Totals.of(sales),
            wanted=Totals.of(log.sales),
            differences=[*wrong, *run.troubles] if wrong else [],
            remarks=[] if wrong else run.troubles,
            points_after=rewarded - settled,
            rates={
                "products delivered": len(log.products) / (stocked - begun),
                "orders placed": len(run.placed) / (placed - stocked),
                "orders placed, paid and completed": len(run.placed) / (settled - stocked),
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """The payment provider, for one order."""

    client: httpx.AsyncClient
    token: Callable[[str, str], str]
    sign: Callable[[bytes], str]
    patience: float = 5

    async def __call__(self, order_id: str, *, amount: str | None = None, failed: bool = False) -> str:
        """Say that it is paid (or that paying failed); what became of the order, in one line."""
        shop = _Shop(client=self.client, token=self.token, sign=self.sign, patience=self.patience)
        await shop.knock()
        state = "failed" if failed else "completed"
        try:
            order = await shop.order(order_id)
            before, amount = order.status, amount or order.total
            await shop.pay(order, payment=f"pay-{order_id}-{amount}-{state}", amount=amount, state=state)
            until = monotonic() + self.patience
            while order.status == before and before != "completed" and not failed and monotonic() < until:
                await asyncio.sleep(_FIRST_PAUSE)
                order = await shop.order(order_id)
        except _Trouble as trouble:
            raise ReplayFailed(str(trouble)) from trouble
        verb = "was not paid" if failed else "was paid"
        return f"{order_id}: {amount} {order.currency} {verb}; the order is {order.status}"


class Lanes(httpx.AsyncBaseTransport):
    """A connection for each request that is under way, kept for the next one.

    httpx's own pool looks at all of its connections for every request; with 32 of them that is most of the time.
    """

    def __init__(self) -> None:
        self._all: list[httpx.AsyncHTTPTransport] = []
        self._idle: list[httpx.AsyncHTTPTransport] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The whole answer, over the connection that was used last."""
        lane = self._idle.pop() if self._idle else self._new()
        try:
            response = await lane.handle_async_request(request)
            await response.aread()
            return response
        finally:
            self._idle.append(lane)

    async def aclose(self) -> None:
        """Close all connections."""
        for lane in self._all:
            await lane.aclose()

    def _new(self) -> httpx.AsyncHTTPTransport:
        lane = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=1))
        self._all.append(lane)
        return lane


# The steps


class _Line(msgspec.Struct, rename="camel"):
    product_id: str
    quantity: int


class _Order(msgspec.Struct, rename="camel"):
    order_id: str
    customer_id: str
    status: str
    lines: list[_Line]
    total: str
    currency: str
    reference: str | None = None
    reason: str | None = None


class _Entry(msgspec.Struct, rename="camel"):
    kind: str
    points: int
    order_id: str | None = None


class _Page(msgspec.Struct, rename="camel"):
    data: list[msgspec.Raw]
    next_cursor: str | None = None


@dataclass(slots=True, kw_only=True)
class _Run:
    """One replay under way."""

    log: Log
    shop: _Shop
    at_once: int
    patience: float
    progress: Progress
    placed: dict[str, _Order] = field(default_factory=dict)  # by invoice
    points: dict[str, int] = field(default_factory=dict)  # by order id
    troubles: list[str] = field(default_factory=list)
    units: Mapping[str, int] = field(init=False)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        self.units = self.log.units()
        self.digest = self.log.digest()

    async def each(self, phase: str, items: Sequence[T], step: Callable[[T], Awaitable[None]]) -> None:
        """The step for every item, some at once. What is refused or does not happen is noted; the others go on."""
        waiting = iter(items)
        done = 0
        self.progress(phase, 0, len(items))

        async def work() -> None:
            nonlocal done
            for item in waiting:
                try:
                    await step(item)
                except _Trouble as trouble:
                    self.troubles.append(str(trouble))
                done += 1
                self.progress(phase, done, len(items))

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self.at_once, len(items))):
                    group.create_task(work())
        except ExceptionGroup as several:
            raise several.exceptions[0] from None

    async def deliver(self, product: Product) -> None:
        """The product is in the catalog, and what this log sells of it on the shelf."""
        body = {
            "productId": product.id,
            "sku": product.id,
            "name": product.name,
            "category": "Replay",
            "basePrice": str(product.price),
            "currency": product.price.currency,
        }
        await self.shop.ask("POST", "/products", body=body, also_fine=409)
        await self.shop.ask(
            "POST",
            f"/products/{product.id}/stock",
            # By how many and not to how many: other orders may have reserved some of it.
            body={"delta": self.units[product.id], "reason": "delivery"},
            key=f"replay-{self.digest}-{product.id}",
        )

    async def place(self, sale: Sale) -> None:
        """The customer orders what the log says, at the prices of the log."""
        body = {
            "items": [{"productId": product, "quantity": quantity} for product, quantity in sale.lines.items()],
            "expectedTotal": str(sale.total),
            "reference": sale.reference,
        }
        answer = await self.shop.ask("POST", "/orders", who=sale.customer, body=body, key=f"replay-{sale.reference}")
        self.placed[sale.reference] = msgspec.json.decode(answer, type=_Order)

    async def pay(self, sale: Sale) -> None:
        """The goods are reserved, then the payment provider says that it has the money."""
        order = await self._until(sale, "confirmed", "completed")
        if order.status == "confirmed":
            await self.shop.pay(order, payment=f"replay-{sale.reference}")

    async def complete(self, sale: Sale) -> None:
        """Reserved and paid, the order is completed."""
        await self._until(sale, "completed")

    def customers(self) -> Sequence[tuple[str, Mapping[str, int]]]:
        """Each customer, with the points that each of the orders should bring."""
        wanted: dict[str, dict[str, int]] = defaultdict(dict)
        for sale in self.log.sales:
            if sale.reference in self.placed:
                wanted[sale.customer][self.placed[sale.reference].order_id] = sale.points
        return list(wanted.items())

    async def await_points(self, customer: tuple[str, Mapping[str, int]]) -> None:
        """The customer's ledger shows the points of these orders."""
        name, wanted = customer

        async def look() -> Mapping[str, int] | None:
            earned: dict[str, int] = Counter()
            async for entry in self.shop.list(f"/rewards/{name}/ledger", of=_Entry):
                if entry.kind == "earn" and entry.order_id is not None and entry.order_id in wanted:
                    earned[entry.order_id] += entry.points
            self.points.update(earned)
            return earned if sum(earned.values()) >= sum(wanted.values()) else None

        await self._see(look, f"customer {name} has not all points yet")

    async def read_back(self) -> tuple[Sequence[Sale], Sequence[str]]:
        """The completed orders of this log, from the lists; and what is to be said of those in other states."""
        invoices = {sale.reference for sale in self.log.sales}
        found: list[_Order] = []

        async def look() -> bool | None:
            found.clear()
            for status in _STATUSES:
                listed = self.shop.list("/orders", of=_Order, status=status)
                found.extend([order async for order in listed if order.reference in invoices])
                self.progress("orders read back", min(len(found), len(invoices)), len(invoices))
            return True if len(found) >= len(self.placed) else None  # a list may lag behind for a moment

        try:
            await self._see(look, "the lists of orders do not show all orders yet")
        except _Trouble as trouble:
            self.troubles.append(str(trouble))
        done = [order for order in found if order.status == "completed"]
        others = [
            f"invoice {o.reference} is {o.status} ({o.reason or o.order_id})" for o in found if o.status != "completed"
        ]
        return [_sale(order, self.points.get(order.order_id, 0)) for order in done], others

    async def _until(self, sale: Sale, *wanted: str) -> _Order:
        order_id = self.placed[sale.reference].order_id

        async def look() -> _Order | None:
            order = await self.shop.order(order_id, who=sale.customer)
            if order.status == "cancelled":
                raise _Trouble(f"invoice {sale.reference} was cancelled: {order.reason}")
            return order if order.status in wanted else None

        return await self._see(look, f"invoice {sale.reference} is not {wanted[0]} yet")

    async def _see(self, look: Callable[[], Awaitable[T | None]], otherwise: str) -> T:
        """Look until there is something to see, ever less often, but not for ever."""
        until, pause = monotonic() + self.patience, _FIRST_PAUSE
        while (seen := await look()) is None:
            if monotonic() > until:
                raise _Trouble(f"{otherwise}, after {self.patience:g} s: is the shop still at work?")
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        return seen


def _sale(order: _Order, points: int) -> Sale:
    lines: Counter[str] = Counter()
    for line in order.lines:
        lines[line.product_id] += line.quantity
    return Sale(
        reference=order.reference or "",
        customer=order.customer_id,
        lines=lines,
        total=Decimal(order.total),
        points=points,
    )


def _differences(sales: Sequence[Sale], logged: Sequence[Sale]) -> Sequence[str]:
    """Each figure that is not the log's, then each invoice."""
    totals, wanted = asdict(Totals.of(sales)), asdict(Totals.of(logged))
    named = [
        f"{name.replace('_', ' ')}: {figure} in the shop, {wanted[name]} in the log"
        for name, figure in totals.items()
        if figure != wanted[name]
    ]
    there: dict[str, list[Sale]] = defaultdict(list)
    for sale in sales:
        there[sale.reference].append(sale)
    for sale in logged:
        found = there[sale.reference]
        if len(found) != 1:
            named.append(f"invoice {sale.reference}: {len(found)} completed orders")
        elif found[0] != sale:
            named.append(
                f"invoice {sale.reference}: {len(found[0].lines)} lines, {found[0].total}, {found[0].points} points"
                f" in the shop; {len(sale.lines)} lines, {sale.total}, {sale.points} points in the log"
            )
    return named


# The shop, from outside


class _Trouble(Exception):
    """Something about one order, product or customer that did not go as it should."""


@dataclass(slots=True, kw_only=True)
class _Shop:
    """The HTTP API, asked again while it says «later»; every question asked here may come twice without harm."""

    client: httpx.AsyncClient
    token: Callable[[str, str], str]
    sign: Callable[[bytes], str]
    patience: float
    tokens: dict[str | None, str] = field(default_factory=dict)

    async def knock(self) -> None:
        """`ReplayFailed` if nobody is there."""
        try:
            await self.client.get("/health/live")
        except httpx.TransportError as error:
            raise ReplayFailed(f"nothing answers at {self.client.base_url}; start it with: shop serve") from error

    async def ask(
        self,
        method: str,
        path: str,
        *,
        who: str | None = None,
        body: object = None,
        key: str | None = None,
        also_fine: int | None = None,
    ) -> bytes:
        """As this customer, or as staff. The body of a 2xx (or `also_fine`) answer."""
        if who not in self.tokens:
            self.tokens[who] = self.token("customer", who) if who else self.token("staff", "replay")
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        if key:
            headers["Idempotency-Key"] = key
        if body is not None:
            headers["Content-Type"] = "application/json"
        return await self._send(
            method, path, headers, msgspec.json.encode(body) if body is not None else b"", also_fine
        )

    async def order(self, order_id: str, *, who: str | None = None) -> _Order:
        """As it is now."""
        return msgspec.json.decode(await self.ask("GET", f"/orders/{quote(order_id, safe='')}", who=who), type=_Order)

    async def pay(self, order: _Order, *, payment: str, amount: str | None = None, state: str = "completed") -> None:
        """As the payment provider."""
        notice = {
            "paymentId": payment,
            "orderId": order.order_id,
            "amount": amount or order.total,
            "currency": order.currency,
            "status": state,
        }
        body = msgspec.json.encode(notice)
        headers = {"Payment-Signature": self.sign(body), "Content-Type": "application/json"}
        await self._send("POST", "/payments/webhook", headers, body, None)

    async def list(self, path: str, *, of: type[T], **question: str) -> AsyncIterator[T]:
        """All that the pages of a list have, as staff."""
        asked: dict[str, str] = {**question, "limit": "100"}
        while True:
            page = msgspec.json.decode(await self.ask("GET", f"{path}?{httpx.QueryParams(asked)}"), type=_Page)
            for item in page.data:
                yield msgspec.json.decode(item, type=of)
            if not page.next_cursor:
                return
            asked["cursor"] = page.next_cursor

    async def _send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, also_fine: int | None
    ) -> bytes:
        until, pause = monotonic() + self.patience, _FIRST_PAUSE
        while True:
            try:
                answer = await self.client.request(method, path, headers=headers, content=body)
            except httpx.TransportError as error:
                problem, wait = f"{type(error).__name__} {error}".strip(), pause
            else:
                if answer.is_success or answer.status_code == also_fine:
                    return answer.content
                problem = f"{method} {path}: {answer.status_code} {_detail(answer)}"
                if answer.status_code in _NO_ENTRY:
                    raise ReplayFailed(f"{problem}; replay with the SHOP_DATA (or SHOP_JWT_KEY, …) that the server has")
                if answer.status_code not in _TRY_LATER:
                    raise _Trouble(problem)
                asked = answer.headers.get("Retry-After", "")
                wait = float(asked) if re.fullmatch(r"[0-9]{1,4}(\.[0-9]+)?", asked) else pause
            if monotonic() + wait > until:
                raise ReplayFailed(f"the shop has not answered for {self.patience:g} s ({problem}); look at its log")
            await asyncio.sleep(wait)
            pause = min(pause * 2, _LONGEST_PAUSE)


def _detail(answer: httpx.Response) -> str:
    """The sentence of a problem+json."""
    try:
        problem = msgspec.json.decode(answer.content, type=dict[str, object])
    except (msgspec.DecodeError, msgspec.ValidationError):
        return answer.text[:200]
    return str(problem.get("detail") or problem.get("title") or "")


# The log


def read_log(files: Sequence[tuple[str, bytes]], currency: str) -> Log:
    """The sales in these files of (name, content), by one rule, and every fault in them.

    A sale has an invoice number of digits only, a quantity above 0, a price of at least half a penny and a customer.
    A product is a stock code (upper case) at a price; lines of one product in one invoice are one line.
    """
    faults: list[LogFault] = []
    products: dict[str, Product] = {}
    customers: dict[str, str] = {}
    lines: dict[str, Counter[str]] = {}
    passed_over = 0
    for name, content in files:
        for line, row in _rows(name, content, faults):
            try:
                bought = _bought(row, currency)
            except _WrongCell as wrong:
                faults.append(LogFault(name, line, wrong.heading, str(wrong)))
                continue
            if bought is None:
                passed_over += 1
                continue
            invoice, customer, product, quantity = bought
            if customers.setdefault(invoice, customer) != customer:
                message = f"invoice {invoice} is that of customer {customers[invoice]} further up, here of {customer}"
                faults.append(LogFault(name, line, "customer", message))
            known = products.setdefault(product.id, product)
            if known.code != product.code:
                faults.append(
                    LogFault(name, line, "stock code", f"{product.code!r} and {known.code!r} make the same id")
                )
            lines.setdefault(invoice, Counter())[product.id] += quantity
    sales = []
    for invoice, bag in lines.items():
        total = Money(sum(products[product].price.minor * quantity for product, quantity in bag.items()), currency)
        sales.append(
            Sale(
                reference=invoice,
                customer=customers[invoice],
                lines=bag,
                total=Decimal(str(total)),
                points=total.whole_units,
            )
        )
    return Log(sales=sales, products=products, faults=faults, passed_over=passed_over)


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


def _bought(row: Mapping[str, str], currency: str) -> tuple[str, str, Product, int] | None:
    """Invoice, customer, product, quantity; None for a row that is no sale."""
    invoice, customer = row["invoice"], re.sub(r"\.0+$", "", row["customer"])
    if not re.fullmatch(r"[0-9]+", invoice) or not customer:
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
    if quantity <= 0 or exact < _SMALLEST_PRICE:
        return None
    code = row["code"].upper()
    fitting = re.sub(r"[^A-Z0-9._~-]+", "-", code)[:80]
    if not fitting:
        raise _WrongCell("stock code", "is empty")
    return (
        invoice,
        customer,
        Product(id=f"{fitting}@{price}", code=code, name=row["name"] or code, price=price),
        quantity,
    )
