"""Points: how many, in which month they expire, and a ledger that adds up."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.kernel.money import Money
from shop.rewards.domain.account import EARNING, Account, expires_in

EARNED = st.lists(
    st.tuples(st.integers(1, 10_000), st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1))),  # noqa: DTZ001
    max_size=20,
)


def _at(moment):
    return moment.replace(tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _earn(account, points, at, order_id="ord_1"):
    return account.earn(points=points, order_id=order_id, rule="one-per-unit", at=at)


@pytest.mark.parametrize(
    ("total", "points"),
    [
        (Money(2999, "EUR"), 29),
        (Money(100, "EUR"), 1),
        (Money(99, "EUR"), 0),
        (Money(0, "EUR"), 0),
        (Money(-2999, "EUR"), 0),
        (Money(29, "JPY"), 29),
        (Money(2999, "KWD"), 2),
        (Money(999, "KWD"), 0),
        (Money(10**15, "JPY"), 10**15),
    ],
    ids=lambda one: f"{one} {one.currency}" if isinstance(one, Money) else None,
)
def test_a_whole_unit_of_money_is_a_point(total, points):
    [rule] = EARNING

    assert rule.name == "one-per-unit"
    assert rule.points(total) == points


@pytest.mark.parametrize(
    ("earned", "expires"),
    [
        (datetime(2026, 11, 23, 4, tzinfo=UTC), "2028-11"),
        (datetime(2026, 1, 1, tzinfo=UTC), "2028-01"),
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), "2028-12"),
        (datetime(2024, 2, 29, tzinfo=UTC), "2026-02"),
    ],
)
def test_points_expire_at_the_end_of_the_month_24_months_later(earned, expires):
    assert expires_in(earned) == expires


def test_what_is_earned_is_an_entry_of_the_ledger():
    account, entry = _earn(Account(customer_id="c1"), 29, "2026-11-23T04:00:00.000000Z", "ord_7")

    assert (account.balance, account.lots, account.seq) == (29, {"2028-11": 29}, 1)
    assert (entry.customer_id, entry.source, entry.rule, entry.kind) == ("c1", "ord_7", "one-per-unit", "earn")
    assert (entry.points, entry.seq, entry.balance_after, entry.order_id) == (29, 1, 29, "ord_7")


def test_points_of_a_month_are_one_lot():
    account = Account(customer_id="c1")
    for at in ("2026-11-01T00:00:00.000000Z", "2026-11-30T23:59:59.000000Z", "2026-12-01T00:00:00.000000Z"):
        account, _ = _earn(account, 10, at)

    assert account.lots == {"2028-11": 20, "2028-12": 10}


def test_time_never_runs_backwards_in_a_ledger():
    account, first = _earn(Account(customer_id="c1"), 1, "2026-11-23T04:00:00.000000Z")
    account, second = _earn(account, 1, "2026-11-22T04:00:00.000000Z")

    assert second.at == first.at
    assert second.seq == 2


@given(EARNED)
def test_the_balance_is_the_sum_of_the_entries_and_of_the_lots(earned):
    account, entries = Account(customer_id="c1"), []
    for points, moment in earned:
        account, entry = _earn(account, points, _at(moment))
        entries.append(entry)

    assert account.balance == sum(entry.points for entry in entries) == sum(account.lots.values())
    assert [entry.balance_after for entry in entries] == [
        sum(entry.points for entry in entries[: n + 1]) for n in range(len(entries))
    ]
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)))  # noqa: DTZ001
def test_points_live_for_24_months_whatever_the_day(moment):
    year, month = map(int, expires_in(moment.replace(tzinfo=UTC)).split("-"))

    assert (year, month) == (moment.year + 2, moment.month)
