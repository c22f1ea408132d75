"""Entries of an index, in order, from all its shards at once."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shop.platform.storage.dynamodb_places import Bounds, asked, between, fits, groups_of
from shop.platform.storage.dynamodb_table import DynamoTable, Item
from shop.platform.storage.port import Layout

Entry = tuple[str, str]  # the place with its key (`dynamodb_places.py`), and the key


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is looked for."""

    index: str
    groups: Sequence[str]
    bounds: Bounds
    newest_first: bool

    @classmethod
    def of(cls, layout: Layout, index: str, group: str, *, low: str, high: str, newest_first: bool) -> Question:
        """In the port's words; `ValueError` if the layout has no such index."""
        if index not in layout.indexes:
            raise ValueError(f"{layout.context} declares no index {index}")
        groups = groups_of(group, shards=layout.indexes[index]) if fits(group) else []
        return cls(index=index, groups=groups, bounds=between(low, high), newest_first=newest_first)

    def behind(self, place: str) -> Bounds:
        """What is left from this place on, itself included."""
        low, high = self.bounds
        return Bounds(low, min(high, place)) if self.newest_first else Bounds(max(low, place), high)

    def holds(self, document: Item) -> bool:
        """Whether the document is still in the group."""
        return document.get(f"{self.index}_g", {}).get("S") in self.groups


async def entries(table: DynamoTable, question: Question, *, after: str | None, most: int) -> tuple[list[Entry], bool]:
    """So many that are behind the place, fewer only if there are no more; and whether there are more."""
    bounds = question.bounds if after is None else question.behind(after)
    if bounds.empty or most <= 0:
        return [], False
    parts = await asyncio.gather(*(_part(table, question, group, bounds, after, most + 1) for group in question.groups))
    merged = list(heapq.merge(*parts, reverse=question.newest_first))
    return merged[:most], len(merged) > most


async def _part(
    table: DynamoTable, question: Question, group: str, bounds: Bounds, after: str | None, most: int
) -> list[Entry]:
    """Of one shard. The place itself, at most one entry, is among what is asked for: so ask for one more."""
    low, high = asked(bounds)
    asking: dict[str, Any] = {
        "IndexName": question.index,
        "KeyConditionExpression": "#g = :g AND #p BETWEEN :low AND :high",
        "ExpressionAttributeNames": {"#g": f"{question.index}_g", "#p": f"{question.index}_p"},
        "ExpressionAttributeValues": {":g": {"S": group}, ":low": {"S": low}, ":high": {"S": high}},
        "ScanIndexForward": not question.newest_first,
    }
    items, _ = await table.query(most=most + (after is not None), **asking)
    found = [(item[f"{question.index}_p"]["S"], item["pk"]["S"]) for item in items]
    return [entry for entry in found if entry[0] != after and bounds.low <= entry[0] <= bounds.high][:most]
