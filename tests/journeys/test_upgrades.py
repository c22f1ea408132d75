"""Stores that older shops wrote are upgraded before they are used, or left as they are."""

from __future__ import annotations

import gzip
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shop.entrypoints.monolith import opened
from shop.entrypoints.upgrade import every_document, upgrade_store
from shop.kernel.clock import system_clock
from shop.platform.server_lock import AnotherServer, only_server
from shop.platform.storage import sqlite_reindex
from shop.platform.storage.documents import Unreadable
from shop.platform.storage.sqlite_schema import NewerStore
from shop.platform.storage.sqlite_upgrade import StoreInUse

OLD = Path(__file__).with_name("stores") / "schema-1.db.gz"
WRITTEN = datetime(2026, 11, 23, 4, tzinfo=UTC)
ORDERS = {
    "completed": ("ada", "ord_01a2068f8a5b58eee3d744e8f8c1"),
    "twice": ("ada", "ord_01a2068f8a774a584ab3ab84a3d9"),
    "confirmed": ("bob", "ord_01a2068f8a937dd39a7a69a6b685"),
    "rejected": ("bob", "ord_01a2068f8aa5ad7dc896211aaf79"),
    "cancelled": ("cyd", "ord_01a2068f8ac07c15c5f43e2d23bc"),
    "pending": ("dee", "ord_01a2068f8b15dc3265523067b784"),
}
_KILLED = """
import os, signal, sys
from shop.entrypoints.upgrade import upgrade_store
from shop.platform.settings import read_settings

def die(phase, done, of):
    if phase.endswith(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)

upgrade_store(read_settings(os.environ), progress=die)
"""


@pytest.fixture
def settings(settings):
    """With the store of an older shop in it."""
    settings.store.write_bytes(gzip.decompress(OLD.read_bytes()))
    return settings


@pytest.fixture
def shop_clock(shop_clock):
    """A moment after the old store was left."""
    shop_clock.by = WRITTEN + timedelta(minutes=1) - system_clock()
    return shop_clock


def dump(path):
    """All that is in the store, as SQL."""
    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in sorted(tables)}


def misplaced(path):
    with closing(sqlite3.connect(path)) as connection:
        found = [one for documents in every_document() for one in sqlite_reindex.misplaced(connection, documents)]
    assert len(found) > 40
    return list(filter(None, found))


async def test_an_old_store_is_upgraded_and_goes_on(settings, visiting):
    async with visiting(settings, serving=True) as story:
        await story.until_quiet()
        orders = {
            name: await story.read({"orderId": order_id}, customer) for name, (customer, order_id) in ORDERS.items()
        }
        again = await story.http.post(
            "/products/tea/stock",
            headers=story.bearer("clerk", "staff") | {"Idempotency-Key": "stock-tea"},
            json={"onHand": 100, "reason": "first delivery"},
        )
        pasted = await story.order(
            "ada", ("tea", 2), ("pot", 1), key="k1",
            reference="PO 7", shippingAddress={"city": "Turku"}, metadata={"a": "b"},
        )  # fmt: skip
        found = (await story.http.get("/search?q=lapsang")).json()["data"]
        points = await story.points("ada")

    assert {name: order["status"] for name, order in orders.items()} == {
        "completed": "completed",
        "twice": "completed",
        "confirmed": "confirmed",
        "rejected": "cancelled",
        "cancelled": "cancelled",
        "pending": "confirmed",  # delivered now; its payment is a dead letter
    }
    assert orders["twice"]["owedBack"] == "10.49"
    assert orders["rejected"]["owedBack"] == "3505.50"
    assert (again.status_code, again.headers["Idempotent-Replayed"], again.json()["onHand"]) == (200, "true", 100)
    assert pasted.json()["orderId"] == orders["completed"]["orderId"]
    assert [product["productId"] for product in found] == ["tea"]
    assert points == 65
    assert misplaced(settings.store) == []


async def test_what_the_refused_payment_of_an_old_store_was_does_not_stand_in_the_way(settings, visiting):
    async with visiting(settings, serving=True) as story:
        customer, order_id = ORDERS["confirmed"]
        order = await story.read({"orderId": order_id}, customer)
        paid = await story.pay(order, "pay-5")
        await story.until_quiet()
        after = await story.read(order, customer)

    assert paid.status_code == 200
    assert after["status"] == "completed"


@pytest.mark.parametrize("context", ["catalog", "orders", "rewards"])
def test_an_upgrade_that_is_killed_leaves_the_old_store_and_the_next_one_ends_it(settings, context):
    before = dump(settings.store)

    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, context], env={"SHOP_DATA": str(settings.data)}, check=False, timeout=30
    )

    assert killed.returncode == -signal.SIGKILL
    shutil.copytree(settings.data, settings.data.with_name("copy"))
    assert dump(settings.data.with_name("copy") / "shop.db") == before
    upgrade_store(settings)
    assert misplaced(settings.store) == []


def test_an_upgrade_is_done_once(settings):
    told = []
    upgrade_store(settings, progress=lambda *now: told.append(now))
    after = dump(settings.store)

    upgrade_store(settings, progress=lambda *_: pytest.fail("it was upgraded twice"))

    assert [done for _, done, of in told] == [of for _, _, of in told]
    assert {phase for phase, _, _ in told} == {"upgrading catalog", "upgrading orders", "upgrading rewards"}
    assert dump(settings.store) == after


def test_a_document_that_cannot_be_upgraded_is_named_and_nothing_is_changed(settings):
    with closing(sqlite3.connect(settings.store)) as connection, connection:
        connection.execute("UPDATE orders_documents SET body = '{}' WHERE key = ?", (f"order/{ORDERS['twice'][1]}",))
    before = dump(settings.store)

    with pytest.raises(Unreadable, match=ORDERS["twice"][1]):
        upgrade_store(settings)

    assert dump(settings.store) == before


def test_a_newer_store_is_refused_and_left_alone(settings):
    upgrade_store(settings)
    with closing(sqlite3.connect(settings.store)) as connection, connection:
        connection.execute("UPDATE schemas SET version = 99 WHERE context = 'orders'")
    before = dump(settings.store)

    with pytest.raises(NewerStore, match="orders 99, not 2") as refused:
        upgrade_store(settings)

    assert "\n" not in refused.value.detail
    assert dump(settings.store) == before


def test_nobody_upgrades_beside_a_server_or_an_open_store(settings):
    before = dump(settings.store)

    with only_server(settings.data), pytest.raises(AnotherServer):
        upgrade_store(settings)
    with closing(sqlite3.connect(settings.store)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("SELECT count(*) FROM events").fetchone()
        with pytest.raises(StoreInUse, match="end it"):
            upgrade_store(settings)

    assert dump(settings.store) == before


async def test_a_new_index_holds_for_old_documents(settings):
    upgrade_store(settings)
    with closing(sqlite3.connect(settings.store)) as connection, connection:
        connection.execute("UPDATE schemas SET found_by = '[[],[]]'")
        connection.execute("UPDATE catalog_documents SET sku_g = NULL, sku_p = NULL")
        connection.execute("DELETE FROM catalog_words")

    async with opened(settings) as shop:
        records = shop.catalog.records()
        by_sku = await records.find("sku", "SKU-tea", limit=10)
        by_word = await records.search(["smoky"])

    assert [one.key for one in by_sku.found] == [one.key for one in by_word.found] == ["product/tea"]
