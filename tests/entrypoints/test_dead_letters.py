"""`shop dead-letters`, beside a bus that delivers what it brings back to life."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from shop.entrypoints.cli import cli
from shop.kernel.clock import system_clock
from shop.kernel.events import Cause, Envelope
from shop.platform.bus import routes
from shop.platform.bus_local import LocalBus
from shop.platform.settings import read_settings
from shop.platform.storage import sqlite_deliveries as deliveries
from shop.platform.storage.sqlite import SqliteStore

REASON = "ValueError (parcels.py:42)"


async def shop(*words: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, cli, ["dead-letters", *words], prog_name="shop")


def event(n: int) -> Envelope:
    return Envelope(
        id=f"evt_{n}", type="parcel.sent", source="/shop/parcels", subject=f"parcel_{n}", dataschema="urn:x",
        time="2026-11-23T04:00:00.000000Z", data=msgspec.Raw(b'{"weight":%d}' % n),
    )  # fmt: skip


@dataclass
class Parcels:
    """A store with parcels that a reader hears of, and the reader."""

    store: SqliteStore
    heard: list[str] = field(default_factory=list)

    async def hear(self, envelope: Envelope, _: Cause) -> None:
        self.heard.append(envelope.id)

    @property
    def consumers(self):
        return {"reader": {"parcel.sent": self.hear}}

    async def send(self, numbers: range) -> None:
        events, to = [event(n) for n in numbers], routes(self.consumers)
        await self.store.file.write(
            lambda c: deliveries.publish(c, events, routes=to, owner=None, now=system_clock()),
        )

    async def bury(self, *, attempts: int = 24) -> None:
        """As the bus does with what has failed for a day."""
        at = system_clock() - timedelta(hours=1)

        def give_up(connection):
            for one in deliveries.claim(connection, owner="me", now=system_clock(), most=10_000):
                deliveries.bury(connection, one.delivery, at=at, attempts=attempts, error=REASON)

        await self.store.file.write(give_up)

    def rows(self):
        return self.store.file.reader.execute("SELECT id, attempts, dead, owner FROM deliveries").fetchall()

    @asynccontextmanager
    async def delivered(self) -> AsyncIterator[None]:
        bus = LocalBus(self.store, clock=system_clock)
        await bus.start(self.consumers, {}, alone=True)
        try:
            yield
        finally:
            await bus.stop()

    async def until_left(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.rows()) != count:  # noqa: ASYNC110 - asked of the store
                await asyncio.sleep(0.005)


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHOP_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
async def parcels(data: Path):
    store = SqliteStore(read_settings({"SHOP_DATA": str(data)}).store, clock=system_clock)
    await store.open()
    yield Parcels(store)
    await store.close()


async def test_dead_letters_are_listed_with_why_and_what_to_do(parcels):
    await parcels.send(range(2))
    await parcels.bury()

    result = await shop("list")

    assert result.exit_code == 0
    heading, *lines, advice = result.stdout.splitlines()
    assert heading.split() == ["id", "consumer", "event", "since", "attempts", "reason"]
    assert [line.split()[:3] for line in lines] == [["1", "reader", "parcel.sent"], ["2", "reader", "parcel.sent"]]
    assert all(line.endswith(f"24  {REASON}") for line in lines)
    assert "shop dead-letters replay" in advice


async def test_of_many_the_first_are_shown_and_json_has_all(parcels):
    await parcels.send(range(1200))
    await parcels.bury()

    table, told = await shop("list"), await shop("list", "--json")

    assert "… and 1,150 more" in table.stderr
    letters = [json.loads(line) for line in told.stdout.splitlines()]
    assert [letter["id"] for letter in letters] == list(range(1, 1201))
    assert letters[0] | {"since": ""} == {
        "id": 1, "consumer": "reader", "eventId": "evt_0", "eventType": "parcel.sent", "since": "", "attempts": 24,
        "reason": REASON,
    }  # fmt: skip


async def test_where_nothing_is_dead_it_is_said(parcels):
    await parcels.send(range(2))

    assert (await shop("list")).stdout == "there is no dead letter\n"
    assert (await shop("list", "--json")).stdout == ""
    assert (await shop("replay", "--all")).stdout.startswith("0 dead letters will be delivered")


@pytest.mark.parametrize("words", [["show", "1"], ["show", "1", "--json"]])
async def test_one_is_shown_with_its_whole_event(parcels, words):
    await parcels.send(range(7, 8))
    await parcels.bury()

    shown = json.loads((await shop(*words)).stdout)

    assert (shown["id"], shown["reason"]) == (1, REASON)
    assert shown["event"] == json.loads(msgspec.json.encode(event(7)))


async def test_what_is_replayed_is_delivered_at_once_by_the_server_that_runs(parcels):
    await parcels.send(range(3))
    await parcels.bury()
    async with parcels.delivered():
        result = await shop("replay", "2")
        await parcels.until_left(2)

    assert result.stdout == "1 dead letter will be delivered: by the server that runs, or the next one\n"
    assert parcels.heard == ["evt_1"]
    assert [row[0] for row in parcels.rows()] == [1, 3]


async def test_all_are_replayed_by_the_next_server_as_if_they_had_never_been_tried(parcels):
    await parcels.send(range(1200))
    await parcels.bury()

    result = await shop("replay", "--all")

    assert result.stdout.startswith("1,200 dead letters will be delivered")
    assert {row[1:] for row in parcels.rows()} == {(0, None, None)}
    async with parcels.delivered():
        await parcels.until_left(0)
    assert len(parcels.heard) == 1200


async def test_what_is_not_dead_is_not_replayed_and_the_others_are(parcels):
    await parcels.send(range(1))
    await parcels.bury()
    await parcels.send(range(1, 2))

    result = await shop("replay", "1", "2", "99")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "shop: no dead letter has the id 2, 99; see: shop dead-letters list; 1 other will be delivered\n"
    )
    async with parcels.delivered():
        await parcels.until_left(0)
    assert sorted(parcels.heard) == ["evt_0", "evt_1"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["show", "5"], 1, "shop: no dead letter has the id 5; see: shop dead-letters list\n"),
        (["show"], 2, "shop dead-letters show: Missing argument 'ID'; see: shop dead-letters show --help\n"),
        (["replay"], 2, "give the IDs of dead letters, or --all; see: shop dead-letters replay --help\n"),
        (["replay", "1", "--all"], 2, "give the IDs of dead letters, or --all; see: shop dead-letters replay --help\n"),
        (["replay", "evt_1"], 2, "see: shop dead-letters replay --help\n"),
    ],
)
async def test_a_command_that_cannot_be_done_is_one_line_with_the_next_step(parcels, words, code, said):
    await parcels.send(range(1))

    result = await shop(*words)

    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.endswith(said)
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [[], ["list"], ["show"], ["replay"]])
async def test_every_help_has_examples(words):
    result = await shop(*words, "--help")

    assert result.exit_code == 0
    assert f"$ shop dead-letters {' '.join(words)}" in result.output


async def test_a_folder_without_a_store_is_said_and_none_is_made(data):
    result = await shop("list")

    assert result.exit_code == 1
    assert result.stderr == f"shop: there is no store in {data}; set SHOP_DATA to the folder of the shop\n"
    assert not (data / "shop.db").exists()
