"""A real server, killed with SIGKILL while customers order and pay; `make torture` does it at length."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from collections import Counter, defaultdict
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from torture.acts import Books, Placed
from torture.checks import Found, compared
from torture.client import Client, Progress, keys_of
from torture.kills import AT_AN_ANSWER, SHARES, Kill, carry_out, planned
from torture.run import Plan, torture
from torture.server import serving
from torture.store import doctor

ROOT = Path(__file__).parents[2]
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="a parent's end kills its children on Linux")


async def test_nothing_is_lost_or_doubled_when_the_server_is_killed_while_customers_order_and_pay(tmp_path):
    report = await torture(Plan(seed=20_260, kills=6, orders=250), tmp_path / "data")

    assert [fault for check in report.checks for fault in check.faults] == []
    assert report.kills == Counter(SHARES.keys())
    assert report.acts.total() == 250


@pytest.mark.parametrize("kills", [[], [Kill(AT_AN_ANSWER, 0, 1500)]], ids=["", "a kill in the middle"])
async def test_200_keys_with_20_copies_at_once_are_200_orders_with_one_body_each(tmp_path, kills):
    with serving(tmp_path / "data") as server:
        keys, progress = keys_of(server), Progress()
        await server.start()
        client = Client(server, keys, progress)
        product = {"productId": "mug", "sku": "mug", "name": "Mug", "category": "Home", "basePrice": "9.99"}
        await client.ask("POST", "/products", who=("staff", "clerk"), body=product | {"currency": "EUR"})
        numbers, bodies = iter(range(200)), {}

        async def customer() -> None:
            client = Client(server, keys, progress, most_copies=20)
            for number in numbers:
                told = {"items": [{"productId": "mug", "quantity": 1}], "reference": f"key-{number}"}
                who = ("customer", f"c{number % 2}")
                answer = await client.ask("POST", "/orders", who=who, body=told, key=f"key-{number}", copies=20)
                bodies[json.loads(answer.body)["orderId"]] = answer.body
            client.close()

        await asyncio.gather(carry_out(kills, server, progress), *(customer() for _ in range(10)))

        headers = {"Authorization": f"Bearer {keys.token('staff', 'clerk')}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", headers=headers) as http:
            asked = [f"/orders?customerId=c{number}&limit=100" for number in (0, 1)]
            orders = [order for path in asked for order in (await http.get(path)).json()["data"]]
        client.close()
    assert len(bodies) == 200
    assert {order["orderId"] for order in orders} == bodies.keys()
    assert sorted(order["reference"] for order in orders) == sorted(f"key-{number}" for number in range(200))
    assert progress.answers >= 200 * 20
    assert server.kills == len(kills) + 1  # and the last one, of `serving`


@ON_LINUX
def test_a_server_does_not_outlive_who_started_it(tmp_path):
    script = (
        "import asyncio, pathlib, sys, time\n"
        "from torture.server import serving\n"
        "with serving(pathlib.Path(sys.argv[1])) as server:\n"
        "    asyncio.run(server.start())\n"
        "    print(server.port, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "data")], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        url = f"http://127.0.0.1:{parent.stdout.readline().strip()}/health/live"
        assert httpx.get(url).status_code == 200
        parent.kill()

    until = time.monotonic() + 30
    while answers(url):
        assert time.monotonic() < until, "the server is still there"
        time.sleep(0.01)


def answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


def test_the_same_seed_is_the_same_plan_and_another_one_another():
    one, again, other = (planned(seed=seed, kills=50, orders=1000) for seed in (1, 1, 2))

    assert one == again != other
    assert {kill.when for kill in one} == SHARES.keys()
    assert sorted(one, key=lambda kill: kill.orders) == one


# The checks find what they are there for.

ORDER = {
    "orderId": "ord_1", "customerId": "ann", "reference": "k1", "status": "completed", "total": "20.50",
    "toPay": "20.50", "createdAt": "2026-11-23T04:00:00Z", "lines": [{"productId": "mug", "quantity": 2}],
    "refundedTotal": "1.00", "owedBack": "1.00", "refunds": [{"refundId": "ref_1", "toCredit": "0.00"}],
}  # fmt: skip
STOCK = {"onHand": 8, "available": 8, "sold": 2}


def faults(orders=(ORDER,), stock=STOCK, points=14, credit="0.05") -> dict[str, list[str]]:
    placed = Placed("k1", "ann", {}, json.dumps(ORDER).encode(), payments={"one-k1"}, refunds={"ref_1"})
    placed.refunded = placed.to_payment = Decimal("1.00")
    books = Books(Counter(mug=10), Counter(ann=5), defaultdict(Decimal, ann=Decimal("0.05")))
    found = Found(list(orders), {"mug": stock}, {"ann": points}, {"ann": Decimal(credit)})
    return {check.what: list(check.faults) for check in compared(found, [placed], books) if check.faults}


def test_where_all_is_well_no_check_finds_anything():
    assert faults() == {}


@pytest.mark.parametrize(
    ("what", "given"),
    [
        ("no acknowledged order lost, none doubled", {"orders": ()}),
        ("no acknowledged order lost, none doubled", {"orders": (ORDER, ORDER | {"orderId": "ord_2"})}),
        ("no acknowledged order lost, none doubled", {"orders": (ORDER, ORDER | {"orderId": "o", "reference": "?"})}),
        ("no acknowledged order lost, none doubled", {"orders": (ORDER | {"orderId": "ord_2"},)}),
        ("each stands as was acknowledged", {"orders": (ORDER | {"status": "confirmed"},)}),
        ("each stands as was acknowledged", {"orders": (ORDER | {"total": "20.60"},)}),
        ("money owed and paid back as was acknowledged", {"orders": (ORDER | {"owedBack": "0.00"},)}),
        ("money owed and paid back as was acknowledged", {"orders": (ORDER | {"refunds": []},)}),
        ("money owed and paid back as was acknowledged", {"orders": (ORDER | {"refundedTotal": "2.00"},)}),
        ("stock: on hand - available = open orders' lines", {"stock": STOCK | {"available": 7}}),
        ("stock: sold = completed orders' lines - restocked", {"stock": STOCK | {"sold": 3, "onHand": 7}}),
        ("stock: on hand + sold = delivered", {"stock": STOCK | {"onHand": 9, "available": 9}}),
        ("points: whole units, less refunded, less redeemed", {"points": 19}),
        ("credit: redeemed, less what orders used and keep", {"credit": "0.04"}),
    ],
)  # fmt: skip
def test_a_check_finds(what, given):
    assert what in faults(**given)


async def test_the_doctor_is_asked_in_the_end_and_what_it_finds_is_a_fault(settings, visiting):
    async with visiting(settings, serving=True) as story:
        await story.sell("mug", on_hand=10)
        await story.until_quiet()
    well = doctor(settings.data)
    with closing(sqlite3.connect(settings.store)) as connection, connection:
        connection.execute("UPDATE catalog_counters SET n = 9 WHERE name = 'available'")
    ill = doctor(settings.data)
    settings.store.write_bytes(b"no store" * 1000)
    broken = doctor(settings.data)

    assert (len(well), [fault for check in well for fault in check.faults]) == (10, [])
    assert [fault for check in ill for fault in check.faults] == [
        "stock of mug: 10 on hand, 9 available, but reservations hold 0"
    ]
    assert "file is not a database" in broken[0].faults[0]
