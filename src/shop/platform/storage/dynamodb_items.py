"""Items of a context's table: how documents, counters, events and ended deliveries are written and read.

Attributes are named `#…` in expressions throughout, because DynamoDB reserves hundreds of names.
"""

from __future__ import annotations

from typing import Any

import msgspec

from shop.kernel.clock import moment_of
from shop.kernel.events import Delivery, Envelope
from shop.platform.storage.body import pack, unpack
from shop.platform.storage.dynamodb_places import group_of, placed
from shop.platform.storage.dynamodb_schema import COUNTERS, DOCUMENT, INBOX, inbox_of, outbox_of
from shop.platform.storage.dynamodb_table import Item
from shop.platform.storage.port import Change, Counts, Layout, Put, Stored, TooMuch

Write = dict[str, dict[str, Any]]  # {"Put": {"Item": …, "ConditionExpression": …}}: of a transaction

MOST_KEY = 760  # bytes: a key stands behind a word in a sort key
_COUNTER = "n_"
_MICROS = 1_000_000
_INBOX_KEPT = 30 * 86_400  # seconds: 14 days in a queue, 14 among the dead letters

_event = msgspec.json.Encoder().encode


def fits(key: str) -> bool:
    """Whether there can be such a key."""
    return 0 < len(key.encode()) <= MOST_KEY


def put(document: Put, layout: Layout, *, words: str, words_before: str, now: int) -> Write:
    """To be written over the version, and over the words, that the document has; `now` in microseconds."""
    if not fits(document.key):
        raise TooMuch(f"a key has 1 to {MOST_KEY} bytes: {document.key[:80]}")
    item: dict[str, Any] = {
        "pk": _text(document.key),
        "sk": _text(DOCUMENT),
        "v": _number(document.was + 1),
        "at": _number(now),
        "body": _body(document.key, document.body),
    }
    for name, (group, place) in document.indexes.items():
        item[f"{name}_g"] = _text(group_of(group, document.key, shards=layout.indexes[name]))
        item[f"{name}_p"] = _text(placed(place, document.key))
    if words:
        item["w"] = _text(words)
    return {"Put": {"Item": item, **_unmoved(document, layout, words_before, now)}}


def expiring(written: Write, *, expires: int) -> Write:
    """The same, to be removed by DynamoDB some time after this microsecond, and absent from then on."""
    written["Put"]["Item"] |= {"expires": _number(expires), "ttl": _number(ttl_of(expires))}
    return written


def ttl_of(expires: int) -> int:
    """The first whole second at which it has expired."""
    return -(-expires // _MICROS)


def change(counters: Change) -> Write:
    """To be refused where one of them would fall below zero, or the guard does not hold."""
    if not fits(counters.key):
        raise TooMuch(f"a key has 1 to {MOST_KEY} bytes: {counters.key[:80]}")
    names, values = {"#v": "v"}, {":zero": _number(0), ":one": _number(1)}
    sets, conditions = ["#v = if_not_exists(#v, :zero) + :one"], list[str]()
    for number, (name, by) in enumerate(counters.by.items()):
        names[f"#n{number}"] = _COUNTER + name
        values[f":by{number}"] = _number(by)
        sets.append(f"#n{number} = if_not_exists(#n{number}, :zero) + :by{number}")
        if by < 0:
            values[f":need{number}"] = _number(-by)
            conditions.append(f"#n{number} >= :need{number}")
    if counters.was is not None:
        conditions.append("#v = :was" if counters.was else "attribute_not_exists(#v)")
        values |= {":was": _number(counters.was)} if counters.was else {}
    update: dict[str, Any] = {
        "Key": {"pk": _text(counters.key), "sk": _text(COUNTERS)},
        "UpdateExpression": "SET " + ", ".join(sets),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }
    if conditions:
        update["ConditionExpression"] = " AND ".join(conditions)
    return {"Update": update}


def publish(event: Envelope) -> Write:
    """An event, to be relayed and deleted."""
    item = {"pk": _text(outbox_of(event.id)), "sk": _text(event.id), "body": _body(event.id, _event(event))}
    return {"Put": {"Item": item}}


def end(delivery: Delivery, *, now: int) -> Write:
    """The end of a delivery, which has only one."""
    item = {
        "pk": _text(inbox_of(delivery.consumer, delivery.event_id)),
        "sk": _text(INBOX),
        "ttl": _number(ttl_of(now) + _INBOX_KEPT),
    }
    once = {"ConditionExpression": "attribute_not_exists(#k)", "ExpressionAttributeNames": {"#k": "pk"}}
    return {"Put": {"Item": item, **once}}


def size(written: Write) -> int:
    """Bytes, or a few more."""
    item = written.get("Put", {}).get("Item") or written.get("Update", {}).get("ExpressionAttributeValues", {})
    return 1024 + sum(len(one.encode() if isinstance(one, str) else one) for v in item.values() for one in v.values())


def alive(item: Item | None, now: int) -> bool:
    """Whether there is such a document, and it has not expired."""
    return item is not None and "v" in item and ("expires" not in item or int(item["expires"]["N"]) > now)


def version(item: Item | None) -> int:
    """Of a document or of counters; 0 of what is not there."""
    return int(item["v"]["N"]) if item else 0


def stored(item: Item) -> Stored:
    """A document."""
    return Stored(item["pk"]["S"], body_of(item), version(item), moment_of(int(item["at"]["N"])))


def counts(item: Item | None) -> Counts:
    """Counters."""
    of = {name.removeprefix(_COUNTER): int(n["N"]) for name, n in (item or {}).items() if name.startswith(_COUNTER)}
    return Counts(version(item), of)


def counter(name: str) -> str:
    """The attribute that holds it."""
    return _COUNTER + name


def body_of(item: Item) -> bytes:
    """The JSON of a document or an event."""
    body = item["body"]
    return str(body["S"]).encode() if "S" in body else unpack(bytes(body["B"]), compressed=True)


def _unmoved(document: Put, layout: Layout, words: str, now: int) -> dict[str, Any]:
    names, values = {"#x": "expires"}, {":now": _number(now)}
    if document.was:
        condition = "#v = :was AND (attribute_not_exists(#x) OR #x > :now)"
        names["#v"], values[":was"] = "v", _number(document.was)
    else:
        condition = "(attribute_not_exists(#k) OR #x <= :now)"
        names["#k"] = "pk"
    if layout.words:
        names["#w"] = "w"
        condition += " AND #w = :w" if words else " AND attribute_not_exists(#w)"
        values |= {":w": _text(words)} if words else {}
    return {
        "ConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }


def _body(key: str, body: bytes) -> dict[str, Any]:
    packed, compressed = pack(key, body)
    return {"B": packed} if compressed else {"S": packed.decode()}


def _text(text: str) -> dict[str, str]:
    return {"S": text}


def _number(number: int) -> dict[str, str]:
    return {"N": str(number)}
