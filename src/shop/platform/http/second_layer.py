"""The second layer, which several processes share: what the cache needs of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from shop.platform.http.breaker import Breaker
from shop.platform.http.stored import Stored


class LayerUnavailable(Exception):
    """The shared layer cannot be reached, or not in time."""


class Token(msgspec.Struct, frozen=True):
    """How far the shared layer's clock had come when a read began, and whose read it is."""

    epoch: str  # a clock that was lost is followed by another
    clock: int
    owner: str


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: a value, fresh or not, or none; `mine`: who looked is the one to ask the origin."""

    stored: Stored | None = None
    token: Token | None = None  # without one nothing may be kept
    mine: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ears:
    """What a listener is to do with what it hears."""

    drop: Callable[[Sequence[str]], None]  # these tags
    on: Callable[[], None]  # from now on everything is heard
    off: Callable[[], None]  # from now on things may be missed
    trust: Callable[[float], None]  # whatever was told until this moment of the monotonic clock has been heard


class SecondLayer(Protocol):
    """Answers that processes share. Whatever it cannot do is `LayerUnavailable`, soon."""

    breaker: Breaker  # of what it is kept in

    async def look_up(self, names: Collection[str]) -> Mapping[str, Looked]:
        """Each of the names; for what is not fresh, who looks first is to ask the origin."""

    async def store(self, answers: Mapping[str, Stored], token: Token) -> set[str]:
        """Keep answers that were read after the token, and give up the right to ask for them; names of those kept:
        not what an invalidation has overtaken.
        """

    async def release(self, names: Collection[str], token: Token) -> None:
        """Nothing came of asking: let somebody else try."""

    async def invalidate(self, tags: Collection[str]) -> None:
        """When this returns, nobody finds anything with one of these tags that was read before."""

    async def listen(self, ears: Ears, *, afresh: bool = False) -> None:
        """Hear of everybody's invalidations, until it is cancelled. `afresh`: first forget what is kept now."""

    async def close(self) -> None:
        """Give the connections back."""
