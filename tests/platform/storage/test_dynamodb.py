"""What the DynamoDB engine keeps, where, and how often it asks."""

from __future__ import annotations

import base64
import random
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from shop.kernel.events import Delivery, Envelope
from shop.platform.storage.dynamodb_schema import log_table, name_of, outbox_of, table
from shop.platform.storage.port import Change, Conflict, Layout, Put, TooMuch

pytestmark = pytest.mark.aws

LAYOUT = Layout(context="parcels", indexes={"sender": 1, "status": 8}, words={"name": 4.0, "note": 1.0})
PLAIN = Layout(context="letters", indexes={"due": 8})
WRITE = "TransactWriteItems"


def doc(key, body=b"{}", *, was=0, **more):
    return Put(key=key, body=body, was=was, **more)


def event(n, data=b"{}"):
    return Envelope(id=f"evt_{n}", type="t", source="/s", subject="s", time="t", dataschema="d", data=msgspec.Raw(data))


@pytest.fixture
def records(dynamo):
    return dynamo.records(LAYOUT)


@pytest.fixture
def plain(dynamo):
    return dynamo.records(PLAIN)


@pytest.fixture
def rows(dynamo, plain_dynamodb):
    """All items of a context's table, by key."""

    def read(context="parcels"):
        found = plain_dynamodb.scan(TableName=name_of(context, stack=dynamo.stack))["Items"]
        return {(item["pk"]["S"], item["sk"]["S"]): item for item in found}

    return read


async def keep(records, puts, *, at_once=30):
    for begin in range(0, len(puts), at_once):
        await records.commit(puts=puts[begin : begin + at_once])


async def pages(turn, *args, **kwargs):
    keys, after = [], None
    while True:
        page = await turn(*args, **kwargs, after=after)
        keys += [one.key for one in page.found]
        if (after := page.after) is None:
            return keys


# What is kept


async def test_a_document_is_one_item_that_can_be_read_in_a_console(records, rows, clock):
    expires = clock() + timedelta(microseconds=1)
    place = {"sender": ("ann", "1")}

    await records.commit(puts=[doc("parcel/1", b'{"to":"Zo\xc3\xab"}', indexes=place, expires=expires)])

    assert rows() == {
        ("parcel/1", "-"): {
            "pk": {"S": "parcel/1"},
            "sk": {"S": "-"},
            "v": {"N": "1"},
            "at": {"N": "1795406400000000"},
            "body": {"S": '{"to":"Zoë"}'},
            "expires": {"N": "1795406400000001"},
            "ttl": {"N": "1795406401"},
            "sender_g": {"S": "ann"},
            "sender_p": {"S": "1\0\0parcel/1"},
        }
    }


async def test_bodies_and_events_are_compressed_above_8_kilobytes(records, rows):
    body = b'"' + b"x" * 8192 + b'"'

    await records.commit(puts=[doc("parcel/1", body)], events=[event(1, body), event(2)])

    assert len(rows()["parcel/1", "-"]["body"]["B"]) < 200
    assert len(rows()[outbox_of("evt_1"), "evt_1"]["body"]["B"]) < 300
    small = rows()[outbox_of("evt_2"), "evt_2"]["body"]["S"]
    assert msgspec.json.decode(small, type=Envelope) == event(2)


async def test_counters_a_delivery_and_events_have_items_of_their_own(dynamo, records, rows):
    events = [event(n) for n in range(60)]

    await records.commit(
        puts=[doc("parcel/1")],
        changes=[Change(key="stock/1", by={"onHand": 3, "available": 0})],
        events=events,
        consumed=Delivery("d1", "evt_9", "catalog"),
    )

    there = rows()
    stock = {"v": {"N": "1"}, "n_onHand": {"N": "3"}, "n_available": {"N": "0"}}
    assert there["stock/1", "#"] == {"pk": {"S": "stock/1"}, "sk": {"S": "#"}, **stock}
    assert there["inbox/catalog/evt_9", "inbox"]["ttl"] == {"N": str(1795406400 + 30 * 86_400)}
    outboxes = {pk for pk, _ in there if pk.startswith("outbox#")}
    assert outboxes <= {f"outbox#{n}" for n in range(16)}
    assert len(outboxes) > 10
    assert dynamo.committed == [one.id for one in events]


