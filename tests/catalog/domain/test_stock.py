"""Movements of stock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.catalog.domain.stock import NotAMovement, NotEnoughStock, Stock, wanted_delta

HELD_TWO = Stock(on_hand=5, available=3, sold=1, version=7)


def test_what_is_put_in_can_be_ordered():
    after = HELD_TWO.moved(4)

    assert (after.on_hand, after.available, after.reserved, after.sold) == (9, 7, 2, 1)


def test_what_orders_hold_is_not_taken_away():
    assert HELD_TWO.moved(-3).available == 0
    with pytest.raises(NotEnoughStock) as refused:
        HELD_TWO.moved(-4)

    assert refused.value.extra == {"onHand": 5, "available": 3}


def test_a_count_becomes_the_difference_to_what_is_on_hand():
    assert wanted_delta(HELD_TWO, delta=None, on_hand=2, reason="counted") == -3
    assert wanted_delta(HELD_TWO, delta=None, on_hand=5, reason="counted") == 0


@pytest.mark.parametrize(
    ("delta", "on_hand", "reason"),
    [(None, None, "x"), (1, 1, "x"), (0, None, "x"), (1, None, " "), (1, None, "x" * 201), (None, -1, "x")],
)
def test_a_movement_of_nothing_or_without_a_reason_is_refused(delta, on_hand, reason):
    with pytest.raises(NotAMovement):
        wanted_delta(HELD_TWO, delta=delta, on_hand=on_hand, reason=reason)


@given(available=st.integers(0, 100), held=st.integers(0, 100), delta=st.integers(-300, 300))
def test_what_is_held_stays_held(available, held, delta):
    before = Stock(on_hand=available + held, available=available)
    try:
        after = before.moved(delta)
    except NotEnoughStock:
        assert available + delta < 0
    else:
        assert after.reserved == held
        assert after.available >= 0
