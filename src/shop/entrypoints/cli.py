"""The command `shop`."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from shop.entrypoints.dead_letters import dead_letters
from shop.entrypoints.export import export
from shop.entrypoints.operations import OPERATIONS
from shop.entrypoints.replaying import replay
from shop.entrypoints.terminal import (
    HERE,
    WIDE,
    Failed,
    OneLine,
    bars,
    command_settings,
    examples,
    known_currency,
    show_faults,
    show_products,
    signing_settings,
    so_many,
)
from shop.kernel.clock import system_clock
from shop.platform.settings import Settings, read_settings

_ATTEMPTS_OF_A_DEMO = 2  # of a delivery, so that one sees a dead letter today

if TYPE_CHECKING:
    from shop.catalog.presentation.shopify import Import
    from shop.entrypoints.bring_in import Brought
    from shop.entrypoints.monolith import Shop

# What only one command needs, it imports itself: `shop --help` is there at once.


@click.group(
    cls=OneLine,
    epilog=examples(
        "shop serve --demo              a shop with something in it",
        "shop import products.csv       your own products",
        "shop COMMAND --help            what a command can do",
    ),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.rich_config(help_config=click.RichHelpConfiguration(max_width=WIDE, text_markup="ansi"))
@click.version_option(package_name="shop", message="shop %(version)s")
def cli() -> None:
    """An e-commerce backend: a catalog, orders and a loyalty ledger.

    It keeps its data in the folder ./data, or where SHOP_DATA says.
    """


for operation in OPERATIONS:
    cli.add_command(operation)


def main() -> None:
    """The console script."""
    cli(prog_name="shop")


@cli.command(
    epilog=examples(
        "shop serve --demo",
        "SHOP_DATA=/srv/shop shop serve --host 0.0.0.0 --port 80",
        "SHOP_STORAGE=dynamodb shop serve --context catalog --port 8001",
    )
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 is all of them.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--demo", is_flag=True, help="Fill an empty catalog, and say what to try with it.")
@click.option(
    "--context",
    "name",
    type=click.Choice(["catalog", "orders", "rewards"]),
    help="Only this one, on AWS (SHOP_STORAGE=dynamodb); the others are servers, or functions, of their own.",
)
def serve(host: str, port: int, *, demo: bool, name: str | None) -> None:
    """Run the whole shop in this process: API, deliveries, schedules; or one context of it."""
    settings = read_settings(os.environ)
    _free(host, port)
    if name is not None:
        _serve_alone(settings, name, host=host, port=port, demo=demo)
    else:
        _serve_all(settings, host=host, port=port, demo=demo)


def _serve_alone(settings: Settings, name: str, *, host: str, port: int, demo: bool) -> None:
    if settings.storage != "dynamodb":
        raise Failed("--context needs SHOP_STORAGE=dynamodb: contexts apart from each other meet on AWS")
    if demo:
        raise Failed("--demo is for the whole shop: leave it out, or leave out --context")
    from shop.entrypoints import serving  # noqa: PLC0415
    from shop.entrypoints.alone_server import opened_alone  # noqa: PLC0415

    async def begin(_: object) -> None:
        click.echo(f"{name.title()} is open: {_url(host, port)} (stack: {settings.stack}). Ctrl-C closes it.", err=True)

    serving.serve(settings, opened_alone(settings, name=name), host=host, port=port, begin=begin)


def _serve_all(settings: Settings, *, host: str, port: int, demo: bool) -> None:
    if settings.storage != "sqlite":
        raise Failed("SHOP_STORAGE=dynamodb keeps each context apart: serve one of them with --context")
    from shop.entrypoints import serving  # noqa: PLC0415
    from shop.entrypoints.monolith import opened  # noqa: PLC0415
    from shop.entrypoints.upgrade import upgrade_store  # noqa: PLC0415

    playing = False
    if demo:
        from shop.entrypoints.demo import is_demo  # noqa: PLC0415

        playing = is_demo(settings, os.environ)
    if playing and not os.environ.get("SHOP_DELIVERY_ATTEMPTS"):
        settings = replace(settings, delivery_attempts=_ATTEMPTS_OF_A_DEMO)
    with bars() as show:
        upgrade_store(settings, progress=show)
    url = _url(host, port)

    async def begin(shop: Shop) -> None:
        if demo:
            from shop.entrypoints.demo import command, fill, welcome  # noqa: PLC0415

            products, first = await fill(shop.catalog)
            click.echo(welcome(url=url, products=products, first=first, shop=command(), environ=os.environ))
        else:
            click.echo(f"The shop is open: {url} (data: {settings.data.resolve()}). Ctrl-C closes it.", err=True)

    serving.serve(settings, opened(settings, serving=True, playing=playing), host=host, port=port, begin=begin)


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


@cli.command(
    "import",
    epilog=examples(
        "shop import products.csv --dry-run",
        "shop import products.csv --currency GBP",
    ),
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--currency", default="EUR", show_default=True, metavar="CODE", help="ISO 4217 code of prices without one."
)
@click.option("--dry-run", is_flag=True, help="Check the whole file and change nothing.")
def import_(file: Path, currency: str, *, dry_run: bool) -> None:
    """Bring in products from a Shopify CSV, with its old or its new headings, or from what `shop export` wrote.

    The whole file is checked before the first product is written. Doing it again doubles nothing: each product is
    set to what the file says, its stock to the count in the file, whatever was sold since. What is in the
    catalog and not in the file stays. The id of a product is its SKU, else handle~option-values. A server may be
    running meanwhile.
    """
    from shop.catalog.presentation.shopify import MOST_BYTES, read_products  # noqa: PLC0415

    currency = known_currency(currency)
    with file.open("rb") as opened:
        found = read_products(opened.read(MOST_BYTES + 1), currency)
    show_faults((str(file), *remark) for remark in found.remarks)
    if found.faults:
        show_faults((str(file), *fault) for fault in found.faults)
        raise Failed(f"{so_many(len(found.faults), 'fault')} in {file}; nothing was changed")
    if dry_run:
        show_products(found.products)
        click.echo(f"{file} can be imported; nothing was changed (--dry-run)")
        return
    brought = asyncio.run(_import(command_settings(), found))
    outcomes = {name: brought.outcomes.get(name, 0) for name in ("created", "changed", "unchanged")}
    click.echo(f"{so_many(len(found.products), 'product')}: {', '.join(f'{n} {name}' for name, n in outcomes.items())}")
    if brought.refused:
        show_faults((str(file), row.line, row.product_id, why) for row, why in brought.refused)
        raise Failed(f"{so_many(len(brought.refused), 'product')} refused, the others are in; mend and import again")


async def _import(settings: Settings, found: Import) -> Brought:
    from shop.entrypoints.bring_in import bring_in  # noqa: PLC0415
    from shop.entrypoints.catalog_open import catalog_opened  # noqa: PLC0415

    async with catalog_opened(settings) as catalog:
        with bars() as show:
            return await bring_in(found.products, catalog, by="import", progress=show)


@cli.command(
    epilog=examples(
        "TOKEN=$(shop token --role customer --subject c1)",
        'curl http://127.0.0.1:8000/orders -H "Authorization: Bearer $TOKEN"',
    )
)
@click.option("--role", default="customer", show_default=True, type=click.Choice(["customer", "staff"]))
@click.option("--subject", required=True, metavar="ID", help="Who bears it: the customer's id, or a colleague's name.")
@click.option("--hours", default=12, show_default=True, type=click.IntRange(1, 24 * 365), help="How long it is good.")
def token(role: str, subject: str, hours: int) -> None:
    """Print a bearer token, signed with the local key."""
    from shop.platform.tokens import Tokens  # noqa: PLC0415

    if not 0 < len(subject) <= 100:  # noqa: PLR2004 - as the server checks it
        raise click.BadParameter("has 1 to 100 characters", param_hint="'--subject'")
    tokens = Tokens(signing_settings("SHOP_JWT_KEY").jwt_key, clock=system_clock)
    click.echo(tokens.sign(subject=subject, role=role, lifetime=timedelta(hours=hours)))


@cli.command(
    epilog=examples(
        "shop pay ord_01a206f78aad0fe8c607f2532741",
        "shop pay ord_01a206f78aad0fe8c607f2532741 --failed",
    )
)
@click.argument("order_id")
@click.option("--url", default=HERE, show_default=True, help="Where the shop is.")
@click.option("--amount", metavar="DECIMAL", help="Another amount than the order's total, to see what happens.")
@click.option("--failed", is_flag=True, help="The payment fails instead.")
def pay(order_id: str, url: str, amount: str | None, *, failed: bool) -> None:
    """Play the payment provider: tell the shop that an order is paid.

    The notice is signed with the first of SHOP_PAYMENT_SECRETS, as the provider would.
    """
    if not re.fullmatch(r"ord_[0-9a-z]+", order_id):
        raise click.BadParameter("is no order's id: it looks like ord_01a2…", param_hint="'ORDER_ID'")
    click.echo(
        asyncio.run(
            _pay(signing_settings("SHOP_JWT_KEY", "SHOP_PAYMENT_SECRETS"), order_id, url, amount, failed=failed)
        )
    )


async def _pay(settings: Settings, order_id: str, url: str, amount: str | None, *, failed: bool) -> str:
    from shop.entrypoints.pay import pay_order  # noqa: PLC0415
    from shop.entrypoints.remote_shop import reached  # noqa: PLC0415

    async with reached(url, settings, patience=5) as shop:
        return await pay_order(shop, order_id, amount=amount, failed=failed)


cli.add_command(dead_letters)
cli.add_command(export)
cli.add_command(replay)

# What the commands share


def _free(host: str, port: int) -> None:
    """`Failed` if nobody can listen there."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        why = f"cannot listen on {host}:{port} ({error.strerror}); choose another with --host or --port"
        raise Failed(why) from error
