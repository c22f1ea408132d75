"""A folder as a zip: the same bytes whenever and wherever it is made of the same files."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip can name
_READABLE = 0o100644 << 16  # a plain file that everyone may read, as Lambda requires
_UNIX = 3


def pack(folder: Path, *, to: Path, progress: Callable[[int, int], None]) -> None:
    """All files below the folder, sorted by name; the zip is there whole, or as it was before."""
    files = sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.as_posix())
    to.parent.mkdir(parents=True, exist_ok=True)
    unfinished = to.with_suffix(".tmp")
    with zipfile.ZipFile(unfinished, "w") as packed:
        for number, path in enumerate(files, 1):
            told = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _LONG_AGO)
            told.compress_type, told.external_attr, told.create_system = zipfile.ZIP_DEFLATED, _READABLE, _UNIX
            packed.writestr(told, path.read_bytes(), compresslevel=9)
            progress(number, len(files))
    unfinished.replace(to)


def sizes(of: Path) -> dict[str, Counter[str]]:
    """Bytes by the first folder of their names: `zipped`, `unpacked`, and of these `bytecode` and `native`."""
    found: dict[str, Counter[str]] = {}
    with zipfile.ZipFile(of) as packed:
        for told in packed.infolist():
            top = told.filename.split("/")[0]
            name = "(descriptions)" if top.endswith(".dist-info") else top
            row = found.setdefault(name, Counter())
            row["zipped"] += told.compress_size
            row["unpacked"] += told.file_size
            row["bytecode"] += told.file_size * told.filename.endswith(".pyc")
            row["native"] += told.file_size * told.filename.endswith(".so")
    return found
