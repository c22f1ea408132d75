"""Words to search by: what a document's are, their items, and which documents have them.

A document keeps its own as `w`: `"blue#960 teapot#900"`, each with what is left of 1,000 when ten times its weight is
taken away, so that the weightiest sort first; behind an `@` the second in which they expire with it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shop.platform.storage.dynamodb_items import Write, ttl_of
from shop.platform.storage.dynamodb_schema import DOCUMENT
from shop.platform.storage.dynamodb_table import DynamoTable, Item
from shop.platform.storage.port import Layout, Put
from shop.platform.storage.words import PREFIX_FROM, folded

MOST_CANDIDATES = 1000  # documents that are looked at for one word
_MOST_ASKED = 5  # words whose items are read; the others are looked for in the documents these lead to
_LONGEST = 64  # letters of a word in a key
_TENTHS, _LIGHTEST = 10, 999

Weights = Mapping[str, int]  # word -> tenths of its weight


def words_of(put: Put, layout: Layout, *, expires: int | None) -> str:
    """The document's `w`; empty without words."""
    weights = defaultdict[str, float](float)
    for field, text in folded(put).items():
        for word in set(text.split()):
            weights[word] += layout.words[field]
    if not weights:
        return ""
    marks = sorted(f"{word}#{_rest(weight):03}" for word, weight in weights.items())
    return " ".join(marks) + (f"@{ttl_of(expires)}" if expires is not None else "")


def moved(key: str, *, before: str, after: str) -> Iterator[Write]:
    """What is to be written so that the document is found by these words and no others."""
    old, new = _items(key, before), _items(key, after)
    for gone in sorted(old.keys() - new.keys()):
        yield {"Delete": {"Key": {"pk": {"S": gone[0]}, "sk": {"S": gone[1]}}}}
    for there, ttl in sorted(new.items()):
        if old.get(there, "none") != ttl:
            item = {"pk": {"S": there[0]}, "sk": {"S": there[1]}}
            yield {"Put": {"Item": {**item, "ttl": {"N": ttl}} if ttl else item}}


async def ranked(table: DynamoTable, words: Sequence[str]) -> list[str]:
    """Keys of documents that have all these folded words, best first, ties by key; some may have them no more.

    Where each of the words is in more than a thousand documents, the thousand in which it weighs most are looked at.
    """
    needed = [word for word in words if not any(_is_in(word, other) for other in words if other != word)]
    asked = sorted(needed, key=lambda word: (-len(word), word))[:_MOST_ASKED]
    lists = await asyncio.gather(*(_candidates(table, word) for word in asked))
    whole = [found for found, complete in lists if complete] or [found for found, _ in lists]
    keys = set.intersection(*(set(found) for found in whole))
    if len(asked) == len(needed) and all(complete for _, complete in lists):
        scores = {key: sum(found[key] for found in whole) for key in keys}
    else:
        documents = await table.items([(key, DOCUMENT) for key in keys], only=("w",))
        scores = {key: _score(item, needed) for (key, _), item in documents.items() if has(item, needed)}
    return sorted(scores, key=lambda key: (-scores[key], key))


def has(item: Item, words: Sequence[str]) -> bool:
    """Whether the document has all these words."""
    own = _parsed(item["w"]["S"])[0] if "w" in item else {}
    return all(any(_is_in(word, other) for other in own) for word in words)


def _score(item: Item, words: Sequence[str]) -> int:
    own, _ = _parsed(item["w"]["S"])
    return sum(max(weight for other, weight in own.items() if _is_in(word, other)) for word in words)


def _is_in(word: str, other: str) -> bool:
    return word == other or (len(word) >= PREFIX_FROM and other.startswith(word))


async def _candidates(table: DynamoTable, word: str) -> tuple[dict[str, int], bool]:
    begin = word[:_LONGEST] if len(word) >= PREFIX_FROM else word + "#"
    question: dict[str, Any] = {
        "KeyConditionExpression": "#k = :k AND begins_with(#s, :s)",
        "ExpressionAttributeNames": {"#k": "pk", "#s": "sk"},
        "ExpressionAttributeValues": {":k": {"S": _partition(word)}, ":s": {"S": begin}},
        "ProjectionExpression": "#s",
        "ConsistentRead": True,
    }
    items, complete = await table.query(most=MOST_CANDIDATES, **question)
    found: dict[str, int] = {}
    for item in items:
        _, rest, key = item["sk"]["S"].split("#", 2)
        found[key] = max(found.get(key, 0), _LIGHTEST - int(rest))
    return found, complete


def _items(key: str, words: str) -> dict[tuple[str, str], str]:
    weights, ttl = _parsed(words)
    return {
        (_partition(word), f"{word[:_LONGEST]}#{_LIGHTEST - weight:03}#{key}"): ttl for word, weight in weights.items()
    }


def _parsed(words: str) -> tuple[Weights, str]:
    marks, _, ttl = words.partition("@")
    pairs = (mark.split("#") for mark in marks.split())
    return {word: _LIGHTEST - int(rest) for word, rest in pairs}, ttl


def _partition(word: str) -> str:
    return f"word#{word[:PREFIX_FROM]}"


def _rest(weight: float) -> int:
    return _LIGHTEST - max(0, min(_LIGHTEST, round(weight * _TENTHS)))
