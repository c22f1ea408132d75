"""Every route of the app by {nobody, owner, another customer, staff}, compared with what the route itself declares.

The routes come from the app, who may call from their `before_request`. A row says how to call a route so that it
succeeds, and what «owner» means there: `{order}` in a path is an order of Zoe's, `{paid}` one that is completed.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from shop.platform.tokens import Tokens
from shop.platform.web import Access

OWNER, OTHER, STAFF = ("zoe", "customer"), ("ben", "customer"), ("clerk", "staff")
OF_A_PROCESS = re.compile(r" /(docs|health|metrics|console)\b")
NEW = {"productId": "{new}", "sku": "{new}", "name": "New", "category": "Home", "basePrice": "1.00", "currency": "EUR"}


@dataclass(frozen=True, kw_only=True)
class Row:
    """How to call a route, and the statuses where it goes well; `other`: another customer's, on what is Zoe's."""

    path: str
    owner: str = ""  # what is hers; needed wherever customers may call
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    well: int = 200
    other: int = 404


ROWS: Mapping[str, Row] = {
    "GET /products/{product_id}": Row(path="/products/cup"),
    "GET /products": Row(path="/products?ids=cup"),
    "GET /search": Row(path="/search?q=cup"),
    "POST /products": Row(path="/products", body=NEW, well=201),
    "PATCH /products/{product_id}": Row(path="/products/cup", body={"name": "Mug"}, headers={"If-Match": "*"}),
    "PUT /products/{product_id}/price": Row(
        path="/products/cup/price", body={"basePrice": "2.00", "currency": "EUR"}, headers={"If-Match": "*"}
    ),
    "DELETE /products/{product_id}": Row(path="/products/old", headers={"If-Match": "*"}, well=204),
    "GET /products/{product_id}/stock": Row(path="/products/cup/stock"),
    "POST /products/{product_id}/stock": Row(path="/products/cup/stock", body={"delta": 1, "reason": "found"}),
    "GET /products/{product_id}/stock/movements": Row(path="/products/cup/stock/movements"),
    "GET /products/{product_id}/prices": Row(path="/products/cup/prices"),
    "POST /orders": Row(
        path="/orders",
        owner="whoever places it: everybody places orders of their own",
        body={"items": [{"productId": "cup", "quantity": 1}]},
        well=201,
        other=201,
    ),
    "GET /orders": Row(path="/orders?customerId=zoe", owner="the customer whose orders are listed", other=403),
    "GET /orders/{order_id}": Row(path="/orders/{order}", owner="who placed it"),
    "POST /orders/{order_id}/cancel": Row(path="/orders/{order}/cancel", owner="who placed it"),
    "POST /orders/{order_id}/refunds": Row(path="/orders/{paid}/refunds", body={"amount": "0.01"}, well=201),
    "GET /orders/{order_id}/payments": Row(path="/orders/{paid}/payments"),
    "GET /credit/{customer_id}": Row(path="/credit/zoe", owner="the customer whose credit it is"),
    "POST /payments/webhook": Row(path="/payments/webhook", body={}),
    "GET /rewards/{customer_id}": Row(path="/rewards/zoe", owner="the customer whose points they are"),
    "GET /rewards/{customer_id}/ledger": Row(path="/rewards/zoe/ledger", owner="the customer whose points they are"),
    "POST /rewards/{customer_id}/redemptions": Row(
        path="/rewards/zoe/redemptions", owner="the customer whose points they are", body={"points": 1}, well=201
    ),
    "GET /events": Row(path="/events?type=order.created"),
    "GET /docs": Row(path="/docs"),
    "GET /docs/openapi.json": Row(path="/docs/openapi.json"),
    "GET /health/live": Row(path="/health/live"),
    "GET /health/ready": Row(path="/health/ready"),
    "GET /metrics": Row(path="/metrics"),
    "GET /console": Row(path="/console"),
    "GET /console/assets/{name}": Row(path="/console/assets/console.js"),
    "GET /console/map": Row(path="/console/map"),
    "GET /console/stream": Row(path="/console/stream"),
    "GET /console/letters": Row(path="/console/letters"),
    "POST /console/letters/{number}/replay": Row(path="/console/letters/1/replay", well=404),
    "POST /console/letters/{number}/hasten": Row(path="/console/letters/1/hasten", well=404),
}


def _routes(app: Any) -> Iterator[tuple[str, HTTPRouteHandler]]:
    while not isinstance(app, Litestar):
        app = app._app
    for route in app.routes:
        for method, (handler, _) in route.route_handler_map.items():
            if method not in {"OPTIONS", "HEAD"}:
                yield f"{method} {route.path_format}", handler


def _declared(access: Access, row: Row, caller: tuple[str, str] | None) -> int:
    """The status that a route's declaration promises the caller."""
    if access.security == "signature":
        return 401  # whoever asks: nobody here has the provider's secret
    if access.security is None:
        return row.well
    if caller is None:
        return 401
    if caller[1] not in access.roles:
        return 403
    return row.other if caller is OTHER else row.well


