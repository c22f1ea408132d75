"""Rewards over HTTP: a balance, what made it, and who may see it."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from shop.kernel.ids import ids
from shop.kernel.money import Money
from shop.platform.tokens import Tokens
from shop.platform.web import build_app


@pytest.fixture
async def http(wired, clock, documented):
    app = build_app(wired.api().routes(), tokens=Tokens("k" * 32, clock=clock), ids=ids(clock))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(documented(app)), base_url="http://shop") as client:
        yield client


@pytest.fixture
def bearer(clock):
    def header(subject, role="customer"):
        token = Tokens("k" * 32, clock=clock).sign(subject=subject, role=role, lifetime=timedelta(days=1))
        return {"Authorization": f"Bearer {token}"}

    return header


@pytest.fixture
async def five(wired, because, clock):
    """Five orders that earned, a second apart."""
    for n in range(5):
        clock.forward(timedelta(seconds=1))
        await wired.earn_points()(
            customer_id="c1", order_id=f"ord_{n}", total=Money(1000 + n * 100, "EUR"), cause=because(f"evt_{n}")
        )


@pytest.mark.usefixtures("five")
async def test_a_customer_sees_the_balance(http, bearer):
    answer = await http.get("/rewards/c1", headers=bearer("c1"))

    assert (answer.status_code, answer.json()) == (200, {"customerId": "c1", "balance": 60})
    assert answer.headers["cache-control"] == "private, no-store"


async def test_who_never_earned_has_nothing(http, bearer):
    assert (await http.get("/rewards/c9", headers=bearer("c9"))).json() == {"customerId": "c9", "balance": 0}
    ledger = await http.get("/rewards/c9/ledger", headers=bearer("c9"))
    assert ledger.json() == {"data": [], "nextCursor": None}


@pytest.mark.usefixtures("five")
async def test_the_ledger_comes_newest_first_page_by_page(http, bearer):
    answer = await http.get("/rewards/c1/ledger", params={"limit": 2}, headers=bearer("c1"))
    pages = [answer.json()["data"]]
    while "next" in answer.links:
        assert answer.json()["nextCursor"]
        answer = await http.get(answer.links["next"]["url"], headers=bearer("c1"))
        pages.append(answer.json()["data"])

    assert [[entry["orderId"] for entry in page] for page in pages] == [
        ["ord_4", "ord_3"],
        ["ord_2", "ord_1"],
        ["ord_0"],
    ]
    assert [entry["balanceAfter"] for page in pages for entry in page] == [60, 46, 33, 21, 10]
    assert pages[0][0] == {
        "kind": "earn",
        "points": 14,
        "source": "ord_4",
        "rule": "one-per-unit",
        "at": "2026-11-23T04:00:05.000000Z",
        "balanceAfter": 60,
        "orderId": "ord_4",
    }
    assert answer.json()["nextCursor"] is None


@pytest.mark.usefixtures("five")
async def test_staff_see_anybodys(http, bearer):
    for path in ("/rewards/c1", "/rewards/c1/ledger"):
        assert (await http.get(path, headers=bearer("s1", "staff"))).status_code == 200


@pytest.mark.usefixtures("five")
@pytest.mark.parametrize("path", ["/rewards/c1", "/rewards/c1/ledger"])
async def test_somebody_elses_account_is_not_there(http, bearer, path):
    answer = await http.get(path, headers=bearer("c2"))

    assert (answer.status_code, answer.json()["code"]) == (404, "no-such-account")


@pytest.mark.parametrize("path", ["/rewards/c1", "/rewards/c1/ledger"])
async def test_nobody_sees_anything_without_a_token(http, path):
    assert (await http.get(path)).status_code == 401


@pytest.mark.usefixtures("five")
async def test_a_cursor_of_another_ledger_is_refused(http, bearer):
    cursor = (await http.get("/rewards/c1/ledger", params={"limit": 1}, headers=bearer("c1"))).json()["nextCursor"]

    for headers, customer in ((bearer("c2"), "c2"), (bearer("s1", "staff"), "c2")):
        answer = await http.get(f"/rewards/{customer}/ledger", params={"cursor": cursor}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "foreign-cursor")


@pytest.mark.parametrize("limit", ["0", "101", "x"])
async def test_a_limit_out_of_range_is_refused(http, bearer, limit):
    answer = await http.get("/rewards/c1/ledger", params={"limit": limit}, headers=bearer("c1"))

    assert answer.status_code in {400, 422}
    assert [one["field"] for one in answer.json()["errors"]] == ["limit"]


@pytest.mark.parametrize("customer", ["auth0|7", "Ω", "a b"])
async def test_a_customer_of_any_name_can_page_through_the_ledger(http, bearer, wired, because, customer):
    for n in range(2):
        await wired.earn_points()(
            customer_id=customer, order_id=f"ord_{n}", total=Money(100, "EUR"), cause=because(f"evt_{n}")
        )
    path = "/rewards/" + "".join(f"%{byte:02X}" for byte in customer.encode()) + "/ledger"
    token = bearer(customer)

    first = await http.get(path, params={"limit": 1}, headers=token)
    assert first.status_code == 200
    second = await http.get(first.links["next"]["url"], headers=token)
    assert second.json()["data"][0]["orderId"] == "ord_0"
