"""A refund takes back what the refunded money had earned, once, whenever it is heard."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from shop.kernel.errors import NotYet
from shop.kernel.money import Money
from shop.platform.bus_local import LocalBus
from shop.platform.storage.port import Layout, Put
from shop.rewards.application.earn_points import EarnPoints
from shop.rewards.application.reverse_points import ReversePoints
from shop.rewards.domain.earning import EARNING, Earning

DOUBLE = Earning(name="double-days", points=lambda total: 2 * total.whole_units)


async def test_a_refund_takes_back_what_its_money_earned(hear, completed, refunded, account, entries, published):
    await hear(completed("ord_1", total="29.99"))

    await hear(refunded("ord_1", "ref_1", before="29.99", after="9.50"))

    assert (await account()).left == {"2028-11": 9}
    reverse, earn = await entries()
    assert (reverse.kind, reverse.source, reverse.points, reverse.order_id) == ("reverse", "ref_1", -20, "ord_1")
    assert (reverse.reverses, reverse.taken_from) == (earn.seq, (("2028-11", 20),))
    assert published("reward.reversed") == [{"customerId": "c1", "points": 20, "orderId": "ord_1", "refundId": "ref_1"}]


async def test_several_refunds_of_an_order_come_to_the_same_in_whatever_order(hear, completed, refunded, account):
    parts = [("29.99", "20.50"), ("20.50", "20.49"), ("20.49", "19.99"), ("19.99", "0.00")]
    for customer, heard in (("c1", parts), ("c2", parts[::-1])):
        await hear(completed("ord_1", customer=customer))
        for before, after in heard:
            await hear(refunded("ord_1", f"ref_{before}", customer=customer, before=before, after=after))

        assert (await account(customer)).balance == 0


async def test_a_refund_is_reckoned_with_once_however_often_it_is_told(hear, completed, refunded, account, published):
    await hear(completed("ord_1"))
    for _ in range(3):
        await hear(refunded("ord_1", "ref_1", before="29.99", after="19.99"))

    assert ((await account()).balance, (await account()).version) == (19, 2)
    assert len(published("reward.reversed")) == 1


async def test_a_refund_heard_before_its_order_is_told_again_later(hear, completed, refunded, account):
    with pytest.raises(NotYet, match="ord_1"):
        await hear(refunded("ord_1", "ref_1", before="29.99", after="19.99"))
    assert (await account()).version == 0

    await hear(completed("ord_1"))
    await hear(refunded("ord_1", "ref_1", before="29.99", after="19.99"))

    assert (await account()).balance == 19


async def test_a_refund_that_costs_no_points_waits_for_nothing(hear, refunded, account, published):
    await hear(refunded("ord_1", "ref_1", before="0.99", after="0.00"))
    await hear(refunded("ord_1", "ref_2", before="19.99", after="19.01"))

    assert (await account()).version == 0
    assert published("reward.reversed") == []


async def test_every_rule_takes_back_its_own(wired, because, account, entries, clock):
    ledger, rules = wired.ledger(), [*EARNING, DOUBLE]
    earn = EarnPoints(ledger=ledger, clock=clock, rules=rules)
    reverse = ReversePoints(ledger=ledger, clock=clock, rules=rules)
    of = {"customer_id": "c1", "order_id": "ord_1"}
    before, after = Money(3000, "EUR"), Money(1000, "EUR")

    await earn(**of, total=before, completed=clock(), cause=because("evt_1"))
    for _ in range(2):
        await reverse(**of, refund_id="ref_1", before=before, after=after, cause=because("evt_2"))

    assert (await account()).balance == 30
    assert [(entry.rule, entry.points, entry.reverses) for entry in (await entries())[:2]] == [
        ("double-days", -40, 2),
        ("one-per-unit", -20, 1),
    ]


async def test_a_rule_that_is_newer_than_the_order_has_nothing_to_take_back(
    wired, hear, completed, because, account, clock
):
    await hear(completed("ord_1", total="30.00"))
    reverse = ReversePoints(ledger=wired.ledger(), clock=clock, rules=[DOUBLE, *EARNING])

    await reverse(
        customer_id="c1",
        order_id="ord_1",
        refund_id="ref_1",
        before=Money(3000, "EUR"),
        after=Money(1000, "EUR"),
        cause=because("evt_2"),
    )

    assert (await account()).balance == 10


async def test_an_entry_of_old_can_be_reversed(wired, hear, refunded, account, entries):
    old_account = (
        b'{"customer_id":"c1","balance":29,"lots":{"2028-11":29},"seq":1,'
        b'"last_at":"2026-11-23T04:00:00.000000Z","version":1}'
    )
    old_entry = (
        b'{"customer_id":"c1","source":"ord_1","rule":"one-per-unit","kind":"earn","points":29,"seq":1,'
        b'"at":"2026-11-23T04:00:00.000000Z","balance_after":29,"order_id":"ord_1"}'
    )
    account_put = Put(key="account/c1", body=old_account, was=0)
    entry_put = Put(
        key="entry/c1/ord_1/one-per-unit/earn",
        body=old_entry,
        was=0,
        indexes={"ledger": ("c1", "2026-11-23T04:00:00.000000Z#000000000001")},
    )
    await wired.ledger().records.commit(puts=[account_put, entry_put])

    await hear(refunded("ord_1", "ref_1", before="29.99", after="19.99"))

    assert (await account()).left == {"2028-11": 19}
    assert [entry.taken_from for entry in await entries()] == [(("2028-11", 10),), ()]


@pytest.mark.parametrize("inbox", [True, False])
async def test_fifty_orders_and_their_refunds_at_once_end_right(
    wired, store, completed, refunded, account, entries, differences, clock
):
    bus = LocalBus(store, clock=clock)
    await bus.start({"rewards": wired.reactions().table()}, {}, alone=True)
    refunds = [refunded(f"ord_{n}", f"ref_{n}", before="29.99", after="9.99") for n in range(50)]
    orders = [completed(f"ord_{n}") for n in range(50)]
    await store.records(Layout(context="senders")).commit(events=[*refunds, *orders, *refunds])

    async with asyncio.timeout(20):
        for _ in range(20):  # what came too early, or conflicted too often, is tried again minutes later
            while not bus.idle():  # noqa: ASYNC110 - the bus has no bell
                await asyncio.sleep(0.002)
            clock.forward(timedelta(minutes=2))
    await bus.stop()

    assert (await account()).balance == 50 * 9
    assert len(await entries()) == 100
    assert await differences() == []
