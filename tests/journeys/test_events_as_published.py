"""What the shop tells in a story, held against the AsyncAPI document that outsiders are given."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest

pytestmark = pytest.mark.parity  # on every topology

DOCUMENT = json.loads((Path(__file__).parents[2] / "contracts" / "asyncapi.json").read_text(encoding="utf-8"))


async def test_every_event_of_a_story_is_as_the_asyncapi_document_says(story):
    await story.sell("mug", price="9.99", on_hand=3)
    bought = (await story.order("ann", ("mug", 2), key="bought")).json()
    await story.pay(bought)
    await story.until_quiet()
    too_many = (await story.order("ann", ("mug", 9), key="too-many")).json()
    await story.until_quiet()
    await story.pay(too_many, payment_id="pay_2")
    staff = story.bearer("clerk", "staff")
    etag = (await story.http.get("/products/mug")).headers["ETag"]
    dearer = {"basePrice": "12.00", "discountedPrice": "10.00", "currency": "EUR"}
    await story.http.put("/products/mug/price", headers=staff | {"If-Match": etag}, json=dearer)
    await story.until_quiet()

    told = await story.events()

    assert {event["type"] for event in told} >= {
        "product.created", "product.updated", "product.price.changed", "order.created", "stock.reserved",
        "payment.completed", "order.completed", "reward.issued", "stock.rejected", "order.cancelled", "refund.due",
    }  # fmt: skip
    for event in told:
        payload = DOCUMENT["components"]["messages"][event["type"]]["payload"]
        jsonschema_rs.Draft202012Validator(payload | {"components": DOCUMENT["components"]}).validate(event)
        (data,) = (one["data"] for one in [payload["allOf"][1]["properties"]])
        known = DOCUMENT["components"]["schemas"][data["$ref"].rpartition("/")[2]]["properties"].keys()
        assert event["data"].keys() <= known  # nothing is told that the document does not know
