"""Whatever people and events do to orders, in any order and again: the acts on the real store agree with a small model.

Hypothesis draws the histories: 60 examples of up to 40 steps.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from dependency_injector import providers
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from shop.kernel.errors import Refusal
from shop.kernel.events import Cause, Envelope
from shop.kernel.idempotency import Once
from shop.kernel.ids import ids
from shop.kernel.money import Money
from shop.orders.application.create_order import NewOrder
from shop.orders.container import OrdersContainer
from shop.orders.domain.lines import ProductInfo
from shop.orders.domain.refund import RefundedLine
from shop.platform.settings import Settings
from shop.platform.storage.sqlite import SqliteStore

PRICE = 700
MOST_ORDERS = 4  # so that much happens to each
CUSTOMER = "c1"


@dataclass
class Model:
    """What should be true of one order. Amounts are minor units."""

    units: int
    credit: int  # used when it was placed
    late: bool = False  # its time to be paid has passed
    taken: bool = False  # a payment of it, which may not have reached the order yet
    stock: str = ""
    paid: dict[str, int] = field(default_factory=dict)  # what has reached the order
    cancelled: bool = False
    refunds: dict[str, int] = field(default_factory=dict)  # key -> amount
    units_back: int = 0

    @property
    def total(self) -> int:
        return self.units * PRICE

    @property
    def to_pay(self) -> int:
        return self.total - self.credit

    @property
    def status(self) -> str:
        if self.cancelled or self.stock == "rejected":
            return "cancelled"
        settled = bool(self.paid) or self.to_pay == 0
        return {"": "pending", "reserved": "completed" if settled else "confirmed"}[self.stock]

    @property
    def refunded(self) -> int:
        return sum(self.refunds.values())

    @property
    def credit_back(self) -> int:
        if self.status == "cancelled":
            return self.credit
        return max(self.refunded - self.to_pay, 0)

    @property
    def owed(self) -> int:
        """Everything that was captured but what the goods that were kept cost, without the credit still in them."""
        captured = sum(self.paid.values())
        if self.status == "cancelled":
            return captured
        if not self.paid:
            return 0
        return captured - (self.total - self.refunded - (self.credit - self.credit_back))


class OnePrice:
    """A catalog of cups."""

    async def products(self, product_ids):
        return {one: ProductInfo(one, "Cup", PRICE, "EUR") for one in product_ids}

    async def forget(self, tags):
        pass


class Orders(RuleBasedStateMachine):
    """Acts and facts, each of which may be refused, repeated or late."""

    orders = Bundle("orders")
    payments = Bundle("payments")

    @initialize(target=orders)
    def open(self):
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.time = Now()
        self.store = SqliteStore(Path(self.folder.name) / "shop.db", clock=self.time)
        self.do(self.store.open())
        self.models: dict[str, Model] = {}
        self.redeemed: dict[str, int] = {}
        self.n = 0
        setup = Settings(
            data=Path(self.folder.name),
            jwt_key="k" * 32,
            payment_secrets=("n" * 32,),
            order_expiry=timedelta(minutes=30),
            catalog_budget=5,
            log_level="error",
        )
        given = {"engine": self.store, "clock": self.time, "ids": ids(self.time), "settings": setup}
        self.wired = OrdersContainer(**{name: providers.Object(one) for name, one in given.items()})
        self.wired.catalog.override(providers.Object(OnePrice()))
        self.points_become_credit_once("a", 1500)
        return self.place(2, use_credit=True)

    def teardown(self):
        if hasattr(self, "store"):
            assert self.do(self.audited()) == []
            self.do(self.store.close())
            self.loop.close()
            self.folder.cleanup()

    def do(self, act):
        return self.loop.run_until_complete(act)

    def cause(self):
        self.n += 1
        return Cause(id=f"evt_{self.n}")

    @precondition(lambda self: len(self.models) < MOST_ORDERS)
    @rule(target=orders, units=st.integers(1, 4), use_credit=st.booleans())
    def somebody_orders(self, units, use_credit):
        return self.place(units, use_credit)

    @precondition(lambda self: len(self.models) < MOST_ORDERS)
    @rule(target=orders, units=st.integers(1, 4), use_credit=st.booleans())
    def an_order_is_completed(self, units, use_credit):
        order = self.place(units, use_credit)
        self.the_catalog_has_decided(order, "reserved")
        if payment := self.told(order, 0, "x"):
            self.reaches(*payment)
        return order

    def place(self, units, use_credit):
        credit = min(self.credit(), units * PRICE) if use_credit else 0
        once = Once(key=f"{CUSTOMER}/create-order/{self.n}", fingerprint="f")
        wanted = NewOrder(customer_id=CUSTOMER, items=[("cup", units)], once=once, use_credit=use_credit)
        order, _ = self.do(self.wired.create_order()(wanted=wanted, cause=self.cause()))
        again, replayed = self.do(self.wired.create_order()(wanted=wanted, cause=self.cause()))
        assert (again.order_id, again.credit_used, replayed) == (order.order_id, order.credit_used, True)
        self.models[order.order_id] = Model(units=units, credit=credit)
        return order.order_id

    @rule(name=st.sampled_from("abc"), amount=st.sampled_from([300, 1500]))
    def points_become_credit(self, name, amount):
        self.points_become_credit_once(name, amount)

    def points_become_credit_once(self, name, amount):
        told = {"redemption_id": f"rdm_{name}", "customer_id": CUSTOMER, "amount": Money(amount, "EUR")}
        self.do(self.wired.keep_credit()(**told, cause=self.cause()))
        self.redeemed.setdefault(name, amount)

    @rule(order=orders, outcome=st.sampled_from(["reserved", "reserved", "rejected"]))
    def the_catalog_decides(self, order, outcome):
        self.the_catalog_has_decided(order, outcome)

    def the_catalog_has_decided(self, order, outcome):
        self.do(self.wired.record_stock()(order_id=order, outcome=outcome, cause=self.cause()))
        self.models[order].stock = self.models[order].stock or outcome

    @rule(target=payments, order=orders, off=st.sampled_from([0, 0, 0, 1]), name=st.sampled_from("xyz"))
    def the_provider_tells_of_a_payment(self, order, off, name):
        return self.told(order, off, name)

    def told(self, order, off, name):
        model, payment = self.models[order], f"pay_{order}_{name}"
        told = {"payment_id": payment, "order_id": order, "currency": "EUR", "status": "completed"}
        amount = Money(model.to_pay + off, "EUR")
        fits = off == 0 and model.to_pay > 0
        try:
            self.do(self.wired.take_payment()(**told, amount=str(amount), cause=self.cause()))
            assert fits
            model.taken = True
        except Refusal:
            assert not fits
        self.time.now += timedelta(seconds=1)
        return (order, payment, amount, self.time.now.isoformat()) if fits else None

    @rule(payment=payments)
    def a_payment_reaches_its_order(self, payment):
        if payment is not None:
            self.reaches(*payment)

    def reaches(self, order, payment_id, amount, at):
        record = self.wired.record_payment()
        self.do(record(order_id=order, payment_id=payment_id, amount=amount, taken_at=at, cause=self.cause()))
        self.models[order].paid.setdefault(payment_id, amount.minor)

    @rule(order=orders)
    def somebody_cancels(self, order):
        model = self.models[order]
        try:
            self.do(self.wired.cancel_order()(order_id=order, of_customer=None, reason="staff", cause=self.cause()))
            assert model.status != "completed"
            model.cancelled = model.cancelled or model.status != "cancelled"
        except Refusal:
            assert model.status == "completed"

    @rule(minutes=st.sampled_from([1, 31]))
    def time_passes_and_unpaid_orders_expire(self, minutes):
        self.time.now += timedelta(minutes=minutes)
        due = [model for model in self.models.values() if model.late or minutes > 30]
        for model in self.models.values():
            model.late = model.late or minutes > 30
        self.do(self.wired.expire_orders()(cause=self.cause()))
        for model in due:
            if model.status in ("pending", "confirmed") and not model.taken and model.to_pay:
                model.cancelled = True

    @rule(order=orders, key=st.sampled_from("kl"), amount=st.sampled_from([0, 300, PRICE, 2 * PRICE, 3 * PRICE]))
    def an_amount_is_refunded(self, order, key, amount):
        self.refund(order, f"{key}{amount}", str(Money(amount, "EUR")), amount, units=0)

    @rule(order=orders, key=st.sampled_from("mn"), units=st.integers(1, 4))
    def goods_are_refunded(self, order, key, units):
        goods = [RefundedLine(product_id="cup", quantity=units, restock=True)]
        self.refund(order, f"{key}{units}", goods, units * PRICE, units=units)

    def refund(self, order, key, wanted, amount, *, units):
        model = self.models[order]
        known = key in model.refunds
        left = model.total - model.refunded
        fits = model.status == "completed" and units + model.units_back <= model.units
        if units:
            amount = min(amount, left)  # of goods what is left of the order, if they cost more
        else:
            fits = fits and 0 < amount <= left
        once = Once(key=f"clerk/refund-order/{order}{key}", fingerprint=hashlib.sha256(key.encode()).hexdigest())
        try:
            made = self.do(self.wired.refund_order()(order_id=order, wanted=wanted, once=once, cause=self.cause()))
        except Refusal:
            assert not known
            assert not fits
        else:
            assert made.replayed is known
            assert known or fits
            assert known or made.refund.amount == amount
            if not known:
                model.refunds[key] = made.refund.amount
                model.units_back += units

    def credit(self):
        used = sum(model.credit - model.credit_back for model in self.models.values())
        return sum(self.redeemed.values()) - used

    @invariant()
    def the_store_says_what_the_model_says(self):
        if not hasattr(self, "store"):
            return
        for order_id, model in self.models.items():
            order = self.do(self.wired.orders().get(order_id))
            assert order.status == model.status
            assert order.credit_held == model.credit - model.credit_back
            assert sum(owed.amount for owed in order.owed_back) == model.owed
            assert order.refunded.minor == model.refunded
        left = self.do(self.wired.orders().credit(CUSTOMER))
        assert left.get("EUR", 0) == self.credit()

    @invariant()
    def everything_is_told_once(self):
        if not hasattr(self, "store"):
            return
        rows = self.store.file.reader.execute("SELECT body FROM events").fetchall()
        told: Counter[tuple[str, str]] = Counter()
        owed: Counter[str] = Counter()
        for (body,) in rows:
            envelope = msgspec.json.decode(body, type=Envelope)
            told[envelope.type, envelope.subject] += 1
            if envelope.type == "refund.due":
                owed[envelope.subject] += Money.parse(msgspec.json.decode(envelope.data)["amount"], "EUR").minor
        for order_id, model in self.models.items():
            assert told["order.created", order_id] == 1
            assert told["order.completed", order_id] == (model.status == "completed")
            assert told["order.cancelled", order_id] == (model.status == "cancelled")
            assert told["order.refunded", order_id] == len(model.refunds)
            assert owed[order_id] == model.owed

    async def audited(self):
        """Payments may be on their way for ever here; everything else is to be right."""
        return [one async for one in self.wired.audit()() if "it does not know" not in one]


class Now:
    """A clock that the machine turns."""

    def __init__(self):
        self.now = datetime(2026, 11, 23, 4, tzinfo=UTC)

    def __call__(self):
        return self.now


TestOrders = Orders.TestCase
TestOrders.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
