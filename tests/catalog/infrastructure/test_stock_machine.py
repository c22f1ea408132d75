"""Stock on the real engine against a model of a few lines, through any story that hypothesis can think of.

Staff move and count; orders are placed, cancelled, completed and refunded; what is published of it is delivered one to
three times, in any order, alone or several at once, by a process that may die after any of its commits. Told in four
worlds: commits of 10 records (a long order then takes several) and of 2,000, each with the inbox and without it; 10
stories of up to 50 steps in each.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from shop.catalog.contract import StockRejected, StockReserved
from shop.orders.contract import OrderCancelled, OrderCompleted, OrderCreated, OrderedLine, OrderRefunded

T = TypeVar("T")

STORIES, STEPS = 10, 50  # in each of the four worlds
HAD = 4  # of each product, to begin with: scarce, so that orders meet what others took
SHELF = tuple(f"p{n:02}" for n in range(12))
QUANTITIES = st.integers(1, 3)
COPIES = st.integers(1, 3)
CHOICE = st.integers(0, 1 << 16)
MOVEMENT = st.tuples(st.just("delta"), st.integers(-4, 6).filter(bool)) | st.tuples(
    st.just("on_hand"), st.integers(0, 6)
)
WANTED = st.one_of(
    st.dictionaries(st.sampled_from(SHELF), QUANTITIES, min_size=1),
    st.just(dict.fromkeys(SHELF, 1)),  # more than ten records in one commit
)


@dataclass
class Order:
    """What is known of an order without asking the catalog."""

    lines: dict[str, int]
    cancelled: bool = False
    completed: bool = False
    back: Counter[str] = field(default_factory=Counter)  # by refunds, so far
    refunds: int = 0


class StockMachine(RuleBasedStateMachine):
    """The model is `moved` and `orders`; the shop is `house`."""

    def __init__(self, house: Any) -> None:
        super().__init__()
        self.house, self.told = house, house.told
        self.numbers = count()
        self.moved: Counter[str] = Counter()  # by staff
        self.orders: dict[str, Order] = {}
        self.moving = False  # a reservation was left half-way
        for product_id in SHELF:
            house.run(house.catalog.lists(product_id, on_hand=HAD))
            self.moved[product_id] = HAD

    def teardown(self) -> None:
        try:
            self.everything_ends_well()
        finally:
            self.house.close()

    # What staff do

    @rule(product=CHOICE, how=MOVEMENT, copies=COPIES)
    def staff_move(self, product: int, how: tuple[str, int], copies: int) -> None:
        product_id = _one(SHELF, product)
        before = self.stock(product_id)
        (name, n), delta = how, how[1] - before.on_hand if how[0] == "on_hand" else how[1]
        possible = before.available + delta >= 0
        moved = self.house.run(self.house.move(product_id, copies, **{name: n}))
        assert moved == [possible] * copies
        self.moved[product_id] += delta if possible else 0

    # What becomes of orders

    @rule(wanted=WANTED, copies=COPIES)
    def an_order_is_placed(self, wanted: dict[str, int], copies: int) -> None:
        order_id = f"o{len(self.orders)}"
        self.orders[order_id] = Order(wanted)
        self.house.publish(OrderCreated(order_id=order_id, customer_id="c", lines=_lines(wanted)), copies)

    @precondition(lambda self: self.which(open_=True))
    @rule(which=CHOICE, copies=COPIES)
    def an_order_is_cancelled(self, which: int, copies: int) -> None:
        self.cancel(_one(self.which(open_=True), which), "customer", copies)

    @precondition(lambda self: self.which(open_=True, reserved=True))
    @rule(which=CHOICE, copies=COPIES)
    def an_order_is_completed(self, which: int, copies: int) -> None:
        order_id = _one(self.which(open_=True, reserved=True), which)
        self.orders[order_id].completed = True
        self.house.publish(OrderCompleted(order_id=order_id, customer_id="c", total="1.00", currency="EUR"), copies)

    @precondition(lambda self: self.which(completed=True))
    @rule(which=CHOICE, part=QUANTITIES, copies=COPIES)
    def an_order_is_refunded(self, which: int, part: int, copies: int) -> None:
        order_id = _one(self.which(completed=True), which)
        order = self.orders[order_id]
        back = {product_id: min(part, n - order.back[product_id]) for product_id, n in order.lines.items()}
        back = {product_id: n for product_id, n in back.items() if n}
        order.back.update(back)
        order.refunds += bool(back)
        event = OrderRefunded(
            refund_id=f"r{next(self.numbers)}",
            order_id=order_id,
            customer_id="c",
            amount="0.10",
            currency="EUR",
            remaining_before="1.00",
            remaining_after="0.90",
            restock=_lines(back),
        )
        self.house.publish(event, copies)

    def cancel(self, order_id: str, reason: str, copies: int = 1) -> None:
        self.orders[order_id].cancelled = True
        self.house.publish(OrderCancelled(order_id=order_id, customer_id="c", reason=reason), copies)

    # How it is delivered

    @precondition(lambda self: self.house.on_their_way)
    @rule(which=CHOICE)
    def one_is_delivered(self, which: int) -> None:
        queued = self.house.on_their_way.pop(which % len(self.house.on_their_way))
        order_id = queued.envelope.subject
        undecided = not self.told[order_id] and self.house.reservation(order_id) is None
        possible = all(self.stock(product_id).available >= n for product_id, n in self.orders[order_id].lines.items())
        self.house.run(self.house.deliver(queued))
        if queued.envelope.type == OrderCreated.TYPE and undecided:
            assert self.told[order_id] == [StockReserved.TYPE if possible else StockRejected.TYPE]
        self.orders_hears()

    @precondition(lambda self: len(self.house.on_their_way) > 1)
    @rule(which=st.lists(CHOICE, min_size=2, max_size=5), product=CHOICE, delta=st.integers(-2, 2).filter(bool))
    def some_are_delivered_at_once_while_staff_move(self, which: list[int], product: int, delta: int) -> None:
        house, product_id = self.house, _one(SHELF, product)
        some = [house.on_their_way.pop(one % len(house.on_their_way)) for one in which[: len(house.on_their_way)]]

        async def at_once() -> list[bool]:
            moved, *_ = await asyncio.gather(house.move(product_id, 2, delta=delta), *map(house.deliver, some))
            return moved

        first, second = house.run(at_once())
        assert first == second
        self.moved[product_id] += delta if first else 0
        self.orders_hears()

    @precondition(lambda self: self.house.on_their_way)
    @rule(which=CHOICE, lives=st.sampled_from((1, 1, 2, 3)), cancelled=st.booleans())
    def a_process_dies_with_one_which_comes_again(self, which: int, lives: int, *, cancelled: bool) -> None:
        """And what then is to be done for the order may come first."""
        new = [one for one in self.house.on_their_way if not self.told[one.envelope.subject]]
        queued = _one(new or self.house.on_their_way, which)
        self.house.deliver_and_die(queued, lives=lives)
        self.orders_hears()
        order_id = queued.envelope.subject
        if cancelled and order_id in self.which(open_=True):
            self.cancel(order_id, "customer")
            self.house.run(self.house.deliver(self.house.on_their_way.pop()))

    @precondition(lambda self: self.moving)
    @rule()
    def what_was_left_half_way_is_finished(self) -> None:
        self.house.time.passes(timedelta(minutes=6))
        self.house.finish()
        self.orders_hears()

    def orders_hears(self) -> None:
        """An order of what is not there is cancelled."""
        for order_id, order in self.orders.items():
            if StockRejected.TYPE in self.told[order_id] and not order.cancelled:
                self.cancel(order_id, "out_of_stock")

    # What is true

    @invariant()
    def the_sums_are_right(self) -> None:
        held: Counter[str] = Counter()
        reservations = self.house.reservations()
        self.moving = not all(one.at_rest for one in reservations)
        for reservation in reservations:
            held.update({line.product_id: line.quantity for line in reservation.held})
        for product_id, stock in self.house.stocks(SHELF).items():
            assert min(stock.on_hand, stock.available, stock.sold) >= 0
            assert stock.on_hand - stock.available == held[product_id], "what is held is not what reservations hold"
            assert stock.on_hand + stock.sold == self.moved[product_id], "goods came from nowhere, or are lost"

    @invariant()
    def nothing_is_told_twice(self) -> None:
        assert all(len(told) <= 1 for told in self.told.values())

    def everything_ends_well(self) -> None:
        """What is on its way arrives, and every order is where its facts say, every counter what the orders left."""
        self.all_arrive()
        self.house.finish()
        self.the_sums_are_right()
        self.nothing_is_told_twice()
        held, sold = Counter[str](), Counter[str]()
        for order_id, order in self.orders.items():
            status = self.house.reservation(order_id).status
            assert status == self.end_of(order_id), order
            assert self.told[order_id] or order.cancelled
            held.update(order.lines if status == "reserved" else {})
            sold.update(order.lines if order.completed else {})
            sold.subtract(order.back)
        for product_id, stock in self.house.stocks(SHELF).items():
            on_hand = self.moved[product_id] - sold[product_id]
            assert (stock.on_hand, stock.available) == (on_hand, on_hand - held[product_id])
        restocked = [one.status for one in self.house.reservations() if one.key.startswith("restock/")]
        assert restocked == ["restocked"] * sum(order.refunds for order in self.orders.values())
        assert self.house.differences() == []

    def all_arrive(self) -> None:
        for _ in range(100):
            arriving = self.house.on_their_way[:]
            self.house.on_their_way.clear()
            for queued in arriving:
                self.house.run(self.house.deliver(queued))
            self.orders_hears()
            if not self.house.on_their_way:
                return
        raise AssertionError(self.house.on_their_way)

    def stock(self, product_id: str) -> Any:
        return self.house.stocks([product_id])[product_id]

    def which(self, *, open_: bool = False, reserved: bool = False, completed: bool = False) -> list[str]:
        return [
            order_id
            for order_id, order in self.orders.items()
            if (not open_ or not (order.cancelled or order.completed))
            and (not reserved or StockReserved.TYPE in self.told[order_id])
            and (not completed or order.completed)
        ]

    def end_of(self, order_id: str) -> str:
        if StockRejected.TYPE in self.told[order_id]:
            return "rejected"
        order = self.orders[order_id]
        return "shipped" if order.completed else "released" if order.cancelled else "reserved"


def _lines(quantities: dict[str, int]) -> tuple[OrderedLine, ...]:
    return tuple(OrderedLine(product_id=product_id, quantity=n) for product_id, n in quantities.items())


def _one(of: tuple[T, ...] | list[T], which: int) -> T:
    return of[which % len(of)]


@pytest.mark.parametrize("inbox", [True, False])
@pytest.mark.parametrize("limit", [10, 2000])
def test_stock_ends_as_the_model_says(warehouse: Callable[..., Any], limit: int, *, inbox: bool) -> None:
    run_state_machine_as_test(
        lambda: StockMachine(warehouse(limit=limit, inbox=inbox)),
        settings=settings(
            max_examples=STORIES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
