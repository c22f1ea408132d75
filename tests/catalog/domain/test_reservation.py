"""The saga's decisions, one at a time. What they come to together is `test_saga_simulation.py`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shop.catalog.domain.reservation import (
    Cancelled,
    Completed,
    Created,
    Line,
    Overdue,
    Refunded,
    Reservation,
    Shortage,
    advance,
    key_of,
    merged,
    turn_back,
)
from shop.kernel.errors import NotYet

A2, B3, C1 = Line("a", 2), Line("b", 3), Line("c", 1)
PLENTY = {"a": 10, "b": 20, "c": 30}


def stored(status, *, done=0, lines=(A2, B3, C1)):
    return Reservation(key="reservation/o1", order_id="o1", status=status, lines=lines, done=done, version=4)


def test_an_order_that_fits_is_reserved_in_one_step():
    step = advance(None, Created("o1", (A2, B3)), room=2, available=PLENTY)

    assert step.after.status == "reserved"
    assert step.changes == {"a": {"available": -2}, "b": {"available": -3}}
    assert step.before.version == 0


def test_the_scarcest_product_is_taken_first():
    step = advance(None, Created("o1", (C1, B3, A2)), room=1, available={"a": 9, "b": 5, "c": 7})

    assert [line.product_id for line in step.after.lines] == ["b", "c", "a"]
    assert list(step.changes) == ["b"]


def test_an_order_that_is_obviously_short_is_rejected_at_once():
    step = advance(None, Created("o1", (A2, B3)), room=9, available={"a": 2, "b": 1})

    assert step.after.status == "rejected"
    assert step.after.short == (Shortage("b", 3, 1),)
    assert step.changes == {}


def test_what_nobody_ever_had_is_short():
    step = advance(None, Created("o1", (A2,)), room=9, available={})

    assert step.after.short == (Shortage("a", 2, 0),)


def test_an_order_with_more_lines_than_fit_remembers_how_far_it_came():
    step = advance(None, Created("o1", (A2, B3, C1)), room=2, available=PLENTY)

    assert (step.after.status, step.after.done) == ("reserving", 2)
    assert step.after.held == (A2, B3)

    last = advance(step.after, Created("o1", ()), room=2, available=PLENTY)

    assert (last.after.status, last.after.done, list(last.changes)) == ("reserved", 3, ["c"])


def test_a_product_that_sells_out_needs_room_for_its_event_too():
    step = advance(None, Created("o1", (A2, B3)), room=3, available={"a": 2, "b": 3})

    assert step.turned == ("a",)
    assert (step.after.status, step.after.done) == ("reserving", 1)


def test_one_line_is_taken_however_little_room_there_is():
    step = advance(None, Created("o1", (A2,)), room=1, available={"a": 2})

    assert (step.after.status, step.turned) == ("reserved", ("a",))


def test_lines_of_the_same_product_are_one():
    assert merged((A2, B3, Line("a", 5))) == (Line("a", 7), B3)


def test_refused_by_the_counters_it_gives_back_what_it_took():
    step = advance(stored("reserving", done=2), Overdue("reservation/o1"), room=1, available=PLENTY)

    back = turn_back(step, {"c"}, room=1, available={"a": 0, "b": 0, "c": 0})

    assert (back.after.status, back.after.done) == ("rejecting", 1)
    assert back.changes == {"b": {"available": 3}}
    assert back.turned == ("b",)
    assert back.after.short == (Shortage("c", 1, 0),)


def test_refused_in_its_first_step_it_is_rejected_at_once():
    step = advance(None, Created("o1", (A2,)), room=9, available={"a": 2})

    back = turn_back(step, {"a"}, room=9, available={"a": 5})

    assert (back.after.status, back.changes) == ("rejected", {})
    assert back.after.short == (Shortage("a", 2, 1),)


def test_cancelled_before_it_was_heard_of_it_leaves_a_stone():
    step = advance(None, Cancelled("o1"), room=9, available={})

    assert (step.after.status, step.after.lines, step.changes) == ("released", (), {})
    assert advance(step.after, Created("o1", (A2,)), room=9, available=PLENTY) is None


@pytest.mark.parametrize(("status", "done"), [("reserving", 2), ("reserved", 3)])
def test_cancelled_it_gives_back_from_the_end(status, done):
    step = advance(stored(status, done=done), Cancelled("o1"), room=1, available={})

    assert (step.after.status, step.after.done) == ("releasing", done - 1)


@pytest.mark.parametrize("status", ["rejected", "released", "shipped"])
@pytest.mark.parametrize("fact", [Created("o1", (A2,)), Cancelled("o1"), Completed("o1"), Overdue("reservation/o1")])
def test_at_its_end_nothing_moves_it(status, fact):
    assert advance(stored(status), fact, room=9, available=PLENTY) is None


@pytest.mark.parametrize("fact", [Created("o1", (A2,)), Cancelled("o1"), Completed("o1"), Overdue("reservation/o1")])
@pytest.mark.parametrize(("status", "end"), [("rejecting", "rejected"), ("releasing", "released")])
def test_whoever_comes_helps_to_undo(status, end, fact):
    step = advance(stored(status, done=2), fact, room=9, available={})

    assert (step.after.status, step.after.done) == (end, 0)


def test_completed_its_own_lines_are_sold():
    step = advance(stored("reserved", done=3), Completed("o1"), room=2, available={})

    assert (step.after.status, step.after.done) == ("shipping", 2)
    assert step.changes == {"a": {"onHand": -2, "sold": 2}, "b": {"onHand": -3, "sold": 3}}
    assert step.after.held == (C1,)


@pytest.mark.parametrize("reservation", [None, stored("reserving")])
def test_completed_before_it_is_reserved_is_too_early(reservation):
    with pytest.raises(NotYet):
        advance(reservation, Completed("o1"), room=9, available={})


def test_goods_that_came_back_are_restocked_once_per_refund():
    fact = Refunded("o1", "r1", (A2, B3))
    step = advance(None, fact, room=9, available={"a": 0, "b": 4})

    assert (step.after.key, step.after.status) == ("restock/r1", "restocked")
    assert step.changes["a"] == {"onHand": 2, "available": 2, "sold": -2}
    assert step.turned == ("a",)
    assert step.after.held == ()
    assert advance(step.after, fact, room=9, available={}) is None


def test_goods_that_were_not_sold_yet_are_not_restocked_yet():
    step = advance(None, Refunded("o1", "r1", (A2,)), room=9, available={})

    with pytest.raises(NotYet):
        turn_back(step, {"a"}, room=9, available={})


def test_a_refund_without_goods_moves_nothing():
    assert advance(None, Refunded("o1", "r1", ()), room=9, available={}) is None


def test_a_job_finds_nothing_to_do_at_what_is_gone():
    assert advance(None, Overdue("reservation/o1"), room=9, available={}) is None


def test_every_fact_knows_its_reservation():
    assert key_of(Created("o1", ())) == key_of(Cancelled("o1")) == key_of(Completed("o1")) == "reservation/o1"
    assert key_of(Refunded("o1", "r1", ())) == "restock/r1"
    assert key_of(Overdue("restock/r1")) == "restock/r1"


def test_an_order_without_lines_holds_nothing_and_is_reserved():
    step = advance(None, Created("o1", ()), room=9, available={})

    assert replace(step.after, version=0).status == "reserved"
