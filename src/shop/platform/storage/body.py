"""Bodies as they are stored: JSON as it is up to 8 KB, compressed above."""

from __future__ import annotations

import zlib

from shop.platform.storage.port import MOST_BODY, TooMuch

_PLAIN = 8 * 1024


def pack(key: str, body: bytes) -> tuple[bytes, bool]:
    """The bytes to store, and whether they are compressed. `TooMuch` above 350 KB as stored."""
    compressed = len(body) > _PLAIN
    stored = zlib.compress(body, 1) if compressed else body
    if len(stored) > MOST_BODY:
        raise TooMuch(f"{key} has {len(stored)} bytes as stored; {MOST_BODY} at most")
    return stored, compressed


def unpack(stored: bytes, compressed: bool) -> bytes:  # noqa: FBT001 - a column of the same row
    """The body as it was put."""
    return zlib.decompress(stored) if compressed else stored
