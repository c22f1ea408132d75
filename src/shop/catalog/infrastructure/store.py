"""Catalog's records: products, prices, movements, and the stock counters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import msgspec

from shop.catalog.application.ports import Found
from shop.catalog.domain.price import PriceEntry
from shop.catalog.domain.product import Product
from shop.catalog.domain.stock import Movement, NotEnoughStock, Stock
from shop.kernel.clock import Clock, rfc3339
from shop.kernel.events import Cause, Event, Publisher
from shop.kernel.idempotency import Guard, Once
from shop.platform.storage.guards import led_to, put_guard
from shop.platform.storage.port import (
    HIGHEST,
    MOST_PLACE,
    MOST_WORDS,
    Change,
    Counts,
    Layout,
    NotEnough,
    Page,
    Put,
    Records,
)
from shop.platform.storage.scanned import scanned
from shop.platform.storage.words import fold

LAYOUT = Layout(
    context="catalog",
    indexes={
        "category": 1,  # first segment -> path/ NUL name; listed products only, like the next two
        "group": 1,  # groupId -> productId
        "sku": 1,  # sku -> productId
        "history": 1,  # movement/productId or price/productId -> when
        "unfinished": 1,  # "moving" -> since when; reservations and restockings that are not at rest
    },
    words={"name": 10, "sku": 5, "more": 1},
    version=2,
)

_GUARDED_FOR = timedelta(hours=48)
_SEARCHED_ATTRIBUTES = ("vendor", "tags")
_product = msgspec.json.Decoder(Product).decode
_json = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductStore:
    """Products over the document engine."""

    records: Records
    publisher: Publisher
    clock: Clock

    async def get(self, product_id: str) -> Product | None:
        """The product, archived or not."""
        stored = await self.records.get(f"product/{product_id}")
        return _product(stored.body) if stored else None

    async def get_many(self, product_ids: Collection[str]) -> Mapping[str, Product]:
        """Those that exist."""
        stored = await self.records.get_many([f"product/{product_id}" for product_id in product_ids])
        products = (_product(one.body) for one in stored.values())
        return {product.product_id: product for product in products}

    async def get_with_stock(self, product_id: str) -> tuple[Product | None, Stock]:
        """The product, archived or not, and its counters."""
        stored, counts = await self.records.get_with_counts(f"product/{product_id}", f"stock/{product_id}")
        return _product(stored.body) if stored else None, _stock(counts)

    async def stock(self, product_id: str) -> Stock:
        """Its counters; all 0 if nothing ever moved."""
        key = f"stock/{product_id}"
        return _stock((await self.records.counts((key,)))[key])

    async def stocks(self, product_ids: Collection[str]) -> Mapping[str, Stock]:
        """The counters of each."""
        counts = await self.records.counts([f"stock/{product_id}" for product_id in product_ids])
        return {product_id: _stock(counts[f"stock/{product_id}"]) for product_id in product_ids}

    async def in_category(self, category: str, *, after: str | None, limit: int) -> Found:
        """Listed products of the category and of those below it, by category then name."""
        return _found(
            await self.records.find(
                "category",
                category.partition("/")[0],
                low=f"{category}/",
                high=f"{category}/{HIGHEST}",
                after=after,
                limit=limit,
            )
        )

    async def in_group(self, group_id: str, *, after: str | None, limit: int) -> Found:
        """Listed products of the group, by id."""
        return _found(await self.records.find("group", group_id, after=after, limit=limit))

    async def with_sku(self, sku: str, *, after: str | None, limit: int) -> Found:
        """Listed products that have this SKU, by id."""
        return _found(await self.records.find("sku", sku, after=after, limit=limit))

    async def search(self, text: str, *, after: str | None, limit: int) -> Found:
        """Listed products that have every word, best first."""
        return _found(await self.records.search([text], after=after, limit=limit))

    async def every_product(self) -> AsyncIterator[Product]:
        """All products by id, archived ones too; for checks and exports."""
        async for stored in scanned(self.records, "product/"):
            yield _product(stored.body)

    async def led_to(self, once: Once) -> str | None:
        """What this request was answered, if it came before; `KeyReused` if its key came with another."""
        return await led_to(self.records, once)

    async def save(
        self, *, product: Product, price: PriceEntry | None, events: Sequence[Event], cause: Cause
    ) -> Product:
        """The product as it is stored now, with an entry of its price history if that is new."""
        stored = replace(product, version=product.version + 1)
        puts = [put_product(stored), *([put_price(price)] if price else [])]
        await self._commit(puts=puts, events=events, cause=cause)
        return stored

    async def move(
        self, movement: Movement, *, counted: Stock | None, guard: Guard, events: Sequence[Event], cause: Cause
    ) -> None:
        """Move the stock; `counted` guards a delta that was derived from it. `NotEnoughStock` if orders were faster."""
        puts = [put_movement(movement), put_guard(guard, expires=self.clock() + _GUARDED_FOR)]
        await self._commit(puts=puts, changes=_changes(movement, counted), events=events, cause=cause)

    async def bring(
        self,
        *,
        product: Product | None,
        price: PriceEntry | None,
        movement: Movement | None,
        counted: Stock,
        events: Sequence[Event],
        cause: Cause,
    ) -> None:
        """What of an imported product is new, in one commit."""
        puts = [
            *([put_product(replace(product, version=product.version + 1))] if product else []),
            *([put_price(price)] if price else []),
            *([put_movement(movement)] if movement else []),
        ]
        changes = _changes(movement, counted) if movement else []
        await self._commit(puts=puts, changes=changes, events=events, cause=cause)

    async def _commit(
        self, *, puts: Sequence[Put], changes: Sequence[Change] = (), events: Sequence[Event], cause: Cause
    ) -> None:
        now = self.clock()
        try:
            await self.records.commit(
                puts=puts,
                changes=changes,
                events=[self.publisher(event, at=now, cause=cause) for event in events],
                consumed=cause.delivery,
            )
        except NotEnough as error:
            raise NotEnoughStock("orders hold what was to be taken away") from error


def _stock(counts: Counts) -> Stock:
    of = counts.of
    return Stock(
        on_hand=of.get("onHand", 0), available=of.get("available", 0), sold=of.get("sold", 0), version=counts.version
    )


def _found(page: Page) -> Found:
    return Found(products=[_product(stored.body) for stored in page.found], after=page.after)


def _changes(movement: Movement, counted: Stock | None) -> list[Change]:
    if not movement.delta:
        return []
    by = {"onHand": movement.delta, "available": movement.delta}
    return [Change(key=f"stock/{movement.product_id}", by=by, was=counted.version if counted else None)]


def put_product(product: Product) -> Put:
    """The product as it is from now on."""
    listed = not product.archived
    return Put(
        key=f"product/{product.product_id}",
        body=_json(product),
        was=product.version - 1,
        indexes=_places(product) if listed else {},
        words=_words(product) if listed else {},
    )


def put_price(entry: PriceEntry) -> Put:
    """A new entry of its price history."""
    return Put(
        key=f"price/{entry.product_id}/{entry.entry_id}",
        body=_json(entry),
        was=0,
        indexes={"history": (f"price/{entry.product_id}", rfc3339(entry.at))},
    )


def put_movement(movement: Movement) -> Put:
    """A new movement."""
    return Put(
        key=f"movement/{movement.product_id}/{movement.movement_id}",
        body=_json(movement),
        was=0,
        indexes={"history": (f"movement/{movement.product_id}", rfc3339(movement.at))},
    )


def _places(product: Product) -> dict[str, tuple[str, str]]:
    place = f"{product.category}/\0{product.name}".encode()[:MOST_PLACE].decode(errors="ignore")
    places = {"category": (product.category.partition("/")[0], place), "sku": (product.sku, product.product_id)}
    if product.group_id:
        places["group"] = (product.group_id, product.product_id)
    return places


def _words(product: Product) -> dict[str, str]:
    """What a product is searched by, each word once, in the field that weighs most, within what a document may have."""
    more = [product.supplier_id, product.category, *(product.attributes.get(name) for name in _SEARCHED_ATTRIBUTES)]
    texts = {"name": product.name, "sku": product.sku, "more": " ".join(_text(value) for value in more)}
    words: dict[str, str] = {}
    seen: set[str] = set()
    for field, text in texts.items():
        new = [word for word in dict.fromkeys(fold(text)) if word not in seen][: MOST_WORDS - len(seen)]
        seen.update(new)
        words[field] = " ".join(new)
    return words


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " ".join(_text(one) for one in value)
    return value if isinstance(value, str) else ""
