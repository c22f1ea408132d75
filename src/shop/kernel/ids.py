"""Ids: prefixed, sortable by the time they were made, not to be guessed: `ord_06f…` (26 characters)."""

from __future__ import annotations

import secrets
from base64 import b32hexencode
from collections.abc import Callable
from datetime import datetime

from shop.kernel.clock import Clock

Ids = Callable[[str], str]


def ids(clock: Clock, chance: Callable[[int], bytes] = secrets.token_bytes) -> Ids:
    """A maker of ids: 48 bits of milliseconds, 80 of chance, in base32hex (RFC 4648 §7, keeps the order)."""

    def new(prefix: str) -> str:
        return f"{prefix}_{_sortable(clock(), chance(10))}"

    return new


def _sortable(moment: datetime, chance: bytes) -> str:
    milliseconds = int(moment.timestamp() * 1000)
    return b32hexencode(milliseconds.to_bytes(6, "big") + chance).decode().rstrip("=").lower()
