"""How catalog is put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dependency_injector import containers, providers

from shop.catalog.application.archive_product import ArchiveProduct
from shop.catalog.application.audit import Audit
from shop.catalog.application.audit_order import AuditOrder
from shop.catalog.application.change_product import ChangeProduct
from shop.catalog.application.create_product import CreateProduct
from shop.catalog.application.drive_reservation import DriveReservation
from shop.catalog.application.finish_reservations import FinishReservations
from shop.catalog.application.histories import ReadHistories
from shop.catalog.application.import_product import ImportProduct
from shop.catalog.application.move_stock import MoveStock
from shop.catalog.application.queries import ProductQueries
from shop.catalog.application.release_stock import ReleaseStock
from shop.catalog.application.reserve_stock import ReserveStock
from shop.catalog.application.restock_goods import RestockGoods
from shop.catalog.application.sell_stock import SellStock
from shop.catalog.application.set_price import SetPrice
from shop.catalog.infrastructure.documents import DOCUMENTS
from shop.catalog.infrastructure.histories import HistoryStore
from shop.catalog.infrastructure.reservations import ReservationStore
from shop.catalog.infrastructure.store import LAYOUT, ProductStore
from shop.catalog.presentation import figures
from shop.catalog.presentation.events import CatalogReactions
from shop.catalog.presentation.scheduled import CatalogJobs
from shop.kernel.clock import Clock
from shop.kernel.events import Publisher
from shop.kernel.ids import Ids
from shop.platform.storage.port import Engine

if TYPE_CHECKING:
    from shop.catalog.presentation.api import CatalogApi


def _api(**parts: Any) -> CatalogApi:
    from shop.catalog.presentation.api import CatalogApi  # noqa: PLC0415 - with it Litestar, for those who answer requests

    return CatalogApi(**parts)


class CatalogContainer(containers.DeclarativeContainer):
    """The `Dependency` lines are the bill to the platform."""

    engine: providers.Dependency[Engine] = providers.Dependency()
    clock: providers.Dependency[Clock] = providers.Dependency()
    ids: providers.Dependency[Ids] = providers.Dependency()

    documents = providers.Object(DOCUMENTS)
    counting = providers.Object(figures.COUNTING)
    metrics = providers.Object(figures.METRICS)
    records = engine.provided.records.call(LAYOUT)
    publisher = providers.Singleton(Publisher, source="/shop/catalog", ids=ids)
    products = providers.Singleton(ProductStore, records=records, publisher=publisher, clock=clock)
    reservations = providers.Singleton(ReservationStore, records=records, publisher=publisher, clock=clock)

    histories = providers.Singleton(HistoryStore, records=records)

    queries = providers.Singleton(ProductQueries, products=products)
    read_histories = providers.Singleton(ReadHistories, products=products, histories=histories)
    create_product = providers.Singleton(CreateProduct, products=products, clock=clock, ids=ids)
    change_product = providers.Singleton(ChangeProduct, products=products, clock=clock)
    set_price = providers.Singleton(SetPrice, products=products, clock=clock, ids=ids)
    archive_product = providers.Singleton(ArchiveProduct, change=change_product)
    move_stock = providers.Singleton(MoveStock, products=products, clock=clock, ids=ids)
    import_product = providers.Singleton(ImportProduct, products=products, clock=clock, ids=ids)

    drive = providers.Singleton(DriveReservation, reservations=reservations, products=products)
    reserve_stock = providers.Singleton(ReserveStock, drive=drive)
    release_stock = providers.Singleton(ReleaseStock, drive=drive)
    sell_stock = providers.Singleton(SellStock, drive=drive)
    restock_goods = providers.Singleton(RestockGoods, drive=drive)
    finish_reservations = providers.Singleton(FinishReservations, reservations=reservations, drive=drive, clock=clock)

    audit = providers.Singleton(Audit, products=products, histories=histories, reservations=reservations, clock=clock)
    audit_order = providers.Singleton(AuditOrder, reservations=reservations)

    api = providers.Singleton(
        _api,
        queries=queries,
        read_histories=read_histories,
        create_product=create_product,
        change_product=change_product,
        set_price=set_price,
        archive_product=archive_product,
        move_stock=move_stock,
    )
    reactions = providers.Singleton(
        CatalogReactions, reserve=reserve_stock, release=release_stock, sell=sell_stock, restock=restock_goods
    )
    jobs = providers.Singleton(CatalogJobs, finish_reservations=finish_reservations)
