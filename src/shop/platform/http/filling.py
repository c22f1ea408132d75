"""From memory's miss to an answer: the shared layer, and the origin where that has nothing fresh.

Of all processes one asks the origin; the others wait for what it brings, briefly, and then ask themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import structlog

from shop.platform.http.answer import SHARED, How, OriginRefused, OriginUnavailable
from shop.platform.http.second_layer import LayerUnavailable, Looked, SecondLayer, Token
from shop.platform.http.stored import Stored
from shop.platform.observability import told_of

_PATIENCE = 1.0  # seconds to wait for another process's answer
_FIRST_PAUSE = 0.002
_LONGEST_PAUSE = 0.05

log = structlog.get_logger("shop.http")


class Got(msgspec.Struct, frozen=True):
    """An answer and how it was come by."""

    stored: Stored
    how: How
    decoded: tuple[object, Any] | None = None  # by which reader, as what


class Ask(Protocol):
    """Asks the origin for some names; of some one `known` answer is there, which may still hold."""

    async def __call__(self, names: Sequence[str], known: Mapping[str, Stored]) -> Mapping[str, Got]:
        """What it has, perhaps under further names; or `OriginUnavailable`, `OriginRefused`."""


class Filling:
    """Reads through the shared layer, and keeps there what the origin answers."""

    def __init__(self, shared: SecondLayer, *, now: Callable[[], float]) -> None:
        """`now`: monotonic seconds."""
        self._shared = shared
        self._now = now
        self._refreshing: set[asyncio.Task[Any]] = set()

    async def close(self) -> None:
        """Let go of what is refreshed."""
        for task in self._refreshing:
            task.cancel()
        await asyncio.gather(*self._refreshing, return_exceptions=True)

    async def __call__(
        self, names: Sequence[str], ask: Ask, known: dict[str, Stored], *, someone_waits: bool
    ) -> Mapping[str, Got]:
        """What there is of these; `someone_waits` and gets a stale answer rather, where the origin allows it.

        To what is `known` comes what is found to be stale.
        """
        found: dict[str, Got] = {}
        until, pause = self._now() + _PATIENCE, _FIRST_PAUSE
        pending = list(names)
        while True:
            looked = await self._looked(pending)
            known.update((name, one.stored) for name, one in looked.items() if one.stored)
            mine: list[str] = []
            for name, one in looked.items():
                if one.stored and _serves(one, now_or_never=someone_waits):
                    found[name] = Got(one.stored, SHARED)
                    if one.mine:
                        self._refresh(name, ask, one.stored, one.token)
                elif one.mine or one.token is None or self._now() >= until:
                    mine.append(name)
            pending = [name for name in pending if name not in found and name not in mine]
            if mine:
                found.update(await self._asked(mine, ask, known, looked[mine[0]].token))
            if not pending:
                return found
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _looked(self, names: Collection[str]) -> Mapping[str, Looked]:
        try:
            return await self._shared.look_up(names)
        except LayerUnavailable:
            return dict.fromkeys(names, Looked())

    async def _asked(
        self, names: Sequence[str], ask: Ask, known: Mapping[str, Stored], token: Token | None
    ) -> Mapping[str, Got]:
        try:
            got = await ask(names, known)
        except (OriginUnavailable, OriginRefused, asyncio.CancelledError):
            await self._release(names, token)
            raise
        kept = await self._store({name: one.stored for name, one in got.items() if one.stored.to_keep}, token)
        await self._release([name for name in names if name not in kept], token)
        return {name: one if name in kept else _passing(one) for name, one in got.items()}

    async def _store(self, answers: Mapping[str, Stored], token: Token | None) -> set[str]:
        if token is None or not answers:
            return set()
        try:
            return await self._shared.store(answers, token)
        except LayerUnavailable:
            return set()

    async def _release(self, names: Collection[str], token: Token | None) -> None:
        if names and token is not None:
            try:
                await self._shared.release(names, token)
            except LayerUnavailable as error:
                log.debug("http.not_released", reason=str(error))  # the right to ask runs out by itself

    def _refresh(self, name: str, ask: Ask, stale: Stored, token: Token | None) -> None:
        """Meanwhile the stale answer is used."""
        task = asyncio.create_task(self._asked([name], ask, {name: stale}, token))
        self._refreshing.add(task)
        task.add_done_callback(self._refreshed)

    def _refreshed(self, task: asyncio.Task[Any]) -> None:
        self._refreshing.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.debug("http.not_refreshed", reason=told_of(error))


def _serves(looked: Looked, *, now_or_never: bool) -> bool:
    """Fresh, or stale where it is asked for anew meanwhile: by who waits for nobody, or by another."""
    one = looked.stored
    if one is None:
        return False
    if one.age < one.windows.fresh:
        return True
    return one.age < one.windows.revalidating and (now_or_never or not looked.mine)


def _passing(got: Got) -> Got:
    """An answer that is used this once."""
    if not got.stored.to_keep:
        return got
    once, how = msgspec.structs.replace(got.stored, to_keep=False), msgspec.structs.replace(got.how, stored=False)
    return Got(once, how, got.decoded)
