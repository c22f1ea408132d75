"""Every check there is of a store: the platform's of the file, and each context's of what it keeps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

from shop.entrypoints.monolith import Shop
from shop.entrypoints.upgrade import every_document
from shop.kernel.money import Money
from shop.platform.observability import told_of
from shop.platform.storage import sqlite_checks, sqlite_reindex
from shop.platform.storage.documents import Documents, Progress, in_silence
from shop.platform.storage.sqlite_checks import Checked

_Audit = Callable[[], AsyncIterator[str]]

# what each context's audit looks at, and of which kinds of documents
_AUDITED = {
    "catalog": ("products whose stock is what movements, reservations and sales made of it", ("product",)),
    "orders": ("orders, payments and credits that add up", ("order", "payment", "credited")),
    "rewards": ("accounts and entries that agree", ("account", "entry")),
}


async def examine(shop: Shop, *, progress: Progress = in_silence) -> AsyncIterator[Checked]:
    """Check everything as it is at one moment, whatever is written meanwhile; changes nothing."""
    file = shop.store.file
    file.stand_still()
    yield await _tried("pages of the file", file.read_aside(sqlite_checks.check_file))
    yield await _tried("events", file.read_aside(sqlite_checks.check_events))
    deliveries = partial(sqlite_checks.check_deliveries, now=shop.clock())
    yield await _tried("deliveries", file.read_aside(deliveries))
    for documents in every_document():
        places = partial(sqlite_checks.check_places, documents=documents, progress=progress)
        yield await _tried(f"{documents.layout.context}: documents", file.read_aside(places))
    audits: dict[str, _Audit] = {
        "catalog": shop.catalog.audit(),
        "orders": shop.orders.audit(),
        "rewards": shop.rewards.audit(),
    }
    for number, documents in enumerate(every_document()):
        context = documents.layout.context
        progress("auditing", number, len(audits))
        yield await _tried(f"{context}: audit", _audited(shop, documents, audits[context]))
    yield await _tried("orders: what became of them", _compared(shop))


async def put_anew(shop: Shop, *, progress: Progress = in_silence) -> int:
    """Every document that can be read, so that it is found by all that its context finds it by today; how many."""
    return sum([await _put_anew(shop, documents, progress) for documents in every_document()])


async def _tried(what: str, check: Awaitable[Checked]) -> Checked:
    try:
        return await check
    except Exception as error:  # noqa: BLE001 - whatever damaged data makes of one check, the others go on
        return Checked(what=what, count=0, differences=[f"{what} cannot be checked: {told_of(error)}"])


async def _audited(shop: Shop, documents: Documents, audit: _Audit) -> Checked:
    layout = documents.layout
    what, kinds = _AUDITED[layout.context]
    count = sum(shop.store.file.read(partial(sqlite_checks.count_of, layout=layout, kind=kind)) for kind in kinds)
    differences = [sentence async for sentence in audit()]
    return Checked(what=f"{layout.context}: {what}", count=count, differences=differences)


async def _compared(shop: Shop) -> Checked:
    """Orders with what the other contexts made of them, but for those for which something is on its way."""
    differences, count = list[str](), 0
    on_their_way = await shop.store.file.read_aside(sqlite_checks.on_their_way)
    of_catalog, of_rewards = shop.catalog.audit_order(), shop.rewards.audit_order()
    async for order in shop.orders.archive().orders():
        if order.order_id in on_their_way:
            continue
        count += 1
        restocked = [one.refund_id for one in order.refunds if any(line.restock for line in one.lines)]
        of_stock = of_catalog(order_id=order.order_id, status=order.status, restocked=restocked)
        differences += [sentence async for sentence in of_stock]
        if order.status == "completed":
            refunds = [(one.refund_id, Money(one.amount, order.currency)) for one in order.refunds]
            of_points = of_rewards(
                customer_id=order.customer_id, order_id=order.order_id, total=order.total, refunds=refunds
            )
            differences += [sentence async for sentence in of_points]
    return Checked(what="orders whose stock and points are as they stand", count=count, differences=differences)


async def _put_anew(shop: Shop, documents: Documents, progress: Progress) -> int:
    """Some in a commit, so that a server beside it hardly waits."""
    layout, file, done = documents.layout, shop.store.file, 0
    whole = file.read(partial(sqlite_reindex.count, layout=layout))
    after: int | None = 0
    while after is not None:
        page = partial(sqlite_reindex.put_page_anew, layout=layout, after=after, put_of=documents.put_of)
        some, after = await file.write(partial(page, leave_unreadable=True))
        done += some
        progress(f"putting the documents of {layout.context} anew", done, whole)
    return done
