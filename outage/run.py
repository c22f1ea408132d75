"""The run: all is well, the catalog fails, it is back, Redis is killed, it is back; and in the end all is checked."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TypeVar

import redis.asyncio as redis

from outage.customers import CHANGED, KNOWN, NEW, Asked, Customers
from outage.plan import LATE, Plan, stock_up
from outage.server import fault_of
from outage.verdict import verdict
from outage.watch import Look, Watch
from shop.platform.http.redis_keys import Keys as RedisKeys
from torture import store
from torture.acts import Books, Placed
from torture.checks import Check, compared, read_all
from torture.client import Client, Progress, Wrong, keys_of
from torture.server import Server, serving
from torture.valkey import Valkey, begun

_SERVE = (sys.executable, "-P", str(Path(__file__).with_name("server.py")))
_LOOK = 0.02  # seconds between two looks at what is waited for

See = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """What was asked in it, and what the shop said of itself."""

    name: str
    seconds: float
    asked: list[Asked]
    looks: list[Look]


@dataclass(kw_only=True)
class Report:
    """What was done, and what was found."""

    phases: list[Phase] = field(default_factory=list)
    healing: dict[str, float] = field(default_factory=dict)  # seconds
    asked_again: int = 0  # orders that had been refused
    checks: list[Check] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Nothing was otherwise than it must be."""
        return bool(self.checks) and not any(check.faults for check in self.checks)


async def outage(plan: Plan, data: Path, see: See = lambda _: None) -> Report:
    """Do it in this folder, which must be new. `Wrong` where something does not heal by itself."""
    data.mkdir(parents=True)  # noqa: ASYNC240 - nothing waits yet
    with begun(data) as valkey:
        settings = {**plan.settings, "SHOP_REDIS_URL": valkey.url}
        serve = (*_SERVE, "--opens-for", str(plan.opens_for))
        with serving(data, serve=serve, settings=settings) as server:
            keys = keys_of(server)
            stock_up(plan, data)
            await server.start()
            customers = Customers(port=server.port, keys=keys, known=plan.read_before, changed=plan.then_changed)
            scene = Scene(plan, server, valkey, customers, Client(server, keys, Progress()), see)
            try:
                return await scene.play()
            finally:
                scene.client.close()
                customers.close()


