"""`python -m bench.imports [--rounds 5]`: what it costs to begin each Lambda function, beside `import litestar`.

CPU of fresh interpreters, by turns; the median, less that of an interpreter that does nothing. Once from the source
tree (with bytecode), once from the unpacked zip for this Python, in an interpreter that sees nothing else. Those that
answer no requests shall load from the zip, which is deployed, for less than the web alone.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.progress import track
from rich.table import Table

from bundle.__main__ import build
from bundle.functions import functions
from bundle.runtime import bare_interpreter
from bundle.targets import LOCAL
from torture.shown import console_of

ROOT = Path(__file__).parent.parent
_BESIDE = "import litestar"
_SILENT = {"consumer", "relay", "jobs"}
_FUNCTION = """
import time, sys
opened = 0.0
from shop.platform import aws
before = aws.Aws.open
async def open(self):
    global opened
    begun = time.process_time()
    await before(self)
    opened += time.process_time() - begun
aws.Aws.open = open
import {module}
print(time.process_time(), opened, len(sys.modules))
"""
_IMPORT = "import time, sys\n{statement}\nprint(time.process_time(), 0.0, len(sys.modules))"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is begun, and in what environment."""

    name: str
    code: str
    environ: Mapping[str, str]
    silent: bool = False  # answers no requests: it shall cost less to load than the web alone


@dataclass(frozen=True, slots=True)
class Place:
    """Where it is begun from: the command of an interpreter that finds it."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """CPU seconds since the process began, those of them that opening clients took; modules that are loaded then."""

    cpu: float
    opened: float
    modules: int


def main() -> int:
    """Measure and print; 1 if one that answers no requests costs as much to load as the web alone."""
    given, console = _arguments(), console_of(width=110)
    subjects = list(_subjects())
    with tempfile.TemporaryDirectory(prefix="shop-imports-") as folder:
        places = [Place("source tree", (sys.executable, "-I", "-c"))]
        places.append(Place("zip", tuple(_bare(_unpacked(Path(folder), console)))))
        told: dict[tuple[str, str], list[Told]] = defaultdict(list)
        turns = [(place, one) for _ in range(given.rounds + 1) for place in places for one in subjects]
        for place, one in track(turns, "beginning", console=console, transient=True, disable=not console.is_terminal):
            told[place.name, one.name].append(_begun(place, one))
    found = {key: _middle(runs[1:]) for key, runs in told.items()}  # the first one warms the disk
    console.print(f"CPU of a fresh Python {sys.version.split()[0]}, ms, median of {given.rounds}, less an empty one's")
    *_, dear = [list(_show(place.name, subjects, found, console)) for place in places]  # the zip's: it is deployed
    for line in dear:
        console.print(f"[bold red]{line}[/]")
    return int(bool(dear))


def _subjects() -> Iterator[Subject]:
    deployed = functions()
    environ = deployed[0].environ
    yield Subject("", _IMPORT.format(statement="pass"), environ)
    yield Subject(_BESIDE, _IMPORT.format(statement="import litestar"), environ)
    yield Subject("import aiobotocore.session", _IMPORT.format(statement="import aiobotocore.session"), environ)
    for one in deployed:
        yield Subject(one.name, _FUNCTION.format(module=one.module), one.environ, one.role in _SILENT)


def _begun(place: Place, one: Subject) -> Told:
    done = subprocess.run(
        [*place.command, one.code], env={**one.environ}, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{one.name} from the {place.name}: {done.stderr[-2000:]}")
    cpu, opened, modules = done.stdout.splitlines()[-1].split()
    return Told(float(cpu), float(opened), int(modules))


def _middle(runs: list[Told]) -> Told:
    return Told(median(one.cpu for one in runs), median(one.opened for one in runs), runs[0].modules)


def _show(
    place: str, subjects: list[Subject], found: Mapping[tuple[str, str], Told], console: Console
) -> Iterator[str]:
    """Prints a table; yields what costs more than it may."""
    nothing = found[place, ""].cpu
    beside = found[place, _BESIDE].cpu - nothing
    table = Table(title=f"from the {place}", box=None, header_style="bold", pad_edge=False, title_justify="left")
    table.add_column("begun", no_wrap=True)
    for heading in ("to load", "of litestar's", "clients", "in all", "of litestar's", "modules"):
        table.add_column(heading, justify="right")
    for one in subjects:
        if not one.name:
            continue
        told = found[place, one.name]
        loading, whole = told.cpu - told.opened - nothing, told.cpu - nothing
        cells = [_ms(loading), f"{loading / beside:.2f}"]
        if told.opened:
            cells += [_ms(told.opened), _ms(whole), f"{whole / beside:.2f}", f"{told.modules:,}"]
        table.add_row(one.name, *cells)
        if one.silent and loading >= beside:
            yield f"{one.name}, from the {place}: to load it costs as much as the web alone"
    console.print(table)


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f}"


def _unpacked(folder: Path, console: Console) -> Path:
    task = folder / "task"
    build(LOCAL, to=folder / LOCAL.file_name, console=console)
    with zipfile.ZipFile(folder / LOCAL.file_name) as packed:
        packed.extractall(task)
    return task


def _bare(task: Path) -> Iterator[str]:
    yield from (bare_interpreter(), "-I", "-S", "-c")
    yield f"import sys; sys.path[:0] = [{os.fspath(task)!r}]; exec(sys.argv[1])"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.imports", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="each is begun so often")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
