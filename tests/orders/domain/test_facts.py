"""Facts commute: in whatever order they come, and however often, an order ends the same."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.kernel.money import Money
from shop.orders.application.consequences import consequences
from shop.orders.domain.order import MOST_TIMELINE, Captured, Moment, Owed, Status, more_owed

TAKEN = {
    f"pay_{n}": Captured(amount=1998, at=f"2026-11-23T04:00:0{n}.000000Z") for n in (1, 2, 3)
}  # as the provider told of them, whenever we hear of it
FACTS = st.sampled_from(["stock", "pay_1", "pay_2", "pay_3"])


def _after(order, facts, outcome):
    """The order when these facts have come, and the events on the way."""
    events = []
    for n, fact in enumerate(facts):
        moment = Moment(what=fact, at="2026-11-23T04:00:00.000000Z", by=f"evt_{n}")
        after = order.with_stock(outcome, moment) if fact == "stock" else order.with_payment(fact, TAKEN[fact], moment)
        events += consequences(order, after)
        order = after
    return order, events


def _owed(events):
    return sum(Money.parse(event.amount, event.currency).minor for event in events if event.TYPE == "refund.due")


def _named(order):
    return {owed.payment_id: owed.amount for owed in order.owed_back}


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
        assert sum(owed.amount for owed in after.owed_back) == owed
        assert _owed(events) == owed


@given(st.lists(FACTS, max_size=12), st.sampled_from(["reserved", "rejected"]), st.randoms())
def test_facts_that_come_again_or_in_another_order_change_nothing(order, facts, outcome, chance):
    again = [*facts, *chance.choices(facts, k=len(facts))] if facts else []
    chance.shuffle(again)

    (one, events), (other, other_events) = _after(order, dict.fromkeys(facts), outcome), _after(order, again, outcome)

    assert one.status is other.status
    assert one.reason == other.reason
    assert one.paid == other.paid
    assert _named(one) == _named(other)
    assert _owed(events) == _owed(other_events)
    assert [e for e in events if e.TYPE != "refund.due"] == [e for e in other_events if e.TYPE != "refund.due"]


@given(st.lists(FACTS, max_size=12), st.sampled_from(["reserved", "rejected"]))
def test_what_is_owed_back_of_a_payment_is_told_once(order, facts, outcome):
    after, events = _after(order, facts, outcome)
    told = [event.payment_id for event in events if event.TYPE == "refund.due"]

    assert len(told) == len(set(told))
    assert set(told) == set(_named(after))


def test_a_known_fact_gives_the_very_same_order(order, moment, captured):
    reserved = order.with_stock("reserved", moment("evt_1"))
    paid = reserved.with_payment("pay_1", captured(), moment("evt_2"))
    noted = paid.with_note(moment("evt_3"))

    assert reserved.with_stock("reserved", moment("evt_4")) is reserved
    assert paid.with_payment("pay_1", captured(), moment("evt_5")) is paid
    assert noted.with_note(moment("evt_3")) is noted


def test_the_catalog_decides_once(order, moment):
    rejected = order.with_stock("rejected", moment("evt_1"))

    assert rejected.with_stock("reserved", moment("evt_2")) is rejected
    assert rejected.reason == "out_of_stock"


def test_each_fact_is_a_moment_of_the_timeline(order, moment, captured):
    after = order.with_stock("reserved", moment("evt_1")).with_payment("pay_1", captured(), moment("evt_2"))

    assert [one.by for one in after.timeline] == ["req_1", "evt_1", "evt_2"]


def test_why_money_is_owed_back_is_told(order, moment, captured):
    paid_twice = order.with_payment("pay_1", captured(), moment()).with_payment("pay_2", captured(1), moment())
    rejected = order.with_stock("rejected", moment()).with_payment("pay_1", captured(), moment())

    assert paid_twice.owed_back == [Owed(payment_id="pay_2", amount=1998, cause="paid_twice")]
    assert rejected.owed_back == [Owed(payment_id="pay_1", amount=1998, cause="cancelled:out_of_stock")]


def test_of_two_payments_the_one_taken_first_counts_also_when_it_is_heard_of_last(order, moment, captured):
    late = order.with_payment("pay_2", captured(2), moment()).with_payment("pay_1", captured(1), moment())

    assert [owed.payment_id for owed in late.owed_back] == ["pay_2"]


def test_a_payment_owed_back_as_a_second_one_is_not_owed_again_when_the_order_is_cancelled(order, moment, captured):
    twice = order.with_payment("pay_1", captured(), moment()).with_payment("pay_2", captured(1), moment())
    cancelled = twice.with_cancellation("customer", moment())

    assert [owed.payment_id for owed in more_owed(order, twice)] == ["pay_2"]
    assert [owed.payment_id for owed in more_owed(twice, cancelled)] == ["pay_1"]


def test_a_timeline_does_not_grow_for_ever(order, moment):
    for n in range(MOST_TIMELINE * 2):
        order = order.with_note(moment(f"evt_{n}"))

    assert len(order.timeline) == MOST_TIMELINE


def test_a_note_that_comes_again_changes_nothing_even_when_the_timeline_is_full(order, moment):
    for n in range(MOST_TIMELINE * 2):
        order = order.with_note(moment(f"evt_{n}"))

    assert order.with_note(moment(f"evt_{MOST_TIMELINE * 2 - 1}")) is order
