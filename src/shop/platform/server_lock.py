"""One server per store: the second refuses to start. Commands beside a server are always welcome."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shop.kernel.errors import Clash


class AnotherServer(Clash):
    """A server already uses this store."""

    code = "another-server"


class Unusable(Clash):
    """The folder cannot hold a server's lock."""

    code = "unusable-folder"


@contextmanager
def only_server(data: Path) -> Iterator[None]:
    """Hold the store's server lock; the system gives it back however the process ends. `AnotherServer` if held."""
    data.mkdir(parents=True, exist_ok=True)
    lock = sqlite3.connect(data / "server.lock", isolation_level=None, timeout=0)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.DatabaseError as error:
        lock.close()
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise Unusable(f"{data / 'server.lock'} cannot be locked: {error}") from error
        raise AnotherServer(f"another server uses {data}: stop it, or set SHOP_DATA to another folder") from error
    try:
        yield
    finally:
        lock.close()
