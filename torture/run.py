"""The run: customers order and pay, the server is killed and started again, and in the end everything is checked."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from torture import checks, store
from torture.acts import STAFF, Books, Placed, chosen, place
from torture.checks import Check
from torture.client import Client, Keys, Progress, keys_of
from torture.kills import SHARES, Kill, carry_out, planned
from torture.server import Server, serving

_PLENTY, _SCARCE = 1_000_000, 40  # units of most products, and of two that run out
_PRICES = ("9.99", "0.50", "24.00", "3.35", "120.75")

See = Callable[[str, int, int], None]  # phase, so many, of how many


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The same seed: the same orders, acts and kills; how they meet is up to the machine."""

    seed: int
    kills: int
    orders: int
    clients: int = 16
    products: int = 20
    patience: float = 60  # seconds for the last deliveries
    shares: Mapping[str, int] = field(default_factory=lambda: SHARES)  # of each kind of kill


@dataclass(kw_only=True)
class Report:
    """What was done, and what was found."""

    plan: Plan
    kills: Counter[str] = field(default_factory=Counter)
    acts: Counter[str] = field(default_factory=Counter)
    figures: dict[str, str] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Nothing was otherwise than it must be."""
        return bool(self.checks) and not any(check.faults for check in self.checks)


async def torture(plan: Plan, data: Path, see: See = lambda *_: None) -> Report:
    """Do it in this folder, which must be new. `Wrong` where an answer could not be right whatever happens."""
    with serving(data) as server:
        scene = Scene(plan, server, keys_of(server), see)
        return await scene.play()


@dataclass
class Scene:
    """One run."""

    plan: Plan
    server: Server
    keys: Keys
    see: See
    progress: Progress = field(default_factory=Progress)
    books: Books = field(default_factory=Books)
    placed: list[Placed] = field(default_factory=list)

    async def play(self) -> Report:
        """From the first product to the last check."""
        report, began = Report(plan=self.plan), time.perf_counter()
        await self.server.start()
        client = Client(self.server, self.keys, self.progress)
        await self._furnish(client)
        plan = self.plan
        kills = planned(seed=plan.seed, kills=plan.kills, orders=plan.orders, shares=plan.shares)
        await self._under_fire(kills)
        seconds = time.perf_counter() - began
        quiet, hurried = await store.until_quiet(
            self.server.data, patience=plan.patience, see=lambda left: self.see("left to deliver", left, left)
        )
        report.checks = await self._checked(client)
        client.close()
        report.kills.update(kill.when for kill in kills)
        report.acts = self.books.acts
        report.figures = self._figures(seconds, quiet, hurried)
        return report

    async def _furnish(self, client: Client) -> None:
        for number, product in enumerate(self._products()):
            told = {"productId": product, "sku": product, "name": f"Product {number}", "category": "Home"}
            price = {"basePrice": _PRICES[number % len(_PRICES)], "currency": "EUR"}
            await client.ask("POST", "/products", who=STAFF, body=told | price)
            units = _SCARCE if number < 2 else _PLENTY  # noqa: PLR2004
            body = {"onHand": units, "reason": "first delivery"}
            await client.ask("POST", f"/products/{product}/stock", who=STAFF, body=body, key=f"first-{product}")
            self.books.delivered[product] += units

    async def _under_fire(self, kills: Sequence[Kill]) -> None:
        """All orders are placed and all kills done; whoever finds something wrong ends it for all."""
        numbers = iter(range(self.plan.orders))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(carry_out(self._seen(kills), self.server, self.progress))
                await asyncio.wait([group.create_task(self._customer(numbers)) for _ in range(self.plan.clients)])
                self.progress.end()
        except ExceptionGroup as several:
            raise several.exceptions[0] from None

    def _seen(self, kills: Sequence[Kill]) -> Iterator[Kill]:
        for number, kill in enumerate(kills):
            self.see("kills", number, len(kills))
            yield kill
        self.see("kills", len(kills), len(kills))

    async def _customer(self, numbers: Iterator[int]) -> None:
        client = Client(self.server, self.keys, self.progress)
        for number in numbers:
            random = Random(f"{self.plan.seed}/{number}")
            placed = await place(
                client,
                key=f"order-{number}",
                customer=random.choice(self._customers()),
                copies=2 if random.random() < 0.1 else 1,  # noqa: PLR2004
                items=self._items(random),
                useCredit=random.random() < 0.3,  # noqa: PLR2004
            )
            self.placed.append(placed)
            self.progress.placed()
            self.see("orders", self.progress.orders, self.plan.orders)
            act = chosen(random)
            for step in act.steps:
                await step(client, placed, self.books, random)
            self.books.acts[act.name] += 1
        client.close()

    async def _checked(self, client: Client) -> list[Check]:
        found = await checks.read_all(client, customers=self._customers(), products=self._products())
        by_api = checks.compared(found, self.placed, self.books)
        again = await checks.replayed(client, self.placed)
        stopped = self.server.stop()
        ends = Check("a server that is asked to stop ends with 0", 1, [] if stopped == 0 else [f"ended with {stopped}"])
        return [*by_api, again, ends, *store.checked(self.server.data)]

    def _customers(self) -> list[str]:
        return [f"customer-{number}" for number in range(self.plan.clients * 3)]

    def _products(self) -> list[str]:
        return [f"product-{number}" for number in range(self.plan.products)]

    def _items(self, random: Random) -> list[dict[str, Any]]:
        products = random.sample(self._products(), random.randint(1, 3))
        return [{"productId": product, "quantity": random.randint(1, 3)} for product in products]

    def _figures(self, seconds: float, quiet: float, hurried: int) -> dict[str, str]:
        starts = sorted(self.server.starts)
        return {
            "orders placed, and what was done with them": f"{len(self.placed):,} in {seconds:.1f} s",
            "answers": f"{self.progress.answers:,}, of which {self.progress.copies:,} to copies at once",
            "requests broken off or put off, and sent again": f"{self.progress.tried_again:,}",
            "from start to first answer": f"{starts[len(starts) // 2]:.2f} s at p50, {starts[-1]:.2f} s at most",
            "after the last answer, until all was delivered": f"{quiet:.1f} s",
            "deliveries left to be tried again after a minute": f"{hurried:,}",
        }
