"""What orders hears, and what it does then."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from shop.catalog.contract import (
    ALL_PRODUCTS_TAG,
    ProductCreated,
    ProductPriceChanged,
    ProductUpdated,
    StockRejected,
    StockReserved,
    category_tags,
    tag,
)
from shop.kernel.events import Cause, Envelope
from shop.kernel.money import Money
from shop.orders.application.keep_credit import KeepCredit
from shop.orders.application.note import Note
from shop.orders.application.ports import Catalog, NotForgotten
from shop.orders.application.record_payment import RecordPayment
from shop.orders.application.record_stock import RecordStock
from shop.orders.contract import PaymentCompleted, PaymentFailed
from shop.platform.bus import OnceMore, Reactions
from shop.rewards.contract import RewardIssued, RewardRedeemed, RewardReversed

_INDEX_LAGS = timedelta(seconds=15)  # at most: a list that is read anew at once may not have a newcomer yet


@dataclass(frozen=True, kw_only=True)
class OrdersReactions:
    """The reactions of orders."""

    record_stock: RecordStock
    record_payment: RecordPayment
    keep_credit: KeepCredit
    note: Note
    catalog: Catalog

    def table(self) -> Reactions:
        """`{event type: reaction}`."""
        return {
            StockReserved.TYPE: self._reserved,
            StockRejected.TYPE: self._rejected,
            PaymentCompleted.TYPE: self._paid,
            PaymentFailed.TYPE: self._not_paid,
            RewardIssued.TYPE: self._rewarded,
            RewardReversed.TYPE: self._reversed,
            RewardRedeemed.TYPE: self._redeemed,
            ProductCreated.TYPE: OnceMore(self._listed, after=_INDEX_LAGS),
            ProductUpdated.TYPE: OnceMore(self._changed, after=_INDEX_LAGS),
            ProductPriceChanged.TYPE: self._priced,
        }

    async def _reserved(self, envelope: Envelope, cause: Cause) -> None:
        """The goods are there: confirm the order; complete it, if it is paid."""
        fact = envelope.read(StockReserved)
        await self.record_stock(order_id=fact.order_id, outcome="reserved", cause=cause)

    async def _rejected(self, envelope: Envelope, cause: Cause) -> None:
        """The goods are not there: cancel the order, and forget what the cache said of them."""
        fact = envelope.read(StockRejected)
        short = [shortage.product_id for shortage in fact.short]
        with suppress(NotForgotten):  # it is made up for when redis is back; the order does not wait for that
            await self.catalog.forget([tag("product", product_id) for product_id in short])
        await self.record_stock(
            order_id=fact.order_id, outcome="rejected", cause=cause, detail=", ".join(short[:10]) or None
        )

    async def _paid(self, envelope: Envelope, cause: Cause) -> None:
        """Money has come: complete the order, if its goods are reserved."""
        fact = envelope.read(PaymentCompleted)
        amount = Money.parse(fact.amount, fact.currency)
        await self.record_payment(
            order_id=fact.order_id, payment_id=fact.payment_id, amount=amount, taken_at=envelope.time, cause=cause
        )

    async def _not_paid(self, envelope: Envelope, cause: Cause) -> None:
        """Note it on the order's timeline."""
        fact = envelope.read(PaymentFailed)
        await self.note(order_id=fact.order_id, what=fact.TYPE, detail=fact.payment_id, cause=cause)

    async def _rewarded(self, envelope: Envelope, cause: Cause) -> None:
        """Note the points on the order's timeline."""
        fact = envelope.read(RewardIssued)
        await self.note(order_id=fact.order_id, what=fact.TYPE, detail=f"{fact.points} points", cause=cause)

    async def _reversed(self, envelope: Envelope, cause: Cause) -> None:
        """Note on the order's timeline that points were taken back."""
        fact = envelope.read(RewardReversed)
        await self.note(order_id=fact.order_id, what=fact.TYPE, detail=f"{fact.points} points", cause=cause)

    async def _redeemed(self, envelope: Envelope, cause: Cause) -> None:
        """Points have become money: add it to the customer's credit."""
        fact = envelope.read(RewardRedeemed)
        amount = Money.parse(fact.credit, fact.currency)
        await self.keep_credit(
            redemption_id=fact.redemption_id, customer_id=fact.customer_id, amount=amount, cause=cause
        )

    async def _listed(self, envelope: Envelope, cause: Cause) -> None:  # noqa: ARG002 - writes nothing
        """Forget cached lists that it belongs on."""
        fact = envelope.read(ProductCreated)
        await self.catalog.forget(_where_it_appears(fact.product_id, fact.sku, fact.group_id, fact.category))

    async def _changed(self, envelope: Envelope, cause: Cause) -> None:  # noqa: ARG002 - writes nothing
        """Forget what the cache holds of it, and the lists that it may come onto or leave."""
        fact = envelope.read(ProductUpdated)
        if fact.changed == ("inStock",):  # it stays where it is
            await self.catalog.forget([tag("product", fact.product_id)])
        else:
            places = (fact.old_category, fact.new_category)
            await self.catalog.forget(_where_it_appears(fact.product_id, fact.sku, fact.group_id, *places))

    async def _priced(self, envelope: Envelope, cause: Cause) -> None:  # noqa: ARG002 - writes nothing
        """Forget the cached price: the next order is made at the new one."""
        await self.catalog.forget([tag("product", envelope.read(ProductPriceChanged).product_id)])


def _where_it_appears(product_id: str, sku: str, group_id: str | None, *categories: str) -> list[str]:
    """Tags of the product, and of every list it may come onto or leave."""
    tags = [tag("product", product_id), tag("sku", sku), ALL_PRODUCTS_TAG]
    tags += [tag("group", group_id)] if group_id else []
    return list(dict.fromkeys([*tags, *(one for category in categories for one in category_tags(category))]))
