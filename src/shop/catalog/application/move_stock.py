"""Put stock in, take it out, or count it."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from shop.catalog.application.announcements import in_stock_turned
from shop.catalog.application.ports import Products
from shop.catalog.application.refusals import found
from shop.catalog.application.views import stock_view
from shop.catalog.contract import StockView
from shop.catalog.domain.stock import Movement, wanted_delta
from shop.kernel.clock import Clock
from shop.kernel.events import Cause
from shop.kernel.idempotency import Once
from shop.kernel.ids import Ids


@dataclass(frozen=True, slots=True, kw_only=True)
class StockMoved:
    """The stock after a movement; `replayed`: it happened when its key came first."""

    view: StockView
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveStock:
    """Move what is on hand by `delta`, or to the `on_hand` that was counted; what orders hold stays held."""

    products: Products
    clock: Clock
    ids: Ids

    async def __call__(
        self,
        *,
        product_id: str,
        delta: int | None = None,
        on_hand: int | None = None,
        reason: str,
        who: str,
        once: Once,
        cause: Cause,
    ) -> StockMoved:
        """The same key and body is one movement, answered the same; `KeyReused` with another body."""
        product, before = await self.products.get_with_stock(product_id)
        product = found(product, product_id)
        # Only then, so that no copy sees a stock which another one of it has moved, and takes it for the others' doing.
        if answer := await self.products.led_to(once):
            return StockMoved(view=msgspec.json.decode(answer, type=StockView), replayed=True)
        moved_by = wanted_delta(before, delta=delta, on_hand=on_hand, reason=reason)
        after = before.moved(moved_by)
        view = stock_view(product_id, after)
        await self.products.move(
            Movement(
                product_id=product_id,
                movement_id=self.ids("mov"),
                delta=moved_by,
                counted=on_hand,
                reason=reason,
                who=who,
                at=self.clock(),
            ),
            counted=None if on_hand is None else before,
            guard=once.led_to(msgspec.json.encode(view).decode()),
            events=[in_stock_turned(product)] if before.in_stock != after.in_stock else [],
            cause=cause,
        )
        return StockMoved(view=view)
