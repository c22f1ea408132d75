"""What the commands say and show on a terminal: faults, bars, tables; whatever goes wrong, in one line."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from shop.entrypoints.price_report import orders_of, percentile
from shop.kernel.errors import Refusal
from shop.kernel.money import exponent
from shop.platform.observability import configure_logs
from shop.platform.settings import Settings, keys_given, read_settings
from shop.platform.storage.port import Unavailable

if TYPE_CHECKING:
    from shop.catalog.presentation.shopify import Row
    from shop.entrypoints.control_totals import Report
    from shop.entrypoints.price_report import PriceReport
    from shop.platform.dead_letters import DeadLetter
    from shop.platform.storage.sqlite_checks import Checked

HERE = "http://127.0.0.1:8000"  # where a shop is unless told otherwise
WIDE = 120  # columns of a table that goes to a file or a pipe
_MOST_SHOWN = 50  # faults, differences


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
            if isinstance(error, Unavailable | OSError):
                _end(1, f"shop: {error}; check SHOP_DATA and file names (SHOP_DEBUG=1 shows where)")
            _end(1, f"shop: {type(error).__name__}: {error}; SHOP_DEBUG=1 shows where")
        sys.exit(code if isinstance(code, int) else 0)


def _end(code: int, message: str) -> None:
    click.echo(" ".join(message.split()), err=True)
    sys.exit(code)


def command_settings() -> Settings:
    """For a command that is no server: its log has nothing but warnings, unless asked for more."""
    settings = read_settings(os.environ)
    configure_logs(settings.log_level if os.environ.get("SHOP_LOG") else "warning")
    return settings


def signing_settings(*keys: str) -> Settings:
    """As `command_settings`, for a command that signs with these; on AWS nobody has made them."""
    settings = command_settings()
    if settings.storage == "dynamodb":
        keys_given(os.environ, keys)
    return settings


def embedded_settings(command: str, *, instead: str) -> Settings:
    """As `command_settings`, for a command that is for the embedded store alone; `instead`: what there is on AWS."""
    settings = command_settings()
    if settings.storage == "dynamodb":
        raise Failed(f"{command} is for the embedded store; with SHOP_STORAGE=dynamodb {instead}")
    return settings


def examples(*lines: str) -> str:
    """The end of a help text: each line a paragraph, so that it is left as it is."""
    return "\n\n".join(["Examples:", *(f"$ {line}" for line in lines)])


def known_currency(code: str) -> str:
    """In capitals; `NotMoney` if it is none."""
    exponent(code := code.upper())
    return code


def so_many(count: int, what: str) -> str:
    """`1 product`, `2 products`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def show_lines(lines: Sequence[str], *, most: int = _MOST_SHOWN) -> None:
    """On stderr, the first of them."""
    for line in lines[:most]:
        click.echo(line.replace("\n", " "), err=True)
    _more(len(lines), most)


def show_faults(faults: Iterable[tuple[str, int, str, str]]) -> None:
    """On stderr, as (file, line, heading, message)."""
    show_lines([f"{file}:{line}  {heading}: {message}" for file, line, heading, message in faults])


def _more(count: int, most: int = _MOST_SHOWN) -> None:
    if count > most:
        click.echo(f"… and {count - most:,} more", err=True)


