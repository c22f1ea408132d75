"""Who serves a store: one server, or several that share a Redis. Commands beside them are always welcome.

A server by itself holds an exclusive lock on a file beside the store, several hold a shared one; the system gives it
back however the process ends.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from zlib import crc32

from shop.kernel.errors import Clash

_PATIENCE = 5.0  # seconds, while the first of several begins
_NAME = "server.lock"
_ADVICE = "stop it, or set SHOP_DATA to another folder"
_HALF = 2**31  # a user_version is signed


class AnotherServer(Clash):
    """A server already uses this store."""

    code = "another-server"


class AnotherRedis(Clash):
    """Servers use this store that share another Redis."""

    code = "another-redis"


class Unusable(Clash):
    """The folder cannot hold a server's lock."""

    code = "unusable-folder"


@dataclass(frozen=True, slots=True)
class Place:
    """Of a server that has begun."""

    alone: bool  # whoever served the store before has ended
    share: Callable[[], None]  # what had to be done alone is done: let in who may come in


@contextmanager
def only_server(data: Path, *, advice: str = _ADVICE) -> Iterator[Place]:
    """No server beside this one. `AnotherServer` if there is, with advice what to do then."""
    with _opened(data) as lock:
        if not _got(lock, "BEGIN EXCLUSIVE", data):
            raise AnotherServer(f"another server uses {data}: {advice}")
        yield Place(alone=True, share=_share_nothing)


@contextmanager
def one_of_several(data: Path, *, redis: str, patience: float = _PATIENCE) -> Iterator[Place]:
    """One of the servers that share this Redis; alone, if it is the first one, until it does `share`.

    `AnotherServer` if a server shares nothing, `AnotherRedis` if the others do not share this one.
    """
    with _opened(data) as lock:
        ours = crc32(re.sub("//.*@", "//", redis).encode()) - _HALF  # whatever the password is
        if _got(lock, "BEGIN EXCLUSIVE", data):
            lock.execute(f"PRAGMA user_version = {ours}")
            yield Place(alone=True, share=partial(_share, lock))
            return
        try:
            theirs = _join(lock, patience=patience)
        except sqlite3.OperationalError as error:
            raise AnotherServer(
                f"another server uses {data} and shares no Redis, or is just beginning: "
                "start all with the same SHOP_REDIS_URL, one after the other"
            ) from error
        if theirs != ours:
            raise AnotherRedis(f"the servers on {data} share another Redis: start all with the same SHOP_REDIS_URL")
        yield Place(alone=False, share=_share_nothing)


@contextmanager
def _opened(data: Path) -> Iterator[sqlite3.Connection]:
    data.mkdir(parents=True, exist_ok=True)
    lock = sqlite3.connect(data / _NAME, isolation_level=None, timeout=0)
    try:
        yield lock
    finally:
        lock.close()


def _got(lock: sqlite3.Connection, statement: str, data: Path) -> bool:
    try:
        lock.execute(statement)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise Unusable(f"{data / _NAME} cannot be locked: {error}") from error
        return False
    return True


def _share(lock: sqlite3.Connection) -> None:
    lock.execute("COMMIT")
    try:
        _join(lock, patience=_PATIENCE)
    except sqlite3.OperationalError as error:  # another one was faster
        raise AnotherServer(f"another server has just begun beside this one: {_ADVICE}") from error


def _share_nothing() -> None:
    """Who is to stay alone does, and who is not has joined already."""


def _join(lock: sqlite3.Connection, *, patience: float) -> int:
    """As long as this transaction is open, no server is alone. → What tells one Redis from another."""
    lock.execute(f"PRAGMA busy_timeout = {int(patience * 1000)}")
    lock.execute("BEGIN")
    (version,) = lock.execute("PRAGMA user_version").fetchone()
    return int(version)
