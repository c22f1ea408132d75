"""Facts commute: in whatever order they come, and however often, an order ends the same."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.kernel.money import Money
from shop.orders.application.consequences import consequences
from shop.orders.domain.order import MOST_TIMELINE, Moment, Status

TOTAL = Money(1998, "EUR")
FACTS = st.sampled_from(["stock", "pay_1", "pay_2", "pay_3"])


def _after(order, facts, outcome):
    """The order when these facts have come, and the events on the way."""
    events = []
    for n, fact in enumerate(facts):
        moment = Moment(what=fact, at="2026-11-23T04:00:00.000000Z", by=f"evt_{n}")
        after = order.with_stock(outcome, moment) if fact == "stock" else order.with_payment(fact, TOTAL, moment)
        events += consequences(order, after)
        order = after
    return order, events


def _owed(events):
    return sum(Money.parse(event.amount, event.currency).minor for event in events if event.TYPE == "refund.due")


@pytest.mark.parametrize(
    ("facts", "outcome", "status", "owed"),
    [
        ([], "reserved", Status.PENDING, 0),
        (["stock"], "reserved", Status.CONFIRMED, 0),
        (["pay_1"], "reserved", Status.PENDING, 0),
        (["stock", "pay_1"], "reserved", Status.COMPLETED, 0),
        (["stock", "pay_1", "pay_2"], "reserved", Status.COMPLETED, 1998),
        (["pay_1", "pay_2", "pay_3"], "reserved", Status.PENDING, 3996),
        (["stock"], "rejected", Status.CANCELLED, 0),
        (["stock", "pay_1"], "rejected", Status.CANCELLED, 1998),
        (["stock", "pay_1", "pay_2"], "rejected", Status.CANCELLED, 3996),
    ],
)
def test_status_and_money_owed_follow_from_the_facts_in_any_order(order, facts, outcome, status, owed):
    for way in permutations(facts):
        after, events = _after(order, way, outcome)

        assert after.status is status
        assert sum(amount for amount, _ in after.owed_back.values()) == owed
        assert _owed(events) == owed


@given(st.lists(FACTS, max_size=12), st.sampled_from(["reserved", "rejected"]), st.randoms())
def test_facts_that_come_again_or_in_another_order_change_nothing(order, facts, outcome, chance):
    again = [*facts, *chance.choices(facts, k=len(facts))] if facts else []
    chance.shuffle(again)

    (one, events), (other, other_events) = _after(order, dict.fromkeys(facts), outcome), _after(order, again, outcome)

    assert one.status is other.status
    assert one.reason == other.reason
    assert one.paid == other.paid
    assert sum(a for a, _ in one.owed_back.values()) == sum(a for a, _ in other.owed_back.values())
    assert _owed(events) == _owed(other_events)
    assert [e for e in events if e.TYPE != "refund.due"] == [e for e in other_events if e.TYPE != "refund.due"]


@given(st.lists(FACTS, max_size=12), st.sampled_from(["reserved", "rejected"]))
def test_what_is_owed_back_of_a_payment_is_told_once(order, facts, outcome):
    after, events = _after(order, facts, outcome)
    told = [event.payment_id for event in events if event.TYPE == "refund.due"]

    assert len(told) == len(set(told))
    assert set(told) == set(after.owed_back)


def test_a_known_fact_gives_the_very_same_order(order, moment):
    reserved = order.with_stock("reserved", moment("evt_1"))
    paid = reserved.with_payment("pay_1", TOTAL, moment("evt_2"))
    noted = paid.with_note(moment("evt_3"))

    assert reserved.with_stock("reserved", moment("evt_4")) is reserved
    assert paid.with_payment("pay_1", TOTAL, moment("evt_5")) is paid
    assert noted.with_note(moment("evt_3")) is noted


def test_the_catalog_decides_once(order, moment):
    rejected = order.with_stock("rejected", moment("evt_1"))

    assert rejected.with_stock("reserved", moment("evt_2")) is rejected
    assert rejected.reason == "out_of_stock"


def test_each_fact_is_a_moment_of_the_timeline(order, moment):
    after = order.with_stock("reserved", moment("evt_1")).with_payment("pay_1", TOTAL, moment("evt_2"))

    assert [one.by for one in after.timeline] == ["req_1", "evt_1", "evt_2"]


def test_why_money_is_owed_back_is_told(order, moment):
    paid_twice = order.with_payment("pay_1", TOTAL, moment()).with_payment("pay_2", TOTAL, moment())
    rejected = order.with_stock("rejected", moment()).with_payment("pay_1", TOTAL, moment())

    assert paid_twice.owed_back == {"pay_2": (1998, "paid_twice")}
    assert rejected.owed_back == {"pay_1": (1998, "cancelled:out_of_stock")}


def test_a_timeline_does_not_grow_for_ever(order, moment):
    for n in range(MOST_TIMELINE * 2):
        order = order.with_note(moment(f"evt_{n}"))

    assert len(order.timeline) == MOST_TIMELINE


def test_a_note_that_comes_again_changes_nothing_even_when_the_timeline_is_full(order, moment):
    for n in range(MOST_TIMELINE * 2):
        order = order.with_note(moment(f"evt_{n}"))

    assert order.with_note(moment(f"evt_{MOST_TIMELINE * 2 - 1}")) is order
