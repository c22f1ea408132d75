"""What the server decides (status, totals, versions, owners, times) cannot be set by who asks.

Routes, bodies and names come from the document: every name of any answer that is no name of the body is tried.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

BODIES: dict[str, Any] = {  # right as they are; a route with a body that is missing here fails
    "POST /products": {
        "productId": "new",
        "sku": "new",
        "name": "New",
        "category": "Home",
        "basePrice": "1.00",
        "currency": "EUR",
    },
    "PATCH /products/{productId}": {"name": "Mug"},
    "PUT /products/{productId}/price": {"basePrice": "2.00", "currency": "EUR"},
    "POST /products/{productId}/stock": {"delta": 1, "reason": "found"},
    "POST /orders": {"items": [{"productId": "cup", "quantity": 1}]},
    "POST /orders/{orderId}/refunds": {"lines": [{"productId": "cup", "quantity": 1, "restock": False}]},
    "POST /rewards/{customerId}/redemptions": {"points": 1},
}
TOLERANT = {"POST /payments/webhook"}  # the provider may tell more than we read
OURS = {"role", "sub", "sold", "onHand", "reserved", "refundedTotal", "price", "discount", "isAdmin", "__proto__"}


def _with_body(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, call in item.items():
            if "requestBody" in call:
                schema = call["requestBody"]["content"]["application/json"]["schema"]
                yield f"{method.upper()} {path}", call, document["components"]["schemas"][schema["$ref"].split("/")[-1]]


def _names_of_answers(document: dict[str, Any]) -> set[str]:
    schemas = document["components"]["schemas"]
    return {
        name
        for kind, schema in schemas.items()
        if kind.endswith(("View", "Page", "Receipt"))
        for name in schema.get("properties", {})
    }


@pytest.fixture
async def document(story):
    return (await story.http.get("/docs/openapi.json")).json()


async def test_a_body_with_a_field_of_the_server_s_is_refused_and_the_field_named(story, document):
    await story.sell("cup")
    order = (await story.order("ada", ("cup", 1))).json()["orderId"]
    tried = 0
    for call, operation, schema in _with_body(document):
        if call in TOLERANT:
            continue
        method, _, path = call.partition(" ")
        path = path.replace("{productId}", "cup").replace("{orderId}", order).replace("{customerId}", "ada")
        roles = operation["security"][0]["bearer"]
        headers = story.bearer("ada", roles[0]) | {"If-Match": "*", "Idempotency-Key": "k"}
        inner = next((name for name, value in BODIES[call].items() if isinstance(value, list)), None)
        for name in sorted((_names_of_answers(document) | OURS) - schema["properties"].keys()):
            bodies = [BODIES[call] | {name: "1"}]
            if inner and name not in BODIES[call][inner][0]:
                bodies.append(BODIES[call] | {inner: [BODIES[call][inner][0] | {name: "1"}]})
            for body in bodies:
                answer = await story.http.request(method, path, headers=headers, json=body)
                assert (answer.status_code, answer.json()["code"]) == (422, "wrong-shape"), (call, body, answer.text)
                assert f"`{name}`" in answer.json()["detail"], (call, body)
                tried += 1
    assert tried > 100
    assert (await story.http.get("/products/new")).status_code == 404


async def test_every_body_is_tried_and_closed_in_the_document_too(document):
    bodies = {call: schema for call, _, schema in _with_body(document)}

    assert bodies.keys() == BODIES.keys() | TOLERANT, "give the new route a body that is right"
    for call, schema in bodies.items():
        assert (schema.get("additionalProperties") is False) == (call not in TOLERANT), call


@pytest.mark.parity
async def test_what_the_provider_tells_besides_has_no_effect(story):
    await story.sell("cup", price="9.99")
    order = (await story.order("ada", ("cup", 1))).json()
    more = {"customerId": "ben", "total": "0.01", "refundedTotal": "9.99", "createdAt": "2001-01-01T00:00:00Z"}
    answer = await story.pay(order, **more, version=7, duplicate=True, lines=[], role="staff")
    await story.until_quiet()
    paid = await story.read(order, "ada")

    assert answer.json() == {"paymentId": "pay_1", "duplicate": False}
    assert (paid["status"], paid["customerId"], paid["total"]) == ("completed", "ada", "9.99")
    assert paid["createdAt"] == order["createdAt"]
    assert "2001-01-01" not in json.dumps(paid)
