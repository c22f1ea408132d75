"""Documents put anew where they are: their version, moment and expiry stay, so nobody sees that it was done."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from shop.platform.storage.body import pack
from shop.platform.storage.documents import Documents, Unreadable
from shop.platform.storage.port import Layout, Put, Stored
from shop.platform.storage.sqlite_tables import places, stored
from shop.platform.storage.words import folded

_PAGE = 200


def count(connection: sqlite3.Connection, layout: Layout) -> int:
    """How many documents there are."""
    return int(connection.execute(f"SELECT count(*) FROM {layout.context}_documents").fetchone()[0])


def put_page_anew(
    connection: sqlite3.Connection,
    layout: Layout,
    *,
    after: int,
    put_of: Callable[[Stored], Put],
    leave_unreadable: bool = False,
) -> tuple[int, int | None]:
    """Of the rows after this one, so many are as `put_of` says; and the last of them, if there may be more.

    `Unreadable` names the document that cannot be put, unless such ones are left as they are.
    """
    sql = _Anew(layout)
    rows = connection.execute(sql.page, (after, _PAGE)).fetchall()
    for row, *found in rows:
        try:
            put = put_of(_document(found))
        except Unreadable:
            if leave_unreadable:
                continue
            raise
        texts = folded(put)
        body, packed = pack(put.key, put.body)
        connection.execute(sql.put, (put.key, body, packed, *_places(layout, put), bool(texts), row))
        if layout.words:
            connection.execute(sql.forget, (row,))
            if texts:
                connection.execute(sql.learn, (row, *_words(layout, texts)))
    return len(rows), rows[-1][0] if len(rows) == _PAGE else None


def misplaced(connection: sqlite3.Connection, documents: Documents) -> Iterator[str | None]:
    """For each document a sentence, if it is not found by what its context would have it found by today."""
    layout = documents.layout
    sql = _Anew(layout)
    last = 0
    while rows := connection.execute(sql.page, (last, _PAGE)).fetchall():
        last = rows[-1][0]
        for row, *found in rows:
            try:
                put = documents.put_of(_document(found))
            except Unreadable as error:
                yield error.detail
            else:
                yield _difference(connection, sql, layout, row, found[0], put)


def _document(found: Sequence[Any]) -> Stored:
    try:
        return stored(tuple(found))
    except zlib.error as error:
        raise Unreadable(f"{found[0]} cannot be read: {error}") from error


def _difference(connection: sqlite3.Connection, sql: _Anew, layout: Layout, row: int, key: str, put: Put) -> str | None:
    there = connection.execute(sql.places, (row,)).fetchone()
    wanted = (put.key, *_places(layout, put))
    if there != wanted:
        names = ["key", *places(layout)]
        wrong = sorted({name for name, one, other in zip(names, there, wanted, strict=True) if one != other})
        return f"{key} is in the wrong place: {', '.join(wrong)} (shop doctor --reindex puts it right)"
    if layout.words:
        known = connection.execute(sql.words, (row,)).fetchone()
        texts = folded(put)
        if known != (_words(layout, texts) if texts else None):
            return f"{key} is searched by the wrong words (shop doctor --reindex puts it right)"
    return None


@dataclass(frozen=True, slots=True)
class _Anew:
    layout: Layout

    @property
    def page(self) -> str:
        table = f"{self.layout.context}_documents"
        return f"SELECT id, key, body, packed, version, at FROM {table} WHERE id > ? ORDER BY id LIMIT ?"

    @property
    def places(self) -> str:
        return f"SELECT {', '.join(['key', *places(self.layout)])} FROM {self.layout.context}_documents WHERE id = ?"

    @property
    def put(self) -> str:
        columns = ["key", "body", "packed", *places(self.layout), "worded"]
        return f"UPDATE {self.layout.context}_documents SET {', '.join(f'{one} = ?' for one in columns)} WHERE id = ?"

    @property
    def words(self) -> str:
        return f"SELECT {', '.join(self.layout.words)} FROM {self.layout.context}_words WHERE rowid = ?"

    @property
    def forget(self) -> str:
        return f"DELETE FROM {self.layout.context}_words WHERE rowid = ?"

    @property
    def learn(self) -> str:
        fields = ", ".join(self.layout.words)
        return f"INSERT INTO {self.layout.context}_words (rowid, {fields}) VALUES (?{', ?' * len(self.layout.words)})"


def _places(layout: Layout, put: Put) -> list[Any]:
    return [part for name in layout.indexes for part in put.indexes.get(name, (None, None))]


def _words(layout: Layout, texts: dict[str, str]) -> tuple[str, ...]:
    return tuple(texts.get(name, "") for name in layout.words)
