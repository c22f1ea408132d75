"""`shop replay`: an order log, played through the HTTP API of a shop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from shop.entrypoints.terminal import (
    HERE,
    Failed,
    bars,
    examples,
    known_currency,
    show_faults,
    show_lines,
    show_price_report,
    show_report,
    signing_settings,
    so_many,
)

if TYPE_CHECKING:
    from shop.entrypoints.control_totals import Report
    from shop.entrypoints.order_log import Log
    from shop.entrypoints.price_report import PriceReport
    from shop.platform.settings import Settings

# What only one command needs, it imports itself: `shop --help` is there at once.


@click.command(
    epilog=examples(
        "shop replay 2010-12-01.csv",
        "shop replay day1.csv day2.csv --url http://127.0.0.1:9000 --json",
        "SHOP_DATA=trial shop replay day1.csv --price-changes    beside SHOP_DATA=trial shop serve, a fresh store",
        "shop replay day1.csv --price-changes --url http://127.0.0.1:8000 --url http://127.0.0.1:8001",
    )
)
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--url",
    "urls",
    default=[HERE],
    show_default=True,
    multiple=True,
    help="Where the shop is. Several servers on one store: each order goes to the next one.",
)
@click.option("--currency", default="GBP", show_default=True, metavar="CODE", help="ISO 4217 code of the prices.")
@click.option("--price-changes", is_flag=True, help="A product is a stock code; its price is set before each order.")
@click.option("--at-once", default=32, show_default=True, type=click.IntRange(1, 256), help="Requests under way.")
@click.option(
    "--patience", default=120.0, show_default=True, type=click.FloatRange(1), help="Seconds to wait for one thing."
)
@click.option("--json", "as_json", is_flag=True, help="The control totals as one line of JSON.")
def replay(
    files: Sequence[Path],
    urls: Sequence[str],
    currency: str,
    at_once: int,
    patience: float,
    *,
    price_changes: bool,
    as_json: bool,
) -> None:
    """Play an order log through the HTTP API: products, stock, orders, payments, refunds.

    The log has the columns InvoiceNo, StockCode, Description, Quantity, UnitPrice and CustomerID. Credit notes
    (invoices that begin with C) are refunds of what the same customer bought further up, the newest sale first; what
    fits no sale is listed.

    Afterwards everything is read back, and the control totals are counted from what the API says; it ends with 1 if
    they are not those of the log. Doing it again adds nothing. The server must have the same keys (SHOP_DATA) as this
    command.

    With --price-changes a stock code is one product, whose price is set to that of the invoice just before it is
    ordered; a second price within an invoice is listed and left out. Where there are several servers, one is told the
    price and the next one takes the order. It shows which layer of the cache answered orders, which orders carried a
    price that had ended (their control totals are those of what they carried), and how soon every server read a new
    one. It ends with 1 if a price had ended more than a second before its order began. Play it into a fresh store:
    the same invoices played without it would count too. A second run adds no orders, and so it has no hit rates.
    """
    from shop.entrypoints.order_log import read_log  # noqa: PLC0415

    contents = [(str(file), file.read_bytes()) for file in files]
    log = read_log(contents, known_currency(currency), price_changes=price_changes)
    if log.faults:
        show_faults(log.faults)
        raise Failed(f"{so_many(len(log.faults), 'fault')} in the log; nothing was sent")
    if not log.sales:
        raise Failed(f"no sale in {so_many(log.passed_over, 'row')}: nothing to replay")
    settings = signing_settings("SHOP_JWT_KEY", "SHOP_PAYMENT_SECRETS")
    report, prices = asyncio.run(_replay(settings, log, urls, at_once, patience, price_changes=price_changes))
    conclude(report, prices, as_json=as_json)


def conclude(report: Report, prices: PriceReport | None, *, as_json: bool) -> None:
    """Show it all. `Failed` if the shop does not have what the log has, or sold at prices that were long gone."""
    if as_json:
        click.echo(report.totals.json(**({"price_changes": prices.figures()} if prices else {})))
    else:
        show_report(report)
        if prices:
            show_price_report(prices)
    show_lines([f"no sale for {remark}" for remark in report.unmatched], most=len(report.unmatched))
    show_lines([f"came right late: {remark}" for remark in report.remarks])
    if prices:
        show_lines([f"left out: {line}" for line in prices.left_out], most=len(prices.left_out))
        show_lines([str(line) for line in sorted(prices.old, key=lambda line: -line.late)])
    show_lines(report.differences)
    if prices and prices.too_late:
        raise Failed("orders carried prices that had ended more than a second before; the lines above say which")
    if report.differences:
        raise Failed("the shop does not have what the log has; the lines above say where")


async def _replay(
    settings: Settings, log: Log, urls: Sequence[str], at_once: int, patience: float, *, price_changes: bool
) -> tuple[Report, PriceReport | None]:
    from shop.entrypoints.price_changes import play_price_changes  # noqa: PLC0415
    from shop.entrypoints.remote_shop import reached  # noqa: PLC0415
    from shop.entrypoints.replay import play  # noqa: PLC0415

    async with AsyncExitStack() as stack:
        shops = [await stack.enter_async_context(reached(url, settings, patience=patience)) for url in urls]
        show = stack.enter_context(bars())
        if price_changes:
            return await play_price_changes(log, shops, at_once=at_once, progress=show)
        return await play(log, shops, at_once=at_once, progress=show), None
