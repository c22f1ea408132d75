"""The tables in DynamoDB, as arguments of the calls that make them; a deployment's template is compared with these.

`pk` and `sk` are texts. A context's table holds:

| what | pk | sk | besides |
|---|---|---|---|
| document | key | `-` | `v`, `at`, `body` (S, or B); perhaps `expires`, `ttl`, `w`, `<index>_g`, `<index>_p` |
| counters | key | `#` | `v`, `n_<name>` |
| word of a document | `word#<its first 3 letters>` | `<word>#<weight>#<key>` | perhaps `ttl` |
| event that is not published yet | `outbox#<0…15>` | its id | `body`, as a document's |
| delivery that was ended | `inbox/<consumer>/<event id>` | `inbox` | `ttl` |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zlib import crc32

from shop.platform.storage.port import Layout

DOCUMENT, COUNTERS, INBOX = "-", "#", "inbox"  # sort keys
OUTBOXES = 16  # partitions

_KEYS = {"pk": "HASH", "sk": "RANGE"}


def name_of(context: str, *, stack: str) -> str:
    """The name of the context's table."""
    return f"{stack}-{context}"


def name_of_log(*, stack: str) -> str:
    """The name of the table of published events."""
    return name_of("log", stack=stack)


def outbox_of(event_id: str) -> str:
    """The partition that holds the event until it is published."""
    return f"outbox#{crc32(event_id.encode()) % OUTBOXES}"


def inbox_of(consumer: str, event_id: str) -> str:
    """The key that is there from the moment the consumer's effect is."""
    return f"inbox/{consumer}/{event_id}"


def table(layout: Layout, *, stack: str) -> dict[str, dict[str, Any]]:
    """Of a context: `CreateTable` and `UpdateTimeToLive`, each with its arguments."""
    made = _table(name_of(layout.context, stack=stack), {f"{name}_{part}" for name in layout.indexes for part in "gp"})
    made["CreateTable"]["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    if layout.indexes:
        made["CreateTable"]["GlobalSecondaryIndexes"] = [
            {
                "IndexName": name,
                "KeySchema": _schema({f"{name}_g": "HASH", f"{name}_p": "RANGE"}),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for name in layout.indexes
        ]
    return made


def log_table(*, stack: str) -> dict[str, dict[str, Any]]:
    """Of what was published, by the hour: `CreateTable` and `UpdateTimeToLive`, each with its arguments."""
    return _table(name_of_log(stack=stack), set())


def _table(name: str, places: set[str]) -> dict[str, dict[str, Any]]:
    return {
        "CreateTable": {
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": _schema(_KEYS),
            "AttributeDefinitions": [
                {"AttributeName": attribute, "AttributeType": "S"} for attribute in (*_KEYS, *sorted(places))
            ],
        },
        "UpdateTimeToLive": {
            "TableName": name,
            "TimeToLiveSpecification": {"Enabled": True, "AttributeName": "ttl"},
        },
    }


def _schema(keys: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"AttributeName": attribute, "KeyType": kind} for attribute, kind in keys.items()]
