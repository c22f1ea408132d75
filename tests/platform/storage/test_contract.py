"""The contract of the storage port, which every engine keeps: one suite for all of them.

Engines are in `conftest.py`. A test that wants other records than another's gives them keys of its own, so that
examples of one test may share an engine.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import random
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop.kernel.clock import Clock
from shop.kernel.events import Cause, Delivery, Envelope, Event, Publisher
from shop.kernel.ids import ids
from shop.platform.storage.port import (
    HIGHEST,
    MOST_BODY,
    MOST_PAGE,
    MOST_PLACE,
    MOST_WORDS,
    AlreadyConsumed,
    Change,
    Conflict,
    Counts,
    ForeignCursor,
    Layout,
    NotEnough,
    Page,
    Place,
    Put,
    Records,
    TooMuch,
)
from shop.platform.storage.words import fold

Deliver = Callable[[Envelope], Awaitable[Sequence[Delivery]]]
Published = Callable[[], Awaitable[Sequence[Envelope]]]
Wait = Callable[[timedelta], None]
RecordsOf = Callable[[Layout], Records]

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NEVER_CHANGED = Counts(0, {})

shared_engine = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
numbers = itertools.count()  # tells the examples of a property apart


class ParcelSent(Event, frozen=True):
    TYPE: ClassVar[str] = "parcel.sent"
    ABOUT: ClassVar[str] = "parcel_id"

    parcel_id: str
    grams: int = 0


_publish = Publisher(source="/shop/parcels", ids=ids(lambda: NOON))


def sent(parcel: str = "p1", traceparent: str | None = None) -> Envelope:
    return _publish(ParcelSent(parcel_id=parcel), at=NOON, cause=Cause(id="req_1", traceparent=traceparent))


def doc(key: str, body: bytes = b"{}", *, was: int = 0, sender: Place | None = None, **more: object) -> Put:
    """A document, perhaps with a place in the index `sender`."""
    put = Put(key=key, body=body, was=was, indexes={"sender": sender} if sender else {})
    return replace(put, **more) if more else put  # type: ignore[arg-type]


async def keep(records: Records, puts: Sequence[Put]) -> None:
    """Commit them in as few commits as every engine allows: it may count the words of a document, too."""
    unit, size = list[Put](), 0
    for put in puts:
        needs = 1 + len(set(fold(" ".join(put.words.values()))))
        if unit and size + needs > records.limit:
            await records.commit(puts=unit)
            unit, size = [], 0
        unit.append(put)
        size += needs
    await records.commit(puts=unit)


async def fill(records: Records, key: str, **counters: int) -> None:
    await records.commit(puts=[doc(f"filled/{key}/{next(numbers)}")], changes=[Change(key=key, by=counters)])


async def of(records: Records, key: str) -> Mapping[str, int]:
    return (await records.counts([key]))[key].of


async def pages(turn: Callable[[str | None], Awaitable[Page]], most: int) -> list[str]:
    """The keys of every page, one page after the other."""
    keys: list[str] = []
    after = None
    for _ in range(1000):
        page = await turn(after)
        assert len(page.found) <= most
        keys += [stored.key for stored in page.found]
        if (after := page.after) is None:
            return keys
    raise AssertionError("a thousand pages and no end")


async def found(
    records: Records, group: str, *, index: str = "sender", most: int = 50, **bounds: str | bool
) -> list[str]:
    def turn(after: str | None) -> Awaitable[Page]:
        return records.find(index, group, after=after, limit=most, **bounds)  # type: ignore[arg-type]

    return await pages(turn, most)


async def searched(records: Records, *words: str, most: int = 20) -> list[str]:
    return await pages(lambda after: records.search(words, after=after, limit=most), most)


async def scanned(records: Records, prefix: str, *, most: int = 500) -> list[str]:
    return await pages(lambda after: records.scan(prefix, after=after, limit=most), most)


# Documents and their versions


async def test_a_document_is_read_as_it_was_put(records: Records, clock: Clock) -> None:
    body = '{"to":"Zoë","note":"\u0000\u2028 😀"}'.encode()

    await records.commit(puts=[doc("parcel/1", body)])

    stored = await records.get("parcel/1")
    assert stored is not None
    assert (stored.key, stored.body, stored.version, stored.at) == ("parcel/1", body, 1, clock())


async def test_what_was_never_put_is_absent(records: Records) -> None:
    assert await records.get("parcel/1") is None
    assert await records.get_many(["parcel/1", "parcel/2"]) == {}
    assert await records.get_many([]) == {}


async def test_each_put_raises_the_version_by_one_and_replaces_the_whole(
    records: Records, clock: Clock, wait: Wait
) -> None:
    await records.commit(puts=[doc("parcel/1", b'{"a":1,"b":2}')])
    for version in (1, 2, 3):
        wait(MINUTE)
        await records.commit(puts=[doc("parcel/1", b'{"a":%d}' % version, was=version)])

    stored = await records.get("parcel/1")
    assert stored is not None
    assert (stored.body, stored.version, stored.at) == (b'{"a":3}', 4, clock())


async def test_the_moment_of_the_put_is_the_clocks_to_the_microsecond(
    records: Records, clock: Clock, wait: Wait
) -> None:
    chance = random.Random(1)
    for n in range(500):
        wait(timedelta(microseconds=chance.randrange(30 * 86_400_000_000)))  # 20 years in all
        await records.commit(puts=[doc(f"parcel/{n}")])
        stored = await records.get(f"parcel/{n}")
        assert stored is not None
        assert stored.at == clock()


async def test_a_document_that_exists_cannot_be_put_as_new(records: Records) -> None:
    await records.commit(puts=[doc("parcel/1", b"1")])

    with pytest.raises(Conflict) as conflict:
        await records.commit(puts=[doc("parcel/1", b"2")])

    assert conflict.value.keys == {"parcel/1"}
    stored = await records.get("parcel/1")
    assert stored is not None
    assert (stored.body, stored.version) == (b"1", 1)


@pytest.mark.parametrize("was", [1, 3, 99])
async def test_a_document_is_not_put_over_another_version(records: Records, was: int) -> None:
    await records.commit(puts=[doc("parcel/1", b"1")])
    await records.commit(puts=[doc("parcel/1", b"2", was=1)])

    with pytest.raises(Conflict) as conflict:
        await records.commit(puts=[doc("parcel/1", b"3", was=was)])

    assert conflict.value.keys == {"parcel/1"}
    stored = await records.get("parcel/1")
    assert stored is not None
    assert (stored.body, stored.version) == (b"2", 2)


async def test_a_document_that_does_not_exist_has_no_version_to_be_put_over(records: Records) -> None:
    with pytest.raises(Conflict) as conflict:
        await records.commit(puts=[doc("parcel/1", was=1)])

    assert conflict.value.keys == {"parcel/1"}
    assert await records.get("parcel/1") is None


async def test_a_conflict_names_what_moved_and_nothing_else(records: Records) -> None:
    await keep(records, [doc("parcel/1"), doc("parcel/2"), doc("parcel/3")])

    with pytest.raises(Conflict) as conflict:
        await records.commit(puts=[doc("parcel/1", was=1), doc("parcel/2", was=7), doc("parcel/3"), doc("parcel/4")])

    assert conflict.value.keys
    assert conflict.value.keys <= {"parcel/2", "parcel/3"}


async def test_250_documents_are_read_at_once(records: Records) -> None:
    await keep(records, [doc(f"parcel/{n}", b"%d" % n) for n in range(250)])

    stored = await records.get_many([f"parcel/{n}" for n in range(250)] + ["parcel/none", "parcel/7"])

    assert {key: one.body for key, one in stored.items()} == {f"parcel/{n}": b"%d" % n for n in range(250)}
    assert all(one.key == key and one.version == 1 for key, one in stored.items())


async def test_a_commit_is_seen_by_every_reader_once_it_returns(records_of: RecordsOf) -> None:
    layout = Layout(context="letters", indexes={"sender": 1}, words={"name": 1})
    writer, reader = records_of(layout), records_of(layout)

    for version in range(20):
        await writer.commit(
            puts=[doc("letter/1", b"%d" % version, was=version)], changes=[Change(key="count/1", by={"n": 1})]
        )
        stored = await reader.get("letter/1")
        assert stored is not None
        assert (stored.body, stored.version) == (b"%d" % version, version + 1)
        assert await of(reader, "count/1") == {"n": version + 1}


async def test_contexts_do_not_see_each_others_records(records_of: RecordsOf) -> None:
    one, other = (
        records_of(Layout(context=context, indexes={"sender": 1}, words={"name": 1})) for context in ("east", "west")
    )
    put = doc("parcel/1", b"east", sender=("ann", "1"), words={"name": "teapot"})

    await one.commit(puts=[put], changes=[Change(key="stock/1", by={"n": 3})])

    assert await other.get("parcel/1") is None
    assert await other.get_many(["parcel/1"]) == {}
    assert await other.counts(["stock/1"]) == {"stock/1": NEVER_CHANGED}
    assert await found(other, "ann") == await searched(other, "teapot") == await scanned(other, "") == []
    await other.commit(puts=[replace(put, body=b"west")], changes=[Change(key="stock/1", by={"n": 5})])
    assert {key: stored.body for key, stored in (await one.get_many(["parcel/1"])).items()} == {"parcel/1": b"east"}
    assert (await of(one, "stock/1"), await of(other, "stock/1")) == ({"n": 3}, {"n": 5})
    assert await found(one, "ann") == await searched(one, "teapot") == await scanned(one, "") == ["parcel/1"]


# Counters


async def test_counters_start_at_nothing(records: Records) -> None:
    assert await records.counts(["stock/1", "stock/2"]) == {"stock/1": NEVER_CHANGED, "stock/2": NEVER_CHANGED}
    assert await records.counts([]) == {}


async def test_every_key_asked_for_is_in_the_answer(records: Records) -> None:
    await fill(records, "stock/7", available=7)

    counts = await records.counts([f"stock/{n}" for n in range(250)])

    assert counts.pop("stock/7") == Counts(1, {"available": 7})
    assert counts == {f"stock/{n}": NEVER_CHANGED for n in range(250) if n != 7}


async def test_a_document_and_counters_are_read_in_one_call(records: Records, clock: Clock, wait: Wait) -> None:
    brief = doc("product/2", expires=clock() + MINUTE)
    stock = Change(key="stock/1", by={"onHand": 5, "available": 0})
    await records.commit(puts=[doc("product/1", b'{"a":1}'), brief], changes=[stock])

    both, counts = await records.get_with_counts("product/1", "stock/1")
    alone, none = await records.get_with_counts("product/1", "stock/2")
    nothing, still = await records.get_with_counts("product/3", "stock/1")
    there, _ = await records.get_with_counts("product/2", "stock/2")
    wait(MINUTE)
    gone, _ = await records.get_with_counts("product/2", "stock/2")

    assert both == alone == await records.get("product/1")
    assert counts == still == (1, {"onHand": 5, "available": 0})
    assert none == NEVER_CHANGED
    assert nothing is gone is None
    assert there is not None


async def test_several_counters_live_under_one_key(records: Records) -> None:
    await fill(records, "stock/1", on_hand=5, available=5)
    await fill(records, "stock/1", available=-2, sold=1)
    await fill(records, "stock/2", available=1)

    counts = await records.counts(["stock/1", "stock/2"])

    assert counts["stock/1"].of == {"on_hand": 5, "available": 3, "sold": 1}
    assert counts["stock/2"].of == {"available": 1}


async def test_a_key_of_counters_has_a_version_that_moves_by_one_with_each_commit(records: Records) -> None:
    for version in (1, 2, 3):
        await fill(records, "stock/1", on_hand=1, available=1)
        assert (await records.counts(["stock/1"]))["stock/1"].version == version


async def test_counters_are_no_documents(records: Records) -> None:
    await fill(records, "stock/1", available=1)

    assert await records.get("stock/1") is None
    assert await scanned(records, "stock/") == []


async def test_a_counter_may_fall_to_zero_and_no_further(records: Records) -> None:
    await fill(records, "stock/1", available=2)
    await fill(records, "stock/1", available=-2)
    before = await records.counts(["stock/1"])

    with pytest.raises(NotEnough) as short:
        await records.commit(puts=[doc("order/1")], changes=[Change(key="stock/1", by={"available": -1})])

    assert short.value.keys == {"stock/1"}
    assert before["stock/1"].of == {"available": 0}
    assert await records.counts(["stock/1"]) == before
    assert await records.get("order/1") is None


@pytest.mark.parametrize(
    "by", [{"available": -3}, {"other": -1}, {"available": 1, "other": -1}, {"available": -3, "other": 1}]
)
async def test_a_change_that_one_counter_cannot_bear_changes_none_of_them(records: Records, by: dict[str, int]) -> None:
    await fill(records, "stock/1", available=2)

    with pytest.raises(NotEnough) as short:
        await records.commit(puts=[doc("order/1")], changes=[Change(key="stock/1", by=by)])

    assert short.value.keys == {"stock/1"}
    assert await records.counts(["stock/1"]) == {"stock/1": Counts(1, {"available": 2})}


async def test_not_enough_names_a_key_that_is_short_and_no_other(records: Records) -> None:
    await fill(records, "stock/1", available=9)
    await fill(records, "stock/2", available=1)

    with pytest.raises(NotEnough) as short:
        await records.commit(
            puts=[doc("order/1")],
            changes=[Change(key=f"stock/{n}", by={"available": -2}) for n in (1, 2, 3)],
        )

    assert short.value.keys
    assert short.value.keys <= {"stock/2", "stock/3"}
    assert await of(records, "stock/1") == {"available": 9}


async def test_a_change_may_be_guarded_by_the_version_that_was_read(records: Records) -> None:
    await records.commit(puts=[doc("count/1")], changes=[Change(key="stock/1", by={"n": 5}, was=0)])
    await records.commit(puts=[doc("count/2")], changes=[Change(key="stock/1", by={"n": 2}, was=1)])

    for was in (0, 1, 3):
        with pytest.raises(Conflict) as conflict:
            await records.commit(puts=[doc("count/3")], changes=[Change(key="stock/1", by={"n": 1}, was=was)])
        assert conflict.value.keys == {"stock/1"}

    assert await records.counts(["stock/1"]) == {"stock/1": Counts(2, {"n": 7})}
    assert await records.get("count/3") is None


async def test_a_guard_on_counters_that_never_changed_refuses_any_version_but_zero(records: Records) -> None:
    with pytest.raises(Conflict) as conflict:
        await records.commit(puts=[doc("count/1")], changes=[Change(key="stock/1", by={"n": 1}, was=1)])

    assert conflict.value.keys == {"stock/1"}
    assert await records.counts(["stock/1"]) == {"stock/1": NEVER_CHANGED}


async def test_an_unguarded_change_is_never_in_conflict(records: Records) -> None:
    await asyncio.gather(*(fill(records, "stock/1", n=1) for _ in range(50)))

    assert await records.counts(["stock/1"]) == {"stock/1": Counts(50, {"n": 50})}


async def test_amounts_of_money_fit_into_a_counter(records: Records) -> None:
    await fill(records, "credit/1", eur=10**15)
    await fill(records, "credit/1", eur=10**15)
    await fill(records, "credit/1", eur=1 - 10**15)

    assert await of(records, "credit/1") == {"eur": 10**15 + 1}


async def test_changes_without_a_put_are_refused(records: Records) -> None:
    with pytest.raises(ValueError, match="put"):
        await records.commit(changes=[Change(key="stock/1", by={"n": 1})])

    assert await records.counts(["stock/1"]) == {"stock/1": NEVER_CHANGED}


# All or nothing


async def test_puts_changes_and_events_are_committed_together(records: Records, published: Published) -> None:
    event = sent(traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")

    await records.commit(
        puts=[doc("parcel/1"), doc("parcel/2")],
        changes=[Change(key="stock/1", by={"n": 2}), Change(key="stock/2", by={"n": 1})],
        events=[event],
    )

    assert set(await records.get_many(["parcel/1", "parcel/2"])) == {"parcel/1", "parcel/2"}
    assert (await of(records, "stock/1"), await of(records, "stock/2")) == ({"n": 2}, {"n": 1})
    assert [(one.id, one.read(ParcelSent), one.traceparent) for one in await published()] == [
        (event.id, event.read(ParcelSent), event.traceparent)
    ]


@pytest.mark.parametrize(
    ("puts", "changes", "refusal"),
    [
        ([doc("parcel/3"), doc("parcel/1")], [Change(key="stock/1", by={"n": 1})], Conflict),
        (
            [doc("parcel/3"), doc("parcel/1", was=1), doc("parcel/2", was=9)],
            [Change(key="stock/1", by={"n": 1})],
            Conflict,
        ),
        ([doc("parcel/3")], [Change(key="stock/2", by={"n": 1}), Change(key="stock/1", by={"n": 1}, was=9)], Conflict),
        ([doc("parcel/3")], [Change(key="stock/2", by={"n": 1}), Change(key="stock/1", by={"n": -9})], NotEnough),
        (
            [doc("parcel/1", was=1)],
            [Change(key="stock/1", by={"n": -9}), Change(key="stock/2", by={"n": 1})],
            NotEnough,
        ),
    ],
)
async def test_what_is_refused_has_changed_nothing(
    records: Records,
    deliver: Deliver,
    published: Published,
    puts: list[Put],
    changes: list[Change],
    refusal: type[Exception],
) -> None:
    where: Place = ("ann", "1")
    await keep(records, [doc(f"parcel/{n}", b"old", sender=where, words={"name": "old"}) for n in (1, 2)])
    await fill(records, "stock/1", n=5)
    delivery, _ = await deliver(sent())
    before = [one.id for one in await published()]

    with pytest.raises(refusal):
        await records.commit(
            puts=[replace(put, body=b"new", indexes={"sender": ("bob", "1")}, words={"name": "new"}) for put in puts],
            changes=changes,
            events=[sent("p9")],
            consumed=delivery,
        )

    assert {
        key: (one.body, one.version) for key, one in (await records.get_many(["parcel/1", "parcel/2"])).items()
    } == {
        "parcel/1": (b"old", 1),
        "parcel/2": (b"old", 1),
    }
    assert await records.get("parcel/3") is None
    assert await records.counts(["stock/1", "stock/2"]) == {"stock/1": Counts(1, {"n": 5}), "stock/2": NEVER_CHANGED}
    assert (await found(records, "ann"), await found(records, "bob")) == (["parcel/1", "parcel/2"], [])
    assert (await searched(records, "old"), await searched(records, "new")) == (["parcel/1", "parcel/2"], [])
    assert [one.id for one in await published()] == before
    await records.commit(puts=[doc("parcel/3")], consumed=delivery)


async def test_events_alone_may_be_committed(records: Records, published: Published) -> None:
    events = [sent(f"p{n}") for n in range(5)]

    await records.commit(events=events)

    assert {one.id for one in await published()} == {one.id for one in events}


async def test_the_keys_of_one_commit_are_distinct(records: Records) -> None:
    twice = [
        ([doc("parcel/1"), doc("parcel/1")], []),
        ([doc("parcel/1")], [Change(key="parcel/1", by={"n": 1})]),
        ([doc("parcel/1")], [Change(key="stock/1", by={"n": 1}), Change(key="stock/1", by={"n": 1})]),
    ]

    for puts, changes in twice:
        with pytest.raises(ValueError, match="distinct"):
            await records.commit(puts=puts, changes=changes)

    assert await records.get("parcel/1") is None


# What is refused first


async def test_a_delivery_that_was_ended_is_refused_before_a_conflict(records: Records, deliver: Deliver) -> None:
    delivery, _ = await deliver(sent())
    await records.commit(puts=[doc("parcel/1")], consumed=delivery)

    with pytest.raises(AlreadyConsumed):
        await records.commit(puts=[doc("parcel/1")], consumed=delivery)
    with pytest.raises(AlreadyConsumed):
        await records.commit(puts=[doc("parcel/1")], changes=[Change(key="stock/1", by={"n": -1})], consumed=delivery)


async def test_a_delivery_that_was_ended_is_refused_before_want(records: Records, deliver: Deliver) -> None:
    delivery, _ = await deliver(sent())
    await records.commit(puts=[doc("parcel/1")], consumed=delivery)

    with pytest.raises(AlreadyConsumed):
        await records.commit(puts=[doc("parcel/2")], changes=[Change(key="stock/1", by={"n": -1})], consumed=delivery)


async def test_a_conflict_is_refused_before_want(records: Records) -> None:
    await records.commit(puts=[doc("parcel/1")])
    short = Change(key="stock/1", by={"n": -1})

    with pytest.raises(Conflict) as conflict:
        await records.commit(puts=[doc("parcel/1")], changes=[short])
    assert conflict.value.keys == {"parcel/1"}
    with pytest.raises(Conflict) as conflict:
        await records.commit(puts=[doc("parcel/2")], changes=[short, Change(key="stock/2", by={"n": 1}, was=4)])
    assert conflict.value.keys == {"stock/2"}


# Duplicates: every effect is idempotent by its own documents, the inbox is a filter before them

both_inboxes = pytest.mark.parametrize("inbox", [True, False], ids=["inbox", "no-inbox"])


async def receive(records: Records, event: Envelope, consumed: Delivery) -> None:
    """A reaction: one note and one change per parcel, and an event that says so."""
    await records.commit(
        puts=[doc(f"received/{event.subject}")],
        changes=[Change(key="depot/1", by={"parcels": 1})],
        events=[answer_to(event)],
        consumed=consumed,
    )


def answer_to(event: Envelope) -> Envelope:
    return sent(f"answer-to-{event.subject}")


async def answers(published: Published) -> list[str]:
    return [one.subject for one in await published() if one.subject.startswith("answer-to-")]


@both_inboxes
async def test_a_delivery_that_comes_again_has_its_effect_once(
    records: Records, deliver: Deliver, published: Published, *, inbox: bool
) -> None:
    event = sent("p1")
    delivery, _ = await deliver(event)
    await receive(records, event, delivery)

    for _ in range(3):
        with pytest.raises(AlreadyConsumed if inbox else Conflict):
            await receive(records, event, delivery)

    assert await of(records, "depot/1") == {"parcels": 1}
    assert await answers(published) == ["answer-to-p1"]


@both_inboxes
@pytest.mark.usefixtures("inbox")
async def test_copies_of_a_delivery_at_once_have_its_effect_once(
    records: Records, deliver: Deliver, published: Published
) -> None:
    event = sent("p1")
    delivery, _ = await deliver(event)

    outcomes = await asyncio.gather(*(receive(records, event, delivery) for _ in range(20)), return_exceptions=True)

    assert outcomes.count(None) == 1
    assert all(isinstance(outcome, AlreadyConsumed | Conflict) for outcome in outcomes if outcome is not None)
    assert await of(records, "depot/1") == {"parcels": 1}
    assert await answers(published) == ["answer-to-p1"]


@both_inboxes
@pytest.mark.usefixtures("inbox")
async def test_an_event_that_is_published_again_has_its_effect_once(
    records: Records, deliver: Deliver, published: Published
) -> None:
    event = sent("p1")
    for _ in range(2):
        delivery, _ = await deliver(event)
        with suppress(AlreadyConsumed, Conflict):
            await receive(records, event, delivery)

    assert await of(records, "depot/1") == {"parcels": 1}
    assert await answers(published) == ["answer-to-p1"]


@both_inboxes
@pytest.mark.usefixtures("inbox")
async def test_a_delivery_without_an_effect_is_ended_by_an_empty_commit(
    records: Records, deliver: Deliver, published: Published
) -> None:
    event = sent()
    delivery, _ = await deliver(event)

    for _ in range(2):
        with suppress(AlreadyConsumed):
            await records.commit(consumed=delivery)

    assert [one.id for one in await published()] == [event.id]


@both_inboxes
@pytest.mark.usefixtures("inbox")
async def test_a_delivery_whose_effect_was_refused_may_try_again(records: Records, deliver: Deliver) -> None:
    event = sent("p1")
    delivery, _ = await deliver(event)
    await records.commit(puts=[doc("parcel/1")])

    with pytest.raises(Conflict):
        await records.commit(puts=[doc("parcel/1")], consumed=delivery)
    with pytest.raises(NotEnough):
        await records.commit(
            puts=[doc("parcel/1", was=1)], changes=[Change(key="depot/1", by={"parcels": -1})], consumed=delivery
        )
    await receive(records, event, delivery)

    assert await of(records, "depot/1") == {"parcels": 1}


@both_inboxes
@pytest.mark.usefixtures("inbox")
async def test_each_consumer_has_a_delivery_of_its_own(records: Records, deliver: Deliver) -> None:
    left, right = await deliver(sent())

    await records.commit(puts=[doc("left/p1")], consumed=left)
    await records.commit(puts=[doc("right/p1")], consumed=right)

    assert set(await records.get_many(["left/p1", "right/p1"])) == {"left/p1", "right/p1"}


# Expiry


async def test_a_document_is_there_until_the_moment_it_expires(records: Records, clock: Clock, wait: Wait) -> None:
    await records.commit(puts=[doc("key/1", expires=clock() + MINUTE)])
    wait(MINUTE - timedelta(seconds=1))
    assert await records.get("key/1") is not None

    wait(timedelta(seconds=1))

    assert await records.get("key/1") is None


async def test_an_expired_document_is_absent_however_it_is_looked_for(
    records: Records, clock: Clock, wait: Wait
) -> None:
    def both(sender: Place, name: str) -> list[Put]:
        return [
            doc(f"key/{name}-stays", sender=sender, words={"name": "teapot"}),
            doc(f"key/{name}-goes", sender=sender, words={"name": "teapot"}, expires=clock() + MINUTE),
        ]

    await keep(records, [*both(("ann", "1"), "a"), *both(("ann", "2"), "b")])
    stay = ["key/a-stays", "key/b-stays"]
    everything = sorted([*stay, "key/a-goes", "key/b-goes"])
    assert await searched(records, "teapot") == await scanned(records, "key/") == everything

    wait(MINUTE)

    assert await records.get("key/a-goes") is None
    assert sorted(await records.get_many(everything)) == stay
    assert await found(records, "ann") == await found(records, "ann", most=1) == stay
    assert await found(records, "ann", newest_first=True) == stay[::-1]
    assert await searched(records, "teapot") == await searched(records, "teapot", most=1) == stay
    assert await scanned(records, "key/") == await scanned(records, "key/", most=1) == stay


async def test_a_document_cannot_be_put_as_new_before_it_expires(records: Records, clock: Clock, wait: Wait) -> None:
    await records.commit(puts=[doc("key/1", expires=clock() + MINUTE)])
    wait(MINUTE - timedelta(seconds=1))

    with pytest.raises(Conflict):
        await records.commit(puts=[doc("key/1")])


async def test_an_expired_document_may_be_put_again_as_new(records: Records, clock: Clock, wait: Wait) -> None:
    await records.commit(puts=[doc("key/1", b"old", expires=clock() + MINUTE)])
    await records.commit(puts=[doc("key/1", b"older", was=1, expires=clock() + MINUTE)])
    wait(MINUTE)

    await records.commit(puts=[doc("key/1", b"new")])

    stored = await records.get("key/1")
    assert stored is not None
    assert (stored.body, stored.version, stored.at) == (b"new", 1, clock())
    wait(timedelta(days=4000))
    assert await records.get("key/1") == stored


async def test_an_expired_document_has_no_version_to_be_put_over(records: Records, clock: Clock, wait: Wait) -> None:
    await records.commit(puts=[doc("key/1", expires=clock() + MINUTE)])
    wait(MINUTE)

    with pytest.raises(Conflict):
        await records.commit(puts=[doc("key/1", was=1)])

    assert await records.get("key/1") is None


async def test_a_document_put_again_after_it_expired_keeps_nothing_of_the_old_one(
    records: Records, clock: Clock, wait: Wait
) -> None:
    old = doc("key/1", sender=("ann", "1"), words={"name": "teapot"}, expires=clock() + MINUTE)
    await records.commit(puts=[old])
    wait(MINUTE)

    await records.commit(puts=[doc("key/1")])

    assert await found(records, "ann") == []
    assert await searched(records, "teapot") == []


async def test_a_put_without_expiry_lets_a_document_stay(records: Records, clock: Clock, wait: Wait) -> None:
    await records.commit(puts=[doc("key/1", expires=clock() + MINUTE)])
    await records.commit(puts=[doc("key/1", was=1)])

    wait(timedelta(days=1))

    assert await records.get("key/1") is not None


# Finding by index


async def test_documents_of_a_group_are_found_in_the_order_of_their_places(records: Records) -> None:
    await keep(
        records,
        [
            doc("parcel/1", b"1", sender=("ann", "c")),
            doc("parcel/2", b"2", sender=("ann", "a")),
            doc("parcel/3", b"3", sender=("bob", "b")),
            doc("parcel/4", b"4", sender=("ann", "b")),
            doc("parcel/5", b"5"),
        ],
    )

    page = await records.find("sender", "ann")

    assert [(one.key, one.body, one.version) for one in page.found] == [
        ("parcel/2", b"2", 1),
        ("parcel/4", b"4", 1),
        ("parcel/1", b"1", 1),
    ]
    assert page.after is None
    assert await found(records, "ann", newest_first=True) == ["parcel/1", "parcel/4", "parcel/2"]
    assert await found(records, "nobody") == []
    assert await found(records, "an") == []


async def test_equal_places_are_in_the_order_of_their_keys(records: Records) -> None:
    await keep(records, [doc(f"parcel/{n}", sender=("ann", "same")) for n in (3, 1, 2)])

    assert await found(records, "ann") == ["parcel/1", "parcel/2", "parcel/3"]
    assert await found(records, "ann", newest_first=True) == ["parcel/3", "parcel/2", "parcel/1"]


async def test_places_are_ordered_by_their_bytes(records: Records) -> None:
    places = [
        "\x00",
        "10",
        "9",
        "A",
        "Z",
        "_",
        "a",
        "a\x00",
        "a\x00b",
        "a ",
        "a/",
        "ab",
        "z",
        "~",
        "é",
        "€",
        "\uffff",
        "😀",
    ]
    await keep(records, [doc(f"parcel/{n}", place.encode(), sender=("ann", place)) for n, place in enumerate(places)])

    page = await records.find("sender", "ann", limit=50)

    assert [one.body for one in page.found] == sorted(place.encode() for place in places)


async def test_bounds_are_inclusive(records: Records) -> None:
    await keep(records, [doc(f"parcel/{place}", sender=("ann", place)) for place in "abcde"])

    assert await found(records, "ann", low="b", high="d") == ["parcel/b", "parcel/c", "parcel/d"]
    assert await found(records, "ann", low="b", high="d", newest_first=True) == ["parcel/d", "parcel/c", "parcel/b"]
    assert await found(records, "ann", low="c") == ["parcel/c", "parcel/d", "parcel/e"]
    assert await found(records, "ann", high="c") == ["parcel/a", "parcel/b", "parcel/c"]
    assert await found(records, "ann", low="c", high="c") == ["parcel/c"]
    assert await found(records, "ann", low="d", high="b") == []


async def test_a_prefix_of_places_is_a_pair_of_bounds(records: Records) -> None:
    places = ["A/", "A/\x00kettle", "A/B/", "A/B/\x00teapot", "A/B/C/\x00cup", "A/BC/\x00bowl", "A/C/"]
    await keep(records, [doc(f"parcel/{n}", place.encode(), sender=("A", place)) for n, place in enumerate(places)])

    page = await records.find("sender", "A", low="A/B/", high="A/B/" + HIGHEST)

    assert [one.body for one in page.found] == [b"A/B/", b"A/B/\x00teapot", b"A/B/C/\x00cup"]


async def test_a_document_may_be_in_several_indexes(records: Records) -> None:
    await records.commit(puts=[doc("parcel/1", indexes={"sender": ("ann", "1"), "status": ("sent", "9")})])
    await records.commit(puts=[doc("parcel/2", indexes={"status": ("sent", "1")})])

    assert await found(records, "ann") == ["parcel/1"]
    assert await found(records, "sent", index="status") == ["parcel/2", "parcel/1"]
    assert await found(records, "sent", index="sender") == []


async def test_a_moved_document_is_found_where_it_is_and_not_where_it_was(records: Records) -> None:
    await keep(records, [doc("parcel/1", sender=("ann", "a")), doc("parcel/2", sender=("ann", "b"))])

    await records.commit(puts=[doc("parcel/1", b"moved", was=1, sender=("ann", "c"))])
    assert await found(records, "ann") == ["parcel/2", "parcel/1"]
    assert await found(records, "ann", high="a") == []
    await records.commit(puts=[doc("parcel/1", was=2, sender=("bob", "c"))])
    assert (await found(records, "ann"), await found(records, "bob")) == (["parcel/2"], ["parcel/1"])
    await records.commit(puts=[doc("parcel/1", was=3)])
    assert (await found(records, "ann"), await found(records, "bob")) == (["parcel/2"], [])
    await records.commit(puts=[doc("parcel/1", was=4, sender=("ann", "a"))])
    assert await found(records, "ann") == ["parcel/1", "parcel/2"]


async def test_what_is_found_has_its_latest_body(records: Records) -> None:
    await records.commit(puts=[doc("parcel/1", b"old", sender=("ann", "a"))])
    await records.commit(puts=[doc("parcel/1", b"new", was=1, sender=("ann", "a"))])

    (stored,) = (await records.find("sender", "ann")).found

    assert stored == await records.get("parcel/1")
    assert (stored.body, stored.version) == (b"new", 2)


letters = st.sampled_from(["\x00", "#", "/", "0", "A", "a", "b", "~", "é", "€", "\uffff", "😀"])
places = st.text(letters, min_size=1, max_size=3)


@shared_engine
@given(
    rows=st.lists(st.tuples(places, st.integers(0, 99), st.booleans()), max_size=25, unique_by=lambda row: row[1]),
    bounds=st.tuples(st.none() | places, st.none() | places),
    newest_first=st.booleans(),
    most=st.integers(1, 5),
)
async def test_pages_neither_skip_nor_double(
    records: Records,
    rows: list[tuple[str, int, bool]],
    bounds: tuple[str | None, str | None],
    *,
    newest_first: bool,
    most: int,
) -> None:
    example = next(numbers)
    keys = {(place, f"row/{example}/{n:02}"): mine for place, n, mine in rows}
    await keep(
        records,
        [doc(key, sender=(f"{'mine' if mine else 'other'}{example}", place)) for (place, key), mine in keys.items()],
    )

    answer = await found(
        records,
        f"mine{example}",
        most=most,
        newest_first=newest_first,
        **({"low": bounds[0]} if bounds[0] is not None else {}),
        **({"high": bounds[1]} if bounds[1] is not None else {}),
    )

    low, high = (bounds[0] or "").encode(), (bounds[1] or HIGHEST).encode()
    within = sorted(
        (place.encode(), key) for (place, key), mine in keys.items() if mine and low <= place.encode() <= high
    )
    assert answer == [key for _, key in (within[::-1] if newest_first else within)]


@pytest.mark.parametrize("newest_first", [False, True])
async def test_what_stays_in_its_place_is_on_one_page_whatever_else_moves(
    records: Records, *, newest_first: bool
) -> None:
    chance = random.Random(7)
    await keep(records, [doc(f"stays/{n:02}", sender=("ann", f"{n:02}")) for n in range(30)])
    await keep(records, [doc(f"moves/{n}", sender=("ann", f"{n * 3:02}")) for n in range(10)])
    seen: list[str] = []
    after = None

    for version in range(1, 200):
        page = await records.find("sender", "ann", newest_first=newest_first, after=after, limit=3)
        seen += [stored.key for stored in page.found if stored.key.startswith("stays/")]
        if (after := page.after) is None:
            break
        for n in range(10):
            elsewhere = ("ann", f"{chance.randrange(30):02}") if chance.random() < 0.8 else None
            await records.commit(puts=[doc(f"moves/{n}", was=version, sender=elsewhere)])

    expected = [f"stays/{n:02}" for n in range(30)]
    assert seen == (expected[::-1] if newest_first else expected)


async def test_a_page_of_large_documents_is_short_and_the_next_goes_on_behind_it(records: Records) -> None:
    large = b'"' + b"x" * (MOST_PAGE * 2 // 5) + b'"'
    keys = [f"parcel/{n}" for n in range(7)]
    await keep(records, [doc(key, large, sender=("ann", key), words={"name": "large"}) for key in keys])

    turns = (
        lambda after: records.find("sender", "ann", after=after),
        lambda after: records.search(["large"], after=after),
        lambda after: records.scan("parcel/", after=after),
    )
    for turn in turns:
        assert len((await turn(None)).found) == 3
        assert await pages(turn, 3) == keys


@pytest.fixture
async def cursor(records: Records) -> str:
    """Of the question: parcels that ann sent, from "1" to "8"."""
    await keep(
        records,
        [
            doc(f"parcel/{n}", indexes={"sender": ("ann", f"{n}"), "status": ("ann", f"{n}")}, words={"name": "teapot"})
            for n in range(10)
        ],
    )
    after = (await records.find("sender", "ann", low="1", high="8", limit=2)).after
    assert after is not None
    return after


async def test_a_cursor_goes_on_where_its_page_ended_with_pages_of_any_length(records: Records, cursor: str) -> None:
    page = await records.find("sender", "ann", low="1", high="8", limit=100, after=cursor)

    assert [stored.key for stored in page.found] == [f"parcel/{n}" for n in range(3, 9)]


async def test_a_cursor_can_travel_in_an_address(cursor: str) -> None:
    assert cursor.isascii()
    assert not set(cursor) & set(' \t\r\n"<>#%&+?=/')


@pytest.mark.parametrize(
    "another",
    [
        {"index": "status"},
        {"group": "bob"},
        {"low": "2"},
        {"high": "7"},
        {"high": HIGHEST},
        {"newest_first": True},
    ],
)
async def test_a_cursor_of_another_question_is_refused(
    records: Records, cursor: str, another: dict[str, str | bool]
) -> None:
    question: dict[str, str | bool] = {
        "index": "sender",
        "group": "ann",
        "low": "1",
        "high": "8",
        "newest_first": False,
    }

    with pytest.raises(ForeignCursor):
        await records.find(**(question | another), after=cursor)  # type: ignore[arg-type]


async def test_a_cursor_of_another_kind_of_question_is_refused(records: Records, cursor: str) -> None:
    from_search = (await records.search(["teapot"], limit=2)).after
    from_scan = (await records.scan("parcel/", limit=2)).after
    assert from_search is not None
    assert from_scan is not None

    for after in (from_search, from_scan):
        with pytest.raises(ForeignCursor):
            await records.find("sender", "ann", low="1", high="8", after=after)
    for after in (cursor, from_scan):
        with pytest.raises(ForeignCursor):
            await records.search(["teapot"], after=after)
    for after in (cursor, from_search):
        with pytest.raises(ForeignCursor):
            await records.scan("parcel/", after=after)
    with pytest.raises(ForeignCursor):
        await records.search(["tea"], after=from_search)
    with pytest.raises(ForeignCursor):
        await records.scan("parcel", after=from_scan)


GARBAGE = [
    "",
    " ",
    "garbage",
    "%%%",
    "é",
    "\x00",
    "😀",
    "bnVsbA",
    "e30",
    "W10",
    "W1tdXQ",
    "W1tdLFtdXQ",
    "MQ",
    "x" * 5000,
]


@pytest.mark.parametrize("after", GARBAGE, ids=range(len(GARBAGE)))
async def test_what_is_no_cursor_is_refused(records: Records, after: str) -> None:
    with pytest.raises(ForeignCursor):
        await records.find("sender", "ann", after=after)
    with pytest.raises(ForeignCursor):
        await records.search(["teapot"], after=after)
    with pytest.raises(ForeignCursor):
        await records.scan("parcel/", after=after)


@shared_engine
@given(data=st.data())
async def test_a_tampered_cursor_is_refused_or_leads_no_further_than_the_question(
    records: Records, data: st.DataObject
) -> None:
    group = f"g{next(numbers):09d}x"
    await keep(records, [doc(f"{group}/{n}", sender=(group, f"{n}"), words={"name": group}) for n in range(4)])
    questions: list[Callable[[str | None], Awaitable[Page]]] = [
        lambda after: records.find("sender", group, low="0", high="8", limit=2, after=after),
        lambda after: records.search([group], limit=2, after=after),
        lambda after: records.scan(f"{group}/", limit=2, after=after),
    ]
    ask = data.draw(st.sampled_from(questions))
    after = (await ask(None)).after
    assert after is not None
    text = bytearray(base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)))
    for _ in range(data.draw(st.integers(1, 3))):
        # The point is the last thing in a cursor: what is changed there survives the comparison of the question.
        at = len(text) - 1 - data.draw(st.integers(0, min(20, len(text) - 1)))
        text[at : at + data.draw(st.integers(0, 2))] = data.draw(
            st.sampled_from([b"", b"0", b"9" * 30, b'"', b"]", b"[", b",", b"{}", b"null", b"-"])
        )

    tampered = base64.urlsafe_b64encode(text).decode().rstrip("=")
    try:
        page = await ask(tampered)
    except ForeignCursor:
        return

    assert {stored.key for stored in page.found} <= {f"{group}/{n}" for n in range(4)}


async def test_a_cursor_with_a_number_beyond_all_bounds_is_refused_or_finds_nothing_foreign(records: Records) -> None:
    await keep(records, [doc(f"parcel/{n}", sender=("ann", f"{n}"), words={"name": "teapot"}) for n in range(4)])
    questions: list[Callable[[str | None], Awaitable[Page]]] = [
        lambda after: records.find("sender", "ann", limit=2, after=after),
        lambda after: records.search(["teapot"], limit=2, after=after),
        lambda after: records.scan("parcel/", limit=2, after=after),
    ]
    for ask in questions:
        after = (await ask(None)).after
        assert after is not None
        text = base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)).decode()
        for number in ("-1", "9" * 19, "9" * 40, "1e300"):
            grown = re.sub(r"\d+(?=\D*$)", number, text)
            with suppress(ForeignCursor):
                page = await ask(base64.urlsafe_b64encode(grown.encode()).decode().rstrip("="))
                assert {stored.key for stored in page.found} <= {f"parcel/{n}" for n in range(4)}


# Searching


async def test_every_word_is_needed(records: Records) -> None:
    await keep(
        records,
        [
            doc("product/1", words={"name": "blue teapot", "note": "for two"}),
            doc("product/2", words={"name": "red teapot"}),
            doc("product/3", words={"name": "blue cup"}),
            doc("product/4"),
        ],
    )

    assert set(await searched(records, "teapot")) == {"product/1", "product/2"}
    assert await searched(records, "blue", "teapot") == ["product/1"]
    assert await searched(records, "teapot", "two") == ["product/1"]
    assert await searched(records, "green", "teapot") == []
    (stored,) = (await records.search(["red", "teapot"])).found
    assert stored == await records.get("product/2")


async def test_words_are_prefixes_from_three_letters_on(records: Records) -> None:
    await keep(
        records,
        [
            doc("product/1", words={"name": "shirt"}),
            doc("product/2", words={"name": "sh"}),
            doc("product/3", words={"name": "shi"}),
            doc("product/4", words={"name": "s"}),
        ],
    )

    assert await searched(records, "shirt") == ["product/1"]
    assert set(await searched(records, "shi")) == {"product/1", "product/3"}
    assert await searched(records, "sh") == ["product/2"]
    assert await searched(records, "s") == ["product/4"]
    assert await searched(records, "shirts") == []
    assert await searched(records, "hirt") == []


@pytest.mark.parametrize(
    "word", ["creme", "Crème", "CRÈME", "cre\u0300me", "crem", "brûlée", "BRULEE", "xl", "XL", "straße", "STRASSE"]
)
async def test_case_and_accents_do_not_count(records: Records, word: str) -> None:
    await records.commit(puts=[doc("product/1", words={"name": "Crème-Brûlée XL", "note": "Große Straße"})])

    assert await searched(records, word) == ["product/1"]


@pytest.mark.parametrize("name", ["Чайник", "茶壶", "ティーポット", "أبريق", "çaydan", "42", "T-1000"])
async def test_words_of_every_script_are_found(records: Records, name: str) -> None:
    await records.commit(
        puts=[doc("product/1", words={"name": f"the {name}"}), doc("product/2", words={"name": "cup"})]
    )

    assert await searched(records, name) == ["product/1"]


async def test_a_word_in_a_heavier_field_comes_first(records: Records) -> None:
    await keep(
        records,
        [
            doc("product/1", words={"name": "kettle", "note": "teapot"}),
            doc("product/2", words={"name": "teapot", "note": "kettle"}),
            doc("product/3", words={"name": "kettle", "note": "teapot"}),
        ],
    )
    assert await searched(records, "teapot") == ["product/2", "product/1", "product/3"]

    await keep(records, [doc(f"other/{n}", words={"name": f"cup{n}", "note": f"cup{n}"}) for n in range(40)])
    assert await searched(records, "teapot") == ["product/2", "product/1", "product/3"]


async def test_equally_good_documents_are_in_the_order_of_their_keys(records: Records) -> None:
    keys = [f"product/{n}" for n in (5, 3, 9, 1, 7, 11)]
    await keep(records, [doc(key, words={"name": "blue teapot"}) for key in keys])

    assert await searched(records, "teapot") == sorted(keys)
    assert await searched(records, "teapot", most=1) == sorted(keys)


async def test_pages_of_a_search_neither_skip_nor_double(records: Records) -> None:
    chance = random.Random(3)
    await keep(
        records,
        [
            doc(
                f"product/{n}",
                words={"name": " ".join(chance.choices(["teapot", "cup", "blue"], k=3)), "note": "teapot"},
            )
            for n in range(30)
        ],
    )

    whole = await searched(records, "teapot", most=100)

    assert len(whole) == len(set(whole)) == 30
    for most in (1, 4, 29, 30):
        assert await searched(records, "teapot", most=most) == whole


async def test_words_that_were_taken_away_no_longer_find(records: Records) -> None:
    await records.commit(puts=[doc("product/1", words={"name": "blue teapot", "note": "porcelain"})])

    await records.commit(puts=[doc("product/1", b"new", was=1, words={"name": "blue kettle"})])
    assert await searched(records, "teapot") == await searched(records, "porcelain") == []
    assert await searched(records, "blue", "kettle") == ["product/1"]
    await records.commit(puts=[doc("product/1", was=2)])
    assert await searched(records, "blue") == await searched(records, "kettle") == []
    await records.commit(puts=[doc("product/1", was=3, words={"note": "teapot"})])
    assert await searched(records, "teapot") == ["product/1"]


async def test_a_search_for_nothing_finds_nothing(records: Records) -> None:
    await records.commit(puts=[doc("product/1", words={"name": "teapot"})])

    assert await searched(records) == []
    assert await searched(records, "", "  ", "!?", "_") == []


async def test_a_word_with_signs_in_it_is_the_words_between_them(records: Records) -> None:
    await keep(records, [doc("product/1", words={"name": "T-Shirt (blue)"}), doc("product/2", words={"name": "shirt"})])

    assert await searched(records, "t-shirt") == await searched(records, "T", "SHIRT") == ["product/1"]


@shared_engine
@given(
    words=st.lists(
        st.text(max_size=8) | st.sampled_from(['"', "*", "AND", "OR", "NOT", "NEAR(", "name:", "a*", "-a", "^a"])
    )
)
async def test_any_words_may_be_asked_for(records: Records, words: list[str]) -> None:
    assert (await records.search(words)).found == []


@shared_engine
@given(name=st.text(min_size=1, max_size=12))
async def test_a_document_is_found_by_its_own_name(records: Records, name: str) -> None:
    key = f"product/{next(numbers)}"
    marker = f"marker{next(numbers)}x"
    await records.commit(puts=[doc(key, words={"name": name, "note": marker})])

    assert await searched(records, marker, name) == [key]


# Scanning


async def test_a_scan_goes_through_the_keys_that_begin_so(records: Records) -> None:
    keys = [
        "order/1",
        "order/10",
        "order/2",
        "order/é",
        "Order/1",
        "orders/1",
        "order",
        "order%1",
        "order_1",
        "payment/1",
    ]
    await keep(records, [doc(key, key.encode()) for key in keys])

    assert await scanned(records, "order/") == ["order/1", "order/10", "order/2", "order/é"]
    assert await scanned(records, "order%") == ["order%1"]
    assert await scanned(records, "order_") == ["order_1"]
    assert await scanned(records, "o") == sorted(key for key in keys if key.startswith("o"))
    assert await scanned(records, "") == sorted(keys)
    assert await scanned(records, "x") == []
    assert [stored.body for stored in (await records.scan("payment/")).found] == [b"payment/1"]


@pytest.mark.parametrize("most", [1, 7, 29, 30, 500])
async def test_pages_of_a_scan_neither_skip_nor_double(records: Records, most: int) -> None:
    await keep(records, [doc(f"order/{n}") for n in range(30)])

    assert await scanned(records, "order/", most=most) == sorted(f"order/{n}" for n in range(30))


# Limits


async def test_a_commit_holds_as_many_records_as_the_limit_says(
    records: Records, deliver: Deliver, published: Published
) -> None:
    delivery, _ = await deliver(sent())
    room = records.limit - 4

    await records.commit(
        puts=[doc("parcel/1")],
        changes=[Change(key=f"stock/{n}", by={"n": 1}) for n in range(room)],
        events=[sent("p2"), sent("p3")],
        consumed=delivery,
    )

    assert (
        len([one for one in (await records.counts([f"stock/{n}" for n in range(room)])).values() if one.version])
        == room
    )
    assert len(await published()) == 3


async def test_a_commit_over_the_limit_is_refused_whole(
    records: Records, deliver: Deliver, published: Published
) -> None:
    delivery, _ = await deliver(sent())
    puts = [doc(f"parcel/{n}") for n in range(records.limit + 1)]
    changes = [Change(key=f"stock/{n}", by={"n": 1}) for n in range(records.limit)]

    with pytest.raises(TooMuch):
        await records.commit(puts=puts)
    with pytest.raises(TooMuch):
        await records.commit(puts=puts[:1], changes=changes)
    with pytest.raises(TooMuch):
        await records.commit(puts=puts[:-1], events=[sent("p2")])
    with pytest.raises(TooMuch):
        await records.commit(puts=puts[:-1], consumed=delivery)

    assert await scanned(records, "") == []
    assert len(await published()) == 1
    await records.commit(puts=puts[:1], consumed=delivery)


async def test_a_body_of_350_kilobytes_is_kept(records: Records) -> None:
    body = b'"' + base64.b64encode(random.Random(1).randbytes(MOST_BODY))[: MOST_BODY - 2] + b'"'
    assert len(body) == MOST_BODY

    await records.commit(puts=[doc("order/1", body, sender=("ann", "1"))])

    stored = await records.get("order/1")
    assert stored is not None
    assert stored.body == body
    assert (await records.find("sender", "ann")).found == [stored]
    assert (await records.get_many(["order/1"])) == {"order/1": stored}
    assert (await records.scan("order/")).found == [stored]


@pytest.mark.parametrize("size", [0, 1, 8 * 1024 - 1, 8 * 1024, 8 * 1024 + 1, 60_000])
async def test_bodies_of_every_size_come_back_as_they_were(records: Records, size: int) -> None:
    body = base64.b64encode(random.Random(size).randbytes(size))[:size]

    await records.commit(puts=[doc("order/1", body)])

    stored = await records.get("order/1")
    assert stored is not None
    assert stored.body == body


async def test_a_body_that_is_too_big_as_stored_is_refused_whole(records: Records) -> None:
    body = b'"' + base64.b64encode(random.Random(1).randbytes(2 * MOST_BODY)) + b'"'

    with pytest.raises(TooMuch):
        await records.commit(puts=[doc("order/1"), doc("order/2", body)], events=[])

    assert await scanned(records, "") == []


async def test_a_place_holds_900_bytes(records: Records) -> None:
    fits = "é" * (MOST_PLACE // 2)
    await records.commit(puts=[doc("parcel/1", sender=("ann", fits))])

    with pytest.raises(TooMuch):
        await records.commit(puts=[doc("parcel/2", sender=("ann", fits + "x"))])

    assert await found(records, "ann", low=fits, high=fits) == ["parcel/1"]


async def test_a_document_has_40_distinct_words_at_most(records: Records) -> None:
    words = [f"word{n}" for n in range(MOST_WORDS)]
    fits = {"name": " ".join(words[:30]), "note": " ".join([*words[20:], "WORD1", "wörd2"])}
    await records.commit(puts=[doc("product/1", words=fits)])

    with pytest.raises(TooMuch):
        await records.commit(puts=[doc("product/2", words=fits | {"name": " ".join([*words[:30], "another"])})])

    assert await searched(records, "word1", "word39") == ["product/1"]
    assert await searched(records, "another") == []


@pytest.mark.parametrize(
    "wrong",
    [
        doc("parcel/1", indexes={"undeclared": ("a", "b")}),
        doc("parcel/1", words={"undeclared": "a"}),
        doc("parcel/1", sender=("", "b")),
        doc("parcel/1", sender=("a", "")),
    ],
)
async def test_what_the_layout_does_not_declare_is_refused(records: Records, wrong: Put) -> None:
    with pytest.raises(ValueError, match=r"declares|empty"):
        await records.commit(puts=[wrong])
    with pytest.raises(ValueError, match="undeclared"):
        await records.find("undeclared", "a")

    assert await records.get("parcel/1") is None


# Many at once


async def test_64_buyers_at_once_never_sell_more_than_there_is(records: Records) -> None:
    await fill(records, "stock/1", available=100)

    async def buy(buyer: int) -> int:
        bought = 0
        for n in range(4):
            with suppress(NotEnough):
                await records.commit(
                    puts=[doc(f"sale/{buyer}/{n}")], changes=[Change(key="stock/1", by={"available": -1, "sold": 1})]
                )
                bought += 1
        return bought

    bought = await asyncio.gather(*(buy(buyer) for buyer in range(64)))

    assert sum(bought) == 100
    assert await records.counts(["stock/1"]) == {"stock/1": Counts(101, {"available": 0, "sold": 100})}
    assert len(await scanned(records, "sale/")) == 100


async def test_increments_of_one_document_with_retries_lose_nothing(records: Records) -> None:
    await records.commit(puts=[doc("sum/1", b"0")])

    async def increment() -> None:
        for _ in range(500):
            stored = await records.get("sum/1")
            assert stored is not None
            try:
                await records.commit(puts=[doc("sum/1", b"%d" % (int(stored.body) + 1), was=stored.version)])
            except Conflict:
                await asyncio.sleep(0)
            else:
                return
        raise AssertionError("500 conflicts")

    await asyncio.gather(*(increment() for _ in range(64)))

    stored = await records.get("sum/1")
    assert stored is not None
    assert (stored.body, stored.version) == (b"64", 65)


async def test_of_20_copies_of_a_request_at_once_one_is_kept(records: Records) -> None:
    outcomes = await asyncio.gather(
        *(records.commit(puts=[doc("key/1", b"%d" % n), doc(f"order/{n}")]) for n in range(20)), return_exceptions=True
    )

    winner = outcomes.index(None)
    assert outcomes.count(None) == 1
    assert all(isinstance(one, Conflict) and one.keys == {"key/1"} for one in outcomes if one is not None)
    stored = await records.get("key/1")
    assert stored is not None
    assert stored.body == b"%d" % winner
    assert await scanned(records, "order/") == [f"order/{winner}"]


async def test_a_reader_beside_a_writer_never_goes_back_in_time(records: Records) -> None:
    await records.commit(puts=[doc("sum/1", b"0")])
    done = asyncio.Event()

    async def write() -> None:
        for n in range(1, 60):
            await records.commit(puts=[doc("sum/1", b"%d" % n, was=n)])
        done.set()

    async def read() -> None:
        latest = 0
        while not done.is_set():
            stored = await records.get("sum/1")
            assert stored is not None
            assert stored.body == b"%d" % (stored.version - 1)
            assert stored.version >= latest
            latest = stored.version
            await asyncio.sleep(0)

    await asyncio.gather(write(), *(read() for _ in range(4)))


# Any series of commits, beside a model that is a few dictionaries


@dataclass
class Kept:
    version: int
    body: bytes
    at: datetime
    place: str | None
    word: str | None
    expires: datetime | None


@dataclass
class Model:
    """What the port promises, in memory."""

    now: datetime
    documents: dict[str, Kept] = field(default_factory=dict)
    counters: dict[str, Counts] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    published: list[str] = field(default_factory=list)

    def version(self, key: str) -> int:
        kept = self.documents.get(key)
        return kept.version if kept and (kept.expires is None or kept.expires > self.now) else 0

    def alive(self) -> dict[str, Kept]:
        return {key: kept for key, kept in sorted(self.documents.items()) if self.version(key)}

    def commit(
        self, puts: Sequence[Put], changes: Sequence[Change], events: Sequence[Envelope], consumed: Delivery | None
    ) -> tuple[type[Exception] | None, set[str]]:
        if consumed is not None and consumed.id in self.ended:
            return AlreadyConsumed, set()
        moved = {put.key for put in puts if put.was != self.version(put.key)}
        before = {change.key: self.counters.get(change.key, NEVER_CHANGED) for change in changes}
        moved |= {change.key for change in changes if change.was not in (None, before[change.key].version)}
        if moved:
            return Conflict, moved
        after = {
            change.key: {
                name: before[change.key].of.get(name, 0) + change.by.get(name, 0)
                for name in before[change.key].of.keys() | change.by
            }
            for change in changes
        }
        short = {key for key, counters in after.items() if min(counters.values()) < 0}
        if short:
            return NotEnough, short
        for put in puts:
            _, place = put.indexes.get("sender", ("", None))
            word = put.words["name"].split()[-1] if put.words else None
            self.documents[put.key] = Kept(put.was + 1, put.body, self.now, place, word, put.expires)
        self.counters |= {key: Counts(before[key].version + 1, counters) for key, counters in after.items()}
        self.ended |= {consumed.id} if consumed else set()
        self.published += [event.id for event in events]
        return None, set()


@dataclass(frozen=True)
class Wish:
    """A commit that is to be tried, before it is known which versions there are."""

    puts: list[tuple[int, int, str | None, str | None, int | None]]  # document, error in `was`, place, word, minutes
    changes: list[tuple[int, dict[str, int], int | None]]  # counters, by, error in `was`
    delivery: int | None
    event: bool
    minutes: int


def several(*of_: st.SearchStrategy[object], most: int) -> st.SearchStrategy[list[tuple[object, ...]]]:
    """Tuples that begin with a number of their own."""
    return st.lists(st.tuples(st.integers(0, most), *of_), max_size=3, unique_by=lambda one: one[0])


errors = st.sampled_from([0, 0, 0, 0, 0, 1, -1])
wishes = st.builds(
    Wish,
    puts=several(
        errors,
        st.none() | st.sampled_from(["1", "2", "é", "😀"]),
        st.none() | st.sampled_from(["teapot", "teacup", "tea", "Thé"]),
        st.none() | st.integers(0, 3),
        most=4,
    ),
    changes=several(
        st.dictionaries(st.sampled_from(["n", "m"]), st.integers(-3, 4), min_size=1), st.none() | errors, most=2
    ),
    delivery=st.none() | st.integers(0, 1),
    event=st.booleans(),
    minutes=st.sampled_from([0, 0, 0, 1, 2]),
)


@settings(shared_engine, max_examples=60)
@given(series=st.lists(wishes, min_size=1, max_size=12))
async def test_any_series_of_commits_ends_like_its_model(
    records: Records, deliver: Deliver, published: Published, clock: Clock, wait: Wait, series: list[Wish]
) -> None:
    example = f"e{next(numbers)}x"
    documents = [f"document/{example}/{n}" for n in range(5)]
    counters = [f"counters/{example}/{n}" for n in range(3)]
    deliveries = [(await deliver(sent()))[0] for _ in range(2)]
    begun = len(await published())
    model = Model(clock())

    for wish in series:
        puts = [
            doc(
                documents[n],
                b'{"by":%d}' % next(numbers),
                was=max(0, model.version(documents[n]) + error),
                sender=(example, place) if place else None,
                words={"name": f"{example} {word}"} if word else {},
                expires=None if minutes is None else clock() + minutes * MINUTE,
            )
            for n, error, place, word, minutes in wish.puts
        ]
        changes = [
            Change(
                key=counters[n],
                by=by,
                was=None if error is None else max(0, model.counters.get(counters[n], NEVER_CHANGED).version + error),
            )
            for n, by, error in (wish.changes if puts else [])
        ]
        events = [sent()] if wish.event else []
        # An empty end of a delivery need not be remembered.
        consumed = None if wish.delivery is None or not puts else deliveries[wish.delivery]
        refusal, keys = model.commit(puts, changes, events, consumed)

        if refusal is None:
            await records.commit(puts=puts, changes=changes, events=events, consumed=consumed)
        else:
            with pytest.raises(refusal) as refused:
                await records.commit(puts=puts, changes=changes, events=events, consumed=consumed)
            if keys:
                assert refused.value.keys  # type: ignore[attr-defined]
                assert refused.value.keys <= keys  # type: ignore[attr-defined]
        wait(wish.minutes * MINUTE)
        model.now = clock()

        alive = model.alive()
        stored = await records.get_many(documents)
        assert {key: (one.version, one.body, one.at) for key, one in stored.items()} == {
            key: (kept.version, kept.body, kept.at) for key, kept in alive.items()
        }
        assert await records.counts(counters) == {key: model.counters.get(key, NEVER_CHANGED) for key in counters}
        by_place = sorted((kept.place.encode(), key) for key, kept in alive.items() if kept.place)
        assert await found(records, example, most=2) == [key for _, key in by_place]
    assert await scanned(records, f"document/{example}/", most=2) == list(alive)
    assert sorted(await searched(records, example)) == [key for key, kept in alive.items() if kept.word]
    assert set(await searched(records, example, "tea")) == {
        key for key, kept in alive.items() if kept.word and kept.word.startswith("tea")
    }
    assert await searched(records, example, "the") == sorted(
        key for key, kept in alive.items() if kept.word and kept.word == "Thé"
    )
    assert [one.id for one in (await published())[begun:]] == model.published