async def test_only_words_that_differ_are_written(records, rows, wire):
    await records.commit(puts=[doc("parcel/1", words={"name": "blue teapot", "note": "for two"})])
    wire.sent.clear()

    await records.commit(puts=[doc("parcel/1", was=1, words={"name": "blue kettle", "note": "for two teapot"})])

    (asked,) = wire.of(WRITE)
    assert sorted(
        (kind, (what.get("Item") or what["Key"])["sk"]["S"])
        for one in asked["TransactItems"]
        for kind, what in one.items()
    ) == [
        ("Delete", "teapot#959#parcel/1"),
        ("Put", "-"),
        ("Put", "kettle#959#parcel/1"),
        ("Put", "teapot#989#parcel/1"),
    ]
    words = {key for key in rows() if key[0].startswith("word#")}
    assert words == {
        ("word#blu", "blue#959#parcel/1"),
        ("word#for", "for#989#parcel/1"),
        ("word#ket", "kettle#959#parcel/1"),
        ("word#tea", "teapot#989#parcel/1"),
        ("word#two", "two#989#parcel/1"),
    }
    assert rows()["parcel/1", "-"]["w"] == {"S": "blue#959 for#989 kettle#959 teapot#989 two#989"}


async def test_words_expire_with_their_document(records, rows, clock):
    expires = clock() + timedelta(minutes=1)
    await records.commit(puts=[doc("parcel/1", words={"name": "blue teapot"}, expires=expires)])
    assert {item["ttl"]["N"] for item in rows().values()} == {"1795406460"}

    await records.commit(puts=[doc("parcel/1", was=1, words={"name": "blue teapot"})])

    assert not any("ttl" in item for item in rows().values())


async def test_a_sharded_group_is_spread_and_found_in_order(plain, rows):
    chance = random.Random(1)
    places = [f"{chance.randrange(20):02}" for _ in range(90)]
    await keep(plain, [doc(f"letter/{n:02}", indexes={"due": ("unpaid", place)}) for n, place in enumerate(places)])
    expected = [f"letter/{n:02}" for n in sorted(range(90), key=lambda n: (places[n], n))]

    assert {item["due_g"]["S"] for item in rows("letters").values()} == {f"unpaid#{n}" for n in range(8)}
    for limit in (7, 50, 100):
        assert await pages(plain.find, "due", "unpaid", limit=limit) == expected
        assert await pages(plain.find, "due", "unpaid", newest_first=True, limit=limit) == expected[::-1]
    assert await pages(plain.find, "due", "unpaid", low="05", high="09", limit=4) == [
        key for key in expected if "05" <= places[int(key[-2:])] <= "09"
    ]


# How often it asks


async def test_a_read_is_one_call(records, wire):
    await records.commit(puts=[doc(f"parcel/{n}") for n in range(90)])
    for read, calls in (
        (records.get("parcel/1"), ["GetItem"]),
        (records.get_with_counts("parcel/1", "stock/1"), ["BatchGetItem"]),
        (records.get_many([f"parcel/{n}" for n in range(100)]), ["BatchGetItem"]),
        (records.get_many([f"parcel/{n}" for n in range(101)]), ["BatchGetItem"] * 2),
        (records.get_many([]), []),
        (records.counts(["stock/1", "stock/2"]), ["BatchGetItem"]),
        (records.find("sender", "ann"), ["Query"]),
    ):
        wire.sent.clear()
        await read
        assert wire.operations() == calls


