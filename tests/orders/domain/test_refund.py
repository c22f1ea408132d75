"""Money of a completed order goes back: never more than was paid, first to who paid, then to the credit used."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.kernel.money import Money
from shop.orders.domain.lines import Line
from shop.orders.domain.order import Captured, Moment, NotCompleted, Order
from shop.orders.domain.refund import (
    MOST_REFUNDS,
    NothingToRefund,
    NotOfThisOrder,
    RefundedLine,
    RefundTooLarge,
    TooManyRefunds,
)

MOMENT = Moment(what="order.refunded", at="2026-11-24T04:00:00.000000Z", by="req_9")


@pytest.fixture
def completed(order, moment, captured):
    """Two cups for 19.98 EUR, reserved and paid."""
    return order.with_stock("reserved", moment()).with_payment("pay_1", captured(), moment())


def cups(n, *, restock=False):
    return [RefundedLine(product_id="cup", quantity=n, restock=restock)]


def euros(text):
    return Money.parse(text, "EUR")


def test_an_amount_goes_back_to_who_paid(completed):
    after = completed.with_refund("rfd_1", euros("5.00"), MOMENT)

    assert after.status is completed.status
    assert str(after.refunded) == "5.00"
    assert [(owed.payment_id, owed.amount, owed.cause, owed.refund_id) for owed in after.owed_back] == [
        ("pay_1", 500, "refund", "rfd_1")
    ]


def test_goods_are_refunded_at_what_they_cost_when_they_were_ordered(completed):
    after = completed.with_refund("rfd_1", cups(1, restock=True), MOMENT)

    assert str(after.refunded) == "9.99"
    assert after.refunds[0].lines == (RefundedLine(product_id="cup", quantity=1, restock=True),)


def test_refunds_add_up_to_the_total_and_no_further(completed):
    whole = completed.with_refund("rfd_1", euros("10.00"), MOMENT).with_refund("rfd_2", euros("9.98"), MOMENT)

    assert whole.refunded == whole.total
    with pytest.raises(RefundTooLarge) as refused:
        whole.with_refund("rfd_3", euros("0.01"), MOMENT)
    assert refused.value.extra == {"remainingTotal": "0.00", "currency": "EUR"}


def test_goods_that_were_refunded_are_not_refunded_again(completed):
    once = completed.with_refund("rfd_1", cups(2), MOMENT)

    with pytest.raises(NotOfThisOrder):
        once.with_refund("rfd_2", cups(1), MOMENT)


def test_goods_that_came_back_and_goods_that_did_not_are_counted_together(completed):
    lines = [*cups(1), *cups(1, restock=True)]
    twice = replace(completed, lines=(*completed.lines, Line(product_id="pot", name="Pot", quantity=9, price=999)))

    with pytest.raises(NotOfThisOrder):
        twice.with_refund("rfd_1", lines, MOMENT).with_refund("rfd_2", cups(1), MOMENT)


def test_goods_come_back_for_what_amounts_have_left_of_the_order(completed):
    after = completed.with_refund("rfd_1", euros("15.00"), MOMENT).with_refund("rfd_2", cups(1, restock=True), MOMENT)
    last = after.with_refund("rfd_3", cups(1, restock=True), MOMENT)

    assert [refund.amount for refund in last.refunds] == [1500, 498, 0]
    assert [line.quantity for refund in last.refunds for line in refund.lines] == [1, 1]
    assert sum(owed.amount for owed in last.owed_back) == 1998


@pytest.mark.parametrize(
    "lines",
    [
        [RefundedLine(product_id="pot", quantity=1)],
        [RefundedLine(product_id="cup", quantity=3)],
        [RefundedLine(product_id="cup", quantity=2), RefundedLine(product_id="cup", quantity=1, restock=True)],
        [RefundedLine(product_id="cup", quantity=0)],
    ],
)
def test_goods_that_the_order_does_not_have_are_named(completed, lines):
    with pytest.raises(NotOfThisOrder) as refused:
        completed.with_refund("rfd_1", lines, MOMENT)

    assert refused.value.errors[0]["field"] == f"lines[{len(lines) - 1}].quantity"


@pytest.mark.parametrize("amount", ["0.00", "-1.00"])
def test_a_refund_of_nothing_is_refused(completed, amount):
    with pytest.raises(NothingToRefund):
        completed.with_refund("rfd_1", euros(amount), MOMENT)


def test_an_order_that_is_not_completed_is_not_refunded(order, moment, captured):
    for other in (
        order,
        order.with_stock("reserved", moment()),
        order.with_payment("pay_1", captured(), moment()),
        order.with_cancellation("customer", moment()),
    ):
        with pytest.raises(NotCompleted):
            other.with_refund("rfd_1", euros("1.00"), MOMENT)


def test_an_order_has_so_many_refunds_and_no_more(completed):
    for n in range(MOST_REFUNDS):
        completed = completed.with_refund(f"rfd_{n}", euros("0.01"), MOMENT)

    with pytest.raises(TooManyRefunds):
        completed.with_refund("rfd_x", euros("0.01"), MOMENT)


def test_what_was_paid_with_credit_is_credit_again_after_what_was_paid_with_money(order, moment, captured):
    order = replace(order, credit_used=500).with_stock("reserved", moment())
    completed = order.with_payment("pay_1", captured(amount=1498), moment())

    after = completed.with_refund("rfd_1", euros("14.00"), MOMENT).with_refund("rfd_2", euros("2.00"), MOMENT)

    assert [(refund.to_payment, refund.to_credit) for refund in after.refunds] == [(1400, 0), (98, 102)]
    assert (completed.credit_held, after.credit_held) == (500, 398)
    assert sum(owed.amount for owed in after.owed_back) == 1498


def test_an_order_paid_with_credit_alone_owes_nobody_money(order, moment):
    completed = replace(order, credit_used=1998).with_stock("reserved", moment())

    after = completed.with_refund("rfd_1", cups(2), MOMENT)

    assert after.owed_back == []
    assert after.credit_held == 0


def test_a_payment_that_arrives_after_a_refund_named_another_is_owed_back_whole(completed, captured, moment):
    refunded = completed.with_payment("pay_2", captured(9), moment()).with_refund("rfd_1", euros("5.00"), MOMENT)

    earlier = refunded.with_payment("pay_0", Captured(amount=1998, at="2026-11-23T03:00:00.000000Z"), moment())

    assert {(owed.payment_id, owed.amount) for owed in earlier.owed_back} == {
        ("pay_0", 1998), ("pay_1", 500), ("pay_2", 1998)
    }  # fmt: skip


@st.composite
def orders_and_refunds(draw):
    """A completed order in a currency of any exponent, and refunds of it, some of which will be refused."""
    currency = draw(st.sampled_from(["JPY", "EUR", "KWD"]))
    lines = tuple(
        Line(product_id=f"p{n}", name="P", quantity=draw(st.integers(1, 5)), price=draw(st.integers(0, 1000)))
        for n in range(draw(st.integers(1, 3)))
    )
    total = sum(line.total for line in lines)
    credit = draw(st.integers(0, total))
    order = Order(
        order_id="ord_1",
        customer_id="c1",
        currency=currency,
        lines=lines,
        created_at=MOMENT.at,
        expires_at=MOMENT.at,
        credit_used=credit,
    ).with_stock("reserved", MOMENT)
    if total > credit:
        order = order.with_payment("pay_1", Captured(amount=total - credit, at=MOMENT.at), MOMENT)
    amounts = st.integers(-1, total + 1).map(lambda minor: Money(minor, currency))
    goods = st.lists(
        st.builds(
            RefundedLine,
            product_id=st.sampled_from(["p0", "p1", "p2", "p9"]),
            quantity=st.integers(0, 3),
            restock=st.booleans(),
        ),
        min_size=1,
        max_size=3,
    )
    return order, draw(st.lists(amounts | goods, max_size=6))


@given(orders_and_refunds())
def test_whatever_is_refunded_the_sums_come_out(given_):
    order, wanted = given_
    taken = 0
    for n, one in enumerate(wanted):
        try:
            order = order.with_refund(f"rfd_{n}", one, MOMENT)
            taken += 1
        except (NothingToRefund, NotOfThisOrder, RefundTooLarge):
            pass

    owed = sum(one.amount for one in order.owed_back)
    captured = sum(payment.amount for payment in order.payments.values())
    kept = order.total.minor - order.refunded.minor
    assert len(order.refunds) == taken
    assert 0 <= kept <= order.total.minor
    assert 0 <= order.credit_held <= order.credit_used
    assert captured == kept - order.credit_held + owed, "captured = sold for - credit used + owed back"
    units = {line.product_id: line.quantity for line in order.lines}
    for refund in order.refunds:
        for line in refund.lines:
            units[line.product_id] -= line.quantity
    assert min(units.values()) >= 0
