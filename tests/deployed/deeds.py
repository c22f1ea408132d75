"""What functions do, each as a deed: what must be there before it, and then (behind `yield`) the deed. It raises where
a function fails, or has not its effect.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from functools import cache

from shop.catalog.contract import ProductUpdated, StockReserved
from shop.catalog.domain.reservation import Created, Line, advance
from shop.entrypoints.catalog_alone import CatalogAlone
from shop.entrypoints.rewards_alone import RewardsAlone
from shop.kernel.clock import system_clock
from shop.kernel.money import Money
from shop.orders.contract import OrderCompleted, OrderCreated, OrderedLine, PaymentCompleted
from shop.rewards.contract import RewardRedeemed
from tests.deployed.by_hand import THEN, ByHand, Refused, earlier, event

MANY = 8  # of a batch
LONG_AGO = timedelta(days=900)  # what was earned then has expired


# --- catalog


async def sells(hand: ByHand):
    yield
    await _sold(hand)


async def shows(hand: ByHand):
    product = await _sold(hand)
    yield
    await hand.asks("GET", f"/products/{product}")


async def shows_several(hand: ByHand):
    product = await _sold(hand)
    yield
    await hand.asks("GET", f"/products?ids={product},other")


async def lists(hand: ByHand):
    await _sold(hand)
    yield
    await hand.asks("GET", "/products?category=Home")


async def searches(hand: ByHand):
    product = await _sold(hand)
    yield
    await hand.asks("GET", f"/search?q={product}")


async def renames(hand: ByHand):
    product = await _sold(hand)
    as_read = {"If-Match": (await hand.story.http.get(f"/products/{product}")).headers["etag"]}
    yield
    await hand.asks("PATCH", f"/products/{product}", headers=as_read, json={"name": "Beaker"})


async def stocks(hand: ByHand):
    product = await _made(hand)
    yield
    await _stocked(hand, product)


async def reserves(hand: ByHand):
    product = await _sold(hand)
    yield
    await hand.hears("catalog", _created(hand, product))


async def ships(hand: ByHand):
    product = await _sold(hand)
    created = _created(hand, product)
    await hand.hears("catalog", created)
    yield
    fact = OrderCompleted(order_id=created.subject, customer_id="ann", total="10.00", currency="EUR")
    await hand.hears("catalog", event(fact, of="orders"))


async def finishes_a_reservation(hand: ByHand):
    products = [await _sold(hand) for _ in range(2)]
    fact = Created(hand.name("ord"), [Line(product, 1) for product in products])
    async with earlier(CatalogAlone, ago=timedelta(hours=1)) as catalog:
        step = advance(None, fact, room=1, available=dict.fromkeys(products, 5))
        await catalog.reservations().take(step, events=[], cause=THEN)
    yield
    await hand.calls("catalog-jobs", {"job": "finish-reservations"})
    for product in products:
        if (await hand.asks("GET", f"/products/{product}/stock"))["available"] != 4:
            raise Refused(f"{product} is not reserved")


# --- orders


async def orders(hand: ByHand):
    product = await _sold(hand)
    yield
    await _ordered(hand, product)


async def orders_with_credit(hand: ByHand):
    product = await _sold(hand)
    customer = await _with_credit(hand)
    yield
    await _ordered(hand, product, customer, useCredit=True)


async def reads_an_order(hand: ByHand):
    order = await _ordered(hand, await _sold(hand))
    yield
    await hand.asks("GET", f"/orders/{order['orderId']}")


async def lists_orders(hand: ByHand):
    order = await _ordered(hand, await _sold(hand))
    yield
    found = await hand.asks("GET", f"/orders?customerId={order['customerId']}")
    if not found["data"]:
        raise Refused("it is not found")


async def confirms(hand: ByHand):
    order = await _ordered(hand, await _sold(hand))
    yield
    await hand.hears("orders", event(StockReserved(order_id=order["orderId"]), of="catalog"))


async def hears_many_facts_of_an_order_at_once(hand: ByHand):
    """All of them read it as it is, one of them saves it, and the others see that they have to read it again."""
    order = await _ordered(hand, await _sold(hand))
    paid = {"order_id": order["orderId"], "amount": "10.00", "currency": "EUR"}
    facts = [PaymentCompleted(payment_id=hand.name("pay"), **paid) for _ in range(MANY)]
    yield
    await hand.hears("orders", *(event(fact, of="orders") for fact in facts))


async def keeps_credit(hand: ByHand):
    yield
    await _with_credit(hand)


async def forgets_twice_what_it_has_read(hand: ByHand):
    product = hand.name("cup")
    fact = ProductUpdated(
        product_id=product, sku=product, changed=("name",), old_category="Home", new_category="Home", group_id=None
    )
    yield
    await hand.hears("orders", event(fact, of="catalog"))


async def expires_an_order(hand: ByHand):
    customer = await _with_credit(hand)
    order = await _ordered(hand, await _sold(hand), customer, useCredit=True)
    due = datetime.fromisoformat(order["expiresAt"]) - system_clock()
    await asyncio.sleep(max(due.total_seconds(), 0))
    yield
    await hand.calls("orders-jobs", {"job": "expire-orders"})
    if (await hand.asks("GET", f"/orders/{order['orderId']}"))["status"] != "cancelled":
        raise Refused("it is not expired")


# --- rewards


async def tells_points(hand: ByHand):
    yield
    await hand.asks("GET", "/rewards/ann")


async def lists_the_ledger(hand: ByHand):
    customer = await _with_points(hand)
    yield
    await hand.asks("GET", f"/rewards/{customer}/ledger")


async def redeems(hand: ByHand):
    customer = await _with_points(hand)
    yield
    key = {"Idempotency-Key": hand.name("key")}
    await hand.asks("POST", f"/rewards/{customer}/redemptions", who=customer, headers=key, json={"points": 5})


async def rewards(hand: ByHand):
    yield
    await _with_points(hand)


async def rewards_many_orders_of_a_customer_at_once(hand: ByHand):
    customer = hand.name("ann")
    yield
    await hand.hears("rewards", *(_completed(hand, customer) for _ in range(MANY)))


async def expires_points(hand: ByHand):
    customer = hand.name("ann")
    async with earlier(RewardsAlone, ago=LONG_AGO) as house:
        then = system_clock() - LONG_AGO
        earned = {"customer_id": customer, "order_id": hand.name("ord"), "total": Money.parse("10.00", "EUR")}
        await house.earn_points()(**earned, completed=then, cause=THEN)
    yield
    await hand.calls("rewards-jobs", {"job": "expire-points"})
    ledger = await hand.asks("GET", f"/rewards/{customer}/ledger")
    if [entry["kind"] for entry in ledger["data"]] != ["expire", "earn"]:
        raise Refused("they are not expired")


# --- all contexts


@cache
def passes_on(context: str, *, anew: bool = False):
    """`anew`: what it has found out of the log's hour is forgotten."""

    async def deed(hand: ByHand):
        fact = event(StockReserved(order_id="ord_nobodys"), of=context)
        if anew:
            await hand.begins_anew(f"{context}-relay")
        yield
        await hand.passes_on(context, fact)
        if await hand.left(context, fact):
            raise Refused("it is still in the outbox")

    return _named(deed, f"passes_on-{context}", anew=anew)


