"""What is read and written in a store, and what is published there («database», «messaging»)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import wraps
from typing import Any

import msgspec
from opentelemetry.trace import SpanKind

from shop.kernel.events import Envelope
from shop.platform.storage.port import Engine, Layout, Records
from shop.platform.tracing.messages import attributes_of
from shop.platform.tracing.spans import Span, Tracing, under_way, within

_CALLS = {"get", "get_many", "get_with_counts", "counts", "find", "search", "scan", "commit"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedEngine:
    """An engine whose commits publish. `system`: its calls are spans too, as calls of this; None: they are told below.

    What happens on the writer's thread is seen as the time that its commit takes.
    """

    engine: Engine
    tracing: Tracing
    system: str | None
    bus: str

    def records(self, layout: Layout) -> Records:
        """A context's own records."""
        records: Any = self.engine.records(layout)
        if self.system is not None:
            records = _Told(
                records, self.tracing, {"db.system.name": self.system, "db.collection.name": layout.context}
            )
        return _Publishing(records, self.tracing, self.bus)


class _Told:
    """Each call is a span, of whatever is under way."""

    def __init__(self, records: Records, tracing: Tracing, told: dict[str, str]) -> None:
        self._records = records
        self._tracing = tracing
        self._told = told

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._records, name)
        if name not in _CALLS:
            return value
        call = self.__dict__[name] = self._span(name, value)
        return call

    def _span(self, name: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        told = {**self._told, "db.operation.name": name}
        title = f"{name} {self._told['db.collection.name']}"

        @wraps(call)
        async def spanned(*args: Any, **kwargs: Any) -> Any:
            if not under_way():
                return await call(*args, **kwargs)
            with self._tracing.span(title, SpanKind.CLIENT, told):
                return await call(*args, **kwargs)

        return spanned


class _Publishing:
    """Each event that is committed is published by a span of its own, which it carries to those who hear it."""

    def __init__(self, records: Any, tracing: Tracing, bus: str) -> None:
        self._records = records
        self._tracing = tracing
        self._bus = bus

    def __getattr__(self, name: str) -> Any:
        return getattr(self._records, name)

    async def commit(self, *, events: Sequence[Envelope] = (), **rest: Any) -> None:
        """As the store's."""
        spans = [self._begin(event) for event in events]
        carried = [
            msgspec.structs.replace(event, traceparent=span.traceparent)
            for event, span in zip(events, spans, strict=True)
        ]
        with ExitStack() as stack:
            for span in spans:
                stack.callback(span.end)
            try:
                await self._records.commit(events=carried, **rest)
            except BaseException as error:
                for span in spans:
                    span.failed(error)
                raise

    def _begin(self, event: Envelope) -> Span:
        """In the trace of what is under way; of another one that it was given, with a link to what is under way."""
        told = attributes_of(event, operation="publish", kind="send", bus=self._bus)
        own, here = event.traceparent, under_way()
        other = own is not None and (here is None or own[3:35] != here[3:35])
        more: dict[str, Any] = {"within": within(own), "links": [here] if here else []} if other else {}
        return self._tracing.begin(f"publish {event.type}", SpanKind.PRODUCER, told, **more)
