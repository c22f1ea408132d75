"""In whatever order what happened is heard, and however often: the same balance, the same lots, the same entries."""

from __future__ import annotations

from itertools import permutations

import pytest

from shop.kernel.errors import NotYet
from shop.rewards.domain.account import NotEnoughPoints

OCTOBER, NOVEMBER = "2026-10-31T23:59:59.999999Z", "2026-11-01T00:00:00.000000Z"


@pytest.mark.parametrize(("at_a", "at_b"), [(OCTOBER, NOVEMBER), (NOVEMBER, OCTOBER), (NOVEMBER, NOVEMBER)])
async def test_two_orders_two_refunds_and_a_redemption(
    hear, completed, refunded, redeem, account, entries, differences, at_a, at_b
):
    """120 orders of arrival, each thing twice; what comes too early comes again after the others."""
    ends = []
    for n, order in enumerate(permutations(("A", "B", "A1", "A2", "redeem"))):
        customer = f"c{n}"
        events = {
            "A": completed("A", customer=customer, total="50.00", at=at_a),
            "B": completed("B", customer=customer, total="30.00", at=at_b),
            "A1": refunded("A", "A1", customer=customer, before="50.00", after="29.99"),
            "A2": refunded("A", "A2", customer=customer, before="29.99", after="20.00"),
        }
        waiting = [*order, *order]
        while waiting:
            what = waiting.pop(0)
            try:
                if what == "redeem":
                    await redeem(40, customer=customer, key="k")
                else:
                    await hear(events[what])
            except (NotYet, NotEnoughPoints):
                waiting.append(what)
        of = await account(customer)
        ends.append((of.balance, of.left, sorted((entry.kind, entry.points) for entry in await entries(customer))))

    assert len(ends) == 120
    assert all(end == ends[0] for end in ends)
    balance, left, moved = ends[0]
    assert balance == sum(left.values()) == 10
    assert moved == [("earn", 30), ("earn", 50), ("redeem", -40), ("reverse", -21), ("reverse", -9)]
    assert await differences() == []