@cache
def sweeps(context: str, *, anew: bool = False):
    async def deed(hand: ByHand):
        fact = event(StockReserved(order_id="ord_nobodys"), of=context, ago=timedelta(hours=1))
        await hand.stack.empty(context)  # of what other deeds left in the outbox
        await hand.commits(context, fact)
        if anew:
            await hand.begins_anew(f"{context}-jobs")
        yield
        await hand.calls(f"{context}-jobs", {"job": "sweep-outbox"})
        if await hand.left(context, fact):
            raise Refused("it is still in the outbox")

    return _named(deed, f"sweeps-{context}", anew=anew)


@cache
def puts_off(context: str, *, anew: bool = False):
    """`anew`: it knows the queue's address no more."""

    async def deed(hand: ByHand):
        if anew:
            await hand.begins_anew(f"{context}-consumer")
        await hand.begins_with_nothing_in(context)
        await hand.stack.send(context, "rubbish")
        sqs, url = hand.stack.aws.client("sqs"), await hand.stack.address(context)
        [message] = (await sqs.receive_message(QueueUrl=url, VisibilityTimeout=600))["Messages"]
        yield
        await hand.consumes(context, [(message["Body"], message["ReceiptHandle"])])
        await sqs.receive_message(QueueUrl=url)  # with which it becomes a dead letter
        if not (await hand.stack.dead()).get(context):
            raise Refused("it is not to be seen yet")

    return _named(deed, f"puts_off-{context}", anew=anew)


def _named(deed, name: str, *, anew: bool):
    deed.__name__ = name + ("-anew" if anew else "")
    return deed


async def tells_events(hand: ByHand):
    yield
    await hand.asks("GET", "/events")


# --- what they begin with


async def _made(hand: ByHand) -> str:
    product = hand.name("cup")
    body = {"productId": product, "sku": product, "name": product, "category": "Home", "basePrice": "10.00"}
    await hand.asks("POST", "/products", json=body | {"currency": "EUR"})
    return product


async def _stocked(hand: ByHand, product: str) -> None:
    key, body = {"Idempotency-Key": hand.name("key")}, {"onHand": 5, "reason": "first"}
    await hand.asks("POST", f"/products/{product}/stock", headers=key, json=body)


async def _sold(hand: ByHand) -> str:
    product = await _made(hand)
    await _stocked(hand, product)
    return product


async def _ordered(hand: ByHand, product: str, customer: str = "", **more):
    body = {"items": [{"productId": product, "quantity": 1}]} | more
    key = {"Idempotency-Key": hand.name("key")}
    return await hand.asks("POST", "/orders", who=customer or hand.name("ann"), headers=key, json=body)


async def _with_credit(hand: ByHand) -> str:
    customer = hand.name("ann")
    redeemed = {"redemption_id": hand.name("red"), "points": 100, "credit": "1.00", "currency": "EUR"}
    await hand.hears("orders", event(RewardRedeemed(customer_id=customer, **redeemed), of="rewards"))
    return customer


async def _with_points(hand: ByHand) -> str:
    customer = hand.name("ann")
    await hand.hears("rewards", _completed(hand, customer))
    return customer


def _completed(hand: ByHand, customer: str):
    fact = OrderCompleted(order_id=hand.name("ord"), customer_id=customer, total="10.00", currency="EUR")
    return event(fact, of="orders")


def _created(hand: ByHand, product: str):
    lines = (OrderedLine(product_id=product, quantity=1),)
    return event(OrderCreated(order_id=hand.name("ord"), customer_id="ann", lines=lines), of="orders")