async def test_a_page_is_a_query_of_each_shard_and_one_read(records, wire):
    places = {"sender": ("ann", "1"), "status": ("sent", "1")}
    await records.commit(puts=[doc(f"parcel/{n}", indexes=places, words={"name": "blue teapot"}) for n in range(30)])

    for read, calls in (
        (records.find("sender", "ann", limit=20), ["Query", "BatchGetItem"]),
        (records.find("status", "sent", limit=20), ["Query"] * 8 + ["BatchGetItem"]),
        (records.search(["blue", "teap", "teapot"]), ["Query"] * 2 + ["BatchGetItem"]),
        (records.scan("parcel/", limit=20), ["Scan", "BatchGetItem"]),
    ):
        wire.sent.clear()
        assert len((await read).found) == 20
        assert wire.operations() == calls


async def test_a_table_is_read_once_for_all_pages_of_a_scan(records, wire):
    await records.commit(puts=[doc(f"parcel/{n:02}") for n in range(30)])
    wire.sent.clear()

    keys = await pages(records.scan, "parcel/", limit=10)

    assert keys == [f"parcel/{n:02}" for n in range(30)]
    assert wire.operations().count("Scan") == 1


async def test_a_commit_is_one_call_unless_words_of_a_document_change(records, wire):
    for put, calls in (
        (doc("parcel/1", words={"name": "teapot"}), [WRITE]),
        (doc("parcel/1", was=1, words={"name": "kettle"}), ["BatchGetItem", WRITE]),
        (doc("parcel/2"), [WRITE]),
        (doc("parcel/2", was=1), [WRITE]),
        (doc("parcel/1", was=2), [WRITE, "BatchGetItem", WRITE]),
    ):
        wire.sent.clear()
        await records.commit(puts=[put], changes=[Change(key="stock/1", by={"n": 1})], events=[event(1)])
        assert wire.operations() == calls


async def test_a_conflict_costs_nothing_more_where_there_is_no_doubt(plain, wire):
    await plain.commit(puts=[doc("letter/1")])
    wire.sent.clear()

    with pytest.raises(Conflict):
        await plain.commit(puts=[doc("letter/1")], events=[event(1)])

    assert wire.operations() == [WRITE]


async def test_an_empty_end_of_a_delivery_costs_nothing(records, wire):
    await records.commit(consumed=Delivery("d1", "evt_1", "catalog"))
    await records.commit()

    assert wire.operations() == []


# Edges


async def test_keys_and_groups_have_bounds_and_nothing_is_found_beyond_them(records):
    long = "parcel/" + "x" * 753

    await records.commit(puts=[doc(long, indexes={"sender": ("ann", "é" * 450)}, words={"name": "w" * 900})])

    assert (await records.get(long)).key == long
    assert [one.key for one in (await records.find("sender", "ann", low="é" * 450, high="é" * 450)).found] == [long]
    assert [one.key for one in (await records.search(["w" * 900])).found] == [long]
    assert (await records.search(["w" * 900 + "x"])).found == []
    for wrong in (
        doc(long + "x"),
        doc(""),
        doc("parcel/1", indexes={"sender": ("g" * 2000, "1")}),
        doc("parcel/1", indexes={"sender": ("ann", "\0" * 900)}),
    ):
        with pytest.raises(TooMuch):
            await records.commit(puts=[wrong])
    with pytest.raises(TooMuch):
        await records.commit(puts=[doc("parcel/1")], changes=[Change(key="s" * 761, by={"n": 1})])
    assert await records.get("x" * 3000) is await records.get("") is None
    assert await records.get_many(["", "x" * 3000]) == {}
    assert (await records.counts(["x" * 3000]))["x" * 3000].version == 0
    assert (await records.get_with_counts("", "x" * 3000))[1].version == 0
    assert (await records.find("sender", "g" * 3000)).found == []


