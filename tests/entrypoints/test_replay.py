from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from shop.entrypoints.control_totals import Report, Totals
from shop.entrypoints.monolith import Shop, opened
from shop.entrypoints.order_log import Log, read_log
from shop.entrypoints.pay import pay_order
from shop.entrypoints.remote_shop import RemoteShop, reached
from shop.entrypoints.replay import play as replay
from shop.entrypoints.terminal import Failed
from shop.kernel.clock import system_clock
from shop.platform import signatures
from shop.platform.settings import Settings, read_settings

HEADINGS = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
LOG = f"""{HEADINGS}
1001,85a,LANTERN,6,2026-01-01 08:26:00,2.55,17.0,UK
1001,85A,,2,2026-01-01 08:26:00,2.55,17.0,UK
1001,85A,LANTERN,1,2026-01-01 08:26:00,3.00,17.0,UK
1002,B C,"A ""BIG"" BAG",3,2026-01-01 08:27:00,10,18,UK
1003,85A,LANTERN,1,2026-01-01 08:28:00,0.5,17,UK
C1004,85A,LANTERN,-6,2026-01-01 08:29:00,2.55,17,UK
C1004,B C,BAG,-1,2026-01-01 08:29:00,10,18,UK
c1008,85A,LANTERN,-3,2026-01-01 08:29:00,2.55,17,UK
C1009,D,Discount,-1,2026-01-01 08:29:00,27.5,17,UK
C1010,85A,LANTERN,-1,2026-01-01 08:29:00,3.00,,UK
1005,85A,LANTERN,6,2026-01-01 08:29:00,2.55,,UK
1006,85A,LANTERN,6,2026-01-01 08:29:00,0.001,17,UK
1007,85A,LANTERN,-6,2026-01-01 08:29:00,2.55,17,UK
"""
WANTED = Totals(
    orders=3,
    merged_lines=4,
    most_lines_in_one_order=2,
    units=13,
    products=4,
    customers=2,
    revenue="53.90",
    points=53,
    returned_units=9,
    refunded="30.40",
    points_taken_back=30,
)


def log_of(*texts: str) -> Log:
    return read_log([(f"{number}.csv", text.encode()) for number, text in enumerate(texts, 1)], "GBP")


def rows(*rows: str) -> Log:
    return log_of("\n".join([HEADINGS, *rows]) + "\n")


def told(log: Log) -> list[tuple[str, int, str]]:
    return [(fault.file, fault.line, fault.field) for fault in log.faults]


def test_a_sale_has_digits_a_quantity_a_price_and_a_customer() -> None:
    log = log_of(LOG)

    assert log.faults == []
    assert Totals.of(log.sales) == WANTED
    assert log.passed_over == 3
    assert {sale.customer for sale in log.sales} == {"17", "18"}
    assert set(log.products) == {"85A@2.55", "85A@3.00", "85A@0.50", "B-C@10.00"}
    assert log.products["B-C@10.00"].name == 'A "BIG" BAG'


def test_a_credit_note_takes_back_what_was_bought_further_up_the_newest_first_and_in_part() -> None:
    log = rows(
        "C0,A,N,-1,-,1,17,UK",
        "1,A,N,5,-,1,17,UK",
        "2,A,N,5,-,1,17,UK",
        "3,A,N,5,-,1,18,UK",
        "4,A,N,5,-,2,17,UK",
        "C5,A,N,-7,-,1,17.0,UK",
        "C6,A,N,-4,-,1,17,UK",
        "7,A,N,5,-,1,17,UK",
    )

    back = [(one.note, one.reference, dict(one.lines)) for one in log.returns]
    assert back == [("C5", "2", {"A@1.00": 5}), ("C5", "1", {"A@1.00": 2}), ("C6", "1", {"A@1.00": 3})]
    assert [(fault.line, fault.message) for fault in log.unmatched] == [
        (2, "1 of A@1.00 in C0: customer 17 has not bought so many further up"),
        (8, "1 of A@1.00 in C6: customer 17 has not bought so many further up"),
    ]
    assert [(sale.reference, sale.refunded, sale.points_back) for sale in log.sales if sale.returned] == [
        ("1", 5, 5),
        ("2", 5, 5),
    ]


