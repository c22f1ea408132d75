"""What the processes of a run tell each other, as a line of JSON each."""

from __future__ import annotations

import sys

import msgspec


class Change(msgspec.Struct, frozen=True, array_like=True):
    """An item got its next edition, and that it had was invalidated: `at` (monotonic seconds) nobody doubts it."""

    item: int
    edition: int
    at: float


class Read(msgspec.Struct, frozen=True, array_like=True):
    """What a read of an item that began at a moment has given."""

    item: int
    edition: int
    began: float


class Written(msgspec.Struct, frozen=True):
    """What the writer did."""

    acknowledged: list[Change]
    again: int  # invalidations that had to be done again


class Seen(msgspec.Struct, frozen=True):
    """What one reader did: its reads, when it heard of which change, and which layer has answered."""

    reads: list[Read]
    heard: list[Change]
    answered_by: dict[str, int]


class Begun(msgspec.Struct, frozen=True):
    """A process is there; the writer says on which port."""

    port: int = 0


class Done(msgspec.Struct, frozen=True):
    """A reader has read what it was to read."""


def tell(what: msgspec.Struct) -> None:
    """To who started us."""
    sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
    sys.stdout.buffer.flush()