@pytest.mark.parametrize("letter", ["x", "é", "\0"])
async def test_bounds_longer_than_any_place_are_bounds(records, letter):
    places = [letter * n for n in (1, 300, 400)] + ["\1", "z"]
    await records.commit(puts=[doc(f"parcel/{n}", indexes={"sender": ("ann", p)}) for n, p in enumerate(places)])

    above = await pages(records.find, "sender", "ann", low=letter * 2000, limit=1)
    below = await pages(records.find, "sender", "ann", high=letter * 2000, limit=1)

    assert {places[int(key[-1])] for key in above} == {place for place in places if place > letter * 2000}
    assert {places[int(key[-1])] for key in below} == {place for place in places if place <= letter * 2000}


async def test_a_commit_has_100_items_with_those_of_words_and_four_megabytes(records):
    many = " ".join(f"word{n}" for n in range(40))
    with pytest.raises(TooMuch, match="123"):
        await records.commit(puts=[doc(f"parcel/{n}", words={"name": many}) for n in range(3)])

    large = b'"' + base64.b64encode(random.Random(1).randbytes(250_000)) + b'"'
    with pytest.raises(TooMuch, match="bytes"):
        await records.commit(puts=[doc(f"parcel/{n}", large) for n in range(17)])

    assert (await records.scan("")).found == []


async def test_a_word_that_a_thousand_have_does_not_hide_what_a_rare_one_finds(records):
    await keep(records, [doc(f"parcel/{n:04}", words={"note": "common"}) for n in range(1030)], at_once=50)
    await records.commit(puts=[doc("parcel/z", words={"name": "rare", "note": "commons"})])

    assert [one.key for one in (await records.search(["common", "rare"])).found] == ["parcel/z"]
    assert [one.key for one in (await records.search(["a", "common", "rare"])).found] == []
    found = await pages(records.search, ["common"], limit=100)
    assert len(found) == len(set(found)) >= 1000
    assert [one.key for one in (await records.search(["common", "commons"])).found] == ["parcel/z"]


async def test_of_many_words_all_are_needed(records):
    words = [f"word{n}x" for n in range(12)]
    await keep(
        records,
        [
            doc("parcel/all", words={"note": " ".join(words)}),
            doc("parcel/best", words={"name": " ".join(words)}),
            *(doc(f"parcel/{n}", words={"note": " ".join(words[:n] + words[n + 1 :])}) for n in range(12)),
        ],
        at_once=5,
    )

    assert [one.key for one in (await records.search(words)).found] == ["parcel/best", "parcel/all"]


async def test_a_document_without_words_may_be_put_over_one_with_words(records, rows):
    await records.commit(puts=[doc("parcel/1", words={"name": "teapot"})])

    await records.commit(puts=[doc("parcel/1", was=1)])

    assert list(rows()) == [("parcel/1", "-")]


# The tables


def test_a_table_is_on_demand_with_a_stream_and_a_sparse_index_of_keys_for_each_declared():
    made = table(LAYOUT, stack="shop")["CreateTable"]

    assert made["TableName"] == "shop-parcels"
    assert made["BillingMode"] == "PAY_PER_REQUEST"
    assert made["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    assert [(one["IndexName"], one["Projection"]) for one in made["GlobalSecondaryIndexes"]] == [
        ("sender", {"ProjectionType": "KEYS_ONLY"}),
        ("status", {"ProjectionType": "KEYS_ONLY"}),
    ]
    assert "GlobalSecondaryIndexes" not in table(Layout(context="parcels"), stack="shop")["CreateTable"]


def test_the_log_has_neither_a_stream_nor_an_index_but_expires():
    made = log_table(stack="shop")

    assert made["CreateTable"].keys() == {"TableName", "BillingMode", "KeySchema", "AttributeDefinitions"}
    assert made["UpdateTimeToLive"]["TimeToLiveSpecification"] == {"Enabled": True, "AttributeName": "ttl"}


async def test_the_moment_is_the_clocks(records, clock):
    clock.now = datetime(2031, 1, 1, 0, 0, 0, 1, tzinfo=UTC)

    await records.commit(puts=[doc("parcel/1")])

    assert (await records.get("parcel/1")).at == clock.now
