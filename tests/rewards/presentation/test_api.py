"""Rewards over HTTP: a balance, what made it, and who may see it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import pytest

from shop.kernel.ids import ids
from shop.platform.tokens import Tokens
from shop.platform.web import build_app


@pytest.fixture
async def http(wired, clock, documented):
    app = build_app(wired.api().routes(), tokens=Tokens("k" * 32, clock=clock), ids=ids(clock))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(documented(app, "rewards")), base_url="http://shop"
    ) as client:
        yield client


@pytest.fixture
def bearer(clock):
    def header(subject, role="customer"):
        token = Tokens("k" * 32, clock=clock).sign(subject=subject, role=role, lifetime=timedelta(days=1))
        return {"Authorization": f"Bearer {token}"}

    return header


@pytest.fixture
async def five(hear, completed, clock):
    """Five orders that earned, a second apart."""
    for n in range(5):
        clock.forward(timedelta(seconds=1))
        await hear(completed(f"ord_{n}", total=f"{10 + n}.00"))


@pytest.fixture
def post(http, bearer):
    """Ask for a redemption."""

    def asked(points, *, key="k1", customer="c1", by=None, body=None):
        headers = (by or bearer(customer)) | ({"Idempotency-Key": key} if key else {})
        return http.post(f"/rewards/{customer}/redemptions", headers=headers, json=body or {"points": points})

    return asked


@pytest.mark.usefixtures("five")
async def test_a_customer_sees_the_balance(http, bearer):
    answer = await http.get("/rewards/c1", headers=bearer("c1"))

    assert answer.status_code == 200
    assert answer.json() == {
        "customerId": "c1",
        "balance": 60,
        "nextExpiry": {"points": 60, "at": "2028-12-01T00:00:00.000000Z"},
    }
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
        "seq": 5,
        "orderId": "ord_4",
        "expires": "2028-11",
    }
    assert answer.json()["nextCursor"] is None


@pytest.mark.usefixtures("five")
async def test_staff_see_anybodys(http, bearer):
    for path in ("/rewards/c1", "/rewards/c1/ledger"):
        assert (await http.get(path, headers=bearer("s1", "staff"))).status_code == 200


@pytest.mark.usefixtures("five")
@pytest.mark.parametrize("path", ["/rewards/c1", "/rewards/c1/ledger", "/rewards/c1?at=x"])
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
async def test_a_customer_of_any_name_can_page_through_the_ledger(http, bearer, hear, completed, customer):
    for n in range(2):
        await hear(completed(f"ord_{n}", customer=customer))
    path = "/rewards/" + "".join(f"%{byte:02X}" for byte in customer.encode()) + "/ledger"
    token = bearer(customer)

    first = await http.get(path, params={"limit": 1}, headers=token)
    assert first.status_code == 200
    second = await http.get(first.links["next"]["url"], headers=token)
    assert second.json()["data"][0]["orderId"] == "ord_0"


@pytest.mark.usefixtures("five")
@pytest.mark.parametrize(
    ("at", "balance"),
    [
        ("2026-11-23T04:00:00.999999Z", 0),
        ("2026-11-23T04:00:01Z", 10),
        ("2026-11-23T04:00:03.5Z", 33),
        ("2026-11-23T05:00:03.5+01:00", 33),
        ("2026-11-23t04:00:05z", 60),
        ("2026-11-24T00:00:00Z", 60),
        ("2028-11-30T23:59:59Z", 60),
        ("2028-12-01T00:00:00Z", 0),
        ("0001-01-01T00:00:00Z", 0),
        ("9999-12-31T23:59:59Z", 0),
    ],
)
async def test_the_balance_of_a_moment(http, bearer, at, balance):
    answer = await http.get("/rewards/c1", params={"at": at}, headers=bearer("c1"))

    assert (answer.status_code, answer.json()["balance"]) == (200, balance)
    assert answer.json()["at"].endswith("Z")


@pytest.mark.usefixtures("five")
async def test_the_balance_of_a_moment_does_not_depend_on_when_expiry_was_booked(http, bearer, hear, completed, clock):
    moments = ["2028-11-30T23:59:59Z", "2028-12-01T00:00:00Z", "2028-12-04T00:00:00Z"]

    async def balances():
        answers = [await http.get("/rewards/c1", params={"at": at}, headers=bearer("c1")) for at in moments]
        return [answer.json()["balance"] for answer in answers]

    before = await balances()
    clock.forward(timedelta(days=800))
    await hear(completed("ord_9", at="2029-01-31T04:00:05Z"))

    assert before == await balances() == [60, 0, 0]


@pytest.mark.parametrize(
    "at",
    [
        "",
        "x",
        "2026-11-23",
        "2026-11-23T04:00:00",
        "1700000000",
        "2026-11-23T04:00:00 01:00",  # a + that was not encoded
        "0001-01-01T00:00:00+23:59",  # beyond what a moment in UTC can be
        "9999-12-31T23:59:59-23:59",
    ],
)
async def test_what_is_no_moment_is_refused_by_name(http, bearer, at):
    answer = await http.get("/rewards/c1", params={"at": at}, headers=bearer("c1"))

    assert (answer.status_code, answer.json()["code"]) == (422, "not-a-moment")
    assert [one["field"] for one in answer.json()["errors"]] == ["at"]


async def test_debt_is_shown(http, bearer, hear, completed, refunded, redeem):
    await hear(completed("ord_1", total="30.00"))
    await redeem(25)
    await hear(refunded("ord_1", "ref_1", before="30.00", after="0.00"))

    for params in ({}, {"at": "2026-11-23T04:00:00Z"}):
        answer = (await http.get("/rewards/c1", params=params, headers=bearer("c1"))).json()
        assert (answer["balance"], answer["debt"]) == (-25, 25)
        assert "nextExpiry" not in answer
    ledger = (await http.get("/rewards/c1/ledger", headers=bearer("c1"))).json()["data"]
    reverse, redemption, _ = ledger
    assert reverse == {
        "kind": "reverse",
        "points": -30,
        "source": "ref_1",
        "rule": "one-per-unit",
        "at": "2026-11-23T04:00:00.000000Z",
        "balanceAfter": -25,
        "seq": 3,
        "orderId": "ord_1",
        "refundId": "ref_1",
        "reverses": 1,
    }
    assert redemption["redemptionId"] == redemption["source"]
    assert (redemption["credit"], redemption["currency"], redemption["points"]) == ("0.25", "EUR", -25)


@pytest.mark.usefixtures("five")
async def test_points_become_credit(post, published):
    answer = await post(25)

    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "private, no-store"
    assert "idempotent-replayed" not in answer.headers
    redemption = answer.json()
    assert redemption.pop("redemptionId").startswith("red_")
    assert redemption == {"customerId": "c1", "points": 25, "credit": "0.25", "currency": "EUR", "balance": 35}
    assert published("reward.redeemed") == [
        {
            "redemptionId": answer.json()["redemptionId"],
            "customerId": "c1",
            "points": 25,
            "credit": "0.25",
            "currency": "EUR",
        }
    ]


@pytest.mark.usefixtures("five")
async def test_the_same_key_is_the_same_redemption(post, account, published, clock):
    first = await post(25)
    await post(10, key="k2")
    clock.forward(timedelta(hours=47))
    again = [await post(25, key=key) for key in ("k1", '"k1"')]

    for answer in again:
        assert (answer.status_code, answer.text) == (201, first.text)
        assert answer.headers["idempotent-replayed"] == "true"
    assert (await account()).balance == 25
    assert len(published("reward.redeemed")) == 2


@pytest.mark.usefixtures("five")
async def test_a_key_is_remembered_for_two_days(post, account, clock):
    first = await post(25)
    clock.forward(timedelta(hours=48))
    second = await post(25)

    assert first.json()["redemptionId"] != second.json()["redemptionId"]
    assert (await account()).balance == 10


@pytest.mark.usefixtures("five")
async def test_the_same_key_for_something_else_is_refused(post, bearer, account):
    await post(25)
    by_staff = bearer("s1", "staff")
    await post(1, key="staff", by=by_staff)

    for other in (await post(26), await post(1, key="staff", customer="c2", by=by_staff)):
        assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert (await account()).balance == 34


@pytest.mark.usefixtures("five")
async def test_a_key_is_its_callers_own(post, bearer, account):
    answers = [await post(5), await post(5, by=bearer("s1", "staff"))]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert len({answer.json()["redemptionId"] for answer in answers}) == 2
    assert (await account()).balance == 50


@pytest.mark.usefixtures("five")
async def test_of_twenty_copies_at_once_one_acts_and_all_are_answered_alike(post, account, published):
    answers = await asyncio.gather(*(post(25) for _ in range(20)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 19
    assert (await account()).balance == 35
    assert len(published("reward.redeemed")) == 1


@pytest.mark.usefixtures("five")
async def test_who_has_not_so_many_points_keeps_them(post, account):
    refused = await post(61)

    assert (refused.status_code, refused.json()["code"]) == (409, "not-enough-points")
    assert refused.json()["points"] == 60
    assert (await account()).balance == 60
    assert (await post(60)).status_code == 201  # with the same key: nothing had come of it


@pytest.mark.usefixtures("five")
async def test_nobody_redeems_the_points_of_others(http, post, bearer, account):
    of_another = await post(5, by=bearer("c2"))
    without_token = await http.post("/rewards/c1/redemptions", json={"points": 5})

    assert (of_another.status_code, of_another.json()["code"]) == (404, "no-such-account")
    assert without_token.status_code == 401
    assert (await account()).balance == 60


@pytest.mark.usefixtures("five")
async def test_a_redemption_needs_a_key(post, account):
    answer = await post(5, key=None)

    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency-key-missing")
    assert (await account()).balance == 60


@pytest.mark.usefixtures("five")
@pytest.mark.parametrize(
    "body",
    [
        {"points": 0},
        {"points": -5},
        {"points": 10**9 + 1},
        {"points": 2**70},
        {"points": "5"},
        {"points": 5.5},
        {"points": True},
        {"points": None},
        {"point": 5},
        {"points": 5, "credit": "9999.00"},
        {"points": 5, "customerId": "c2"},
        [5],
    ],
)
async def test_what_is_no_redemption_is_refused(post, account, body):
    answer = await post(None, body=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "wrong-shape")
    assert (await account()).version == 5
