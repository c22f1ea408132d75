"""What an order may be when it is placed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.kernel.errors import Invalid
from shop.kernel.money import MOST, Money
from shop.orders.domain.lines import (
    MOST_LINES,
    MOST_QUANTITY,
    MixedCurrencies,
    NothingOrdered,
    ProductInfo,
    TooManyLines,
    TotalTooLarge,
    UnknownProducts,
    WrongQuantity,
    merged,
    priced,
)
from shop.orders.domain.order import Moment, Status, place

ITEMS = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 1000)), min_size=1, max_size=30)


def _place(quantities, products, credit=0):
    currency, lines = priced(quantities, {product.product_id: product for product in products})
    return place(
        order_id="ord_1",
        customer_id="c1",
        lines=lines,
        currency=currency,
        credit=credit,
        placed=Moment(what="order.created", at="2026-11-23T04:00:00.000000Z", by="req_1"),
        expires_at="2026-11-23T04:30:00.000000Z",
    )


def _product(product_id="cup", price=999, currency="EUR"):
    return ProductInfo(product_id, f"Product {product_id}", price, currency)


def test_a_placed_order_is_pending_and_owes_nothing_back():
    order = _place({"cup": 2, "pot": 1}, [_product(), _product("pot", 2500)])

    assert order.status is Status.PENDING
    assert order.total == Money(4498, "EUR")
    assert not order.paid
    assert order.owed_back == []
    assert order.reason is None
    assert [line.total for line in order.lines] == [1998, 2500]
    assert [moment.what for moment in order.timeline] == ["order.created"]


def test_lines_of_the_same_product_are_added_up_in_the_order_they_came():
    assert list(merged([("b", 1), ("a", 2), ("b", 3)]).items()) == [("b", 4), ("a", 2)]


@given(ITEMS)
def test_nothing_is_lost_when_lines_are_added_up(items):
    quantities = merged(items)

    assert quantities == {product: sum(n for one, n in items if one == product) for product, _ in items}
    assert merged(quantities.items()) == quantities


@given(ITEMS, st.integers(0, 10**6))
def test_the_total_is_the_sum_of_the_lines(items, price):
    order = _place(merged(items), [_product(one, price) for one in "abcd"])

    assert order.total.minor == sum(line.total for line in order.lines) == price * sum(n for _, n in items)


def test_an_empty_order_is_refused():
    with pytest.raises(NothingOrdered) as refused:
        merged([])

    assert refused.value.errors == ({"field": "items", "message": "is empty"},)


@pytest.mark.parametrize("quantity", [0, -1, MOST_QUANTITY + 1, 10**30])
def test_a_wrong_quantity_is_refused_where_it_stands(quantity):
    with pytest.raises(WrongQuantity) as refused:
        merged([("cup", 1), ("pot", quantity)])

    assert [one["field"] for one in refused.value.errors] == ["items[1].quantity"]


def test_quantities_that_are_too_many_together_are_refused():
    assert merged([("cup", MOST_QUANTITY - 1), ("cup", 1)]) == {"cup": MOST_QUANTITY}

    with pytest.raises(WrongQuantity):
        merged([("cup", MOST_QUANTITY), ("cup", 1)])


def test_as_many_lines_as_may_be_are_taken_and_one_more_is_refused():
    items = [(f"p{n}", 1) for n in range(MOST_LINES)]
    assert len(merged([*items, *items])) == MOST_LINES

    with pytest.raises(TooManyLines):
        merged([*items, ("one-more", 1)])


def test_products_that_are_not_for_sale_are_named():
    with pytest.raises(UnknownProducts) as refused:
        _place({"cup": 1, "x": 1, "y": 1}, [_product()])

    assert refused.value.extra == {"productIds": ["x", "y"]}
    assert "x, y" in refused.value.detail


def test_a_thousand_unknown_products_make_no_endless_answer():
    with pytest.raises(UnknownProducts) as refused:
        _place({f"p{n}": 1 for n in range(1500)}, [])

    assert len(refused.value.extra["productIds"]) == 100
    assert len(refused.value.detail) < 200


def test_an_order_has_one_currency():
    with pytest.raises(MixedCurrencies, match="EUR, USD"):
        _place({"cup": 1, "pot": 1}, [_product(), _product("pot", 1, "USD")])


def test_a_total_up_to_the_most_that_money_may_be_is_taken():
    assert _place({"cup": 1}, [_product(price=MOST)]).total.minor == MOST

    with pytest.raises(TotalTooLarge):
        _place({"cup": 1, "pot": 1}, [_product(price=MOST), _product("pot", 1)])


def test_an_order_of_nothing_but_gifts_is_an_order():
    assert _place({"cup": 3}, [_product(price=0)]).total == Money(0, "EUR")


@given(ITEMS, st.integers(0, 10**6), st.integers(0, 10**9))
def test_an_order_uses_what_credit_it_can_and_the_rest_is_to_pay(items, price, credit):
    order = _place(merged(items), [_product(one, price) for one in "abcd"], credit)

    assert order.credit_used == min(credit, order.total.minor)
    assert order.to_pay.minor + order.credit_used == order.total.minor
    assert order.paid == (order.to_pay.minor == 0)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (NothingOrdered, "nothing-ordered"),
        (TooManyLines, "too-many-lines"),
        (WrongQuantity, "wrong-quantity"),
        (MixedCurrencies, "mixed-currencies"),
        (UnknownProducts, "unknown-products"),
        (TotalTooLarge, "total-too-large"),
    ],
)
def test_every_refusal_has_its_code(kind, code):
    assert issubclass(kind, Invalid)
    assert kind.code == code