@contextmanager
def bars() -> Iterator[Callable[[str, int, int], None]]:
    """A bar per phase, on a terminal; elsewhere nothing. Of 0: nobody knows of how many."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        tasks: dict[str, TaskID] = {}

        def show(phase: str, done: int, of: int) -> None:
            if phase not in tasks:
                tasks[phase] = progress.add_task(phase, total=of or None)
            progress.update(tasks[phase], completed=done)

        yield show


def show_products(rows: Sequence[Row]) -> None:
    """A table of the first products of a file."""
    table = _table()
    for heading in ("id", "name", "category"):
        table.add_column(heading, overflow="fold")
    for heading in ("price", "instead of", "on hand"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows[:_MOST_SHOWN]:
        price, details = row.price, row.details
        table.add_row(
            row.product_id,
            details["name"],
            details["category"],
            str(price.discounted or price.base),
            str(price.base) if price.discounted else "",
            "" if row.on_hand is None else _figure(row.on_hand),
        )
    _print(table)
    _more(len(rows))


def show_dead_letters(letters: Sequence[DeadLetter], *, of: int) -> None:
    """A table of the first ones, oldest first."""
    table = _table()
    for heading in ("id", "consumer", "event", "since", "attempts", "reason"):
        table.add_column(heading, overflow="fold", justify="right" if heading in ("id", "attempts") else "left")
    for one in letters:
        since = f"{one.since:%Y-%m-%d %H:%M}"
        table.add_row(str(one.id), one.consumer, one.event_type, since, str(one.attempts), escape(one.reason))
    _print(table)
    if of > len(letters):
        click.echo(f"… and {of - len(letters):,} more", err=True)


def show_report(report: Report) -> None:
    """A table of the control totals, the shop's beside the log's, and of rates."""
    wanted = asdict(report.wanted)
    table = _table()
    table.add_column("control total")
    table.add_column("the shop", justify="right")
    table.add_column("the log", justify="right")
    table.add_column("")
    for name, figure in asdict(report.totals).items():
        verdict = "[green]same[/]" if figure == wanted[name] else "[bold red]differs[/]"
        table.add_row(name.replace("_", " "), _figure(figure), _figure(wanted[name]), verdict)
    table.add_row("credit notes without a sale", "", f"{len(report.unmatched):,}", "listed")
    table.add_section()
    for name, rate in report.rates.items():
        table.add_row(name, f"{rate:,.0f}/s")
    table.add_row("all points there after", f"{report.points_after:.1f} s")
    _print(table)


def show_price_report(report: PriceReport) -> None:
    """A table of what price changes did: which layer answered orders, how many were told an old price, how soon a new
    one was read.
    """
    table = _table()
    table.add_column("prices and the cache")
    for heading in ("so many", "", "p50 ms", "p99 ms", "most ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_row("prices set before an order", f"{report.changes:,}")
    table.add_row("products that orders read", f"{report.asked:,}")
    for layer, count in report.reads.items():
        table.add_row(f"  answered by {layer}", f"{count:,}", _share(count, report.asked))
    table.add_row("  without asking the catalog", f"{report.hits:,}", f"[bold]{_share(report.hits, report.asked)}[/]")
    again = report.asked - report.products
    table.add_row("  the same, of reads after a product's first", f"{again:,}", _share(min(report.hits, again), again))
    table.add_section()
    bad, late = orders_of(report.too_late), [line.late for line in report.old if math.isfinite(line.late)]
    table.add_row("orders at a price that ended over 1 s before", f"[bold red]{bad:,}[/]" if bad else "[green]0[/]")
    table.add_row("orders at a price that ended before; how long", f"{orders_of(report.old):,}", "", *_times(late))
    if report.there_before:
        table.add_row("orders from an earlier run, not looked at", f"{report.there_before:,}")
    less = report.revenue - report.logged
    table.add_row("revenue at the prices of the log", f"{report.logged:,}", f"{less:+,} ordered" if less else "ordered")
    table.add_row("lines left out: a second price in an invoice", f"{len(report.left_out):,}", "listed")
    seen = f"a new price read by {'the server' if report.servers == 1 else f'all {report.servers} servers'}, after"
    table.add_row(seen, f"{len(report.seen_after):,}", "", *_times(report.seen_after))
    _print(table)


def show_checks(checks: Sequence[Checked]) -> None:
    """A table of what was checked; what was found, on stderr."""
    table = _table()
    table.add_column("checked")
    for heading in ("so many", "warnings", "differences"):
        table.add_column(heading, justify="right")
    for check in checks:
        wrong = f"[bold red]{len(check.differences):,}[/]" if check.differences else "[green]0[/]"
        table.add_row(check.what, _figure(check.count), f"{len(check.warnings):,}" if check.warnings else "", wrong)
    _print(table)
    show_lines([f"warning: {warning}" for check in checks for warning in check.warnings])
    show_lines([difference for check in checks for difference in check.differences])


def _table() -> Table:
    return Table(box=None, header_style="bold", pad_edge=False)


def _share(part: int, of: int) -> str:
    return f"{100 * part / of:.1f} %" if of > 0 else ""


def _times(seconds: Sequence[float]) -> Sequence[str]:
    return [f"{1000 * percentile(seconds, share):,.2f}" for share in (50, 99, 100)] if seconds else []


def _figure(figure: int | str) -> str:
    return f"{figure:,}" if isinstance(figure, int) else figure


def _print(table: Table) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDE)
    console.print(table)