class Visitor:
    """Calls routes as somebody, each time on things that are fresh."""

    def __init__(self, story: Any) -> None:
        self.story = story
        self.numbers = count()

    async def call(self, route: str, row: Row, headers: Mapping[str, str]) -> Any:
        method, _, _ = route.partition(" ")
        number = next(self.numbers)
        path = row.path
        if "{order}" in path or "{paid}" in path:
            placed = (await self.story.order("zoe", ("cup", 1), key=f"for-{number}")).json()
            if "{paid}" in path:
                await self.story.pay(placed, f"pay-{number}")
                await self.story.until_quiet()
            path = path.replace("{order}", placed["orderId"]).replace("{paid}", placed["orderId"])
        body = json.dumps(row.body).replace("{new}", f"new-{number}") if row.body is not None else None
        sent = {"Idempotency-Key": f"key-{number}", "Content-Type": "application/json"} | dict(row.headers)
        return await self.story.http.request(method, path, content=body, headers=sent | dict(headers))


@pytest.fixture
async def routes(settings, visiting):
    """Those of the whole shop, wherever it runs."""
    async with visiting(settings, serving=False) as still:
        return dict(_routes(still.shop.app))


@pytest.fixture
def of_contexts(routes):
    """Without those of each process: its document, its health, its figures."""
    return {route: handler for route, handler in routes.items() if not OF_A_PROCESS.search(route)}


@pytest.fixture
async def visitor(story):
    await story.sell("cup", on_hand=1000)
    await story.sell("old")
    await story.sell("ring", price="100.00")  # it brings Zoe points
    await story.pay((await story.order("zoe", ("ring", 1), key="ring")).json(), "pay-ring")
    await story.until_quiet()
    return Visitor(story)


async def test_every_route_has_a_row_and_says_what_an_owner_is_where_customers_may_call(routes):
    assert routes.keys() == ROWS.keys(), "give the new route a row, or take the row of a route that is gone away"
    for route, handler in routes.items():
        assert isinstance(handler.before_request, Access), route
        if "customer" in handler.before_request.roles:
            assert ROWS[route].owner, f"{route}: say in its row what «owner» means"


@pytest.mark.parity
@pytest.mark.may_differ("stock.reserved")  # of orders that are cancelled at once
async def test_nobody_owner_another_and_staff_are_answered_as_every_route_declares(story, visitor, of_contexts):
    assert not await _not_as_declared(story, visitor, of_contexts)


async def test_the_same_of_the_routes_of_a_process(story, visitor, routes, of_contexts):
    own = {route: handler for route, handler in routes.items() if route not in of_contexts}

    assert len(own) == 12
    story.shop.ends()  # else the answer to who looks on has no end
    assert not await _not_as_declared(story, visitor, own)


