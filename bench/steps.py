"""Where the time of one order goes: timers around the app, the act and its ports. For one order at a time."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from litestar.types import ASGIApp, Receive, Scope, Send

from shop.entrypoints.monolith import Shop
from shop.kernel.events import Cause, Event
from shop.kernel.idempotency import Guard, Once
from shop.orders.application.create_order import CreateOrder, NewOrder
from shop.orders.application.ports import Catalog, Orders
from shop.orders.domain.lines import ProductInfo
from shop.orders.domain.order import Order
from shop.platform.web import build_app

REQUEST = "request: route, token, decode, validate"
KEY = "Idempotency-Key looked up"
CATALOG = "catalog (cached)"
DOMAIN = "domain"
COMMIT = "commit: order, key, event, delivery"
ANSWER = "answer: view, encode, send"
STEPS = (REQUEST, KEY, CATALOG, DOMAIN, COMMIT, ANSWER)


@dataclass(slots=True)
class Marks:
    """When what happened in the order that is being placed, and the seconds of those before."""

    at: dict[str, float] = field(default_factory=dict)
    taken: dict[str, list[float]] = field(default_factory=lambda: {step: [] for step in STEPS})

    def note(self, name: str) -> None:
        """It happens now."""
        self.at[name] = time.perf_counter()

    def close(self) -> None:
        """The order is answered."""
        at = self.at
        key, catalog, commit = (at[f"{name} done"] - at[name] for name in (KEY, CATALOG, COMMIT))
        seconds = {
            REQUEST: at["act"] - at["app"],
            KEY: key,
            CATALOG: catalog,
            DOMAIN: at["act done"] - at["act"] - key - catalog - commit,
            COMMIT: commit,
            ANSWER: at["app done"] - at["act done"],
        }
        for step, taken in seconds.items():
            self.taken[step].append(taken)


def timed(shop: Shop, marks: Marks) -> Shop:
    """The same shop with timers in its way of placing an order."""
    act = shop.orders.create_order()
    orders, catalog = _TimedOrders(act.orders, marks), _TimedCatalog(act.catalog, marks)
    wrapped = _TimedAct(replace(act, orders=cast("Orders", orders), catalog=cast("Catalog", catalog)), marks)
    api = replace(shop.orders.api(), create_order=cast("CreateOrder", wrapped))
    routes = [*shop.catalog.api().routes(), *api.routes(), *shop.rewards.api().routes()]
    return replace(shop, app=_TimedApp(build_app(routes, tokens=shop.tokens, ids=shop.orders.ids()), marks))


@dataclass(frozen=True, slots=True)
class _TimedApp:
    app: ASGIApp
    marks: Marks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ordered = scope.get("method") == "POST" and scope["path"] == "/orders"
        if ordered:
            self.marks.note("app")
        await self.app(scope, receive, send)
        if ordered:
            self.marks.note("app done")
            self.marks.close()


@dataclass(frozen=True, slots=True)
class _TimedAct:
    act: CreateOrder
    marks: Marks

    async def __call__(self, *, wanted: NewOrder, cause: Cause) -> tuple[Order, bool]:
        self.marks.note("act")
        placed = await self.act(wanted=wanted, cause=cause)
        self.marks.note("act done")
        return placed


@dataclass(frozen=True, slots=True)
class _TimedOrders:
    orders: Orders
    marks: Marks

    async def led_to(self, once: Once) -> str | None:
        self.marks.note(KEY)
        before = await self.orders.led_to(once)
        self.marks.note(f"{KEY} done")
        return before

    async def add(self, order: Order, *, guard: Guard, events: Sequence[Event], cause: Cause) -> None:
        self.marks.note(COMMIT)
        await self.orders.add(order, guard=guard, events=events, cause=cause)
        self.marks.note(f"{COMMIT} done")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.orders, name)


@dataclass(frozen=True, slots=True)
class _TimedCatalog:
    catalog: Catalog
    marks: Marks

    async def products(self, product_ids: Collection[str]) -> Mapping[str, ProductInfo]:
        self.marks.note(CATALOG)
        found = await self.catalog.products(product_ids)
        self.marks.note(f"{CATALOG} done")
        return found
