"""Files that are there whole or not at all: made under another name, put in place when they are on disk."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from shop.kernel.errors import Clash


class FileExists(Clash):
    """There is something where a file is to be made."""

    code = "file-exists"


def refuse_taken(file: Path, *, force: bool) -> None:
    """`FileExists` if there is something; with `force`, if that is no file that could be replaced."""
    if file.exists() and not file.is_file():
        raise FileExists(f"{file} is {'a folder' if file.is_dir() else 'no ordinary file'}: name another file")
    if file.exists() and not force:
        raise _there(file)


@contextmanager
def making(file: Path, *, beside: Sequence[str] = ()) -> Iterator[Path]:
    """A name beside the file to work under; nothing is left there, nor under that name with an end of `beside`."""
    part = file.with_name(f"{file.name}.{secrets.token_hex(8)}.part")
    try:
        yield part
    finally:
        for end in ("", *beside):
            part.with_name(part.name + end).unlink(missing_ok=True)


def put_in_place(part: Path, file: Path, *, force: bool) -> None:
    """Give the part its name, once it is on disk. `FileExists` without `force`, if there is something by now."""
    sync(part)
    if force:
        part.replace(file)
    else:
        try:
            os.link(part, file)
        except FileExistsError as error:
            raise _there(file) from error
        except OSError:  # a file system without links
            part.replace(file)
    sync(file.parent)


def sync(path: Path) -> None:
    """What was written to a file, or the names in a folder, on disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _there(file: Path) -> FileExists:
    return FileExists(f"{file} is there already: name another file, or replace it with --force")
