"""What happens by itself when its time has come."""

from __future__ import annotations

from datetime import timedelta

from shop.kernel.events import Cause


async def test_unpaid_orders_expire_and_paid_ones_never(story, later):
    await story.sell("cup", on_hand=200)
    unpaid = [(await story.order("ann", ("cup", 1), key=f"{n}")).json() for n in range(120)]
    paid = (await story.order("bob", ("cup", 1))).json()
    await story.pay(paid)
    await story.until_quiet()
    expire = story.shop.orders.expire_orders

    def cancelled():
        told = "SELECT count(*) FROM events WHERE type = 'order.cancelled'"
        return story.shop.store.file.reader.execute(told).fetchone()[0]

    too_early = await expire()(cause=Cause(id="job"))
    later(timedelta(minutes=30, seconds=1))  # the shop's own job sees to it
    await story.until(lambda: cancelled() == 120)
    await story.until_quiet()
    once_more = await expire()(cause=Cause(id="job"))

    assert (too_early, once_more, cancelled()) == (0, 0, 120)
    assert (await story.read(unpaid[0], "ann"))["reason"] == "expired"
    assert (await story.read(paid, "bob"))["status"] == "completed"
    assert (await story.stock("cup"))["available"] == 199


async def test_points_are_earned_redeemed_and_the_rest_expires_by_itself(story, later):
    await story.sell("pot", price="25.50")
    order = (await story.order("ann", ("pot", 2))).json()
    await story.pay(order)
    await story.until_quiet()
    ann = story.bearer("ann")

    redeemed = await story.http.post(
        "/rewards/ann/redemptions", headers=ann | {"Idempotency-Key": "k"}, json={"points": 30}
    )
    after = (await story.http.get("/rewards/ann", headers=ann)).json()
    later(timedelta(days=800))  # the points' last month is over by then, and the job is due
    await story.until(lambda: _told(story, "reward.expired") == 1)
    ledger = (await story.http.get("/rewards/ann/ledger", headers=story.bearer("ann"))).json()["data"]

    assert (redeemed.status_code, redeemed.json()["credit"], redeemed.json()["balance"]) == (201, "0.30", 21)
    assert (after["balance"], after["nextExpiry"]["points"]) == (21, 21)
    assert [(entry["kind"], entry["points"]) for entry in ledger] == [("expire", -21), ("redeem", -30), ("earn", 51)]
    assert ledger[0]["at"] == after["nextExpiry"]["at"]
    assert await story.points("ann") == 0
    assert [difference async for difference in story.shop.rewards.audit()()] == []


def _told(story, kind):
    return story.shop.store.file.reader.execute("SELECT count(*) FROM events WHERE type = ?", (kind,)).fetchone()[0]