async def _not_as_declared(story, visitor, routes):
    faults = []
    for route, handler in routes.items():
        for caller in (None, OWNER, OTHER, STAFF):
            answer = await visitor.call(route, ROWS[route], story.bearer(*caller) if caller else {})
            declared = _declared(handler.before_request, ROWS[route], caller)
            if answer.status_code != declared:
                faults.append(f"{route} as {caller}: {answer.status_code}, declared {declared}: {answer.text[:200]}")
            if declared >= 400 and b"zoe" in answer.content:
                faults.append(f"{route} as {caller}: tells of zoe: {answer.text}")
    return "\n".join(faults)


@pytest.mark.parity
async def test_what_others_may_not_see_is_answered_like_what_is_not_there(story):
    await story.sell("cup")
    hers = (await story.order("zoe", ("cup", 1), key="hers")).json()["orderId"]
    for path, no_such in (
        (f"/orders/{hers}", "/orders/ord_none"),
        ("/rewards/zoe", "/rewards/zoe"),
        ("/rewards/zoe/ledger", "/rewards/zoe/ledger"),
        ("/credit/zoe", "/credit/zoe"),
    ):
        there = (await story.http.get(path, headers=story.bearer(*OTHER))).json()
        nothing = (await story.http.get(no_such, headers=story.bearer(*OTHER))).json()
        for problem in (there, nothing):
            problem.pop("requestId")
        assert there == nothing


def _part(value: Any) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _wrong_tokens(story: Any) -> dict[str, str]:
    right = story.bearer(*STAFF)["Authorization"].partition(" ")[2]
    head, claims, signature = right.split(".")
    forged = _part({"sub": "clerk", "role": "staff", "exp": 9_999_999_999})
    strangers = Tokens("x" * 32, clock=story.clock)
    return {
        "damaged signature": f"{head}.{claims}.{signature[::-1]}",
        "claims of another": f"{head}.{forged}.{signature}",
        "cut off": right[:-10],
        "two parts": f"{head}.{claims}",
        "alg none": f"{_part({'alg': 'none', 'typ': 'JWT'})}.{forged}.",
        "alg None, signed": f"{_part({'alg': 'None', 'typ': 'JWT'})}.{forged}.{signature}",
        "alg RS256": f"{_part({'alg': 'RS256', 'typ': 'JWT'})}.{forged}.{signature}",
        "another key": strangers.sign(subject="clerk", role="staff", lifetime=timedelta(hours=1)),
        "run out": story.tokens.sign(subject="clerk", role="staff", lifetime=timedelta(seconds=-1)),
        "a role we do not have": story.tokens.sign(subject="clerk", role="admin", lifetime=timedelta(hours=1)),
        "nothing": "",
        "rubbish": "rubbish",
    }


@pytest.mark.parity
async def test_a_token_that_is_not_good_is_401_at_every_route_that_needs_one(story, of_contexts):
    tokens = _wrong_tokens(story)
    faults = []
    for route, handler in of_contexts.items():
        method, _, _ = route.partition(" ")
        path = ROWS[route].path.replace("{order}", "ord_1").replace("{paid}", "ord_1")
        for name, token in tokens.items():
            answer = await story.http.request(method, path, headers={"Authorization": f"Bearer {token}".strip()})
            if (answer.status_code == 401) != (handler.before_request.security is not None):
                faults.append(f"{route} with a token that is {name}: {answer.status_code}")

    assert not faults, "\n".join(faults)


async def test_head_asks_for_the_same_token_as_get(story, routes):
    for route, handler in routes.items():
        method, _, _ = route.partition(" ")
        path = ROWS[route].path.replace("{order}", "ord_1").replace("{paid}", "ord_1")
        if method == "GET":
            answer = await story.http.head(path)
            assert (answer.status_code == 401) == (handler.before_request.security is not None), route
            assert answer.content == b""
