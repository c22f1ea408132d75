"""Places in an index of DynamoDB: texts that sort by place, then key, each only once.

In `<index>_p` a place ends with two NULs, behind which the key stands; a NUL in a place has an SOH after it, which
sorts above the end and below all else. In `<index>_g` the group of a sharded index has its shard's number behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple
from zlib import crc32

from shop.platform.storage.port import HIGHEST, TooMuch

_END, _ABOVE = "\0\0", "\0\1"
_MOST = 1024  # bytes of a sort key
_MOST_GROUP = 1900  # bytes of a partition key, and some for the shard
_DIGEST = 32  # hexadecimal digits


class Bounds(NamedTuple):
    """Of `<index>_p`, both inclusive."""

    low: str
    high: str

    @property
    def empty(self) -> bool:
        """Nothing can be between them."""
        return self.low > self.high


def placed(place: str, key: str) -> str:
    """The text for this key at this place; `TooMuch` if the place is too long, escaped.

    Where both together are too long a digest takes the key's place: among equal places such keys are in no order.
    """
    begin = place.replace("\0", _ABOVE) + _END
    if len((begin + key).encode()) <= _MOST:
        return begin + key
    if len(begin.encode()) > _MOST - _DIGEST:
        raise TooMuch(f"{key}: a place with so many NULs is too long")
    return begin + sha256(key.encode()).hexdigest()[:_DIGEST]


def between(low: str, high: str) -> Bounds:
    """Where the places from low to high are, both inclusive."""
    return Bounds(low.replace("\0", _ABOVE) or "\0", high.replace("\0", _ABOVE) + _ABOVE)


def asked(bounds: Bounds) -> Bounds:
    """At least as much, in as many bytes as may be asked with."""
    low, high = bounds
    if len(low.encode()) > _MOST:
        low = _cut(low, _MOST)
    if len(high.encode()) > _MOST:
        high = _cut(high, _MOST - len(HIGHEST.encode())) + HIGHEST
    return Bounds(low, high)


def fits(group: str) -> bool:
    """Whether such a group can be asked for."""
    return 0 < len(group.encode()) <= _MOST_GROUP


def group_of(group: str, key: str, *, shards: int) -> str:
    """The part of the group that this key is in."""
    if not fits(group):
        raise TooMuch(f"{key}: its group is longer than {_MOST_GROUP} bytes")
    return group if shards == 1 else f"{group}#{crc32(key.encode()) % shards}"


def groups_of(group: str, *, shards: int) -> Sequence[str]:
    """All parts of the group."""
    return [group] if shards == 1 else [f"{group}#{shard}" for shard in range(shards)]


def _cut(text: str, most: int) -> str:
    return text.encode()[:most].decode(errors="ignore")
