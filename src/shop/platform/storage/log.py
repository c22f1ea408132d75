"""The port of the log: committed events, for those who follow the shop from outside, each at a pace of their own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol


class Stretch(NamedTuple):
    """A part of the log; it may be shorter than asked, or empty, and still have `more` behind it."""

    events: Sequence[bytes]  # CloudEvents as JSON, as they were committed
    after: str  # the cursor to read on from; there is always one, so that a reader can come back
    more: bool  # something behind it is there already
    missing: bool  # something behind the cursor that was given (or the first event) is not kept any more


class Log(Protocol):
    """An engine's committed events: each at least once, and in the order of commits if the engine has one."""

    async def read(self, *, after: str | None, types: Collection[str], most: int) -> Stretch:
        """Events of these types behind the cursor; no types: of all. Without a cursor from the oldest kept on.

        A cursor is good for any types. `ForeignCursor` if it is none of this log's.
        """
