"""Points whose month is over are taken off, account by account, wherever the job stopped before."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shop.platform.retry import again

MONTHS_24 = timedelta(days=739)  # the clock then stands in December 2028


@pytest.fixture
def expire(wired, because):
    return lambda: again(wired.expire_points(), cause=because("job_expire-points"))


async def test_points_expire_when_their_month_is_over(hear, completed, expire, account, entries, published, clock):
    await hear(completed("ord_1"))
    clock.forward(MONTHS_24 - timedelta(days=1))
    assert await expire() == 0

    clock.forward(timedelta(days=1))
    assert await expire() == 1

    assert (await account()).balance == 0
    entry, _ = await entries()
    assert (entry.kind, entry.source, entry.rule, entry.points) == ("expire", "2028-11", "expire", -29)
    assert (entry.at, entry.taken_from) == ("2028-12-01T00:00:00.000000Z", (("2028-11", 29),))
    assert published("reward.expired") == [{"customerId": "c1", "points": 29, "month": "2028-11"}]


async def test_it_happens_once_however_often_the_job_runs(hear, completed, expire, account, published, clock):
    await hear(completed("ord_1"))
    clock.forward(MONTHS_24)

    assert [await expire() for _ in range(3)] == [1, 0, 0]
    assert (await account()).version == 2
    assert len(published("reward.expired")) == 1


async def test_months_in_which_nobody_ran_it_are_made_up_for(hear, completed, expire, account, entries, clock):
    for n in range(4):
        await hear(completed(f"ord_{n}", at=f"2026-{9 + n:02d}-15T00:00:00Z"))
    clock.forward(timedelta(days=1500))  # 2031

    assert await expire() == 1
    assert (await account()).lots == {}
    assert [entry.source for entry in await entries()][:4] == ["2028-12", "2028-11", "2028-10", "2028-09"]


async def test_what_was_redeemed_in_time_does_not_expire(hear, completed, redeem, expire, published, clock):
    await hear(completed("ord_1"))
    await hear(completed("ord_2", customer="c2"))
    await redeem(29)
    await redeem(9, customer="c2")
    clock.forward(MONTHS_24)

    assert await expire() == 1
    assert published("reward.expired") == [{"customerId": "c2", "points": 20, "month": "2028-11"}]


async def test_every_account_is_reached_page_by_page(hear, completed, expire, account, differences, clock):
    for n in range(230):
        await hear(completed(f"ord_{n}", customer=f"c{n}"))
    clock.forward(MONTHS_24)

    assert await expire() == 230
    assert {(await account(f"c{n}")).balance for n in range(230)} == {0}
    assert await differences() == []


async def test_what_fails_is_left_for_the_next_run(wired, hear, completed, expire, account, because, clock):
    for n in range(9):
        await hear(completed(f"ord_{n}", customer=f"c{n}"))
    clock.forward(MONTHS_24)
    act = wired.expire_points()
    ledger = _Failing(act.ledger, after=4)

    assert await type(act)(ledger=ledger, clock=clock)(cause=because("job_1")) == 4

    assert await expire() == 5
    assert {(await account(f"c{n}")).balance for n in range(9)} == {0}


async def test_who_was_found_is_read_again_before_it_is_decided(
    wired, hear, completed, account, published, because, clock
):
    for customer in ("c1", "c2"):
        await hear(completed("ord_1", customer=customer))
    clock.forward(MONTHS_24)
    act = wired.expire_points()

    async def booked_meanwhile():
        await hear(completed("ord_2", customer="c1", at="2028-12-02T04:00:00Z"))

    ledger = _Interrupted(act.ledger, booked_meanwhile)
    assert await type(act)(ledger=ledger, clock=clock)(cause=because("job_1")) == 1

    assert (await account("c1")).left == {"2030-12": 29}
    assert [told["customerId"] for told in published("reward.expired")] == ["c1", "c2"]


async def test_an_account_that_moves_under_the_job_is_left_and_found_again(
    wired, hear, completed, expire, account, published, because, clock
):
    await hear(completed("ord_1"))
    clock.forward(MONTHS_24)
    act = wired.expire_points()

    async def booked_meanwhile():
        await hear(completed("ord_2", at="2028-12-02T04:00:00Z"))

    ledger = _Interrupted(act.ledger, booked_meanwhile, before="save")
    assert await type(act)(ledger=ledger, clock=clock)(cause=because("job_1")) == 0

    assert await expire() == 0
    assert (await account()).left == {"2030-12": 29}
    assert len(published("reward.expired")) == 1


class _Failing:
    """A ledger that cannot be written to after so many saves."""

    def __init__(self, ledger, *, after):
        self._ledger, self._left = ledger, after

    def __getattr__(self, name):
        return getattr(self._ledger, name)

    async def save(self, *args, **kwargs):
        if not self._left:
            raise ConnectionError("gone")
        self._left -= 1
        await self._ledger.save(*args, **kwargs)


class _Interrupted:
    """A ledger where something else happens after candidates were found, or before the first save."""

    def __init__(self, ledger, happen, *, before="account"):
        self._ledger, self._happen, self._before = ledger, happen, before

    def __getattr__(self, name):
        return getattr(self._ledger, name)

    async def account(self, customer_id):
        await self._interrupt("account")
        return await self._ledger.account(customer_id)

    async def save(self, *args, **kwargs):
        await self._interrupt("save")
        await self._ledger.save(*args, **kwargs)

    async def _interrupt(self, now):
        if self._before == now:
            self._before = None
            await self._happen()
