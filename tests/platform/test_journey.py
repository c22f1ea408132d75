"""What becomes of an event is told as it happens: in the store, on the bus, delivered; or failed, and dead."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import msgspec
from structlog.testing import capture_logs

from shop.kernel.errors import Refusal
from shop.platform.bus_aws import Consumer
from shop.platform.journey import Watchers

MINUTE = timedelta(minutes=1)


class Poison(Refusal):
    code = "poison"


async def test_an_event_is_told_from_its_commit_to_each_delivery(store, serve, send, book, hearing, until, diary):
    store.watcher = diary
    bus = await serve(store, hearing(left=book("left").hear, right=book("right").hear), watcher=diary)

    [event] = await send([1])
    await until(bus.idle)

    assert diary.heard[:2] == [("committed", event.id), ("published", event.id)]
    assert sorted(diary.heard[2:]) == [("delivered", event.id, "left", 1), ("delivered", event.id, "right", 1)]


async def test_what_nobody_hears_is_committed_and_no_more(store, serve, send, book, hearing, until, diary):
    store.watcher = diary
    bus = await serve(store, hearing(reader=book().hear), watcher=diary)

    [event] = await send([1], kind="parcel.lost")
    await until(bus.idle)

    assert diary.heard == [("committed", event.id)]


async def test_a_failure_is_told_with_its_wait_and_the_last_one_without(
    store, serve, send, hearing, until, diary, clock
):
    store.watcher = diary

    async def refuse(*_):
        raise Poison("poison")

    await serve(store, hearing(reader=refuse), watcher=diary, attempts=2)
    [event] = await send([1])
    await until(lambda: len(diary.heard) == 3)
    clock.forward(MINUTE)
    await until(lambda: len(diary.heard) == 4)

    failure = ("failed", event.id, "reader")
    assert diary.heard[2:] == [(*failure, 1, MINUTE, "Poison: poison"), (*failure, 2, None, "Poison: poison")]


async def test_the_queue_of_aws_tells_the_same(parcel, diary):
    async def refuse_the_second(event, _):
        if event.id == parcel(2).id:
            raise Poison("poison")

    queue = SimpleNamespace(get_queue_url=anything, change_message_visibility=anything)
    aws = SimpleNamespace(client=lambda _: queue)
    consumer = Consumer(
        {"parcel.sent": refuse_the_second}, context="parcels", attempts=24, aws=aws, stack="shop", watcher=diary
    )
    await consumer.consume([_record(parcel(1), received=1), _record(parcel(2), received=3)])

    assert diary.heard == [
        ("delivered", parcel(1).id, "parcels", 1),
        ("failed", parcel(2).id, "parcels", 3, 4 * MINUTE, "Poison: poison"),
    ]


async def anything(**_):
    return {"QueueUrl": "shop-parcels"}


def _record(event, *, received):
    return {
        "messageId": event.id,
        "receiptHandle": event.id,
        "attributes": {"ApproximateReceiveCount": str(received)},
        "body": msgspec.json.encode({"detail": event}).decode(),
    }


async def test_several_watchers_hear_the_same(store, serve, send, book, hearing, until, diary):
    left, right = diary, type(diary)()
    store.watcher = Watchers(left, right)
    bus = await serve(store, hearing(reader=book().hear), watcher=store.watcher)

    await send(range(1, 4))
    await until(bus.idle)

    assert left.heard == right.heard
    assert len(left.heard) == 9


async def test_a_watcher_that_fails_is_logged_once_and_holds_nothing_up(
    store, serve, send, book, hearing, until, diary
):
    class Broken(type(diary)):
        def committed(self, _):
            raise RuntimeError("broken")

    store.watcher = Watchers(Broken(), diary)
    bus = await serve(store, hearing(reader=book().hear), watcher=store.watcher)
    with capture_logs() as lines:
        await send([1])
        await send([2])
        await until(bus.idle)

    assert [what for what, *_ in diary.heard].count("delivered") == 2
    assert [(line["event"], line["watcher"]) for line in lines] == [("watcher.failed", "Broken")]
