"""The log in DynamoDB: what was logged is read in that order, by readers at their own pace, and nothing is missed."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import msgspec
import pytest

from emulator import tables
from emulator.wire import refused
from shop.kernel.events import Envelope
from shop.platform.storage import dynamodb_schema
from shop.platform.storage.cursor import cursor
from shop.platform.storage.dynamodb_events import delete, outbox_key
from shop.platform.storage.dynamodb_log import DynamoLog
from shop.platform.storage.dynamodb_log_keys import partition_of
from shop.platform.storage.dynamodb_log_writer import LogWriter
from shop.platform.storage.port import ForeignCursor, Unavailable

pytestmark = pytest.mark.aws

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
QUERY = "dynamodb.Query"


@pytest.fixture
async def log(aws, stack, clock):
    await tables.create(aws.client("dynamodb"), [dynamodb_schema.log_table(stack=stack)])
    return DynamoLog(aws=aws, stack=stack, clock=clock)


@pytest.fixture
def writer(aws, stack, clock):
    return LogWriter(aws, stack=stack, clock=clock)


@pytest.fixture
def add(writer, parcel, clock):
    """Logs the events with these numbers, a millisecond after each other, and lets readers see them."""

    async def added(numbers, *, kind="parcel.sent", wait=timedelta(seconds=10)):
        for n in numbers:
            await writer.add([parcel(n, kind)])
            clock.forward(timedelta(milliseconds=1))
        clock.forward(wait)

    return added


@pytest.fixture
def queries(aws):
    """How many queries were made."""
    made = []
    aws.client("dynamodb").meta.events.register(f"before-send.{QUERY}", lambda **_: made.append(1))
    return made


def ids(stretch):
    return [msgspec.json.decode(event)["id"] for event in stretch.events]


def numbered(numbers):
    return [f"evt_{n:06d}" for n in numbers]


async def everything(log, *, after=None, types=(), most=100):
    """All pages."""
    found, more = [], True
    while more:
        stretch = await log.read(after=after, types=types, most=most)
        found += ids(stretch)
        after, more = stretch.after, stretch.more
    return found


async def test_events_are_given_as_they_were_committed_in_the_order_in_which_they_were_logged(log, add, parcel):
    await add([3, 1, 2])

    stretch = await log.read(after=None, types=(), most=10)

    assert ids(stretch) == numbered([3, 1, 2])
    assert stretch.events[0] == msgspec.json.encode(parcel(3))
    assert (stretch.more, stretch.missing) == (False, False)


async def test_pages_follow_each_other_without_a_gap_and_say_when_there_is_more(log, add):
    await add(range(250))

    pages, after, more = [], None, True
    while more:
        stretch = await log.read(after=after, types=(), most=50)
        pages.append(ids(stretch))
        after, more = stretch.after, stretch.more

    assert [len(page) for page in pages] == [50] * 5
    assert [one for page in pages for one in page] == numbered(range(250))


async def test_there_is_always_a_cursor_to_come_back_with(log, add):
    empty = await log.read(after=None, types=(), most=10)
    await add([1])
    first = await log.read(after=empty.after, types=(), most=10)
    nothing = await log.read(after=first.after, types=(), most=10)
    await add([2])
    second = await log.read(after=nothing.after, types=(), most=10)

    assert [ids(one) for one in (empty, first, nothing, second)] == [[], numbered([1]), [], numbered([2])]
    assert not any(one.more or one.missing for one in (empty, first, nothing, second))


async def test_of_many_types_only_those_that_are_asked_for(log, add):
    await add(range(30))
    await add([50, 51], kind="parcel.lost")
    await add(range(60, 90))
    await add([52], kind="parcel.found")

    assert await everything(log, types=["parcel.lost"], most=1) == numbered([50, 51])
    assert await everything(log, types=["parcel.lost", "parcel.found"]) == numbered([50, 51, 52])
    assert len(await everything(log, types=["parcel.sent"])) == 60


async def test_a_cursor_of_one_type_goes_on_with_another(log, add):
    await add([1])
    nothing = await log.read(after=None, types=["parcel.lost"], most=10)
    await add([2], kind="parcel.lost")

    assert ids(nothing) == []
    assert ids(await log.read(after=nothing.after, types=(), most=10)) == numbered([2])


async def test_a_reader_stays_behind_now_and_sees_it_later(log, add, clock):
    await add([1], wait=timedelta(seconds=4))
    early = await log.read(after=None, types=(), most=10)
    clock.forward(timedelta(seconds=2))

    assert ids(early) == []
    assert ids(await log.read(after=early.after, types=(), most=10)) == numbered([1])


async def test_an_event_that_is_logged_late_is_not_missed_whatever_its_own_time(log, add):
    await add([5, 6])
    first = await log.read(after=None, types=(), most=10)
    await add([1])  # made long before, published by a sweep

    assert ids(await log.read(after=first.after, types=(), most=10)) == numbered([1])


async def test_events_of_one_moment_are_all_told_over_any_pages(log, writer, parcel, clock):
    await writer.add([parcel(n) for n in range(60)])
    clock.forward(timedelta(seconds=10))

    found = await everything(log, most=7)

    assert Counter(found) == Counter(numbered(range(60)))


async def test_a_partition_that_has_more_than_the_others_is_not_overtaken_by_them(log, add):
    most, few = ([n for n in range(1000) if partition_of(f"evt_{n:06d}") == number] for number in (0, 1))
    numbers = [*most[:90], *few[:5], *most[90:100]]
    await add(numbers)

    assert await everything(log, most=40) == numbered(numbers)
    assert await everything(log, most=1000) == numbered(numbers)
    assert await everything(log, most=1) == numbered(numbers)


async def test_hours_follow_each_other(log, add):
    for n in range(5):
        await add([n], wait=HOUR)

    assert await everything(log, most=2) == numbered(range(5))


async def test_hours_in_which_nothing_happened_cost_nothing(log, add, clock, queries):
    await add([1])
    first = await log.read(after=None, types=(), most=10)
    clock.forward(29 * DAY)
    await add([2])
    queries.clear()

    assert ids(await log.read(after=first.after, types=(), most=10)) == numbered([2])
    assert len(queries) <= 1 + 2 * 4


async def test_a_read_makes_a_bounded_number_of_queries_and_the_next_one_goes_on(log, add, queries):
    for n in range(60):
        await add([n], wait=HOUR)
    await add([100], kind="parcel.lost")
    queries.clear()

    stretch = await log.read(after=None, types=["parcel.lost"], most=10)

    assert (ids(stretch), stretch.more) == ([], True)
    assert len(queries) <= 100
    assert await everything(log, types=["parcel.lost"], after=stretch.after) == numbered([100])


async def test_what_is_older_than_it_is_kept_is_not_told_even_where_it_is_still_there(log, add, clock):
    await add([1])
    clock.forward(20 * DAY)
    await add([2])
    clock.forward(11 * DAY)

    stretch = await log.read(after=None, types=(), most=10)

    assert ids(stretch) == numbered([2])
    assert stretch.missing


async def test_items_are_removed_when_they_are_not_kept_any_more(aws, stack, log, add, clock):  # noqa: ARG001
    begun = clock()
    await add([1])

    items = (await aws.client("dynamodb").scan(TableName=f"{stack}-log"))["Items"]

    [event] = [item for item in items if "body" in item]
    assert datetime.fromtimestamp(int(event["ttl"]["N"]), UTC) == begun + 30 * DAY


async def test_a_reader_that_was_away_for_too_long_is_told_that_it_missed_something(log, add, clock):
    await add([1])
    first = await log.read(after=None, types=(), most=10)
    clock.forward(DAY)
    await add([2])
    clock.forward(31 * DAY)

    again = await log.read(after=first.after, types=(), most=10)

    assert (ids(again), again.missing) == ([], True)
    assert not (await log.read(after=again.after, types=(), most=10)).missing


async def test_a_reader_that_was_away_while_nothing_happened_has_missed_nothing(log, add, clock):
    await add([1])
    first = await log.read(after=None, types=(), most=10)
    clock.forward(2 * HOUR)
    again = await log.read(after=first.after, types=(), most=10)
    clock.forward(40 * DAY)
    await add([2])

    stretch = await log.read(after=again.after, types=(), most=10)

    assert (ids(stretch), stretch.missing) == (numbered([2]), False)


@pytest.mark.parametrize(
    "after",
    [
        "rubbish",
        "",
        cursor(["events"], [1, "evt_1"]),
        cursor(["log"], "2026-11-23"),
        cursor(["log"], "x" * 40),
        cursor(["log"], "2027-01-01T00:00:00.000000Z~"),
        cursor(["log"], "2026-99-23T04:00:00.000000Z~"),
    ],
)
async def test_what_is_no_cursor_of_this_log_is_refused(log, after):
    with pytest.raises(ForeignCursor):
        await log.read(after=after, types=(), most=10)


async def test_a_page_is_not_larger_than_it_may_be(log, add, writer, clock):
    for n in range(12):
        event = Envelope(
            id=f"evt_{n:06d}", type="parcel.sent", source="/shop/parcels", subject="p", dataschema="urn:x",
            time="2026-11-23T04:00:00.000000Z", data=msgspec.Raw(msgspec.json.encode("x" * 200_000)),
        )  # fmt: skip
        await writer.add([event])
        clock.forward(timedelta(milliseconds=1))
    await add([50])

    first = await log.read(after=None, types=(), most=100)

    assert (ids(first), first.more) == (numbered(range(11)), True)
    assert ids(await log.read(after=first.after, types=(), most=100)) == numbered([11, 50])


async def test_who_polls_while_sixteen_write_misses_nothing(aws, stack, parcel):
    """On the machine's clock, with writers that are slow now and then: one call in four is held up, or not answered."""
    await tables.create(aws.client("dynamodb"), [dynamodb_schema.log_table(stack=stack)])
    lag, calls = timedelta(seconds=3), []

    def now():
        return datetime.now(UTC)

    async def hold_up(**_):
        calls.append(1)
        if len(calls) % 4 == 0:
            await asyncio.sleep(0.3)
        if len(calls) % 16 == 0:
            raise TimeoutError

    aws.client("dynamodb").meta.events.register("after-call.dynamodb.BatchWriteItem", hold_up)
    log = DynamoLog(aws=aws, stack=stack, clock=now, lag=lag)

    async def write(number):
        writer = LogWriter(aws, stack=stack, clock=now)
        for n in range(20):
            await writer.add([parcel(number * 100 + n)])

    writers = asyncio.gather(*(write(number) for number in range(16)))
    seen, after, end = [], None, None
    async with asyncio.timeout(60):
        while end is None or now() < end + lag:
            stretch = await log.read(after=after, types=(), most=17)
            seen += ids(stretch)
            after = stretch.after
            if end is None and writers.done():
                end = now()
            await asyncio.sleep(0)
        seen += await everything(log, after=after)
    await writers

    wanted = {f"evt_{number * 100 + n:06d}" for number in range(16) for n in range(20)}
    assert set(seen) == wanted
    assert len(seen) > len(wanted)  # those whose answer was lost are there twice