def test_an_invoice_may_go_on_in_another_file() -> None:
    one, other = log_of(LOG), log_of(LOG, f"{HEADINGS}\n1001,X,THING,1,-,1.00,17,UK\n")

    assert len(other.sales) == len(one.sales)
    assert other.sales[0].total == one.sales[0].total + 1


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("1,A,N,x,-,1,17,UK", "quantity"),
        ("1,A,N,1.5,-,1,17,UK", "quantity"),
        ("1,A,N,1,-,x,17,UK", "price"),
        ("1,A,N,1,-,NaN,17,UK", "price"),
        ("1,,N,1,-,1,17,UK", "stock code"),
        ("1,A,N,1,-,1,17", "row"),
        ('1,A,"N,1,-,1,17,UK', "row"),
    ],
)
def test_a_bad_row_is_named_with_its_line(row: str, field: str) -> None:
    assert told(rows('0,A,"two\nlines",1,-,1,17,UK', row)) == [("1.csv", 4, field)]


def test_an_invoice_has_one_customer() -> None:
    assert told(rows("1,A,N,1,-,1,17,UK", "1,B,N,1,-,1,18,UK")) == [("1.csv", 3, "customer")]


def test_codes_that_would_be_one_product_are_a_fault() -> None:
    assert told(rows("1,A B,N,1,-,1,17,UK", "1,A/B,N,1,-,1,17,UK")) == [("1.csv", 3, "stock code")]


@pytest.mark.parametrize("text", ["", "InvoiceNo,StockCode\n1,A\n"])
def test_a_log_without_its_columns_is_a_fault(text: str) -> None:
    assert [line for _, line, _ in told(log_of(text))] == [1]


def test_a_log_that_is_not_utf_8_is_a_fault() -> None:
    assert told(read_log([("a.csv", f"{HEADINGS}\n1,A,\xa3,1,-,1,17,UK\n".encode("latin-1"))], "GBP")) == [
        ("a.csv", 2, "file")
    ]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(read_settings({"SHOP_DATA": str(tmp_path)}), catalog_budget=5)


@pytest.fixture
async def shop(settings: Settings) -> AsyncIterator[Shop]:
    async with opened(settings, serving=True) as shop:
        yield shop


def staff_and_provider(shop: Shop, settings: Settings) -> dict[str, Callable[..., str]]:
    return {
        "token": lambda role, subject: shop.tokens.sign(subject=subject, role=role, lifetime=timedelta(hours=1)),
        "sign": lambda body: signatures.sign(secret=settings.payment_secrets[0], at=system_clock(), body=body),
    }


async def play(shop: Shop, settings: Settings, log: Log, transport: httpx.AsyncBaseTransport | None = None) -> Report:
    over = transport or httpx.ASGITransport(shop.app)
    async with httpx.AsyncClient(base_url="http://shop", transport=over) as client:
        return await replay(log, [RemoteShop(client=client, patience=10, **staff_and_provider(shop, settings))])


async def test_a_log_is_replayed_and_read_back(shop: Shop, settings: Settings) -> None:
    report = await play(shop, settings, log_of(LOG))

    assert report.differences == []
    assert report.unmatched == [
        "1 of 85A@2.55 in C1008: customer 17 has not bought so many further up",
        "1 of D@27.50 in C1009: customer 17 has not bought so many further up",
        "1 of 85A@3.00 in C1010: customer ? has not bought so many further up",
    ]
    assert report.totals == report.wanted == WANTED


async def test_again_it_adds_nothing(shop: Shop, settings: Settings) -> None:
    first = await play(shop, settings, log_of(LOG))
    again = await play(shop, settings, log_of(LOG))

    assert (again.totals, again.differences) == (first.totals, [])
    stock = await shop.catalog.products().stock("85A@2.55")
    assert (stock.on_hand, stock.available, stock.sold) == (8, 8, 0)


