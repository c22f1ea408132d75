"""Points from an order to their end: some become credit, the others expire."""

from __future__ import annotations

from datetime import timedelta


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
