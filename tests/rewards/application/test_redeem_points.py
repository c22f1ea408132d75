"""Points become credit, and never more of them than there are."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from dependency_injector import providers

from shop.kernel.events import Cause
from shop.kernel.idempotency import KeyReused, Once
from shop.kernel.money import Money
from shop.platform.retry import Busy, again
from shop.rewards.domain.account import NotEnoughPoints


async def test_credit_is_points_times_the_value_of_one(wired, hear, completed, redeem, published):
    wired.settings.override(providers.Object(_Worth(Money(250, "JPY"))))
    await hear(completed("ord_1", total="30.00"))

    redeemed = await redeem(3)

    assert (redeemed.view.credit, redeemed.view.currency, redeemed.view.balance) == ("750", "JPY", 27)
    assert [(told["credit"], told["currency"]) for told in published("reward.redeemed")] == [("750", "JPY")]


async def test_a_key_leads_to_what_it_led_to_first(hear, completed, redeem):
    await hear(completed("ord_1", total="30.00"))
    first = await redeem(3, key="k")
    await redeem(3)

    again = await redeem(3, key="k")

    assert (again.view, again.replayed, first.replayed) == (first.view, True, False)
    with pytest.raises(KeyReused):
        await redeem(4, key="k")


@pytest.mark.parametrize("read", ["account", "led_to"])
async def test_a_copy_that_looks_while_another_one_is_saved_is_answered_the_same(
    hear, completed, redeem, wired, published, between, read
):
    await hear(completed("ord_1", total="30.00"))
    asked = {"customer_id": "c1", "points": 30, "once": Once(key="c1/redeem-points/k", fingerprint="30")}
    made = []

    async def other():
        made.append(await redeem(30, key="k"))

    copy = replace(wired.redeem_points(), ledger=between(wired.ledger(), read, other))
    answer = await again(copy, **asked, cause=Cause(id="req_1"))

    assert (made[0].replayed, answer.replayed) == (False, True)
    assert answer.view == made[0].view
    assert len(published("reward.redeemed")) == 1


async def test_a_refusal_writes_nothing(redeem, account, entries, published):
    with pytest.raises(NotEnoughPoints):
        await redeem(1)

    assert (await account()).version == 0
    assert await entries() == []
    assert published("reward.redeemed") == []


async def test_redemptions_that_race_each_other_never_overspend(hear, completed, redeem, account, entries, published):
    await hear(completed("ord_1", total="100.00"))

    outcomes = await asyncio.gather(*(redeem(7) for _ in range(60)), return_exceptions=True)

    done = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
    assert all(isinstance(outcome, NotEnoughPoints | Busy) for outcome in outcomes if outcome not in done)
    assert 1 <= len(done) <= 14
    assert (await account()).balance == 100 - 7 * len(done)
    assert len(await entries()) == 1 + len(done)
    assert len(published("reward.redeemed")) == len(done)
    while (await account()).balance >= 7:
        await redeem(7)
    with pytest.raises(NotEnoughPoints):
        await redeem(7)
    assert (await account()).balance == 2


class _Worth:
    """Settings in which a point is worth so much."""

    def __init__(self, point_value):
        self.point_value = point_value
