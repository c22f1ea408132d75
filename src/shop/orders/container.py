"""How orders is put together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dependency_injector import containers, providers

from shop.kernel.clock import Clock
from shop.kernel.events import Publisher
from shop.kernel.ids import Ids
from shop.orders.application.audit import Audit
from shop.orders.application.cancel_order import CancelOrder
from shop.orders.application.create_order import CreateOrder
from shop.orders.application.expire_orders import ExpireOrders
from shop.orders.application.keep_credit import KeepCredit
from shop.orders.application.note import Note
from shop.orders.application.nudge_orders import NudgeOrders
from shop.orders.application.queries import ReadOrders
from shop.orders.application.record_payment import RecordPayment
from shop.orders.application.record_stock import RecordStock
from shop.orders.application.refund_order import RefundOrder
from shop.orders.application.take_payment import TakePayment
from shop.orders.infrastructure.archive import OrdersArchive
from shop.orders.infrastructure.catalog import CatalogClient
from shop.orders.infrastructure.documents import DOCUMENTS
from shop.orders.infrastructure.store import LAYOUT, OrdersStore
from shop.orders.presentation import figures
from shop.orders.presentation.events import OrdersReactions
from shop.orders.presentation.scheduled import OrdersJobs
from shop.platform.settings import Settings
from shop.platform.storage.port import Engine

if TYPE_CHECKING:
    from shop.orders.presentation.api import OrdersApi
    from shop.platform.http.client import Client


def _api(**parts: Any) -> OrdersApi:
    from shop.orders.presentation.api import OrdersApi  # noqa: PLC0415 - with it Litestar, for those who answer requests

    return OrdersApi(**parts)


class OrdersContainer(containers.DeclarativeContainer):
    """The `Dependency` lines are the bill to the platform."""

    engine: providers.Dependency[Engine] = providers.Dependency()
    catalog_client: providers.Dependency[Client] = providers.Dependency()
    clock: providers.Dependency[Clock] = providers.Dependency()
    ids: providers.Dependency[Ids] = providers.Dependency()
    settings: providers.Dependency[Settings] = providers.Dependency()
    admit: providers.Dependency[Callable[[], None]] = providers.Dependency()

    documents = providers.Object(DOCUMENTS)
    counting = providers.Object(figures.COUNTING)
    metrics = providers.Object(figures.METRICS)
    records = engine.provided.records.call(LAYOUT)
    publish = providers.Singleton(Publisher, source="/shop/orders", ids=ids)
    orders = providers.Singleton(OrdersStore, records=records, publish=publish, clock=clock)
    catalog = providers.Singleton(CatalogClient, client=catalog_client)

    create_order = providers.Singleton(
        CreateOrder, orders=orders, catalog=catalog, clock=clock, ids=ids, expiry=settings.provided.order_expiry
    )
    take_payment = providers.Singleton(TakePayment, orders=orders, clock=clock)
    record_stock = providers.Singleton(RecordStock, orders=orders, clock=clock)
    record_payment = providers.Singleton(RecordPayment, orders=orders, clock=clock)
    cancel_order = providers.Singleton(CancelOrder, orders=orders, clock=clock)
    expire_orders = providers.Singleton(ExpireOrders, orders=orders, clock=clock)
    refund_order = providers.Singleton(RefundOrder, orders=orders, clock=clock, ids=ids)
    nudge_orders = providers.Singleton(NudgeOrders, orders=orders, clock=clock)
    keep_credit = providers.Singleton(KeepCredit, orders=orders, clock=clock)
    note = providers.Singleton(Note, orders=orders, clock=clock)
    read_orders = providers.Singleton(ReadOrders, orders=orders)

    archive = providers.Singleton(OrdersArchive, records=records, store=orders)
    audit = providers.Singleton(Audit, archive=archive, orders=orders, clock=clock)

    api = providers.Singleton(
        _api,
        create_order=create_order,
        cancel_order=cancel_order,
        refund_order=refund_order,
        read_orders=read_orders,
        take_payment=take_payment,
        payment_secrets=settings.provided.payment_secrets,
        clock=clock,
        admit=admit,
    )
    reactions = providers.Singleton(
        OrdersReactions,
        record_stock=record_stock,
        record_payment=record_payment,
        keep_credit=keep_credit,
        note=note,
        catalog=catalog,
    )
    jobs = providers.Singleton(OrdersJobs, expire_orders=expire_orders, nudge_orders=nudge_orders)
