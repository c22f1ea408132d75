"""The command `shop`."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from shop.kernel.clock import system_clock
from shop.kernel.errors import Refusal
from shop.kernel.money import exponent
from shop.platform.observability import configure_logs
from shop.platform.settings import Settings, read_settings

if TYPE_CHECKING:
    import httpx

    from shop.catalog.presentation.shopify import Import
    from shop.entrypoints.demo import Brought
    from shop.entrypoints.monolith import Shop
    from shop.entrypoints.replay import Log, Report

# What only one command needs, it imports itself: `shop --help` is there at once.

T = TypeVar("T")

HERE = "http://127.0.0.1:8000"
_MOST_SHOWN = 50  # faults, differences
_WIDE = 120  # columns of a table that goes to a file or a pipe


class Failed(click.ClickException):
    """It did not work out; the message says why and what to do next."""


class OneLine(click.RichGroup):
    """Whatever goes wrong is one line on stderr: exit code 1, or 2 if the command was not understood."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a command line."""
        if not extra.setdefault("standalone_mode", True):
            return super().main(*args, **extra)
        try:
            code = super().main(*args, **{**extra, "standalone_mode": False})
        except click.UsageError as error:
            path = error.ctx.command_path if error.ctx else "shop"
            _end(2, f"{path}: {error.format_message().rstrip('.')}; see: {path} --help")
        except click.ClickException as error:
            _end(1, f"shop: {error.format_message()}")
        except click.Abort:
            _end(130, "shop: stopped")
        except Refusal as refusal:
            _end(1, f"shop: {refusal.detail}")
        except Exception as error:
            if os.environ.get("SHOP_DEBUG"):
                raise
            _end(1, f"shop: {type(error).__name__}: {error}; SHOP_DEBUG=1 shows where")
        sys.exit(code if isinstance(code, int) else 0)


def _examples(*lines: str) -> str:
    """The end of a help text: each line a paragraph, so that it is left as it is."""
    return "\n\n".join(["Examples:", *(f"$ {line}" for line in lines)])