async def test_another_log_of_the_same_products_and_customers_counts_for_itself(shop: Shop, settings: Settings) -> None:
    await play(shop, settings, log_of(LOG))
    report = await play(shop, settings, log_of(LOG.replace("\n100", "\n200")))

    assert (report.totals, report.differences) == (WANTED, [])


async def test_a_shop_that_says_later_is_asked_again(shop: Shop, settings: Settings) -> None:
    busy = Moody(httpx.ASGITransport(shop.app), every=3)

    report = await play(shop, settings, log_of(LOG), busy)

    assert busy.refused > 3
    assert (report.totals, report.differences) == (WANTED, [])


class Moody(httpx.AsyncBaseTransport):
    """Answers 503, 429 or nothing at all in between."""

    def __init__(self, inner: httpx.AsyncBaseTransport, every: int) -> None:
        self.inner, self.every, self.asked, self.refused = inner, every, 0, 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.asked % self.every:
            return await self.inner.handle_async_request(request)
        self.refused += 1
        if self.refused % 3 == 0:
            raise httpx.ReadError("cut off")
        return httpx.Response(503 if self.refused % 2 else 429, headers={"Retry-After": "0.01"})


async def test_what_the_shop_does_not_have_is_named(shop: Shop, settings: Settings) -> None:
    log = log_of(LOG)
    dearer = replace(log, sales=[replace(log.sales[0], total=Decimal("99.00")), *log.sales[1:]])

    report = await play(shop, settings, dearer)

    assert report.totals.orders == 2
    assert "orders: 2 in the shop, 3 in the log" in report.differences
    assert "invoice 1001: 0 completed orders" in report.differences
    assert any("409" in difference and "99.00" in difference for difference in report.differences)


async def test_nobody_there_is_said_at_once(settings: Settings) -> None:
    with pytest.raises(Failed, match="start it with: shop serve"):
        async with reached("http://127.0.0.1:9", settings, patience=10):
            pass


async def test_a_shop_with_other_keys_is_said_at_once(shop: Shop) -> None:
    async with httpx.AsyncClient(base_url="http://shop", transport=httpx.ASGITransport(shop.app)) as client:
        stranger = RemoteShop(client=client, token=lambda _role, _subject: "x.y.z", sign=lambda _: "", patience=10)
        with pytest.raises(Failed, match="SHOP_DATA"):
            await replay(log_of(LOG), [stranger])


async def test_a_payment_is_played_for_one_order(shop: Shop, settings: Settings) -> None:
    transport = httpx.ASGITransport(shop.app)
    async with httpx.AsyncClient(base_url="http://shop", transport=transport) as client:
        keys = staff_and_provider(shop, settings)
        staff = {"Authorization": f"Bearer {keys['token']('staff', 'sue')}"}
        customer = {"Authorization": f"Bearer {keys['token']('customer', 'c1')}", "Idempotency-Key": "k"}
        product = {"productId": "p", "sku": "p", "name": "P", "category": "C", "basePrice": "5.00", "currency": "EUR"}
        await client.post("/products", json=product, headers=staff)
        delivery = {"delta": 5, "reason": "new"}
        await client.post("/products/p/stock", json=delivery, headers=staff | {"Idempotency-Key": "new"})
        placed = await client.post("/orders", json={"items": [{"productId": "p", "quantity": 1}]}, headers=customer)
        order_id = placed.json()["orderId"]
        remote = RemoteShop(client=client, patience=5, **keys)

        with pytest.raises(Failed, match="422"):
            await pay_order(remote, order_id, amount="4.00")
        assert "was not paid" in await pay_order(remote, order_id, failed=True)
        assert await pay_order(remote, order_id) == f"{order_id}: 5.00 EUR was paid; the order is completed"
        assert await pay_order(remote, order_id) == f"{order_id}: 5.00 EUR was paid; the order is completed"
        with pytest.raises(Failed, match="404"):
            await pay_order(remote, "ord_none")