@dataclass
class Scene:
    """One run."""

    plan: Plan
    server: Server
    valkey: Valkey
    customers: Customers
    client: Client
    see: See
    report: Report = field(default_factory=Report)
    placed: list[Placed] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.watch = Watch(self.customers)
        self._names: list[tuple[str, float]] = []
        self._away = (0.0, 0.0)

    async def play(self) -> Report:
        """From the first order to the last check."""
        await self._until_memory_answers()
        await self.customers.order_each(KNOWN, self.customers.known)
        await self.customers.order_each(CHANGED, self.customers.changed)
        over, plan = asyncio.Event(), self.plan
        async with asyncio.TaskGroup() as group:
            group.create_task(self.customers.order(rate=plan.rate, until=over))
            group.create_task(self.customers.change_prices(every=plan.price_every, until=over))
            group.create_task(self.watch.keep_looking(every=plan.look_every, until=over))
            await self._phase("all is well", plan.steady)
            await self._without_catalog()
            await self._without_redis()
            over.set()
        self._name("asking once more, and comparing")
        await self._settle()
        return self.report

    async def _without_catalog(self) -> None:
        plan, fault = self.plan, fault_of(self.server.data)
        fault.write_text(plan.fault)
        began = monotonic()
        await self._phase(f"the catalog {plan.fault}", plan.catalog_away)
        fault.unlink()
        back = monotonic()
        self._name("the catalog is back")
        healed = await self._first(
            self.customers.asked,
            lambda one: one.kind == NEW and one.accepted and one.sent >= back,
            "what was never read can be ordered",
            within=plan.longest_away,
        )
        self._away = (began, healed.answered + plan.budget)
        self.report.healing["catalog back → an order for what was never read is accepted"] = healed.answered - back
        await asyncio.sleep(max(0.0, back + plan.healed - monotonic()))
        refused = [one.answered - back for one in self.customers.asked if one.answered > back and not one.accepted]
        self.report.healing["catalog back → the last refusal"] = max(refused, default=0.0)

    async def _without_redis(self) -> None:
        plan = self.plan
        await asyncio.to_thread(self.valkey.kill)
        await self._phase("Redis is killed", plan.redis_away)
        await asyncio.to_thread(self.valkey.start)
        back, answered = monotonic(), self.watch.looks[-1].reads["memory"]
        self._name("Redis is back")
        await self._until_told(RedisKeys("").channel)
        self.report.healing["Redis back → an invalidation is told to others"] = monotonic() - back
        again = await self._first(
            self.watch.looks, lambda look: look.at > back and look.reads["memory"] > answered, "memory answers"
        )
        self.report.healing["Redis back → orders are answered from memory"] = again.at - back
        await asyncio.sleep(max(0.0, back + plan.redis_back - monotonic()))

    async def _settle(self) -> None:
        """Whoever was refused asks once more, with the same key; then all that there is is compared."""
        plan, customers, report = self.plan, self.customers, self.report
        self.placed = [Placed(one.key, one.customer, one.request, one.answer.body) for one in customers.asked
                       if one.accepted]  # fmt: skip
        for one in (one for one in customers.asked if not one.accepted):
            who = ("customer", one.customer)
            answer = await self.client.ask("POST", "/orders", who=who, body=one.request, key=one.key)
            self.placed.append(Placed(one.key, one.customer, one.request, answer.body))
            report.asked_again += 1
        ends = [at for _, at in self._names[1:]]
        report.phases = [
            Phase(
                name=name,
                seconds=end - at,
                asked=[one for one in customers.asked if at <= one.sent < end],
                looks=self.watch.between(at, end),
            )
            for (name, at), end in zip(self._names, ends, strict=False)
        ]
        await store.until_quiet(self.server.data, patience=60)
        stocked = plan.stock
        found = await read_all(self.client, customers=customers.names, products=stocked)
        books = Books()
        books.delivered.update(stocked)
        latest = plan.budget + plan.slack
        report.checks = [
            *verdict(customers.asked, prices=customers.prices, away=self._away, latest=latest, grace=plan.slack),
            *compared(found, self.placed, books),
        ]
        stopped = await asyncio.to_thread(self.server.stop)
        faults = [] if stopped == 0 else [f"ended with {stopped}: {self.server.log()}"]
        report.checks += [Check("asked to stop, it ends with 0", 1, faults), *store.checked(self.server.data)]

    async def _phase(self, name: str, seconds: float) -> None:
        self._name(name)
        await asyncio.sleep(seconds)

    def _name(self, name: str) -> None:
        self._names.append((name, monotonic()))
        self.see(name)

    async def _first(self, row: list[T], so: Callable[[T], bool], what: str, *, within: float = LATE) -> T:
        """The first one that comes and is so; `Wrong` if none does in so many seconds."""
        looked_at = 0
        for _ in _looks(what, within):
            for one in row[looked_at:]:
                looked_at += 1
                if so(one):
                    return one
            await asyncio.sleep(_LOOK)
        raise AssertionError  # `_looks` says what is wrong

    async def _until_memory_answers(self) -> None:
        """Which is off until the shop hears of invalidations."""
        for _ in _looks("memory answers", LATE):
            await self.customers.order_each(KNOWN, self.customers.known[:1])
            if (await self.watch.look()).reads["memory"]:
                return

    async def _until_told(self, channel: str) -> None:
        """Others hear of an invalidation over Redis."""
        async with redis.Redis.from_url(self.valkey.url) as connection, connection.pubsub() as ear:
            await ear.subscribe(channel)
            for _ in _looks("an invalidation is told", LATE):
                if await ear.get_message(ignore_subscribe_messages=True, timeout=_LOOK):
                    return


def _looks(what: str, seconds: float) -> Iterator[None]:
    """Again and again; `Wrong` when so many seconds have passed."""
    until = monotonic() + seconds
    while monotonic() < until:
        yield
    raise Wrong(f"{what}: not within {seconds:g} s")
