"""A Shopify CSV as cells under our words for its columns, whichever headings, delimiter and newlines it has.

A file with the column `Shop ID` is an export of ours: there a `'` at the beginning of a cell says that what follows is
a text, to be taken exactly as it stands. So no spreadsheet takes it for a formula, and blanks at its ends stay.

Source: help.shopify.com, «Using CSV files to import and export products».
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import NamedTuple

# Our word for a column, and its headings: the one of old, then the one of today.
_COLUMNS = {
    "handle": ("handle", "url handle"),
    "title": ("title",),
    "description": ("body (html)", "description"),
    "vendor": ("vendor",),
    "category": ("product category", "standardized product type"),
    "type": ("type", "custom product type"),
    "tags": ("tags",),
    "published": ("published", "published on online store"),
    "status": ("status",),
    "option1": ("option1 name",),
    "value1": ("option1 value",),
    "option2": ("option2 name",),
    "value2": ("option2 value",),
    "option3": ("option3 name",),
    "value3": ("option3 value",),
    "sku": ("variant sku", "sku"),
    "quantity": ("variant inventory qty", "inventory quantity"),
    "price": ("variant price", "price"),
    "compare": ("variant compare at price", "compare-at price", "compare at price"),
    # Of our own exports; others pass over them.
    "id": ("shop id",),
    "group": ("shop group",),
    "currency": ("shop currency",),
    "location": ("shop warehouse location",),
    "attributes": ("shop attributes",),
}
_WORDS = {heading: word for word, headings in _COLUMNS.items() for heading in headings}
_NEEDED = ("handle", "title", "price")
_LONGEST_CELL = 1 << 20  # characters; a description of the most bytes is shorter, however much of it is escaped
_QUOTED = re.compile(r'"[^"]*(?:""[^"]*)*"')


class Fault(NamedTuple):
    """What is wrong, under which heading, at which line of the file."""

    line: int
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Cells:
    """One row: the line it starts on, and its cells under our words; the `exact` ones are to be taken as they are."""

    line: int
    of: Mapping[str, str]
    exact: AbstractSet[str] = frozenset()

    def __getitem__(self, word: str) -> str:
        return self.of.get(word, "")

    def text(self, word: str) -> str | None:
        """A text of one line with its blanks in order, unless it is exact. None: the cell is empty."""
        if word in self.exact:
            return self[word]
        return " ".join(self[word].split()) or None


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows that can be read, and the faults of the others. `headings`: our word → as the file has it."""

    headings: Mapping[str, str]
    rows: Sequence[Cells]
    faults: Sequence[Fault]


def read_sheet(content: bytes) -> Sheet:
    """All rows of the file; none, and a fault, if it or its heading cannot be read."""
    try:
        return _sheet(_text(content))
    except _Unreadable as unreadable:
        return Sheet({}, [], [unreadable.fault])


class _Unreadable(Exception):
    """Nothing from this place on can be trusted."""

    def __init__(self, line: int, heading: str, message: str) -> None:
        super().__init__(message)
        self.fault = Fault(line, heading, message)


def _text(content: bytes) -> str:
    text = _decoded(content).removeprefix("\ufeff")
    if not text.strip():
        raise _Unreadable(1, "file", "is empty")
    return text if "\n" in text else text.replace("\r", "\n")


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = 1 if content[:2] in (b"\xff\xfe", b"\xfe\xff") else content.count(b"\n", 0, error.start) + 1
        raise _Unreadable(line, "file", "is not UTF-8; save it as «CSV UTF-8» and try again") from error


def _sheet(text: str) -> Sheet:
    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(",;\t", key=lambda mark: sum(_plain(cell) in _WORDS for cell in first.split(mark)))
    records = _records(text, delimiter)
    top, _, names = next((record for record in records if any(record[2])), (1, 1, []))
    words = [_WORDS.get(_plain(name), "") for name in names]
    headings = {word: name.strip() for word, name in zip(words, names, strict=True) if word}
    for word in _NEEDED:
        if word not in headings:
            raise _Unreadable(top, _COLUMNS[word][0].title(), "this column is missing in the heading")
    for word, heading in headings.items():
        if words.count(word) > 1:
            raise _Unreadable(top, heading, "this column stands twice in the heading")
    rows: list[Cells] = []
    faults: list[Fault] = []
    try:
        for line, last, cells in records:
            if len(cells) == len(words):
                named = {word: cell for word, cell in zip(words, cells, strict=True) if word}
                rows.append(_row(line, named, ours="id" in headings))
            elif any(cells):
                spread = f", and runs to line {last}: is a quote missing?" if last > line else ""
                faults.append(Fault(line, "row", f"has {len(cells)} cells where the heading has {len(words)}{spread}"))
    except _Unreadable as broken:
        faults.append(broken.fault)
    return Sheet(headings, rows, faults)


def _plain(heading: str) -> str:
    return " ".join(heading.replace("\u2011", "-").strip("\ufeff\" '").casefold().split())


def _row(line: int, cells: Mapping[str, str], *, ours: bool) -> Cells:
    if not ours:
        return Cells(line, {word: cell.replace("\0", "").strip() for word, cell in cells.items()})
    exact = frozenset(word for word, cell in cells.items() if cell.startswith("'"))
    return Cells(line, {word: cell[1:] if word in exact else cell.strip() for word, cell in cells.items()}, exact)


def _records(text: str, delimiter: str) -> Iterator[tuple[int, int, list[str]]]:
    """(first line, last line, cells) of each row."""
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline="\n"), delimiter=delimiter, strict=True)
    while True:
        first = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise _broken(text, first, delimiter) from error
        if cells is None:
            return
        yield first, reader.line_num, cells


def _broken(text: str, first: int, delimiter: str) -> _Unreadable:
    """Finds the quote that is never closed, or closed in the middle of a cell, from line `first` on."""
    at = 0
    for _ in range(first - 1):
        at = text.index("\n", at) + 1
    while at < len(text):
        if text[at] == '"':
            closed = _QUOTED.match(text, at)
            behind = text[closed.end() : closed.end() + 1] if closed else "?"
            if closed is None or behind not in ("", delimiter, "\r", "\n"):
                message = (
                    'a quote opens here that is not closed at the end of its cell; write a quote inside a cell as ""'
                )
                return _Unreadable(text.count("\n", 0, at) + 1, "row", message)
            at = closed.end()
        ends = [end for mark in (delimiter, "\n") if (end := text.find(mark, at)) >= 0]
        at = min(ends, default=len(text)) + 1
    return _Unreadable(first, "row", "cannot be read: a cell is too long, or has a bare carriage return outside quotes")