@click.group(
    cls=OneLine,
    epilog=_examples(
        "shop serve --demo              a shop with something in it",
        "shop import products.csv       your own products",
        "shop COMMAND --help            what a command can do",
    ),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.rich_config(help_config=click.RichHelpConfiguration(max_width=_WIDE, text_markup="ansi"))
@click.version_option(package_name="shop", message="shop %(version)s")
def cli() -> None:
    """An e-commerce backend: a catalog, orders and a loyalty ledger.

    It keeps its data in the folder ./data, or where SHOP_DATA says.
    """


def main() -> None:
    """The console script."""
    cli(prog_name="shop")


@cli.command(
    epilog=_examples(
        "shop serve --demo",
        "SHOP_DATA=/srv/shop shop serve --host 0.0.0.0 --port 80",
    )
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 is all of them.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--demo", is_flag=True, help="Fill an empty catalog, and say what to try with it.")
def serve(host: str, port: int, *, demo: bool) -> None:
    """Run the whole shop in this process: API, deliveries, schedules."""
    from shop.entrypoints import monolith  # noqa: PLC0415

    settings = read_settings(os.environ)
    _free(host, port)
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    async def begin(shop: Shop) -> None:
        if demo:
            from shop.entrypoints.demo import command, fill, welcome  # noqa: PLC0415

            products, first = await fill(shop.catalog)
            click.echo(welcome(url=url, products=products, first=first, shop=command(), environ=os.environ))
        else:
            click.echo(f"The shop is open: {url} (data: {settings.data.resolve()}). Ctrl-C closes it.", err=True)

    monolith.serve(settings, host=host, port=port, begin=begin)


@cli.command(
    "import",
    epilog=_examples(
        "shop import products.csv --dry-run",
        "shop import products.csv --currency GBP",
    ),
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--currency", default="EUR", show_default=True, metavar="CODE", help="ISO 4217 code of the prices.")
@click.option("--dry-run", is_flag=True, help="Check the whole file and change nothing.")
def import_(file: Path, currency: str, *, dry_run: bool) -> None:
    """Bring in products from a Shopify CSV, with its old or its new headings.

    The whole file is checked before the first product is written. Doing it again changes nothing; what is in the
    catalog and not in the file stays. The id of a product is its SKU, else handle~option-values. A server may be
    running meanwhile.
    """
    from shop.catalog.presentation.shopify import MOST_BYTES, read_products  # noqa: PLC0415

    currency = _currency(currency)
    with file.open("rb") as opened:
        found = read_products(opened.read(MOST_BYTES + 1), currency)
    _show_faults([(str(file), remark.line, remark.field, remark.message) for remark in found.remarks])
    if found.faults:
        _show_faults([(str(file), fault.line, fault.field, fault.message) for fault in found.faults])
        raise Failed(f"{_so_many(len(found.faults), 'fault')} in {file}; nothing was changed")
    if dry_run:
        _show_import(found)
        click.echo(f"{file} can be imported; nothing was changed (--dry-run)")
        return
    brought = _run(_import(_settings(), found))
    outcomes = {name: brought.outcomes.get(name, 0) for name in ("created", "changed", "unchanged")}
    click.echo(
        f"{_so_many(len(found.products), 'product')}: {', '.join(f'{n} {name}' for name, n in outcomes.items())}"
    )
    if brought.refused:
        _show_faults([(str(file), row.line, row.product_id, why) for row, why in brought.refused])
        raise Failed(f"{_so_many(len(brought.refused), 'product')} refused, the others are in; mend and import again")


async def _import(settings: Settings, found: Import) -> Brought:
    from shop.entrypoints.demo import bring_in  # noqa: PLC0415
    from shop.entrypoints.monolith import opened  # noqa: PLC0415

    async with opened(settings) as shop:
        with _bars() as show:
            done = iter(range(1, len(found.products) + 1))
            return await bring_in(
                found.products,
                shop.catalog,
                by="import",
                step=lambda: show("products", next(done), len(found.products)),
            )


@cli.command(
    epilog=_examples(
        "shop replay 2010-12-01.csv",
        "shop replay day1.csv day2.csv --url http://127.0.0.1:9000 --json",
    )
)
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--url", default=HERE, show_default=True, help="Where the shop is.")
@click.option("--currency", default="GBP", show_default=True, metavar="CODE", help="ISO 4217 code of the prices.")
@click.option("--at-once", default=32, show_default=True, type=click.IntRange(1, 256), help="Requests under way.")
@click.option(
    "--patience", default=120.0, show_default=True, type=click.FloatRange(1), help="Seconds to wait for one thing."
)
@click.option("--json", "as_json", is_flag=True, help="The control totals as one line of JSON.")
def replay(files: Sequence[Path], url: str, currency: str, at_once: int, patience: float, *, as_json: bool) -> None:
    """Play an order log through the HTTP API: products, stock, orders, payments.

    The log has the columns InvoiceNo, StockCode, Description, Quantity, UnitPrice and CustomerID. Afterwards
    everything is read back, and the control totals are counted from what the API says; it ends with 1 if they are not
    those of the log. Doing it again adds nothing. The server must have the same keys (SHOP_DATA) as this command.
    """
    from shop.entrypoints.replay import read_log  # noqa: PLC0415

    log = read_log([(str(file), file.read_bytes()) for file in files], _currency(currency))
    if log.faults:
        _show_faults([(fault.file, fault.line, fault.field, fault.message) for fault in log.faults])
        raise Failed(f"{_so_many(len(log.faults), 'fault')} in the log; nothing was sent")
    if not log.sales:
        raise Failed(f"no sale in {_so_many(log.passed_over, 'row')}: nothing to replay")
    report = _run(_replay(_settings(), log, url, at_once, patience))
    if as_json:
        click.echo(report.totals.json())
    else:
        _show_report(report)
    for remark in report.remarks[:_MOST_SHOWN]:
        click.echo(f"came right late: {remark}", err=True)
    if report.differences:
        for difference in report.differences[:_MOST_SHOWN]:
            click.echo(difference, err=True)
        _more(len(report.differences))
        raise Failed("the shop does not have what the log has; the lines above say where")


async def _replay(settings: Settings, log: Log, url: str, at_once: int, patience: float) -> Report:
    from shop.entrypoints.replay import Replay, ReplayFailed  # noqa: PLC0415

    try:
        async with _client(url) as client:
            with _bars() as show:
                play = Replay(
                    client=client,
                    token=_tokens(settings),
                    sign=_signature(settings),
                    at_once=at_once,
                    patience=patience,
                    progress=show,
                )
                return await play(log)
    except ReplayFailed as error:
        raise Failed(str(error)) from error


@cli.command(
    epilog=_examples(
        "TOKEN=$(shop token --role customer --subject c1)",
        'curl http://127.0.0.1:8000/orders -H "Authorization: Bearer $TOKEN"',
    )
)
@click.option("--role", default="customer", show_default=True, type=click.Choice(["customer", "staff"]))
@click.option("--subject", required=True, metavar="ID", help="Who bears it: the customer's id, or a colleague's name.")
@click.option("--hours", default=12, show_default=True, type=click.IntRange(1, 24 * 365), help="How long it is good.")
def token(role: str, subject: str, hours: int) -> None:
    """Print a bearer token, signed with the local key."""
    if not 0 < len(subject) <= 100:  # noqa: PLR2004 - as the server checks it
        raise click.BadParameter("has 1 to 100 characters", param_hint="'--subject'")
    click.echo(_tokens(_settings(), timedelta(hours=hours))(role, subject))


@cli.command(
    epilog=_examples(
        "shop pay ord_06f8t3s9v1k2m4n6p8q0r2s4t6",
        "shop pay ord_06f8t3s9v1k2m4n6p8q0r2s4t6 --failed",
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
    settings = _settings()
    click.echo(_run(_pay(settings, order_id, url, amount, failed=failed)))


async def _pay(settings: Settings, order_id: str, url: str, amount: str | None, *, failed: bool) -> str:
    from shop.entrypoints.replay import Payer, ReplayFailed  # noqa: PLC0415

    try:
        async with _client(url) as client:
            payer = Payer(client=client, token=_tokens(settings), sign=_signature(settings))
            return await payer(order_id, amount=amount, failed=failed)
    except ReplayFailed as error:
        raise Failed(str(error)) from error


# What the commands share


def _settings() -> Settings:
    """For a command that is no server: its log has nothing but warnings, unless asked for more."""
    settings = read_settings(os.environ)
    configure_logs(settings.log_level if os.environ.get("SHOP_LOG") else "warning")
    return settings


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def _currency(code: str) -> str:
    exponent(code := code.upper())
    return code


def _tokens(settings: Settings, lifetime: timedelta = timedelta(hours=12)) -> Callable[[str, str], str]:
    from shop.platform.tokens import Tokens  # noqa: PLC0415

    tokens = Tokens(settings.jwt_key, clock=system_clock)
    return lambda role, subject: tokens.sign(subject=subject, role=role, lifetime=lifetime)


def _signature(settings: Settings) -> Callable[[bytes], str]:
    from shop.platform import signatures  # noqa: PLC0415

    return lambda body: signatures.sign(secret=settings.payment_secrets[0], at=system_clock(), body=body)


def _client(url: str) -> httpx.AsyncClient:
    import httpx  # noqa: PLC0415

    from shop.entrypoints.replay import Lanes  # noqa: PLC0415

    try:
        address = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise Failed(f"--url {url} is no address like {HERE}") from error
    if address.scheme not in ("http", "https") or not address.host:
        raise Failed(f"--url {url} is no address like {HERE}")
    return httpx.AsyncClient(base_url=address, timeout=30, transport=Lanes())


def _free(host: str, port: int) -> None:
    """`Failed` if nobody can listen there."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise Failed(
            f"cannot listen on {host}:{port} ({error.strerror}); choose another with --host or --port"
        ) from error


def _end(code: int, message: str) -> None:
    click.echo(" ".join(message.split()), err=True)
    sys.exit(code)


def _so_many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


@contextmanager
def _bars() -> Iterator[Callable[[str, int, int], None]]:
    """A bar per phase, on a terminal; elsewhere nothing."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        tasks: dict[str, TaskID] = {}

        def show(phase: str, done: int, of: int) -> None:
            if phase not in tasks:
                tasks[phase] = progress.add_task(phase, total=of)
            progress.update(tasks[phase], completed=done)

        yield show


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_WIDE)


def _show_faults(faults: Sequence[tuple[str, int, str, str]]) -> None:
    for file, line, heading, message in faults[:_MOST_SHOWN]:
        click.echo(" ".join(f"{file}:{line}  {heading}: {message}".split("\n")), err=True)
    _more(len(faults))


def _more(count: int) -> None:
    if count > _MOST_SHOWN:
        click.echo(f"… and {count - _MOST_SHOWN:,} more", err=True)


def _show_import(found: Import) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("id", "name", "category"):
        table.add_column(heading, overflow="fold")
    for heading in ("price", "instead of", "on hand"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in found.products[:_MOST_SHOWN]:
        price, details = row.price, row.details
        table.add_row(
            row.product_id,
            details["name"],
            details["category"],
            str(price.discounted or price.base),
            str(price.base) if price.discounted else "",
            "" if row.on_hand is None else f"{row.on_hand:,}",
        )
    _console().print(table)
    _more(len(found.products))


def _show_report(report: Report) -> None:
    from dataclasses import asdict  # noqa: PLC0415

    got: Mapping[str, int | str] = asdict(report.totals)
    wanted: Mapping[str, int | str] = asdict(report.wanted)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("control total")
    table.add_column("the shop", justify="right")
    table.add_column("the log", justify="right")
    table.add_column("")
    for name, figure in got.items():
        same = figure == wanted[name]
        verdict = "[green]same[/]" if same else "[bold red]differs[/]"
        table.add_row(name.replace("_", " "), _figure(figure), _figure(wanted[name]), verdict)
    table.add_section()
    for name, rate in report.rates.items():
        table.add_row(name, f"{rate:,.0f}/s", "", "")
    table.add_row("all points there after", f"{report.points_after:.1f} s", "", "")
    _console().print(table)


def _figure(figure: int | str) -> str:
    return f"{figure:,}" if isinstance(figure, int) else figure
