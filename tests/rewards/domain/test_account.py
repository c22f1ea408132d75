"""An account adds up, whatever happens to it, and in whatever order."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.kernel.money import Money
from shop.rewards.domain.account import Account, NotEnoughPoints
from shop.rewards.domain.entry import Entry, Kind

NOW = "2026-11-23T04:00:00.000000Z"
MONTHS = [f"2028-{month:02d}" for month in (10, 11, 12)]  # in which what is earned in these tests expires
WORTH = Money(1, "EUR")


class Book:
    """An account and what was booked on it."""

    def __init__(self, at=NOW):
        self.account, self.entries, self.at = Account(customer_id="c1"), [], at

    def earn(self, order_id, points, month="2028-11"):
        year, of_year = map(int, month.split("-"))
        completed = datetime(year - 2, of_year, 15, tzinfo=UTC)
        return self._keep(
            self.account.earn(points=points, order_id=order_id, rule="one-per-unit", completed=completed, at=self.at)
        )

    def redeem(self, points, redemption_id="red_1"):
        credit = WORTH * points
        return self._keep(self.account.redeem(points=points, redemption_id=redemption_id, credit=credit, at=self.at))

    def reverse(self, order_id, points, refund_id="ref_1"):
        earned = next(entry for entry in self.entries if (entry.source, entry.kind) == (order_id, Kind.EARN))
        return self._keep(self.account.reverse(points=points, earned=earned, refund_id=refund_id, at=self.at))

    def expire(self, at):
        self.at = at
        return self._keep(self.account.expire(at=at))

    def _keep(self, booked):
        self.account, entries = booked
        self.entries += entries
        self.adds_up()
        return entries

    def adds_up(self):
        account, entries = self.account, self.entries
        assert account.balance == sum(entry.points for entry in entries)
        assert account.balance == sum(account.left.values()) - account.debt
        assert account.balance == sum(account.lots.values()) - account.spent
        assert not (account.debt and account.left)
        assert [entry.balance_after for entry in entries] == [
            sum(entry.points for entry in entries[: n + 1]) for n in range(len(entries))
        ]
        assert [entry.seq for entry in entries] == list(range(1, account.seq + 1))
        assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)


def test_what_is_earned_is_an_entry_of_the_ledger():
    book = Book()

    [entry] = book.earn("ord_7", 29)

    assert (book.account.balance, book.account.left, book.account.seq) == (29, {"2028-11": 29}, 1)
    assert (entry.customer_id, entry.source, entry.rule, entry.kind) == ("c1", "ord_7", "one-per-unit", "earn")
    assert (entry.points, entry.seq, entry.balance_after, entry.order_id) == (29, 1, 29, "ord_7")
    assert (entry.expires, entry.at) == ("2028-11", NOW)


def test_points_of_a_month_are_one_lot():
    book = Book()
    for order_id, month in (("ord_1", "2028-11"), ("ord_2", "2028-11"), ("ord_3", "2028-12")):
        book.earn(order_id, 10, month)

    assert book.account.left == {"2028-11": 20, "2028-12": 10}


def test_time_never_runs_backwards_in_a_ledger():
    book = Book()
    [first] = book.earn("ord_1", 1)
    book.at = "2026-11-22T04:00:00.000000Z"
    [second] = book.earn("ord_2", 1)

    assert second.at == first.at
    assert second.seq == 2


def test_the_oldest_points_are_redeemed_first():
    book = Book()
    for order_id, month in zip(("ord_3", "ord_1", "ord_2"), (MONTHS[2], MONTHS[0], MONTHS[1]), strict=True):
        book.earn(order_id, 10, month)

    [entry] = book.redeem(15)

    assert book.account.left == {"2028-11": 5, "2028-12": 10}
    assert entry.taken_from == (("2028-10", 10), ("2028-11", 5))
    assert (entry.kind, entry.source, entry.points, entry.balance_after) == ("redeem", "red_1", -15, 15)
    assert (entry.credit, entry.currency, entry.order_id) == ("0.15", "EUR", "")


@pytest.mark.parametrize(("earned", "asked"), [(0, 1), (10, 11), (10, 10**9)])
def test_more_points_than_there_are_cannot_be_redeemed(earned, asked):
    book = Book()
    if earned:
        book.earn("ord_1", earned)

    with pytest.raises(NotEnoughPoints) as refused:
        book.redeem(asked)

    assert str(earned) in refused.value.detail
    assert refused.value.extra == {"points": earned}


def test_all_there_is_can_be_redeemed():
    book = Book()
    book.earn("ord_1", 10)

    book.redeem(10)

    assert (book.account.balance, book.account.left, book.account.debt) == (0, {}, 0)


def test_a_refund_takes_points_from_the_month_of_its_order_first():
    book = Book()
    book.earn("ord_1", 10, MONTHS[0])
    book.earn("ord_2", 10, MONTHS[1])

    [entry] = book.reverse("ord_2", 4)

    assert book.account.left == {"2028-10": 10, "2028-11": 6}
    assert entry.taken_from == (("2028-11", 4),)
    assert (entry.kind, entry.source, entry.rule, entry.points) == ("reverse", "ref_1", "one-per-unit", -4)
    assert (entry.order_id, entry.reverses) == ("ord_2", 2)


def test_then_from_the_oldest_and_what_is_not_there_is_debt():
    book = Book()
    book.earn("ord_1", 10, MONTHS[0])
    book.earn("ord_2", 10, MONTHS[1])
    book.earn("ord_3", 3, MONTHS[2])
    book.redeem(16)

    [first] = book.reverse("ord_1", 6)
    [second] = book.reverse("ord_1", 4, "ref_2")

    assert first.taken_from == (("2028-11", 4), ("2028-12", 2))
    assert second.taken_from == (("2028-12", 1),)
    assert (book.account.balance, book.account.left, book.account.debt) == (-3, {}, 3)
    with pytest.raises(NotEnoughPoints, match="there are 0 points"):
        book.redeem(1)


def test_debt_is_paid_by_what_is_earned_next():
    book = Book()
    book.earn("ord_1", 10)
    book.redeem(10)
    book.reverse("ord_1", 10)

    book.earn("ord_2", 4, MONTHS[2])
    assert (book.account.balance, book.account.debt, book.account.left) == (-6, 6, {})
    book.earn("ord_3", 7, MONTHS[2])
    assert (book.account.balance, book.account.debt, book.account.left) == (1, 0, {"2028-12": 1})


def test_points_are_there_until_their_month_is_over():
    book = Book()
    book.earn("ord_1", 10, MONTHS[0])
    book.earn("ord_2", 5, MONTHS[1])

    assert book.expire("2028-10-31T23:59:59.999999Z") == []
    [entry] = book.expire("2028-11-01T00:00:00.000000Z")

    assert (entry.kind, entry.source, entry.points) == ("expire", "2028-10", -10)
    assert entry.taken_from == (("2028-10", 10),)
    assert book.account.left == {"2028-11": 5}


def test_what_was_redeemed_does_not_expire():
    book = Book()
    book.earn("ord_1", 10, MONTHS[0])
    book.earn("ord_2", 10, MONTHS[1])
    book.redeem(12)

    [entry] = book.expire("2029-01-01T00:00:00.000000Z")

    assert (entry.source, entry.points) == ("2028-11", -8)
    assert (book.account.balance, book.account.lots, book.account.spent) == (0, {}, 0)


def test_each_month_expires_at_its_end_whenever_somebody_looks():
    book = Book()
    for n, month in enumerate(MONTHS):
        book.earn(f"ord_{n}", 10, month)

    entries = book.expire("2030-05-05T05:05:05.000000Z")

    assert [(entry.source, entry.at) for entry in entries] == [
        ("2028-10", "2028-11-01T00:00:00.000000Z"),
        ("2028-11", "2028-12-01T00:00:00.000000Z"),
        ("2028-12", "2029-01-01T00:00:00.000000Z"),
    ]
    assert book.expire("2031-01-01T00:00:00.000000Z") == []


@pytest.mark.parametrize("what", ["earn", "redeem", "reverse"])
def test_whatever_happens_what_is_over_has_expired_before(what):
    book = Book()
    book.earn("ord_1", 10, MONTHS[0])
    book.earn("ord_2", 20, MONTHS[2])
    book.at = "2028-11-05T00:00:00.000000Z"

    happens = {
        "earn": lambda: book.earn("ord_3", 1, "2030-11"),
        "redeem": lambda: book.redeem(20),
        "reverse": lambda: book.reverse("ord_2", 3),
    }
    expired, happened = happens[what]()

    assert (expired.kind, expired.points, expired.at) == ("expire", -10, "2028-11-01T00:00:00.000000Z")
    assert (happened.kind, happened.at) == (what, "2028-11-05T00:00:00.000000Z")


def test_points_that_are_over_cannot_be_redeemed():
    book = Book()
    book.earn("ord_1", 10, MONTHS[0])
    book.at = "2028-11-01T00:00:00.000000Z"

    with pytest.raises(NotEnoughPoints):
        book.redeem(1)


def test_a_refund_after_the_points_are_over_is_paid_by_others():
    book = Book()
    book.earn("ord_1", 10, MONTHS[0])
    book.earn("ord_2", 10, MONTHS[2])
    book.at = "2028-11-05T00:00:00.000000Z"

    _, entry = book.reverse("ord_1", 4)

    assert (entry.taken_from, book.account.left) == ((("2028-12", 4),), {"2028-12": 6})


def test_debt_does_not_expire():
    book = Book()
    book.earn("ord_1", 10)
    book.redeem(10)
    book.reverse("ord_1", 10)

    book.expire("2040-01-01T00:00:00.000000Z")

    assert book.account.debt == 10


def test_an_account_stays_small_however_much_is_earned_and_redeemed():
    book = Book()
    for year in range(2026, 2036):
        for month in range(1, 13):
            book.at = f"{year}-{month:02d}-03T00:00:00.000000Z"
            book.earn(f"ord_{book.at}", 10, f"{year + 2}-{month:02d}")
            book.redeem(10, f"red_{book.at}")

    assert len(book.account.lots) <= 25
    assert (book.account.balance, book.account.seq) == (0, 240)


def test_an_entry_of_old_is_in_the_lot_of_its_moment():
    old = Entry(kind=Kind.EARN, source="ord_1", rule="one-per-unit", points=5, seq=1, at=NOW, balance_after=5)

    assert old.lot == "2028-11"


@pytest.mark.parametrize("months", list(permutations(MONTHS, 2)), ids="-".join)
def test_in_whatever_order_facts_come_the_lots_are_the_same(months):
    ends = set()
    facts = {
        "A": lambda book: book.earn("A", 50, months[0]),
        "B": lambda book: book.earn("B", 30, months[1]),
        "A1": lambda book: book.reverse("A", 20, "A1"),
        "A2": lambda book: book.reverse("A", 10, "A2"),
        "redeem": lambda book: book.redeem(40),
    }
    for order in permutations(facts):
        book, waiting = Book(), list(order)
        while waiting:
            fact = waiting.pop(0)
            try:
                facts[fact](book)
            except (StopIteration, NotEnoughPoints):  # not yet
                waiting.append(fact)
        ends.add((book.account.balance, *sorted(book.account.left.items())))

    assert len(ends) == 1


AMOUNTS = st.integers(1, 50)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("earn"), AMOUNTS, st.booleans()),
        st.tuples(st.just("redeem"), AMOUNTS, st.booleans()),
        st.tuples(st.just("reverse"), AMOUNTS, st.integers(0, 20)),
    ),
    max_size=25,
)


@given(STEPS)
def test_orders_that_come_in_time_leave_the_lots_that_the_policy_names_step_by_step(steps):
    """Redeem: the oldest first. Reverse: own month, then the oldest, then debt. Earn: debt first."""
    book, lots, debt, earned, month = Book(), {}, 0, [], 0
    for n, (what, amount, how) in enumerate(steps):
        if what == "earn":
            month = min(month + how, len(MONTHS) - 1)
            book.earn(f"ord_{n}", amount, MONTHS[month])
            earned.append([f"ord_{n}", amount, MONTHS[month]])
            paid = min(debt, amount)
            debt -= paid
            lots[MONTHS[month]] = lots.get(MONTHS[month], 0) + amount - paid
        elif what == "redeem" and amount <= sum(lots.values()) - debt:
            book.redeem(amount, f"red_{n}")
            _take(lots, amount, sorted(lots))
        elif what == "reverse" and earned:
            order = earned[how % len(earned)]
            amount = min(amount, order[1])  # noqa: PLW2901 - no more than is left of the order
            if amount:
                book.reverse(order[0], amount, f"ref_{n}")
                order[1] -= amount
                debt += _take(lots, amount, [order[2], *sorted(lots)])

        assert book.account.left == {name: points for name, points in sorted(lots.items()) if points}
        assert book.account.debt == debt


def _take(lots, points, months):
    for name in months:
        taken = min(points, lots.get(name, 0))
        lots[name] = lots.get(name, 0) - taken
        points -= taken
    return points
