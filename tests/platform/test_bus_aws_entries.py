"""What goes into a call of PutEvents, what is read from a stream, and what is loaded for it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import zlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from shop.kernel.events import Envelope
from shop.platform.bus_aws import events_of_stream
from shop.platform.bus_aws_entries import MOST_BYTES, calls
from shop.platform.storage.dynamodb_events import body_of, outbox_key

KILOBYTE = 1024


def event(n: int, *, data: str = "", kind: str = "parcel.sent") -> Envelope:
    return Envelope(
        id=f"evt_{n:06d}", type=kind, source="/shop/parcels", subject=f"parcel_{n}", dataschema="urn:x",
        time="2026-11-23T04:00:00.000000Z", data=msgspec.Raw(msgspec.json.encode(data)),
    )  # fmt: skip


def counted(entry) -> int:
    """As AWS counts: text as UTF-8."""
    told = entry.told(bus="shop")
    return sum(len(told[name].encode()) for name in ("Source", "DetailType", "Detail"))


def test_an_entry_is_the_cloudevent_from_its_context_to_the_bus_of_the_stack():
    [[entry]] = calls([event(1)], context="parcels")

    told = entry.told(bus="shop7")

    assert told | {"Detail": ""} == {
        "Source": "shop.parcels", "DetailType": "parcel.sent", "Detail": "", "EventBusName": "shop7",
    }  # fmt: skip
    assert json.loads(told["Detail"]) == json.loads(msgspec.json.encode(event(1)))


def test_a_call_has_ten_entries_at_most():
    assert [len(call) for call in calls(map(event, range(25)), context="parcels")] == [10, 10, 5]


def test_a_call_has_200_kilobytes_at_most_counted_as_bytes():
    euros = "€" * (20 * KILOBYTE)  # 60 KB: three bytes each

    parts = list(calls([event(n, data=euros) for n in range(7)], context="parcels"))

    assert [len(call) for call in parts] == [3, 3, 1]


def test_an_event_that_is_too_large_for_a_call_goes_alone():
    events = [event(1), event(2, data="x" * MOST_BYTES), event(3)]

    parts = [[entry.event.id for entry in call] for call in calls(events, context="parcels")]

    assert parts == [["evt_000001"], ["evt_000002"], ["evt_000003"]]


def test_an_event_that_is_there_twice_goes_once():
    [call] = calls([event(1), event(2), event(1)], context="parcels")

    assert [entry.event.id for entry in call] == ["evt_000001", "evt_000002"]


@settings(deadline=None)
@given(st.lists(st.integers(0, 250 * KILOBYTE), max_size=30))
def test_calls_have_every_event_once_and_are_within_both_limits(sizes):
    events = [event(n, data="x" * size) for n, size in enumerate(sizes)]

    parts = list(calls(events, context="parcels"))

    assert [entry.event.id for call in parts for entry in call] == [one.id for one in events]
    assert all(len(call) == 1 or sum(map(counted, call)) <= MOST_BYTES for call in parts)
    assert all(1 <= len(call) <= 10 for call in parts)


def inserted(one: Envelope, *, name: str = "INSERT", pk: str | None = None, **image):
    keys = outbox_key(one.id) if pk is None else {"pk": {"S": pk}, "sk": {"S": one.id}}
    change = {"Keys": keys} if name == "REMOVE" else {"Keys": keys, "NewImage": {**keys, "body": body_of(one), **image}}
    return {"eventName": name, "dynamodb": change}


def test_events_are_read_from_inserts_of_the_outbox_and_all_else_is_passed_over():
    records = [
        inserted(event(1)),
        inserted(event(2), name="MODIFY"),
        inserted(event(3), name="REMOVE"),
        inserted(event(4), pk="inbox/parcels/evt_000004"),
        inserted(event(5)),
    ]

    assert events_of_stream(records) == [event(1), event(5)]


def test_a_large_event_comes_compressed_and_as_lambda_writes_bytes():
    large = event(1, data="x" * 20_000)
    compressed = body_of(large)["B"]
    assert len(compressed) < 20_000

    told = inserted(large, body={"B": base64.b64encode(compressed).decode()})

    assert events_of_stream([told]) == [large]


@pytest.mark.parametrize(
    "body",
    [
        {"S": "rubbish"},
        {"S": '{"id": "evt_1"}'},
        {"B": "rubbish"},
        {"B": base64.b64encode(zlib.compress(b"1")).decode()},
    ],
)
def test_one_that_cannot_be_read_does_not_hold_up_the_others_and_is_told_without_what_is_in_it(body):
    with capture_logs() as logs:
        events = events_of_stream([inserted(event(1), body=body), inserted(event(2))])

    assert events == [event(2)]
    [line] = logs
    assert (line["event"], line["event_id"], line["log_level"]) == ("outbox.unreadable", "evt_000001", "error")
    assert "rubbish" not in str(line)


_OPENED = """
import asyncio, sys
import shop.platform.bus_aws, shop.platform.storage.dynamodb_log
from shop.platform.aws import Aws

async def main():
    aws = Aws(("dynamodb", "events", "sqs"))
    await aws.open()
    await aws.close()

asyncio.run(main())
print(*sorted({"aiobotocore", "httpx", "litestar", "redis", "sqlite3", "uvicorn"} & set(sys.modules)))
"""


def test_neither_the_web_nor_its_client_is_loaded_by_a_bus_that_is_open():
    bare = {"AWS_DEFAULT_REGION": "eu-central-1", "AWS_EC2_METADATA_DISABLED": "true", "PATH": os.defpath}

    loaded = subprocess.run([sys.executable, "-c", _OPENED], capture_output=True, text=True, check=True, env=bare)

    assert loaded.stdout.split() == ["aiobotocore", "sqlite3"]  # the latter by the log lines, which name its errors
