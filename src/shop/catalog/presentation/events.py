"""What catalog hears."""

from dataclasses import dataclass

from shop.catalog.application.release_stock import ReleaseStock
from shop.catalog.application.reserve_stock import ReserveStock
from shop.catalog.application.restock_goods import RestockGoods
from shop.catalog.application.sell_stock import SellStock
from shop.catalog.domain.reservation import Line
from shop.kernel.events import Cause, Envelope
from shop.orders.contract import OrderCancelled, OrderCompleted, OrderCreated, OrderedLine, OrderRefunded
from shop.platform.bus import Reactions


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogReactions:
    """What becomes of an order decides what becomes of its goods."""

    reserve: ReserveStock
    release: ReleaseStock
    sell: SellStock
    restock: RestockGoods

    def table(self) -> Reactions:
        """Event type → reaction."""
        return {
            OrderCreated.TYPE: self._order_created,
            OrderCancelled.TYPE: self._order_cancelled,
            OrderCompleted.TYPE: self._order_completed,
            OrderRefunded.TYPE: self._order_refunded,
        }

    async def _order_created(self, envelope: Envelope, cause: Cause) -> None:
        """Set aside what was ordered, or say what is short."""
        event = envelope.read(OrderCreated)
        await self.reserve(order_id=event.order_id, lines=_lines(event.lines), cause=cause)

    async def _order_cancelled(self, envelope: Envelope, cause: Cause) -> None:
        """Put back what was set aside."""
        await self.release(order_id=envelope.read(OrderCancelled).order_id, cause=cause)

    async def _order_completed(self, envelope: Envelope, cause: Cause) -> None:
        """What was set aside is sold: it leaves the house."""
        await self.sell(order_id=envelope.read(OrderCompleted).order_id, cause=cause)

    async def _order_refunded(self, envelope: Envelope, cause: Cause) -> None:
        """Goods that came back are on the shelf again."""
        event = envelope.read(OrderRefunded)
        lines = _lines(event.restock)
        await self.restock(order_id=event.order_id, refund_id=event.refund_id, lines=lines, cause=cause)


def _lines(ordered: tuple[OrderedLine, ...]) -> tuple[Line, ...]:
    return tuple(Line(line.product_id, line.quantity) for line in ordered)
