"""What DynamoDB answers on bad days, and what the emulator never does: planted on the wire."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime

import msgspec
import pytest
from botocore.exceptions import ClientError

from emulator.wire import altered, cancelled, lost, never_sent, refused
from shop.kernel.events import Delivery, Envelope
from shop.platform.storage.dynamodb import DynamoStore
from shop.platform.storage.dynamodb_calls import Patience
from shop.platform.storage.port import (
    AlreadyConsumed,
    Change,
    Conflict,
    Counts,
    Layout,
    NotEnough,
    Put,
    Unavailable,
)

pytestmark = pytest.mark.aws

LAYOUT = Layout(context="parcels", indexes={"sender": 1, "status": 8}, words={"name": 4.0, "note": 1.0})
PLAIN = Layout(context="letters")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
WRITE = "TransactWriteItems"
PASSES = {
    "conflict": cancelled("None", "TransactionConflict"),
    "throttled in the transaction": cancelled("ThrottlingError", "None"),
    "capacity in the transaction": cancelled("None", "ProvisionedThroughputExceeded"),
    "throttled": refused("ThrottlingException"),
    "capacity": refused("ProvisionedThroughputExceededException"),
    "limit": refused("RequestLimitExceeded"),
    "under way": refused("TransactionInProgressException"),
    "error": refused("InternalServerError", status=500),
    "unavailable": refused("ServiceUnavailable", status=503),
    "not sent": never_sent,
    "sent": lost,
}
each_that_passes = pytest.mark.parametrize("fault", PASSES.values(), ids=PASSES)


def doc(key, body=b"{}", *, was=0, **more):
    return Put(key=key, body=body, was=was, **more)


def event(n):
    return Envelope(
        id=f"evt_{n}", type="t", source="/s", subject="s", time="t", dataschema="d", data=msgspec.Raw(b"{}")
    )


@pytest.fixture
def records(dynamo):
    return dynamo.records(LAYOUT)


@pytest.fixture
def plain(dynamo):
    """Records of a context without words to search by."""
    return dynamo.records(PLAIN)


async def sell(records, n=1):
    await records.commit(
        puts=[doc(f"sale/{n}")], changes=[Change(key="stock/1", by={"available": -1})], events=[event(n)]
    )


async def stock(records):
    return (await records.counts(["stock/1"]))["stock/1"]


@pytest.fixture
async def stocked(records, wire):
    await records.commit(puts=[doc("filled/1")], changes=[Change(key="stock/1", by={"available": 5})])
    wire.sent.clear()


# Writes


@each_that_passes
@pytest.mark.usefixtures("stocked")
async def test_a_write_that_meets_what_passes_is_made_once_under_one_token(dynamo, records, wire, fault):
    wire.meets(WRITE, fault, fault)

    await sell(records)

    assert await stock(records) == Counts(2, {"available": 4})
    assert (await records.get("sale/1")).version == 1
    assert [one.id for one in await dynamo.published()] == ["evt_1"] == dynamo.committed
    assert len(wire.of(WRITE)) == 3
    assert len({asked["ClientRequestToken"] for asked in wire.of(WRITE)}) == 1


@pytest.mark.usefixtures("stocked")
async def test_each_commit_has_a_token_of_its_own(records, wire):
    await sell(records, 1)
    await sell(records, 2)

    assert len({asked["ClientRequestToken"] for asked in wire.of(WRITE)}) == 2


@pytest.mark.parametrize("fault", [PASSES["conflict"], PASSES["throttled"]], ids=["conflict", "throttled"])
@pytest.mark.usefixtures("stocked")
async def test_what_does_not_pass_in_time_is_not_done_and_said_to_be_unavailable(dynamo, records, wire, fault):
    wire.meets(WRITE, *[fault] * 1000)

    with pytest.raises(Unavailable):
        await sell(records)

    assert len(wire.of(WRITE)) > 2
    assert await stock(records) == Counts(1, {"available": 5})
    assert await records.get("sale/1") is None
    assert dynamo.committed == []
    assert dynamo.store.writes["parcels"].refused == {"unavailable": 1}


@pytest.mark.usefixtures("stocked")
async def test_a_write_that_is_broken_off_is_timed_and_has_no_result(dynamo, records, wire):
    writes, sent = dynamo.store.writes["parcels"], asyncio.Event()
    before = sum(writes.seconds.buckets)

    async def answers_never(_):
        sent.set()
        await asyncio.Event().wait()

    wire.meets(WRITE, answers_never)
    selling = asyncio.create_task(sell(records))
    await sent.wait()
    selling.cancel()
    await asyncio.wait([selling])

    assert (writes.committed, writes.refused, sum(writes.seconds.buckets)) == (1, {}, before + 1)


@pytest.mark.usefixtures("stocked")
async def test_a_write_whose_outcome_is_unknown_is_sent_until_it_is_known(aws, stack, clock, wire):
    records = DynamoStore(aws, stack=stack, clock=clock, patience=Patience(known=0, unknown=30)).records(LAYOUT)
    wire.meets(WRITE, lost, never_sent, refused("ThrottlingException"), refused("ServiceUnavailable", status=503))

    await sell(records)

    assert await stock(records) == Counts(2, {"available": 4})
    assert len(wire.of(WRITE)) == 5


@pytest.mark.usefixtures("stocked")
async def test_a_write_whose_outcome_stays_unknown_ends_and_says_so(records, wire):
    wire.meets(WRITE, *[lost] * 1000)

    with pytest.raises(Unavailable, match="whether it was done"):
        await sell(records)

    assert await stock(records) == Counts(2, {"available": 4})


@pytest.mark.usefixtures("stocked")
async def test_a_refusal_after_an_unknown_outcome_is_a_refusal(plain, wire):
    wire.meets(WRITE, never_sent)

    with pytest.raises(Conflict):
        await plain.commit(puts=[doc("sale/1", was=7)])


@pytest.mark.usefixtures("stocked")
async def test_a_fault_of_ours_is_not_tried_again(records, wire):
    wire.meets(WRITE, refused("ValidationException"))

    with pytest.raises(ClientError):
        await sell(records)

    assert len(wire.of(WRITE)) == 1


# Refusals of which not all is told


def only(kept):
    """Of the reasons, those with this number alone."""

    def alter(document):
        for number, reason in enumerate(document["CancellationReasons"]):
            if number != kept:
                reason.clear()
                reason["Code"] = "None"

    return altered(alter)


CONSUMED, MOVED, SHORT = "consumed", "moved", "short"  # in the order in which they are written, and refused
SEVERAL = [several for size in (1, 2, 3) for several in itertools.combinations((CONSUMED, MOVED, SHORT), size)]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [(several, one) for several in SEVERAL for one in several],
    ids=lambda what: what if isinstance(what, str) else "+".join(what),
)
@pytest.mark.parametrize("layout", [LAYOUT, PLAIN], ids=["words", "no-words"])
async def test_of_several_refusals_the_first_is_raised_whichever_is_told(dynamo, wire, layout, wrong, told):
    records = dynamo.records(layout)
    delivery = Delivery("evt_0", "evt_0", "reader")
    await records.commit(puts=[doc("sale/1")], changes=[Change(key="stock/1", by={"n": 1})])
    if CONSUMED in wrong:
        await records.commit(puts=[doc("sale/2")], consumed=delivery)
    wire.meets(WRITE, only((CONSUMED, MOVED, SHORT).index(told)))

    refusal = {CONSUMED: AlreadyConsumed, MOVED: Conflict, SHORT: NotEnough}[wrong[0]]
    with pytest.raises(refusal) as refused_:
        await records.commit(
            puts=[doc("sale/1" if MOVED in wrong else "sale/3")],
            changes=[Change(key="stock/1", by={"n": -2 if SHORT in wrong else 1})],
            consumed=delivery,
        )

    assert getattr(refused_.value, "keys", None) in (None, {"sale/1"} if wrong[0] == MOVED else {"stock/1"})


@pytest.mark.parametrize("was", [0, 1, 9])
async def test_of_a_guarded_change_the_guard_is_told_from_the_floor(plain, was):
    await plain.commit(puts=[doc("sale/1")], changes=[Change(key="stock/1", by={"n": 1})])
    change = Change(key="stock/1", by={"n": -2}, was=was)

    with pytest.raises(NotEnough if was == 1 else Conflict) as refused_:
        await plain.commit(puts=[doc("sale/2")], changes=[change])

    assert refused_.value.keys == {"stock/1"}


@pytest.mark.usefixtures("stocked")
async def test_a_refusal_whose_cause_is_gone_when_it_is_looked_at_is_none(records, wire):
    wire.meets(WRITE, cancelled("None", "ConditionalCheckFailed", "None"))

    await sell(records)

    assert await stock(records) == Counts(2, {"available": 4})
    first, second = (asked["ClientRequestToken"] for asked in wire.of(WRITE))
    assert first != second


@pytest.mark.usefixtures("stocked")
async def test_a_refusal_that_is_never_explained_ends(records, wire):
    wire.meets(WRITE, *[cancelled("None", "ConditionalCheckFailed", "None")] * 1000)

    with pytest.raises(Unavailable):
        await sell(records)

    assert await stock(records) == Counts(1, {"available": 5})


@pytest.mark.usefixtures("stocked")
async def test_a_refusal_beside_a_conflict_is_a_refusal(records, wire):
    await sell(records, 1)
    wire.meets(WRITE, cancelled("ConditionalCheckFailed", "TransactionConflict", "None"))

    with pytest.raises(Conflict):
        await sell(records, 1)


# Reads


@each_that_passes
async def test_a_read_that_meets_what_passes_is_made_again(records, wire, fault):
    await records.commit(puts=[doc("parcel/1", indexes={"sender": ("ann", "1")}, words={"name": "teapot"})])
    for operation in ("GetItem", "BatchGetItem", "Query", "Scan"):
        wire.meets(operation, fault)

    assert await records.get("parcel/1") is not None
    assert list(await records.get_many(["parcel/1"])) == ["parcel/1"]
    for page in (await records.find("sender", "ann"), await records.search(["tea"]), await records.scan("parcel/")):
        assert [one.key for one in page.found] == ["parcel/1"]
    assert not any(wire.faults.values())


async def test_what_cannot_be_read_is_unavailable(records, wire):
    wire.meets("GetItem", *[refused("ThrottlingException")] * 1000)

    with pytest.raises(Unavailable):
        await records.get("parcel/1")


def leave(size):
    """The answer has so many items only; it says which it lacks."""

    def alter(document):
        ((table, items),) = document["Responses"].items()
        left = [{"pk": item["pk"], "sk": item["sk"]} for item in items[size:]]
        document["Responses"][table] = items[:size]
        document["UnprocessedKeys"] = {table: {"Keys": left, "ConsistentRead": True}}

    return altered(alter)


async def test_what_was_not_looked_at_is_asked_for_again(records, wire):
    keys = [f"parcel/{n}" for n in range(60)]
    await records.commit(puts=[doc(key, key.encode(), indexes={"sender": ("ann", key)}) for key in keys])
    wire.meets("BatchGetItem", leave(40), leave(0), leave(7))

    found = await records.get_many(keys)

    assert {key: one.body for key, one in found.items()} == {key: key.encode() for key in keys}
    asked = [len(one["RequestItems"][f"{records._table.name}"]["Keys"]) for one in wire.of("BatchGetItem")]
    assert asked == [60, 20, 20, 13]
    wire.meets("BatchGetItem", leave(3))
    assert {one.key for one in (await records.find("sender", "ann", limit=60)).found} == set(keys)


async def test_an_entry_of_an_index_that_lags_is_not_found_where_the_document_was(records, wire):
    await records.commit(puts=[doc("parcel/1", indexes={"sender": ("ann", "1")})])
    await records.commit(puts=[doc("parcel/2", indexes={"sender": ("ann", "2")})])
    seen = {}
    wire.meets("Query", altered(seen.update))
    assert len((await records.find("sender", "ann")).found) == 2
    await records.commit(puts=[doc("parcel/1", was=1, indexes={"sender": ("ann", "3")})])
    await records.commit(puts=[doc("parcel/2", b"new", was=1, indexes={"sender": ("ann", "2")})])

    wire.meets("Query", altered(lambda document: document.update(seen)))
    page = await records.find("sender", "ann")

    assert [(one.key, one.body) for one in page.found] == [("parcel/2", b"new")]


async def test_a_page_is_filled_though_some_that_the_index_names_are_gone(records, wire, clock):
    await records.commit(
        puts=[
            doc(f"parcel/{n}", indexes={"sender": ("ann", f"{n}")}, expires=clock() if n < 4 else None)
            for n in range(9)
        ]
    )
    wire.sent.clear()

    page = await records.find("sender", "ann", limit=3)

    assert [one.key for one in page.found] == ["parcel/4", "parcel/5", "parcel/6"]
    assert page.after is not None


# Health


async def test_a_store_that_answers_is_healthy_and_one_that_does_not_is_not(dynamo, records, wire):
    assert records is not None
    await dynamo.store.probe()

    wire.meets("GetItem", never_sent)
    with pytest.raises(Unavailable):
        await dynamo.store.probe()
    wire.meets("GetItem", refused("ResourceNotFoundException"))
    with pytest.raises(Unavailable):
        await dynamo.store.probe()
