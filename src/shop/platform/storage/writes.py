"""How what a context wrote ended, and how long that took: its engine counts it, who knows it whoever has gone away."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from shop.platform.figures import Distribution, Read
from shop.platform.metrics import WRITE_SECONDS, WRITES
from shop.platform.storage.port import AlreadyConsumed, Conflict, NotEnough, TooMuch, Unavailable

_REFUSALS: Mapping[type[Exception], str] = {
    AlreadyConsumed: "already-consumed",
    Conflict: "conflict",
    NotEnough: "not-enough",
    TooMuch: "too-much",
    Unavailable: "unavailable",
}


class Writes:
    """Of one context."""

    def __init__(self) -> None:
        self.committed = 0
        self.refused: Counter[str] = Counter()  # by why
        self.seconds = Distribution(WRITE_SECONDS.bounds)

    def ended(self, error: BaseException | None, seconds: float | None = None) -> None:
        """One more; without seconds it was refused before it was begun. One that was broken off is timed, and has no
        result: it may be written all the same.
        """
        if seconds is not None:
            self.seconds.add(seconds)
        if error is None:
            self.committed += 1
        else:
            self.refused.update(told for kind, told in _REFUSALS.items() if isinstance(error, kind))

    @contextmanager
    def one(self) -> Iterator[None]:
        """One that is done inside."""
        began = time.perf_counter()
        try:
            yield
        except BaseException as error:
            self.ended(error, time.perf_counter() - began)
            raise
        self.ended(None, time.perf_counter() - began)


def of_writes(writes: Mapping[str, Writes]) -> Callable[[], Iterable[Read]]:
    """A source of figures; `{context: its writes}`."""

    def read() -> Iterable[Read]:
        for context, its in writes.items():
            yield WRITES, (context, "committed"), its.committed
            for told, count in its.refused.items():
                yield WRITES, (context, told), count
            yield WRITE_SECONDS, (context,), its.seconds

    return read
