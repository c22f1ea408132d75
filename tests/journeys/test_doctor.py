"""The doctor is silent about a shop that is well, also while it serves, and names each thing that is not."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest
from click.testing import CliRunner

from shop.entrypoints.cli import cli
from shop.entrypoints.doctor import examine, put_anew
from shop.entrypoints.monolith import opened
from shop.kernel.clock import micros


@pytest.fixture(scope="module")
def made():
    """Stores that were made once, for all tests here."""
    return {}


@pytest.fixture
async def store(settings, visiting, made):
    """Of a shop in which everything has happened once, and which is closed."""
    if not made:
        async with visiting(settings, serving=True) as story:
            await live_through(story)
        made["store"] = settings.store.read_bytes()
    settings.store.write_bytes(made["store"])
    return settings.store


async def live_through(story):
    await story.sell("mug", price="19.90", on_hand=20)
    await story.sell("pot", price="4.10", on_hand=1)
    paid = (await story.order("ann", ("mug", 2), key="paid")).json()
    await story.pay(paid)
    await story.until_quiet()
    goods, staff = {"productId": "mug", "quantity": 1, "restock": True}, story.bearer("clerk", "staff")
    path = f"/orders/{paid['orderId']}/refunds"
    await story.http.post(path, headers=staff | {"Idempotency-Key": "r"}, json={"lines": [goods]})
    await story.until_quiet()
    ann = story.bearer("ann") | {"Idempotency-Key": "p"}
    await story.http.post("/rewards/ann/redemptions", headers=ann, json={"points": 15})
    await story.until_quiet()
    await story.order("ann", ("mug", 1), key="open", useCredit=True)
    await story.order("ben", ("pot", 5), key="too many")
    cancelled = (await story.order("ben", ("mug", 1), key="cancelled")).json()
    await story.http.post(f"/orders/{cancelled['orderId']}/cancel", headers=story.bearer("ben"))
    await story.until_quiet()


async def found(settings, clock):
    """Sentences of differences, and of warnings."""
    async with opened(settings, clock=clock) as shop:
        checks = [check async for check in examine(shop)]
    return [one for check in checks for one in check.differences], [one for check in checks for one in check.warnings]


def damage(store, sql):
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        assert connection.execute(sql).rowcount > 0


@pytest.mark.usefixtures("store")
async def test_a_shop_that_is_well(settings, shop_clock):
    async with opened(settings, clock=shop_clock) as shop:
        checks = [check async for check in examine(shop)]

    assert [one for check in checks for one in (*check.differences, *check.warnings)] == []
    assert {check.what: check.count > 0 for check in checks} == {
        "pages of the file, by SQLite's own check": True,
        "events that can be read, and are what they are kept as": True,
        "deliveries that have their event, and are there once": False,  # all are made
        "catalog: documents that can be read, and are found where they should be": True,
        "orders: documents that can be read, and are found where they should be": True,
        "rewards: documents that can be read, and are found where they should be": True,
        "catalog: products whose stock is what movements, reservations and sales made of it": True,
        "orders: orders, payments and credits that add up": True,
        "rewards: accounts and entries that agree": True,
        "orders whose stock and points are as they stand": True,
    }


_REFUNDED = "key LIKE 'order/%' AND CAST(body AS TEXT) LIKE '%ref_%'"
_RESERVED = "UPDATE catalog_documents SET body = replace(body, {}, {}) WHERE key LIKE 'reservation/%'"


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE sqlite_master SET sql = replace(sql, ' WHERE expires IS NOT NULL', '') WHERE name LIKE 'o%iring'",
         "the file: row 1 missing from index orders_documents_expiring"),
        ("UPDATE events SET body = '{' WHERE seq = 3", "event 3 (evt_"),
        ("UPDATE events SET type = 'order.lost' WHERE seq = 3", "event 3 is kept as order.lost evt_"),
        ("INSERT INTO deliveries (event, consumer, due, attempts) VALUES (999, 'catalog', 9e15, 0)",
         "to catalog is of event 999, which is not there"),
        ("INSERT INTO deliveries (event, consumer, due, attempts) SELECT 1, 'orders', 9e15, 0 FROM events LIMIT 2",
         "event 1 is to be delivered to orders 2 times"),
        ("UPDATE orders_documents SET status_g = 'lost' WHERE key LIKE 'order/%'", "is in the wrong place: status_g"),
        ("UPDATE orders_documents SET due_g = NULL, due_p = NULL WHERE due_g IS NOT NULL", "wrong place: due_g, due_p"),
        ("UPDATE catalog_words SET name = 'bowl' WHERE name = 'mug'", "product/mug is searched by the wrong words"),
        ("UPDATE orders_documents SET key = 'thing/1' WHERE key LIKE 'payment/%'",
         "thing/1: orders keeps no such documents"),
        ("UPDATE catalog_documents SET body = '{}' WHERE key = 'product/mug'", "product/mug cannot be read: "),
        ("UPDATE catalog_documents SET packed = 1 WHERE key = 'product/mug'", "product/mug cannot be read: "),
        ("DELETE FROM catalog_documents WHERE key LIKE 'reservation/%'", "stock of mug: "),
        ("DELETE FROM catalog_documents WHERE key LIKE 'movement/%'", "but staff's movements add up to 0"),
        ("UPDATE catalog_counters SET n = n - 1 WHERE key = 'stock/mug' AND name = 'available'",
         "stock of mug: 19 on hand, 17 available, but reservations hold 1"),
        ("UPDATE catalog_counters SET n = n + 1 WHERE key = 'stock/mug' AND name = 'sold'",
         "but orders took 2 out and refunds put 1 back"),
        ("UPDATE orders_counters SET n = n + 7 WHERE key = 'credit/ann' AND name = 'EUR'", "credit of ann: 0.07 EUR"),
        ("DELETE FROM orders_documents WHERE key LIKE 'credited/%'", "credit of ann: "),
        (f"DELETE FROM orders_documents WHERE {_REFUNDED}", "which is not there"),
        (f"UPDATE orders_documents SET body = replace(body, '3980', '3981') WHERE {_REFUNDED}", "minor units"),
        ("UPDATE rewards_documents SET body = replace(body, '\"balance\":', '\"balance\":1') WHERE key = 'account/ann'",
         "account ann: the balance is 1"),
        ("DELETE FROM rewards_documents WHERE key LIKE 'entry/ann/%earn'", "account ann: "),
        ("DELETE FROM catalog_documents WHERE key LIKE 'reservation/%'", "completed, its reservation is not there"),
        (_RESERVED.format("'shipped'", "'reserved'"), "is completed, its reservation is reserved, and nothing is on"),
        (_RESERVED.format("'reserved'", "'rejected'"), "is confirmed, its reservation is rejected, and nothing is on"),
        (_RESERVED.format("'released'", "'reserved'"), "is cancelled, its reservation is reserved, and nothing is on"),
        ("UPDATE orders_documents SET body = replace(body, '\"reserved\"', 'null') WHERE key LIKE 'or%'", "is pending"),
        ("DELETE FROM catalog_documents WHERE key LIKE 'restock/%'", "are not in stock, and nothing is on its way"),
        ("DELETE FROM rewards_documents WHERE key LIKE 'entry/ann/%earn'", "completed and has earned no points, and"),
        ("DELETE FROM rewards_documents WHERE key LIKE 'entry/ann/%reverse'", "took no points back, and nothing is"),
        ("DELETE FROM rewards_documents WHERE key LIKE 'account/ann'", "account ann: there is none"),
    ],
)  # fmt: skip
async def test_damage_is_named(settings, shop_clock, store, sql, said):
    damage(store, sql)

    differences, _ = await found(settings, shop_clock)

    assert any(said in one for one in differences), differences


async def test_what_waits_too_long_is_a_warning_and_no_difference(settings, shop_clock, store):
    now = micros(shop_clock())
    rows = [
        (1, "catalog", now, 25, None, None, now, "OSError: no more"),
        (2, "orders", now, 0, None, None, None, None),
        (3, "rewards", now, 0, "server-1", now, None, None),
    ]
    with closing(sqlite3.connect(store)) as connection, connection:
        columns = "event, consumer, due, attempts, owner, until, dead, error"
        connection.executemany(f"INSERT INTO deliveries ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    shop_clock.by += timedelta(minutes=6)

    differences, warnings = await found(settings, shop_clock)

    assert differences == []
    assert [warning.partition(":")[0] for warning in warnings] == ["dead letters", "overdue", "overdue", "left undone"]
    assert "to catalog, such as: OSError: no more" in warnings[0]
    assert "1 claimed by server-1" in warnings[3]


async def test_documents_are_put_anew_where_they_should_be_and_what_is_wrong_otherwise_stays(
    settings, shop_clock, store
):
    damage(store, "UPDATE orders_documents SET status_g = NULL, status_p = NULL")
    damage(store, "UPDATE catalog_words SET name = 'bowl'")
    damage(store, "UPDATE catalog_documents SET worded = 0 WHERE worded")
    damage(store, "UPDATE catalog_documents SET body = '{}' WHERE key LIKE 'price/pot/%'")
    async with opened(settings, clock=shop_clock) as shop:
        put = await put_anew(shop)
        by_word = await shop.catalog.records().search(["mug"])

    differences, _ = await found(settings, shop_clock)

    assert put > 20
    assert [one.key for one in by_word.found] == ["product/mug"]
    assert [one.partition("/")[0] for one in differences] == ["price"]


async def test_what_is_written_while_it_looks_is_not_looked_at(settings, shop_clock, store):
    differences = []
    async with opened(settings, clock=shop_clock) as shop:
        async for check in examine(shop):
            damage(store, "UPDATE catalog_counters SET n = n + 1 WHERE key = 'stock/mug' AND name = 'sold'")
            differences += check.differences

    assert differences == []
    assert (await found(settings, shop_clock))[0] != []


async def test_a_shop_that_serves_is_well_at_every_moment(story, settings, shop_clock):
    for product in range(3):
        await story.sell(f"p{product}", on_hand=100_000)
    stop, numbers = asyncio.Event(), iter(range(10**6))

    async def customer():
        while not stop.is_set():
            number = next(numbers)
            order = (await story.order(f"c{number % 3}", (f"p{number % 3}", 1), key=f"k{number}")).json()
            await story.pay(order, f"pay-{number}")

    customers = [asyncio.create_task(customer()) for _ in range(8)]
    differences = []
    for _ in range(5):
        differences += (await found(settings, shop_clock))[0]
    stop.set()
    await asyncio.gather(*customers)
    await story.until_quiet()

    assert next(numbers) > 20
    assert [*differences, *(await found(settings, shop_clock))[0]] == []


def test_the_command_shows_what_it_checked_and_ends_with_1_where_anything_differs(store, settings, monkeypatch):
    monkeypatch.setenv("SHOP_DATA", str(settings.data))
    well = CliRunner().invoke(cli, ["doctor"])
    damage(store, "UPDATE orders_documents SET status_g = 'lost' WHERE key LIKE 'order/%'")
    ill = CliRunner().invoke(cli, ["doctor"])
    told = CliRunner().invoke(cli, ["doctor", "--json"])
    healed = CliRunner().invoke(cli, ["doctor", "--reindex", "--json"])

    assert (well.exit_code, well.stderr) == (0, "")
    assert "orders: orders, payments and credits that add up" in well.stdout
    assert ill.exit_code == told.exit_code == 1
    assert ill.stderr.count("is in the wrong place: status_g") == 4
    assert ill.stderr.splitlines()[-1].startswith("shop: 4 differences in the store; ")
    assert (json.loads(told.stdout)["sound"], json.loads(healed.stdout)["sound"]) == (False, True)
    assert healed.exit_code == 0


def test_without_a_store_nothing_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOP_DATA", str(tmp_path / "nowhere"))

    result = CliRunner().invoke(cli, ["doctor"])

    assert result.exit_code == 1
    assert result.stderr == f"shop: there is no store in {tmp_path / 'nowhere'}: name its folder with SHOP_DATA\n"
    assert not (tmp_path / "nowhere" / "shop.db").exists()
