"""What documents of orders of an older version become. Each is pure: a key and its JSON → the JSON of the next one."""

from __future__ import annotations

from collections.abc import Mapping

from shop.platform.storage.documents import Document, Upgrade


def payments_say_when(key: str, document: Document) -> Document:
    """1 → 2: payments were `{id: amount}`; each has its moment now, which the timeline tells."""
    if key.startswith("order/"):
        timeline = document["timeline"]
        told = {moment["detail"]: moment["at"] for moment in timeline if moment["what"] == "payment.completed"}
        late = timeline[-1]["at"]  # of one that a full timeline had no room for
        payments = document["payments"].items()
        document["payments"] = {one: {"amount": paid, "at": told.get(one, late)} for one, paid in payments}
    return document


UPGRADES: Mapping[int, Upgrade] = {1: payments_say_when}
