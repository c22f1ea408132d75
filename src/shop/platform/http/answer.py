"""What a read gives: a decoded value, and how it was come by. And why there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from shop.kernel.errors import Refusal
from shop.platform.http.stored import Stored

T = TypeVar("T")

UNREAD = object()  # what no reader has decoded yet


class OriginUnavailable(Exception):
    """The other context did not answer in time, or not as agreed. `retry_after`: seconds, if anybody can tell."""

    def __init__(self, told: str, *, retry_after: float = 0.0) -> None:
        super().__init__(told)
        self.retry_after = retry_after


class OriginRefused(Exception):
    """The other context answered, and not with a 200."""

    def __init__(self, told: str, *, status: int, body: bytes) -> None:
        super().__init__(told)
        self.status = status
        self.body = body


def understood(body: bytes, decode: Callable[[bytes], T], path: str) -> T:
    """What a body means to a reader. `OriginUnavailable` if it is not as agreed."""
    try:
        return decode(body)
    except (ValueError, RecursionError, msgspec.MsgspecError, Refusal) as error:
        raise OriginUnavailable(f"{path}: {type(error).__name__}") from error


class How(msgspec.Struct, frozen=True, kw_only=True):
    """How an answer was come by; the words are those of RFC 9211."""

    detail: str = ""  # which layer gave it, or why it is stale
    fwd: str = ""  # why the origin was asked; empty: it was not
    fwd_status: int = 0
    stored: bool = False
    collapsed: bool = False


MEMORY = How(detail="memory")
SHARED = How(detail="redis")
STALE_IF_ERROR = How(detail="stale-if-error", fwd="stale")


class Entry:
    """An answer with what was decoded of it, once per reader's type. `born`: on the clock of this process."""

    __slots__ = ("born", "decoded", "fresh_until", "guards", "size", "stored")

    def __init__(self, stored: Stored, *, now: float) -> None:
        self.stored = stored
        self.born = now - stored.age
        self.fresh_until = self.born + stored.windows.fresh
        self.decoded: dict[object, Any] = {}
        self.guards: tuple[Any, ...] = ()
        self.size = 0

    def read(self, reader: object, decode: Callable[[bytes], T]) -> T:
        """As this reader reads it: the same frozen object each time. `OriginUnavailable` if it cannot."""
        value = self.decoded.get(reader, UNREAD)
        if value is UNREAD:
            value = self.decoded[reader] = understood(self.stored.body, decode, str(reader))
        return value  # type: ignore[no-any-return]

    def may_wait(self, now: float) -> bool:
        """It may be used while it is asked for anew."""
        return now - self.born < self.stored.windows.revalidating

    def aged(self, now: float) -> Stored:
        """The answer, as old as it is now."""
        return msgspec.structs.replace(self.stored, age=now - self.born)


class Answer(msgspec.Struct, Generic[T], frozen=True):
    """A decoded answer. Headers are put into words only for those who ask."""

    value: T
    entry: Entry
    how: How
    at: float  # on the clock of this process

    @property
    def body(self) -> bytes:
        """As the origin sent it."""
        return self.entry.stored.body

    @property
    def age(self) -> int:
        """Seconds since the origin made it. Source: RFC 9111 §5.1."""
        return max(0, int(self.at - self.entry.born))

    @property
    def cache_status(self) -> str:
        """`shop; hit; ttl=299; detail=memory`. Source: RFC 9211 §2."""
        how = self.how
        told = ["shop", f"fwd={how.fwd}" if how.fwd else "hit"]
        if how.fwd_status:
            told.append(f"fwd-status={how.fwd_status}")
        told += [word for word, so in (("stored", how.stored), ("collapsed", how.collapsed)) if so]
        told.append(f"ttl={int(self.entry.fresh_until - self.at)}")
        if how.detail:
            told.append(f"detail={how.detail}")
        return "; ".join(told)
