"""Every consumer reads every event it hears as a later publisher will write it, and as earlier ones did.

Each event in each version that is in the snapshot is made from its schema, and delivered by hand to a shop of its own,
whose store is then compared with that of a shop which got the event as it is today.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from contracts.asyncapi import hearers
from contracts.snapshot import kept
from shop.entrypoints.monolith import opened
from shop.kernel.events import Cause, Envelope
from shop.platform.settings import read_settings

Schema = dict[str, Any]

EVENTS = {schema["$id"]: schema for schema in kept().values() if "x-event" in schema}
PAIRS = [(urn, hearer) for urn, schema in EVENTS.items() for hearer in hearers().get(schema["x-event"]["type"], ())]
BEFORE = {"order.completed": ["order.created"], "order.refunded": ["order.created", "order.completed"]}
WRITES_NOTHING = ("product.",)  # orders only forgets what it has cached
ORDER, PRICE = {"items": [{"productId": "mug", "quantity": 2}]}, {"basePrice": "9.99", "currency": "EUR"}
VALUES = {
    "productId": "mug", "customerId": "ann", "quantity": 2, "wanted": 2, "month": "2028-11", "currency": "EUR",
    "amount": "19.98", "total": "19.98", "remainingBefore": "19.98", "remainingAfter": "0.00", "basePrice": "9.99",
    "credit": "5.00",
}  # fmt: skip


def sample(schema: Schema, root: Schema, name: str, known: Schema) -> Any:
    """A value that the schema describes; what the shop knows by name is something it has."""
    if "$ref" in schema:
        return sample(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, name, known)
    if "anyOf" in schema:
        return sample(schema["anyOf"][0], root, name, known)
    if name in known or "enum" in schema:
        return known[name] if name in known else schema["enum"][0]
    if schema["type"] == "array":
        return [sample(schema["items"], root, name, known)]
    if schema["type"] == "object":
        return {field: sample(one, root, field, known) for field, one in schema.get("properties", {}).items()}
    return {"string": "x", "integer": 1, "boolean": True, "null": None}[schema["type"]]


def as_it_is(data: Any, _schema: Schema) -> Any:
    return data


def with_more(data: Any, schema: Schema) -> Any:
    """As who publishes it later will, who tells more, on every level."""
    if isinstance(data, dict):
        return {"addedLater": {"deep": [1]}} | {field: with_more(value, schema) for field, value in data.items()}
    return [with_more(one, schema) for one in data] if isinstance(data, list) else data


def with_least(data: Any, schema: Schema) -> Any:
    """As who published it before did, who knew nothing of what may be left out."""
    return {field: value for field, value in data.items() if field in schema["required"]}


def envelope(schema: Schema, change: Callable[[Any, Schema], Any], known: Schema) -> Envelope:
    """As it comes from the store or the network."""
    data = change(sample(schema, schema, "", known), schema)
    told = schema["x-event"]
    about = {"type": told["type"], "source": told["source"], "subject": data[told["subject"]]}
    whole = {
        "specversion": "1.0", "id": f"evt_{told['type']}", "time": "2026-11-23T04:00:00.000000Z",
        "datacontenttype": "application/json", "dataschema": schema["$id"], **about, "data": data,
    }  # fmt: skip
    return msgspec.json.decode(json.dumps(change(whole, {"required": whole})), type=Envelope)


@pytest.fixture(scope="module")
def furnished(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("shop") / "data"


@pytest.fixture
async def known(furnished, clock) -> Schema:
    """A folder with a product and an order that nothing has become of yet; what the events are about."""
    if furnished.exists():
        return VALUES | json.loads((furnished / "known.json").read_text())
    async with (
        opened(read_settings({"SHOP_DATA": str(furnished), "SHOP_LOG": "error"}), clock=clock) as shop,
        httpx.AsyncClient(transport=httpx.ASGITransport(shop.app), base_url="http://shop") as http,
    ):

        async def post(path: str, role: str, body: Schema) -> Schema:
            token = shop.tokens.sign(subject="ann", role=role, lifetime=clock.now - clock.now.replace(year=2025))
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "one"}
            answer = await http.post(path, headers=headers, json=body)
            assert answer.is_success, answer.text
            return dict(answer.json())

        await post("/products", "staff", {"productId": "mug", "sku": "mug", "name": "Mug", "category": "Home"} | PRICE)
        await post("/products/mug/stock", "staff", {"onHand": 9, "reason": "first delivery"})
        order = await post("/orders", "customer", ORDER)
    (furnished / "known.json").write_text(json.dumps({"orderId": order["orderId"]}))
    return VALUES | {"orderId": order["orderId"]}


async def after(furnished: Path, clock, hearer: str, events: list[Envelope]) -> list[str]:
    """All documents and counters of a copy of the shop in which this context has heard these events."""
    data = furnished.parent / "copy"
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(furnished, data)
    async with opened(read_settings({"SHOP_DATA": str(data), "SHOP_LOG": "error"}), clock=clock) as shop:
        table = getattr(shop, hearer).reactions().table()
        for event in events:
            if event.type in table:
                await table[event.type](event, Cause(id=event.id))
    return contents(data / "shop.db")


def contents(file: Path) -> list[str]:
    connection = sqlite3.connect(file)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    rows = [
        f"{table}: {row}"
        for table in tables
        if re.fullmatch(r"[a-z]+_(documents|counters)", table)
        for row in connection.execute(f"SELECT * FROM {table}")
    ]
    connection.close()
    return sorted(re.sub(r"\b[a-z]+_[0-9a-f]{28}\b", "(id)", row) for row in rows)


@pytest.mark.parametrize(("urn", "hearer"), PAIRS, ids=lambda one: one.removeprefix("urn:shop:"))
async def test_an_event_that_tells_more_or_less_is_read(urn, hearer, furnished, known, clock):
    kind = EVENTS[urn]["x-event"]["type"]
    first = [envelope(EVENTS[f"urn:shop:{one}:1"], as_it_is, known) for one in BEFORE.get(kind, [])]

    async def heard(*variant: Callable[[Any, Schema], Any]) -> list[str]:
        return await after(furnished, clock, hearer, [*first, *(envelope(EVENTS[urn], one, known) for one in variant)])

    without, plain, more = await heard(), await heard(as_it_is), await heard(with_more)

    assert more == plain
    assert (plain == without) == kind.startswith(WRITES_NOTHING)
    if EVENTS[urn]["properties"].keys() - EVENTS[urn]["required"]:
        await heard(with_least)  # is understood without what it does not say


def test_an_event_with_more_and_one_with_less_are_other_than_it_is_today():
    schema = EVENTS["urn:shop:order.refunded:1"]
    today = sample(schema, schema, "", VALUES)

    assert with_more(today, schema)["restock"][0] == {"addedLater": {"deep": [1]}, "productId": "mug", "quantity": 2}
    assert today.keys() - with_least(today, schema).keys() == {"restock"}
