"""Plays an order log with its price changes: each line's price is set before the invoice is ordered.

Whether an order carries a new price is the cache's doing: orders reads the catalog through it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from time import monotonic

import httpx
import msgspec
from prometheus_client.parser import text_string_to_metric_families

from shop.entrypoints.control_totals import Report
from shop.entrypoints.order_log import Log, Product, Sale
from shop.entrypoints.price_report import OldPrice, PriceReport, PriceTags
from shop.entrypoints.remote_shop import Order, RemoteShop
from shop.entrypoints.replay import Run
from shop.entrypoints.some_at_once import Progress, Queues, unseen
from shop.kernel.money import Money

_CONFLICT, _PRECONDITION_FAILED = 409, 412
_MOST_LOOKED_AT = 150  # products, with two changes each
_LOOKED_AT_ONCE = 4  # few: it is the cache that is to be timed, not a queue of requests


async def play_price_changes(
    log: Log,
    shops: Sequence[RemoteShop],
    *,
    at_once: int = 32,
    progress: Progress = unseen,
    now: Callable[[], float] = monotonic,
) -> tuple[Report, PriceReport]:
    """As `play`, of a log read with `price_changes`. Control totals are held against what orders carried.

    Orders come first; then, while the shop still works on them, prices are changed to and fro to see how soon they are
    read: looking is reading, which would spoil the hit rates of the orders.
    """
    run = Run(log=log, shops=shops, at_once=at_once, progress=progress)
    changing = _Changing(run=run, now=now)
    await run.stock()
    await run.each("prices read", list(log.products.values()), changing.learn)
    before = await _reads(shops)
    await run.each("orders placed", log.sales, changing.place)
    after, changes = await _reads(shops), changing.changes
    await run.each("price changes looked at", changing.some(), changing.look, at_once=_LOOKED_AT_ONCE)
    return await run.settle(), PriceReport(
        changes=changes,
        reads={layer: count - before[layer] for layer, count in after.items()},
        products=len(log.products),
        there_before=changing.there_before,
        old=changing.old,
        revenue=_revenue(run.wanted.values()),
        logged=_revenue(log.sales),
        left_out=[fault.message for fault in log.left_out],
        servers=len(shops),
        seen_after=changing.seen_after,
    )


class _Priced(msgspec.Struct, rename="camel"):
    base_price: str
    currency: str
    discounted_price: str | None = None


class _Refused(msgspec.Struct):
    total: str | None = None


@dataclass(slots=True, kw_only=True)
class _Changing:
    """The prices of one run, and what its orders carried."""

    run: Run
    now: Callable[[], float]
    tags: PriceTags = field(default_factory=PriceTags)
    changes: int = 0
    there_before: int = 0
    old: list[OldPrice] = field(default_factory=list)
    seen_after: list[float] = field(default_factory=list)
    queues: Queues = field(default_factory=Queues)

    async def learn(self, product: Product) -> None:
        """The price that the product has: another one, if it was there before."""
        self.tags.put(product.id, _price(await self.run.shop.ask("GET", f"/products/{product.id}")), self.now())

    async def place(self, sale: Sale) -> None:
        """Through one server the prices of the sale are set, through the next one it is ordered, at once.

        No total is expected of the shop: an order with an old price would be refused, and nobody would know of it.
        """
        async with self.queues.turn(sale.lines):
            pricing, ordering = self.run.next_shops()
            for product, price in sale.prices.items():
                if self.tags.now(product) != price:
                    await self._set(pricing, product, price)
            body = {
                "items": [{"productId": product, "quantity": quantity} for product, quantity in sale.lines.items()],
                "reference": sale.reference,
            }
            key, began = f"replay-price-changes-{sale.reference}", self.now()
            answer = await ordering.ask("POST", "/orders", who=sale.customer, body=body, key=key)
            self._placed(sale, answer, began)

    def _placed(self, sale: Sale, answer: httpx.Response, began: float) -> None:
        order = msgspec.json.decode(answer.content, type=Order)
        carried = {line.product_id: Money.parse(line.unit_price, order.currency) for line in order.lines}
        self.run.placed[sale.reference] = order
        self.run.wanted[sale.reference] = sale.at({**sale.prices, **carried})
        if "Idempotent-Replayed" in answer.headers:
            self.there_before += 1
            return
        self.old += [
            OldPrice(
                invoice=sale.reference,
                product=product,
                carried=price,
                price=self.tags.now(product),
                late=began - self.tags.ended(product, price),
            )
            for product, price in carried.items()
            if price != self.tags.now(product)
        ]

    async def _set(self, shop: RemoteShop, product: str, price: Money) -> float:
        """The moment when the shop has said that the product has this price."""
        body = {"basePrice": str(price), "currency": price.currency}

        async def attempt() -> float | None:
            there = await shop.ask("GET", f"/products/{product}")
            if _price(there) != price:  # it may have been set by a request whose answer was lost
                path, etag = f"/products/{product}/price", there.headers["ETag"]
                put = await shop.ask("PUT", path, body=body, match=etag, also_fine=_PRECONDITION_FAILED)
                if put.status_code == _PRECONDITION_FAILED:
                    return None
            return self.now()

        at = await shop.see(attempt, f"the price of {product} cannot be set: others change the product too")
        self.tags.put(product, price, at)
        self.changes += 1
        return at

    def some(self) -> Sequence[str]:
        """Products whose price changed; the same ones for the same log."""
        changed = sorted(self.tags.changed())
        chance = Random(self.run.log.digest)  # noqa: S311 - no secret
        return chance.sample(changed, min(_MOST_LOOKED_AT, len(changed)))

    async def look(self, product: str) -> None:
        """The price of before, then that of now again: how long until no server orders at the other one."""
        price, former = self.tags.now(product), self.tags.before(product)
        await self._seen(product, price)
        for one in (former, price):
            at = await self._set(self.run.next_shops()[0], product, one)
            await self._seen(product, one)
            self.seen_after.append(self.now() - at)

    async def _seen(self, product: str, price: Money) -> None:
        await asyncio.gather(*(_orders_at(shop, product, price) for shop in self.run.shops))


async def _orders_at(shop: RemoteShop, product: str, price: Money) -> None:
    """An order of which nothing is expected to be paid is refused with its total, and leaves nothing behind."""
    body = {"items": [{"productId": product, "quantity": 1}], "expectedTotal": "0"}

    async def look() -> bool | None:
        answer = await shop.ask("POST", "/orders", who="replay", body=body, key="replay-look", also_fine=_CONFLICT)
        refused = msgspec.json.decode(answer.content, type=_Refused)
        return True if refused.total == str(price) else None

    await shop.see(look, f"an order of {product} would not cost {price} yet", pause=0)


def _revenue(sales: Iterable[Sale]) -> Decimal:
    return sum((sale.total for sale in sales), Decimal(0))


def _price(answer: httpx.Response) -> Money:
    told = msgspec.json.decode(answer.content, type=_Priced)
    return Money.parse(told.discounted_price or told.base_price, told.currency)


async def _reads(shops: Sequence[RemoteShop]) -> Mapping[str, int]:
    """How many products orders asked for until now, by the layer that answered, in all servers."""
    reads: Counter[str] = Counter()
    for shop in shops:
        figures = (await shop.ask("GET", "/metrics")).text
        for family in text_string_to_metric_families(figures):
            if family.name == "shop_catalog_reads":
                reads.update({one.labels["answered_by"]: int(one.value) for one in family.samples})
    return reads
