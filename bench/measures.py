"""What is measured: reads, orders under load, orders one at a time, the disk."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from bench import goods
from bench.load import Answer, Caller, Run, load
from bench.processes import Server
from shop.platform import signatures

T = TypeVar("T")

_PAUSE = 0.0005  # seconds between two questions of one who waits
_PATIENCE = 30  # seconds


class _Moment(msgspec.Struct, rename="camel"):
    what: str
    at: datetime


class _Order(msgspec.Struct, rename="camel"):
    order_id: str
    status: str
    total: str
    currency: str
    timeline: list[_Moment] = []

    def moment(self, what: str) -> datetime:
        return next(moment.at for moment in self.timeline if moment.what == what)

    def between(self, first: str, then: str) -> float:
        return (self.moment(then) - self.moment(first)).total_seconds()


class _Orders(msgspec.Struct, rename="camel"):
    data: list[_Order]
    next_cursor: str | None


class _Balance(msgspec.Struct):
    balance: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """A load, and what it cost the server."""

    run: Run
    cpu: float  # seconds
    seconds: float  # from the first request until the work was done


@dataclass(frozen=True, slots=True)
class Ordered(Loaded):
    """A load of orders on the shop; done when one who asked was told that none is pending."""

    statuses: Counter[str]  # of the orders, read back
    waiting: int  # confirmed after the last 201
    confirmed_after: list[float]  # seconds from createdAt to stock.reserved, as the orders' timelines say
    units: int
    groups: int


@dataclass(slots=True)
class Singles:
    """Orders placed one at a time, paid and waited for. Seconds."""

    totals: list[float] = field(default_factory=list)  # of POST /orders
    confirmed: list[float] = field(default_factory=list)  # from the 201 until one who asks was told so
    reserved: list[float] = field(default_factory=list)  # createdAt → stock.reserved
    points: list[float] = field(default_factory=list)  # order.completed → one who asks was told the new balance
    issued: list[float] = field(default_factory=list)  # order.completed → reward.issued on the timeline
    steps: dict[str, list[float]] = field(default_factory=dict)


async def reads(server: Server, *, seconds: float) -> Loaded:
    """`GET /products/{id}`, one product after the other."""
    before = server.figures()["cpu"]
    run = await load(server.port, goods.reads(), seconds=seconds)
    return Loaded(run, server.figures()["cpu"] - before, run.seconds)


async def bare_orders(server: Server, *, tokens: Sequence[str], seconds: float, connections: int = 8) -> Loaded:
    """`POST /orders` where nothing comes after it."""
    before = server.figures()["cpu"]
    run = await load(server.port, goods.orders(tokens), seconds=seconds, connections=connections)
    return Loaded(run, server.figures()["cpu"] - before, run.seconds)


async def orders_done(
    server: Server, *, key: str, tokens: Sequence[str], seconds: float, connections: int = 8
) -> tuple[Loaded, datetime]:
    """`POST /orders`, then ask until none is pending; with the moment of the last 201."""
    asker = await Caller.to(server.port)
    pending = goods.get("/orders?status=pending&limit=1", goods.staff(key))
    before = server.figures()["cpu"]
    run = await load(server.port, goods.orders(tokens), seconds=seconds, connections=connections)
    last = datetime.now(UTC)
    while _read(await asker.ask(pending), _Orders).data:  # noqa: ASYNC110 - asked over HTTP, as anybody would
        await asyncio.sleep(_PAUSE)
    elapsed = time.perf_counter() - run.began
    cpu = server.figures()["cpu"] - before
    asker.close()
    return Loaded(run, cpu, elapsed), last


async def shop_orders(server: Server, *, key: str, name: str, seconds: float, connections: int = 8) -> Ordered:
    """Orders by customers of this name until none is pending, then all of them read back."""
    tokens = goods.customers(key, name)
    before = server.figures()
    loaded, last = await orders_done(server, key=key, tokens=tokens, seconds=seconds, connections=connections)
    after = server.figures()
    asker = await Caller.to(server.port)
    orders = [order for token in tokens for order in await _all_of(asker, token)]
    asker.close()
    reserved = [order for order in orders if order.status == "confirmed"]
    return Ordered(
        run=loaded.run,
        cpu=loaded.cpu,
        seconds=loaded.seconds,
        statuses=Counter(order.status for order in orders),
        waiting=sum(order.moment("stock.reserved") > last for order in reserved),
        confirmed_after=[order.between("order.created", "stock.reserved") for order in reserved],
        units=after["units"] - before["units"],
        groups=after["groups"] - before["groups"],
    )


async def one_at_a_time(server: Server, *, key: str, payment_secret: str, count: int, warm_up: int) -> Singles:
    """Order, wait until it is confirmed, pay, wait until the points are there; on a shop that has nothing else to do.

    The server must be one with timers.
    """
    singles = Singles()
    caller = await Caller.to(server.port)
    tokens = goods.customers(key, "single")
    balances = dict.fromkeys(range(len(tokens)), 0)
    for number, request in zip(range(warm_up + count), goods.orders(tokens, products=len(tokens)), strict=False):
        who = number % len(tokens)
        placed = await caller.ask(request)
        order, confirmed = await _confirmed(caller, _read(placed, _Order, 201).order_id, tokens[who])
        account = goods.get(f"/rewards/single-{who}", tokens[who])
        await _pay(caller, order, payment_secret)
        balances[who] = await _raised(caller, account, balances[who])
        seen = datetime.now(UTC)
        order = await _timeline_with(caller, order.order_id, tokens[who], "reward.issued")
        if number >= warm_up:
            singles.totals.append(placed.seconds)
            singles.confirmed.append(confirmed)
            singles.reserved.append(order.between("order.created", "stock.reserved"))
            singles.points.append((seen - order.moment("payment.completed")).total_seconds())
            singles.issued.append(order.between("payment.completed", "reward.issued"))
    caller.close()
    singles.steps = {step: taken[warm_up:] for step, taken in server.figures()["steps"].items()}
    return singles


def syncs(folder: Path, *, times: int = 100) -> list[float]:
    """Seconds of appending 4 KB and waiting for the disk."""
    sync = getattr(os, "fdatasync", os.fsync)
    taken = []
    with (folder / "synced").open("wb", buffering=0) as file:
        for _ in range(times):
            began = time.perf_counter()
            file.write(b"x" * 4096)
            sync(file.fileno())
            taken.append(time.perf_counter() - began)
    return taken


async def _confirmed(caller: Caller, order_id: str, token: str) -> tuple[_Order, float]:
    began = time.perf_counter()
    while True:
        order = _read(await caller.ask(goods.get(f"/orders/{order_id}", token)), _Order)
        if order.status != "pending":
            return order, time.perf_counter() - began
        await _pause(began, f"{order_id} is still pending")


async def _pay(caller: Caller, order: _Order, secret: str) -> None:
    paid = {"paymentId": f"pay-{order.order_id}", "orderId": order.order_id, "status": "completed"}
    body = msgspec.json.encode({**paid, "amount": order.total, "currency": order.currency})
    signature = signatures.sign(secret=secret, at=datetime.now(UTC), body=body)
    _read(await caller.ask(goods.post("/payments/webhook", body, payment_signature=signature)), dict)


async def _raised(caller: Caller, account: bytes, before: int) -> int:
    began = time.perf_counter()
    while True:
        balance = _read(await caller.ask(account), _Balance).balance
        if balance > before:
            return balance
        await _pause(began, "no points came")


async def _timeline_with(caller: Caller, order_id: str, token: str, what: str) -> _Order:
    began = time.perf_counter()
    while True:
        order = _read(await caller.ask(goods.get(f"/orders/{order_id}", token)), _Order)
        if any(moment.what == what for moment in order.timeline):
            return order
        await _pause(began, f"{order_id} has no {what}")


async def _pause(began: float, why: str) -> None:
    if time.perf_counter() - began > _PATIENCE:
        raise TimeoutError(why)
    await asyncio.sleep(_PAUSE)


async def _all_of(caller: Caller, token: str) -> list[_Order]:
    orders: list[_Order] = []
    after: str | None = ""
    while after is not None:
        more = f"&cursor={after}" if after else ""
        page = _read(await caller.ask(goods.get(f"/orders?limit=100{more}", token)), _Orders)
        orders += page.data
        after = page.next_cursor
    return orders


def _read(answer: Answer, kind: type[T], status: int = 200) -> T:
    if answer.status != status:
        raise ConnectionError(f"{answer.status}, not {status}: {answer.body[:300]!r}")
    return msgspec.json.decode(answer.body, type=kind)
