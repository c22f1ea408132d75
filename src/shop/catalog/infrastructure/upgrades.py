"""What catalog's documents of an older version become. Each is pure: a key and its JSON → the JSON of the next one."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from shop.platform.storage.documents import Document, Upgrade


def guards_keep_text(key: str, document: Document) -> Document:
    """1 → 2: what a key has led to is a text, here the answer as JSON."""
    if key.startswith("key/"):
        document["result"] = msgspec.json.encode(document.pop("answer")).decode()
    return document


UPGRADES: Mapping[int, Upgrade] = {1: guards_keep_text}
