"""The ledger on the real store beside a small model of it: a list of lots, and what was spent of them.

Orders, their refunds in parts, redemptions and the turn of the clock are drawn by hypothesis: 70 runs of up to 40
steps. Deliveries come in any order, up to three copies at once, and again later; half of the runs without an inbox.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from dependency_injector import providers
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shop.kernel.clock import rfc3339
from shop.kernel.errors import NotYet
from shop.kernel.events import Cause, Envelope
from shop.kernel.idempotency import Once
from shop.kernel.ids import ids
from shop.orders.contract import OrderCompleted, OrderRefunded
from shop.platform.bus import routes
from shop.platform.retry import again
from shop.platform.settings import read_settings
from shop.platform.storage.port import AlreadyConsumed, Layout
from shop.platform.storage.sqlite import SqliteStore
from shop.rewards.container import RewardsContainer
from shop.rewards.domain.account import NotEnoughPoints

KEYS = {"SHOP_JWT_KEY": "j" * 32, "SHOP_PAYMENT_SECRETS": "p" * 32}
COPIES = st.integers(1, 3)
WHICH = st.integers(0, 10**6)


@dataclass
class Model:
    """What a customer has: (month of expiry, order, points), oldest month first, and what was spent of them."""

    lots: list[tuple[str, str, int]] = field(default_factory=list)
    spent: int = 0
    heard: set[str] = field(default_factory=set)  # orders and refunds

    @property
    def balance(self) -> int:
        return sum(points for _, _, points in self.lots) - self.spent

    def left(self) -> dict[str, int]:
        left, spent = {}, self.spent
        for month, _, points in self.lots:
            there = max(points - spent, 0)
            spent -= points - there
            if there:
                left[month] = left.get(month, 0) + there
        return left

    def earn(self, order: str, points: int, month: str) -> None:
        if points and order not in self.heard:
            self.lots = sorted([*self.lots, (month, order, points)])
            self.heard.add(order)

    def reverse(self, order: str, refund: str, points: int) -> None:
        if refund not in self.heard:
            self.heard.add(refund)
            own = sum(there for _, of, there in self.lots if of == order)
            self.spent += max(points - own, 0)
            self.lots = [(m, of, there - min(points, there) if of == order else there) for m, of, there in self.lots]

    def turn(self, today: str) -> None:
        """Months that are over take what is left of them along; what was spent of them stays spent."""
        over = sum(points for month, _, points in self.lots if month < today)
        self.lots = [lot for lot in self.lots if lot[0] >= today]
        self.spent = max(self.spent - over, 0)


class Ledger(RuleBasedStateMachine):
    """One customer's."""

    @initialize(inbox=st.booleans())
    def open(self, inbox):
        self.folder = tempfile.TemporaryDirectory()
        self.loop = asyncio.Runner()
        self.now = datetime(2026, 11, 23, 4, tzinfo=UTC)
        self.model = Model()
        self.remaining = {}  # minor units, by order
        self.waiting, self.told = [], []  # deliveries
        self.requests = 0
        self.store = SqliteStore(Path(self.folder.name) / "shop.db", clock=lambda: self.now, inbox=inbox)
        self.loop.run(self.store.open())
        given = {
            "engine": self.store,
            "clock": self.store.clock,
            "ids": ids(self.store.clock),
            "settings": read_settings(KEYS | {"SHOP_DATA": self.folder.name}),
        }
        self.wired = RewardsContainer(**{name: providers.Object(value) for name, value in given.items()})
        self.table = self.wired.reactions().table()
        self.store.routes = routes({"rewards": self.table})
        self.store.on_queued = self.waiting.extend
        self.senders = self.store.records(Layout(context="senders"))

    @rule(total=st.integers(0, 9_000), at_once=st.booleans())
    def an_order_is_completed(self, total, at_once):
        order = f"ord_{len(self.remaining)}"
        self.remaining[order] = total
        self.publish(OrderCompleted(order_id=order, customer_id="c1", total=_euros(total), currency="EUR"))
        if at_once:
            self.an_event_is_delivered(-1, 1)

    @precondition(lambda self: any(self.remaining.values()))
    @rule(which=WHICH, share=st.sampled_from([1, 30, 80, 100]), at_once=st.booleans())
    def an_order_is_refunded_in_part(self, which, share, at_once):
        refundable = [order for order, left in self.remaining.items() if left]
        order = refundable[which % len(refundable)]
        before = self.remaining[order]
        after = before - max(before * share // 100, 1)
        self.remaining[order] = after
        self.requests += 1
        self.publish(
            OrderRefunded(
                refund_id=f"ref_{self.requests}",
                order_id=order,
                customer_id="c1",
                amount=_euros(before - after),
                currency="EUR",
                remaining_before=_euros(before),
                remaining_after=_euros(after),
            )
        )
        if at_once:
            self.an_event_is_delivered(-1, 1)

    @precondition(lambda self: self.waiting)
    @rule(which=WHICH, copies=COPIES)
    def an_event_is_delivered(self, which, copies):
        queued = self.waiting.pop(which % len(self.waiting))
        if self.deliver(queued, copies):
            self.told.append(queued)
        else:
            self.waiting.append(queued)

    @precondition(lambda self: self.told)
    @rule(which=WHICH, copies=COPIES)
    def an_event_is_delivered_once_more(self, which, copies):
        assert self.deliver(self.told[which % len(self.told)], copies)

    @rule(share=st.sampled_from([10, 50, 100, 110]), copies=COPIES)
    def points_are_redeemed(self, share, copies):
        points = max(self.model.balance * share // 100, 1)
        self.requests += 1
        once = Once(key=f"c1/redeem-points/{self.requests}", fingerprint="f")
        outcomes = self.at_once(
            copies, self.wired.redeem_points(), customer_id="c1", points=points, once=once, cause=Cause(id="req_1")
        )
        if points > self.model.balance:
            assert all(isinstance(outcome, NotEnoughPoints) for outcome in outcomes)
        else:
            self.model.spent += points
            assert len({outcome.view for outcome in outcomes}) == 1
            assert sum(outcome.replayed for outcome in outcomes) == copies - 1

    @rule(days=st.sampled_from([1, 20, 90, 400]))
    def time_passes(self, days):
        self.now += timedelta(days=days)
        self.model.turn(f"{self.now:%Y-%m}")

    @rule(copies=COPIES)
    def the_job_runs(self, copies):
        self.at_once(copies, self.wired.expire_points(), cause=Cause(id="job_expire-points"))
        assert self.account().balance == self.model.balance

    @invariant()
    def the_account_is_what_the_model_says(self):
        account = self.account().expire(at=rfc3339(self.now))[0]
        assert account.left == self.model.left()
        assert account.balance == self.model.balance

    def teardown(self):
        try:
            self.in_the_end()
        finally:
            self.loop.run(self.store.close())
            self.loop.close()
            self.folder.cleanup()

    def in_the_end(self):
        """Everything is delivered, the books are in order, and every entry was told once."""
        while self.waiting:
            self.an_event_is_delivered(0, 1)
        self.the_job_runs(1)
        self.the_account_is_what_the_model_says()
        assert self.loop.run(self.differences()) == []
        assert self.told_points() == self.account().balance

    def publish(self, fact):
        envelope = Envelope(
            id=f"evt_{len(self.waiting) + len(self.told)}",
            type=fact.TYPE,
            source="/shop/orders",
            subject=fact.order_id,
            time=rfc3339(self.now),
            dataschema=f"urn:shop:{fact.TYPE}:1",
            data=msgspec.Raw(msgspec.json.encode(fact)),
        )
        self.loop.run(self.senders.commit(events=[envelope]))

    def deliver(self, queued, copies):
        """Whether it was heard; else it came too early, and is to come again."""
        envelope = queued.envelope
        cause = Cause(id=envelope.id, delivery=queued.delivery)
        outcomes = self.at_once(copies, self.table[envelope.type], envelope, cause)
        if envelope.type == OrderCompleted.TYPE:
            fact = envelope.read(OrderCompleted)
            completed = datetime.fromisoformat(envelope.time)
            month = max(f"{completed.year + 2}-{completed:%m}", f"{self.now:%Y-%m}")
            self.model.earn(fact.order_id, _points(fact.total), month)
        else:
            fact = envelope.read(OrderRefunded)
            points = _points(fact.remaining_before) - _points(fact.remaining_after)
            if points and fact.order_id not in self.model.heard:
                assert all(isinstance(outcome, NotYet) for outcome in outcomes)
                return False
            if points:
                self.model.reverse(fact.order_id, fact.refund_id, points)
        assert all(outcome is None or isinstance(outcome, AlreadyConsumed) for outcome in outcomes)
        self.end(queued)
        return True

    def end(self, queued):
        """As the bus does with a delivery that nothing was written for."""

        def ended(connection):
            connection.execute("DELETE FROM deliveries WHERE id = ?", (int(queued.delivery.id),))

        self.loop.run(self.store.file.write(ended))

    def at_once(self, copies, act, *args, **kwargs):
        async def together():
            acts = (again(act, *args, **kwargs) for _ in range(copies))
            return await asyncio.gather(*acts, return_exceptions=True)

        return self.loop.run(together())

    def account(self):
        return self.loop.run(self.wired.ledger().account("c1"))

    async def differences(self):
        return [difference async for difference in self.wired.audit()()]

    def told_points(self):
        rows = self.store.file.reader.execute("SELECT body FROM events WHERE type LIKE 'reward.%'").fetchall()
        envelopes = [msgspec.json.decode(body, type=Envelope) for (body,) in rows]
        signs = {"reward.issued": 1, "reward.redeemed": -1, "reward.reversed": -1, "reward.expired": -1}
        return sum(signs[one.type] * msgspec.json.decode(one.data)["points"] for one in envelopes)


def _euros(minor):
    return f"{minor // 100}.{minor % 100:02d}"


def _points(total):
    return int(total.partition(".")[0])


TestLedger = Ledger.TestCase
TestLedger.settings = settings(
    max_examples=70, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
