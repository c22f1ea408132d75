"""Acts and their ports, as spans: the rooms of a context say what is one, so that no act needs to know."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from shop.platform.tracing.spans import Tracing

T = TypeVar("T")

_ROOMS = ("application", "infrastructure")


def traced(part: T, tracing: Tracing) -> T:
    """The same with spans around its acts (`CreateOrder`) and their ports' calls (`OrdersStore.add`), and theirs."""
    if not is_dataclass(part) or isinstance(part, type):
        return part
    found = {one.name: getattr(part, one.name) for one in fields(part)}
    changed = {name: _Seen(traced(value, tracing), tracing) for name, value in found.items() if _is_seen(value)}
    return replace(part, **changed) if changed else part


def _is_seen(value: object) -> bool:
    room = type(value).__module__.split(".")[2:3]
    return is_dataclass(value) and bool(room) and room[0] in _ROOMS


class _Seen:
    """An act, or a port."""

    def __init__(self, part: Any, tracing: Tracing) -> None:
        self._part = part
        self._tracing = tracing
        self._name = type(part).__name__

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with self._tracing.span(self._name):
            return await self._part(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._part, name)
        if not inspect.iscoroutinefunction(value):
            return value
        call = self.__dict__[name] = self._spanned(f"{self._name}.{name}", value)
        return call

    def _spanned(self, name: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def spanned(*args: Any, **kwargs: Any) -> Any:
            with self._tracing.span(name):
                return await call(*args, **kwargs)

        return spanned