async def test_what_was_not_written_in_time_is_written_again_for_readers_who_are_past_its_moment(
    log, writer, parcel, aws, clock, monkeypatch
):
    monkeypatch.setattr("shop.platform.storage.dynamodb_log_keys.IN_TIME", timedelta(seconds=0.05))
    held_up, after = [], []

    async def hold_up(**_):
        if not held_up:
            held_up.append(1)
            clock.forward(timedelta(minutes=1))
            after.append((await log.read(after=None, types=[], most=10)).after)
            await asyncio.sleep(1)  # it will not be waited for so long

    aws.client("dynamodb").meta.events.register("before-send.dynamodb.BatchWriteItem", hold_up)
    await writer.add([parcel(1)])
    clock.forward(timedelta(minutes=1))

    assert ids(await log.read(after=after[0], types=(), most=10)) == numbered([1])


async def test_what_cannot_be_written_is_said_after_some_tries(writer, aws, parcel):  # noqa: ARG001
    with pytest.raises(Unavailable, match="2 events could not be logged"):
        await writer.add([parcel(1), parcel(2)])  # there is no table


@pytest.mark.parametrize("operation", ["PutItem", "BatchWriteItem"])
async def test_what_may_not_be_written_is_said_at_once(log, writer, wire, parcel, operation):  # noqa: ARG001 - it is there
    wire.meets(operation, refused("AccessDeniedException"))

    with pytest.raises(Unavailable, match="1 events could not be logged"):
        await writer.add([parcel(1)])

    assert wire.operations().count(operation) == 1


async def test_what_may_not_be_deleted_is_said_at_once(log, aws, wire, stack):  # noqa: ARG001 - it is there
    wire.meets("BatchWriteItem", refused("AccessDeniedException"))

    with pytest.raises(Unavailable, match="cannot be deleted"):
        await delete(aws.client("dynamodb"), f"{stack}-log", [outbox_key("evt_1")])

    assert wire.operations() == ["BatchWriteItem"]


async def test_a_log_that_is_not_there_is_unavailable(aws, stack, clock):
    with pytest.raises(Unavailable):
        await DynamoLog(aws=aws, stack=stack, clock=clock).read(after=None, types=(), most=10)


async def test_places_are_ordered_like_moments(log, add, aws, stack):  # noqa: ARG001
    await add(range(20), wait=HOUR)

    items = (await aws.client("dynamodb").scan(TableName=f"{stack}-log"))["Items"]
    by_place = sorted((item["sk"]["S"], item["pk"]["S"]) for item in items if "body" in item)

    assert all(left[0] < right[0] for left, right in pairwise(by_place))
    assert {pk[:17] for _, pk in by_place} == {"log#2026-11-23T04"}
    assert {pk[17:] for _, pk in by_place} == {"#0", "#1", "#2", "#3"}
