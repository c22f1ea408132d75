"""`python -m bundle [--target aws|local] [--to dist]`: the zip of the shop's Lambdas."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from bundle.packed import pack, sizes
from bundle.stage import NotInstalled, compile_all, fill, fill_layer
from bundle.targets import TARGETS, Target
from torture.shown import console_of

MOST = 20_000_000  # bytes: more makes a cold start slower, and what came in should be looked at
_ROWS = 15


def main() -> int:
    """0 if it is there, and no larger than it may be."""
    given = _arguments()
    target, console = TARGETS[given.target], console_of(width=100)
    to = Path(given.to) / (target.layer_name if given.layer else target.file_name)
    try:
        build(target, to=to, console=console, layer=given.layer)
    except NotInstalled as fault:
        console.print(f"[bold red]no zip:[/] {fault}", highlight=False)
        return 1
    console.print(_table(to))
    size = to.stat().st_size
    console.print(f"{to}: {size / 1e6:.1f} MB for Python {target.python}, {target.platform or 'this machine'}")
    if size > MOST:
        console.print(f"[bold red]more than {MOST / 1e6:.0f} MB[/]: see what came in, and bundle/left_out.py")
    return int(size > MOST)


def build(target: Target, *, to: Path, console: Console, layer: bool = False) -> None:
    """Make it, or the layer of its spans, with a bar for what takes long; `NotInstalled` says why not."""
    interpreter = target.interpreter()
    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn())
    with (
        tempfile.TemporaryDirectory(prefix="shop-bundle-") as work,
        Progress(*columns, console=console, transient=True) as bars,
    ):
        folder = Path(work) / "stage"
        task = bars.add_task("install", total=None)
        (fill_layer if layer else fill)(folder, target=target)
        bars.remove_task(task)
        if interpreter:
            compile_all(folder, interpreter=interpreter, progress=_bar(bars, "compile"))
        pack(folder, to=to, progress=_bar(bars, "zip"))
    if not interpreter:
        console.print(
            f"[bold yellow]without bytecode[/]: there is no python{target.python} here to compile with; "
            "the zip works, its cold starts take more than twice as long"
        )


def _bar(bars: Progress, name: str) -> Callable[[int, int], None]:
    task = bars.add_task(name, total=None)
    return lambda done, of: bars.update(task, completed=done, total=of)


def _table(of: Path) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("KB")
    for heading in ("zipped", "unpacked", "native", "bytecode"):
        table.add_column(heading, justify="right")
    found = sorted(sizes(of).items(), key=lambda pair: -pair[1]["zipped"])
    rest = found[_ROWS:]
    summed = {key: sum(row[key] for _, row in rest) for key in ("zipped", "unpacked", "native", "bytecode")}
    for name, row in [*found[:_ROWS], (f"{len(rest)} more", summed)]:
        table.add_row(name, *(f"{row[key] / 1000:,.0f}" for key in ("zipped", "unpacked", "native", "bytecode")))
    return table


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bundle", description=__doc__)
    parser.add_argument("--target", choices=TARGETS, default="aws", help="aws: arm64, Python 3.13; local: this Python")
    parser.add_argument("--layer", action="store_true", help="what their spans take, as a layer; not the zip itself")
    parser.add_argument("--to", default="dist", help="the folder")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
