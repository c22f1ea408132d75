from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from shop.entrypoints.control_totals import Report
from shop.entrypoints.monolith import Shop, opened
from shop.entrypoints.order_log import Log, read_log
from shop.entrypoints.price_changes import play_price_changes
from shop.entrypoints.price_report import PriceReport
from shop.entrypoints.remote_shop import RemoteShop
from shop.kernel.clock import system_clock
from shop.kernel.money import Money
from shop.platform import signatures
from shop.platform.settings import Settings, read_settings
from torture.valkey import Valkey

# Of LAMP the price goes up, and back, and up; invoice 3 has it at two prices.
LOG = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
1,LAMP,LAMP,2,-,2.50,17,UK
1,BAG,BAG,1,-,10,17,UK
2,lamp,LAMP,1,-,3.00,18,UK
3,LAMP,LAMP,3,-,2.50,17,UK
3,LAMP,LAMP,5,-,9.99,17,UK
3,LAMP,LAMP,1,-,2.50,17,UK
4,LAMP,LAMP,1,-,3.00,17,UK
4,BAG,BAG,2,-,10,17,UK
C5,LAMP,LAMP,-1,-,3.00,17,UK
C6,LAMP,LAMP,-5,-,9.99,17,UK
"""


def log_of(text: str) -> Log:
    return read_log([("log.csv", text.encode())], "GBP", price_changes=True)


def pounds(text: str) -> Money:
    return Money.parse(text, "GBP")


def test_a_product_is_a_code_and_its_second_price_in_an_invoice_is_left_out() -> None:
    log = log_of(LOG)

    assert {product.id: product.price for product in log.products.values()} == {
        "LAMP": pounds("2.50"),
        "BAG": pounds("10"),
    }
    assert [(dict(sale.lines), str(sale.prices["LAMP"]), str(sale.total)) for sale in log.sales] == [
        ({"LAMP": 2, "BAG": 1}, "2.50", "15.00"),
        ({"LAMP": 1}, "3.00", "3.00"),
        ({"LAMP": 4}, "2.50", "10.00"),
        ({"LAMP": 1, "BAG": 2}, "3.00", "23.00"),
    ]
    assert [(fault.line, fault.message) for fault in log.left_out] == [
        (6, "5 of LAMP at 9.99 in 3, which has it at 2.50")
    ]


def test_a_credit_note_takes_back_what_was_bought_at_its_price() -> None:
    log = log_of(LOG)

    assert [(one.note, one.reference, dict(one.lines)) for one in log.returns] == [("C5", "4", {"LAMP": 1})]
    assert [fault.message for fault in log.unmatched] == [
        "5 of LAMP at 9.99 in C6: customer 17 has not bought so many further up"
    ]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(read_settings({"SHOP_DATA": str(tmp_path / "data")}), catalog_budget=5)


@pytest.fixture
async def shop(settings: Settings) -> AsyncIterator[Shop]:
    async with opened(settings, serving=True) as shop:
        yield shop


async def play(
    shops: Sequence[Shop], settings: Settings, *, patience: float = 10, step: float = 0
) -> tuple[Report, PriceReport]:
    """Each look at the clock, `step` seconds pass."""
    async with AsyncExitStack() as stack:
        remote = []
        for shop in shops:
            client = httpx.AsyncClient(base_url="http://shop", transport=httpx.ASGITransport(shop.app))
            await stack.enter_async_context(client)
            tokens = shop.tokens
            remote.append(
                RemoteShop(
                    client=client,
                    token=lambda role, who, by=tokens: by.sign(subject=who, role=role, lifetime=timedelta(hours=1)),
                    sign=lambda body: signatures.sign(secret=settings.payment_secrets[0], at=system_clock(), body=body),
                    patience=patience,
                )
            )
        return await play_price_changes(log_of(LOG), remote, now=itertools.count(0, step).__next__)


async def test_every_line_is_ordered_at_the_price_of_its_moment(shop: Shop, settings: Settings) -> None:
    report, prices = await play([shop], settings)

    assert report.differences == []
    assert (report.totals.orders, report.totals.products, report.totals.units) == (4, 2, 11)
    assert (prices.changes, prices.left_out) == (3, ["5 of LAMP at 9.99 in 3, which has it at 2.50"])
    assert (prices.too_late, report.totals.revenue) == ([], str(prices.revenue))
    entries, _ = await shop.catalog.read_histories().prices("LAMP", after=None, limit=9)
    assert [entry.base_price for entry in entries][::-1] == [250, 300] * 3  # the last two are looks


async def test_reads_are_those_of_orders_and_looks_are_at_changes(shop: Shop, settings: Settings) -> None:
    _, prices = await play([shop], settings)

    assert prices.asked == 6
    assert prices.reads["memory"] >= 1
    assert 2 <= prices.reads["origin"] <= 5
    assert len(prices.seen_after) == 2
    assert prices.servers == 1


async def test_again_it_adds_nothing(shop: Shop, settings: Settings) -> None:
    first, before = await play([shop], settings)
    again, prices = await play([shop], settings)

    assert (again.totals, again.differences) == (first.totals, [])
    assert (prices.there_before, prices.asked, prices.old) == (4, 0, [])
    assert prices.revenue == before.revenue


async def test_two_servers_share_what_they_know(valkey: Valkey, settings: Settings) -> None:
    shared = replace(settings, redis_url=valkey.url)
    async with opened(shared, serving=True) as one, opened(shared, serving=True) as other:
        report, prices = await play([one, other], settings)

    assert report.differences == []
    assert (prices.servers, prices.too_late, len(prices.seen_after)) == (2, [], 2)
    assert prices.asked == 6


@pytest.fixture
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("v"))
    server.start()
    yield server
    server.kill()


@pytest.mark.parametrize(("step", "too_late"), [(0.1, 0), (2, 2)])
async def test_orders_of_a_shop_that_does_not_hear_of_prices_are_found(
    settings: Settings, step: float, too_late: int
) -> None:
    async with opened(settings) as deaf:  # no server: nothing is delivered, nothing is dropped
        report, prices = await play([deaf], settings, patience=0.1, step=step)

    carried = [(line.invoice, line.product, str(line.carried), str(line.price)) for line in prices.old]
    assert carried == [("2", "LAMP", "2.50", "3.00"), ("4", "LAMP", "2.50", "3.00")]
    assert len(prices.too_late) == too_late
    assert prices.revenue == prices.logged - 1
    assert any("LAMP would not cost 3.00 yet" in difference for difference in report.differences)
