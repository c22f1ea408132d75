"""Cursors: where a page ended, tied to the question it answered.

No signature: a cursor can only point into what its bearer may list.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from shop.platform.storage.port import ForeignCursor

P = TypeVar("P")


def cursor(question: Sequence[object], point: object) -> str:
    """An opaque text for the place where the answer to the question goes on."""
    return urlsafe_b64encode(msgspec.json.encode([question, point])).decode().rstrip("=")


def point(text: str, question: Sequence[object], kind: type[P] | Any) -> P:
    """The place in it; `ForeignCursor` if it is none, or belongs to another question."""
    try:
        body = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        asked, raw = msgspec.json.decode(body, type=tuple[list[object], msgspec.Raw])
        place = msgspec.json.decode(raw, type=kind)
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise ForeignCursor("this is no cursor of ours: begin without one") from error
    if asked != list(question):
        raise ForeignCursor("this cursor belongs to another question: begin without one")
    return place
