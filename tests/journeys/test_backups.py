"""Backups of a shop under load, each restored elsewhere: whole, in order, and with all that was acknowledged before."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import count

from shop.entrypoints.doctor import examine
from shop.entrypoints.monolith import opened
from shop.entrypoints.upgrade import every_document
from shop.kernel.clock import system_clock
from shop.platform.settings import read_settings
from shop.platform.storage.sqlite_backup import back_up, restore
from torture.acts import STAFF
from torture.client import Client, Progress, keys_of
from torture.server import serving

BACKUPS, CLIENTS, PRODUCTS = 20, 8, 5
GROWTH = 60  # orders and payments that are acknowledged between two backups, at least
LAYOUTS = [documents.layout for documents in every_document()]


@dataclass
class Load:
    """Customers who order and pay until they are told to stop; what was answered, as keys of the store's documents."""

    client: Client
    acknowledged: set[str] = field(default_factory=set)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    numbers: count[int] = field(default_factory=count)

    async def furnish(self):
        for number in range(PRODUCTS):
            product = {"productId": f"p{number}", "sku": f"p{number}", "name": "P", "category": "Home"}
            await self.client.ask(
                "POST", "/products", who=STAFF, body=product | {"basePrice": "2.50", "currency": "EUR"}
            )
            stock = {"onHand": 1_000_000, "reason": "first delivery"}
            await self.client.ask("POST", f"/products/p{number}/stock", who=STAFF, body=stock, key=f"first-{number}")

    async def customer(self, client):
        while not self.stop.is_set():
            number = next(self.numbers)
            who, item = (
                ("customer", f"c{number % 7}"),
                {"productId": f"p{number % PRODUCTS}", "quantity": 1 + number % 3},
            )
            placed = await client.ask("POST", "/orders", who=who, body={"items": [item]}, key=f"key-{number}")
            order = json.loads(placed.body)
            self.acknowledged.add(f"order/{order['orderId']}")
            told = {"paymentId": f"pay-{number}", "orderId": order["orderId"], "amount": order["toPay"]}
            await client.tell_of_payment(told | {"currency": "EUR", "status": "completed"})
            self.acknowledged.add(f"payment/pay-{number}/completed")
        client.close()


async def test_20_backups_under_load_are_restored_in_order_and_lack_nothing_that_was_acknowledged_before(tmp_path):
    files = [tmp_path / f"backup-{number}.db" for number in range(BACKUPS)]
    acknowledged, grown = [], 0
    with serving(tmp_path / "data") as server:
        keys = keys_of(server)
        await server.start()
        load = Load(Client(server, keys, Progress()))
        await load.furnish()
        customers = [asyncio.create_task(load.customer(Client(server, keys, Progress()))) for _ in range(CLIENTS)]
        for file in files:
            await until(lambda: len(load.acknowledged) > grown + GROWTH)  # noqa: B023 - asked at once
            acknowledged.append(frozenset(load.acknowledged))
            grown = len(load.acknowledged)
            await asyncio.to_thread(back_up, server.data / "shop.db", file)
        load.stop.set()
        await asyncio.gather(*customers)
        load.client.close()

    for file, before in zip(files, acknowledged, strict=True):
        settings = read_settings({"SHOP_DATA": str(tmp_path / f"from-{file.stem}"), "SHOP_LOG": "error"})
        restore(file, settings.store, LAYOUTS, at=system_clock())
        assert before - kept(settings.store) == set()
        assert await differences(settings) == []

    assert len(acknowledged[-1]) > BACKUPS * GROWTH
    assert len(load.acknowledged) > len(acknowledged[-1])  # it was under load until the last one was there


async def test_what_was_on_its_way_in_a_backup_is_delivered_by_the_server_that_has_it_restored(
    tmp_path, settings, visiting
):
    async with visiting(settings, serving=True) as story:
        await story.sell("mug", on_hand=1000)
        orders = [(await story.order("ann", ("mug", 1), key=f"k{number}")).json() for number in range(50)]
        for number, order in enumerate(orders):
            await story.pay(order, f"pay-{number}")
        back_up(settings.store, tmp_path / "backup.db")
    elsewhere = replace(settings, data=tmp_path / "elsewhere")
    restore(tmp_path / "backup.db", elsewhere.store, LAYOUTS, at=system_clock())
    waiting = deliveries(elsewhere.store)

    async with visiting(elsewhere, serving=True) as story:
        await story.until_quiet()
        statuses = {(await story.read(order, "ann"))["status"] for order in orders}
        points = await story.points("ann")

    assert waiting > 0
    assert deliveries(elsewhere.store) == 0
    assert (statuses, points) == ({"completed"}, 50 * 9)
    assert await differences(elsewhere) == []


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - told by nobody
            await asyncio.sleep(0.002)


async def differences(settings):
    async with opened(settings) as shop:
        return [one async for check in examine(shop) for one in (*check.differences, *check.warnings)]


def kept(store):
    with closing(sqlite3.connect(store)) as connection:
        return {key for (key,) in connection.execute("SELECT key FROM orders_documents")}


def deliveries(store):
    with closing(sqlite3.connect(store)) as connection:
        return connection.execute("SELECT count(*) FROM deliveries WHERE owner IS NULL").fetchone()[0]
