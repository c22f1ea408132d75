"""The figures of a whole shop move with what is done in it: each where it should."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from prometheus_client.parser import text_string_to_metric_families

from torture.valkey import begun


async def figures_of(story):
    """`{(name, *labels by their names): value}` as a scrape finds it."""
    answer = await story.http.get("/metrics")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.fixture
async def moved(story):
    """What has been counted since the fixture was asked for; of nothing, nothing."""
    before = await figures_of(story)

    async def since(name):
        now = await figures_of(story)
        return {key[1:]: more for key, value in now.items() if key[0] == name and (more := value - before.get(key, 0))}

    return since


async def test_the_business_is_counted_by_what_becomes_of_orders(story, moved):
    await story.sell("cup", price="10.50", on_hand=5)
    paid = (await story.order("ada", ("cup", 2), key="a")).json()
    gone = (await story.order("ben", ("cup", 1), key="b")).json()
    short = await story.order("cyd", ("cup", 9), key="c")
    assert short.status_code == 201
    await story.until_quiet()
    await story.pay(paid)
    await story.http.post(f"/orders/{gone['orderId']}/cancel", headers=story.bearer("ben"))
    await story.until_quiet()
    headers = story.bearer("clerk", "staff") | {"Idempotency-Key": "back"}
    back = await story.http.post(f"/orders/{paid['orderId']}/refunds", json={"amount": "4.00"}, headers=headers)
    assert back.status_code == 201, back.text
    await story.until_quiet()

    assert await moved("shop_orders_total") == {("created",): 3, ("completed",): 1, ("cancelled",): 2, ("refunded",): 1}
    assert await moved("shop_cancellations_total") == {("customer",): 1, ("out_of_stock",): 1}
    assert await moved("shop_revenue_total") == {("EUR",): 21}
    assert await moved("shop_refunds_total") == {("EUR",): 4}
    assert await moved("shop_payments_total") == {("completed",): 1}
    assert await moved("shop_reservations_total") == {("reserved",): 2, ("rejected",): 1}
    points = await moved("shop_points_total")
    assert points["issued",] > points["reversed",] > 0


async def test_events_are_counted_to_their_consumers_with_their_delay(story, moved):
    await story.sell("cup", price="1.00", on_hand=5)
    await story.order("ada", ("cup", 1))
    await story.until_quiet()

    assert (await moved("shop_events_committed_total"))["order.created",] == 1
    assert (await moved("shop_events_published_total"))["order.created",] == 1
    delivered = await moved("shop_events_delivered_total")
    assert delivered["catalog", "order.created"] == delivered["orders", "stock.reserved"] == 1
    delays = await moved("shop_delivery_delay_seconds_count")
    assert delays["catalog", "order.created"] == 1
    assert await moved("shop_events_dead_total") == {}


async def test_a_delivery_that_fails_is_counted_until_it_is_dead(settings, visiting, later):
    async with visiting(replace(settings, delivery_attempts=2), serving=True) as story:

        async def broken(*_, **__):
            raise RuntimeError("broken")

        await story.sell("cup", price="1.00", on_hand=5)
        await story.until_quiet()
        reactions = story.shop.bus._consumers["catalog"]
        reactions["order.created"] = broken
        await story.order("ada", ("cup", 1))
        await story.until_quiet()
        once = await figures_of(story)
        later(timedelta(minutes=2))
        await _until(story, lambda now: now.get(("shop_deliveries", "dead")) == 1)
        now = await figures_of(story)

    told = ("catalog", "order.created")
    assert once["shop_events_retried_total", *told] == 1
    assert ("shop_events_dead_total", *told) not in once
    assert now["shop_events_dead_total", *told] == 1
    assert now["shop_delivery_errors_total", "catalog", "RuntimeError"] == 2


async def _until(story, holds):
    async with asyncio.timeout(20):
        while not holds(await figures_of(story)):  # noqa: ASYNC110 - the shop looks every so often
            await asyncio.sleep(0.02)


async def test_acts_that_are_in_each_others_way_are_counted_as_conflicts(story, moved):
    await story.sell("cup", price="1.00", on_hand=100)
    await story.until_quiet()
    price = {"basePrice": "2.00", "currency": "EUR"}
    headers = story.bearer("clerk", "staff") | {"If-Match": "*"}
    await asyncio.gather(
        *(
            story.http.put("/products/cup/price", json=price | {"basePrice": f"{n}.00"}, headers=headers)
            for n in range(2, 8)
        )
    )
    await story.until_quiet()

    writes = await moved("shop_writes_total")
    assert writes["catalog", "committed"] >= 2
    assert writes["catalog", "conflict"] >= 1
    assert (await moved("shop_write_seconds_count"))["catalog",] == sum(
        count for (context, _), count in writes.items() if context == "catalog"
    )


async def test_units_that_share_a_sync_of_the_disk_are_a_group(story, moved):
    await story.sell("cup", price="1.00", on_hand=500)
    await asyncio.gather(*(story.order(f"customer-{n}", ("cup", 1), key=str(n)) for n in range(40)))
    await story.until_quiet()

    units, commits = (await moved("shop_store_units_total"))[()], (await moved("shop_store_commits_total"))[()]
    assert (await moved("shop_store_group_size_count"))[()] == commits
    assert (await moved("shop_store_group_size_sum"))[()] == units > commits


async def test_what_is_refused_is_counted_by_its_code(story, moved):
    await story.http.get("/orders/none", headers=story.bearer("ada"))
    await story.http.get("/orders/none")
    await story.http.get("/nowhere")

    problems = await moved("shop_problems_total")
    assert problems["wrong-token", "orders", "refusal"] == 1
    assert problems["no-such-route", "shop", "refusal"] == 1
    assert len(problems) == 3


async def test_reads_of_the_catalog_are_counted_by_the_layer_that_answered(settings, visiting, tmp_path_factory):
    with begun(tmp_path_factory.mktemp("v")) as valkey:
        shared = replace(settings, redis_url=valkey.url)
        async with visiting(shared, serving=True) as first:
            await first.sell("cup", price="9.99", on_hand=50)
            await first.until_quiet()
            for key in "abc":
                await first.order("ada", ("cup", 1), key=key)
            await first.until_quiet()
            figures = await figures_of(first)
            async with visiting(shared, serving=True) as second:
                others = await figures_of(second)
                async with asyncio.timeout(20):
                    for number in count():  # until it hears of invalidations, it asks the origin
                        await second.order("ben", ("cup", 1), key=f"d{number}")
                        others = await figures_of(second)
                        if others["shop_catalog_reads_total", "redis"]:
                            break
                        await asyncio.sleep(0.02)

        assert figures["shop_catalog_reads_total", "origin"] >= 1
        assert figures["shop_catalog_reads_total", "memory"] >= 1
        assert figures["shop_catalog_reads_invalidated_total",] >= 1
        assert others["shop_catalog_reads_total", "redis"] == 1
        assert figures["shop_circuit", "closed", "redis"] == others["shop_circuit", "closed", "catalog"] == 1
