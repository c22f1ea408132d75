"""Ids: prefixed, sortable by the time they were made, not to be guessed: `ord_019a…` (28 characters)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

from shop.kernel.clock import Clock, micros

Ids = Callable[[str], str]


_CHANCE = 8  # bytes of an id
_POOL = 512  # ids' worth of chance fetched at once: a call to the system costs more than all the rest


def ids(clock: Clock, chance: Callable[[int], bytes] = secrets.token_bytes) -> Ids:
    """A maker of ids: 48 bits of milliseconds since 1970, then 64 of chance, in hexadecimal."""
    pool = _slices(chance)

    def new(prefix: str) -> str:
        return f"{prefix}_{micros(clock()) // 1000:012x}{next(pool).hex()}"

    return new


def _slices(chance: Callable[[int], bytes]) -> Iterator[bytes]:
    while True:
        pool = chance(_CHANCE * _POOL)
        yield from (pool[begin : begin + _CHANCE] for begin in range(0, len(pool), _CHANCE))
