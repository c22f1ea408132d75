"""What the relay sends is what PutEvents takes, as moto judges it, which is stricter than the emulator."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

import msgspec
import pytest

from shop.kernel.events import Envelope
from shop.platform.aws import Aws
from shop.platform.bus_aws_entries import calls
from torture.leash import leashed


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=5):
            return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """Its address; it ends with us."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    command = leashed(sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port))
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while not _answers(url):
            assert process.poll() is None, "moto has ended"
            assert time.monotonic() < until, "moto does not answer"
            time.sleep(0.02)
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
async def events(moto, monkeypatch, stack):
    """A client of EventBridge, with a bus."""
    environ = {"AWS_ENDPOINT_URL": moto, "AWS_DEFAULT_REGION": "eu-central-1", "AWS_EC2_METADATA_DISABLED": "true"}
    for name, value in {**environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(name, value)
    aws = Aws(("events",))
    await aws.open()
    await aws.client("events").create_event_bus(Name=stack)
    yield aws.client("events")
    await aws.close()


def event(n: int, *, data: object = None) -> Envelope:
    return Envelope(
        id=f"evt_{n:06d}", type="parcel.sent", source="/shop/parcels", subject=f"parcel_{n}", dataschema="urn:x",
        time="2026-11-23T04:00:00.000000Z", data=msgspec.Raw(msgspec.json.encode(data)), traceparent="00-trace",
    )  # fmt: skip


async def test_every_call_of_the_relay_is_taken(events, stack):
    sent = [event(n, data={"note": 'a "quoted" €\n' * n}) for n in range(25)]

    answers = [
        await events.put_events(Entries=[entry.told(bus=stack) for entry in call])
        for call in calls(sent, context="parcels")
    ]

    assert [answer["FailedEntryCount"] for answer in answers] == [0, 0, 0]
    assert sum(len(answer["Entries"]) for answer in answers) == 25


@pytest.mark.parametrize(
    "wrong",
    [{"Detail": "rubbish"}, {"Detail": ""}, {"Source": ""}, {"DetailType": ""}],
    ids=["a detail that is no JSON", "no detail", "no source", "no type"],
)
async def test_an_entry_that_is_wrong_is_refused_alone(events, stack, wrong):
    [call] = calls([event(n) for n in range(3)], context="parcels")
    entries = [entry.told(bus=stack) for entry in call]

    answer = await events.put_events(Entries=[entries[0], {**entries[1], **wrong}, entries[2]])

    assert answer["FailedEntryCount"] == 1
    assert ["ErrorCode" in result for result in answer["Entries"]] == [False, True, False]


async def test_more_than_ten_entries_are_refused(events, stack):
    [one] = calls([event(1)], context="parcels")

    with pytest.raises(events.exceptions.ClientError, match="less than or equal to 10"):
        await events.put_events(Entries=[one[0].told(bus=stack)] * 11)


async def test_a_bus_that_is_not_there_is_refused(events):
    [one] = calls([event(1)], context="parcels")

    with pytest.raises(events.exceptions.ClientError, match="elsewhere does not exist"):
        await events.put_events(Entries=[one[0].told(bus="elsewhere")])
