"""An engine whose writes are counted and timed, whichever it is."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from shop.kernel.events import Delivery, Envelope
from shop.platform.figures import Figures
from shop.platform.metrics import WRITE_SECONDS, WRITES
from shop.platform.storage.port import (
    AlreadyConsumed,
    Change,
    Conflict,
    Engine,
    Layout,
    NotEnough,
    Put,
    Records,
    TooMuch,
    Unavailable,
)

_RESULTS: Mapping[type[Exception], str] = {
    AlreadyConsumed: "already-consumed",
    Conflict: "conflict",
    NotEnough: "not-enough",
    TooMuch: "too-much",
    Unavailable: "unavailable",
}
_REFUSALS = tuple(_RESULTS)


class MeasuredEngine:
    """The engine, counted."""

    def __init__(self, engine: Engine, figures: Figures) -> None:
        self._engine = engine
        self._figures = figures

    def records(self, layout: Layout) -> Records:
        """As the engine's."""
        return _MeasuredRecords(self._engine.records(layout), layout.context, self._figures)


class _MeasuredRecords:
    """The records themselves but for `commit`."""

    def __init__(self, records: Records, context: str, figures: Figures) -> None:
        self._records = records
        self._figures = figures
        self._context = context
        self._committed = figures.tally(WRITES, context, "committed")
        self._seconds = figures.distribution(WRITE_SECONDS, context)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._records, name)
        setattr(self, name, found)  # found at once from now on
        return found

    @property
    def limit(self) -> int:
        """As the records': it may change."""
        return self._records.limit

    async def commit(
        self,
        *,
        puts: Sequence[Put] = (),
        changes: Sequence[Change] = (),
        events: Sequence[Envelope] = (),
        consumed: Delivery | None = None,
    ) -> None:
        """As the records'. One of nothing is not counted. One whose caller was cancelled is timed until then, and has
        no result: it may be written all the same.
        """
        if not (puts or changes or events or consumed):
            await self._records.commit()
            return
        began = time.perf_counter()
        try:
            await self._records.commit(puts=puts, changes=changes, events=events, consumed=consumed)
        except _REFUSALS as error:
            self._figures.count(
                WRITES, self._context, next(told for kind, told in _RESULTS.items() if isinstance(error, kind))
            )
            raise
        else:
            self._committed.value += 1
        finally:
            self._seconds.add(time.perf_counter() - began)
