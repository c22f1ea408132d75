"""What becomes of events, counted: on the real store and bus, and what a context counts of its own."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from shop.kernel.errors import NotYet, Refusal
from shop.platform.event_figures import EventFigures
from shop.platform.figures import Figures, counter

MINUTE = timedelta(minutes=1)
PARCELS = counter("parcels", "Sent.")


class Poison(Refusal):
    code = "poison"


@pytest.fixture
def figures():
    return Figures()


@pytest.fixture
def watcher(figures, store, clock):
    business = {"parcel.sent": lambda event, figures: figures.count(PARCELS, by=len(event.data))}
    store.watcher = EventFigures(figures, business=business, clock=clock)
    return store.watcher


@pytest.fixture
def counted(figures):
    def read(name):
        return {
            labels: getattr(value, "buckets", value) for metric, labels, value in figures.read() if metric.name == name
        }

    return read


async def test_events_are_counted_from_commit_to_each_delivery(
    store, serve, send, book, hearing, until, watcher, counted
):
    await serve(store, hearing(left=book("left").hear, right=book("right").hear), watcher=watcher)

    sent = await send([1, 2])
    await send([3], kind="parcel.lost")  # which nobody hears
    await until(lambda: sum(counted("shop_events_delivered").values()) == 4)

    assert counted("shop_events_committed") == {("parcel.sent",): 2, ("parcel.lost",): 1}
    assert counted("shop_events_published") == {("parcel.sent",): 2}
    assert counted("shop_events_delivered") == {("parcel.sent", "left"): 2, ("parcel.sent", "right"): 2}
    assert counted("parcels") == {(): sum(len(event.data) for event in sent)}
    assert counted("shop_events_retried") == counted("shop_events_dead") == {}


async def test_a_delay_is_from_the_event_to_its_effect(send, clock, figures, watcher):
    [event] = await send([1])
    clock.forward(timedelta(seconds=7))
    watcher.delivered(event, consumer="left", attempts=1)
    clock.forward(-timedelta(hours=1))  # another server's clock
    watcher.delivered(event, consumer="left", attempts=1)

    [spread] = [value for metric, _, value in figures.read() if metric.name == "shop_delivery_delay_seconds"]
    assert sum(spread.buckets) == 2
    assert spread.total == pytest.approx(7)


@pytest.mark.parametrize("time", ["yesterday", "", "2026-11-23T04:00:00"])
async def test_an_event_without_a_time_that_can_be_read_is_delivered_all_the_same(send, watcher, counted, time):
    [event] = await send([1])
    watcher.delivered(msgspec.structs.replace(event, time=time), consumer="left", attempts=1)

    assert counted("shop_events_delivered") == {("parcel.sent", "left"): 1}
    assert sum(counted("shop_delivery_delay_seconds")["parcel.sent", "left"]) == 0


async def test_failures_are_counted_as_retries_and_the_last_as_dead_with_the_kind_of_error(
    store, serve, send, hearing, until, clock, watcher, counted
):
    errors = iter([NotYet("early"), KeyError("who"), Poison("poison")])

    async def refuse(*_):
        raise next(errors)

    await serve(store, hearing(reader=refuse), watcher=watcher, attempts=3)
    await send([1])
    await until(lambda: sum(counted("shop_events_retried").values()) == 1)
    clock.forward(MINUTE)
    await until(lambda: sum(counted("shop_events_retried").values()) == 2)
    clock.forward(2 * MINUTE)
    await until(lambda: counted("shop_events_dead"))

    assert counted("shop_events_retried") == {("parcel.sent", "reader"): 2}
    assert counted("shop_events_dead") == {("parcel.sent", "reader"): 1}
    assert counted("shop_delivery_errors") == {
        ("reader", "NotYet"): 1,
        ("reader", "KeyError"): 1,
        ("reader", "Poison"): 1,
    }
