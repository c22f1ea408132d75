"""What is SQLite's own: the file, its groups of commits, and other processes beside this one."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shop.kernel.clock import system_clock
from shop.kernel.events import Delivery, Envelope
from shop.platform.storage.port import (
    AlreadyConsumed,
    Change,
    Conflict,
    Counts,
    Layout,
    NotEnough,
    Put,
    Records,
    Unavailable,
)
from shop.platform.storage.sqlite import SqliteStore

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LAYOUT = Layout(context="parcels", indexes={"sender": 1}, words={"name": 2, "note": 1})

Open = Callable[[], Awaitable[SqliteStore]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path, clock=system_clock)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    async with opened(path) as one:
        yield one


@pytest.fixture
def records(store: SqliteStore) -> Records:
    return store.records(LAYOUT)


def doc(key: str, body: bytes = b"{}", *, was: int = 0) -> Put:
    return Put(key=key, body=body, was=was)


def event(name: str) -> Envelope:
    return Envelope(
        id=name,
        type="parcel.sent",
        source="/shop/parcels",
        subject=name,
        time="2026-11-23T12:00:00.000000Z",
        dataschema="urn:shop:parcel.sent:1",
        data=b"{}",  # type: ignore[arg-type]
    )


async def count(records: Records, key: str) -> int:
    return (await records.counts([key]))[key].of.get("n", 0)


async def every_key(records: Records, prefix: str) -> list[str]:
    keys: list[str] = []
    page = await records.scan(prefix)
    keys += [stored.key for stored in page.found]
    while page.after:
        page = await records.scan(prefix, after=page.after)
        keys += [stored.key for stored in page.found]
    return keys


# The file


async def test_what_was_committed_is_there_when_the_file_is_opened_again(path: Path) -> None:
    delivered: list[Delivery] = []
    async with opened(path) as store:
        store.routes = {"parcel.sent": ["listener"]}
        store.on_queued = lambda queued: delivered.extend(one.delivery for one in queued)
        put = Put(key="parcel/1", body=b"1", was=0, indexes={"sender": ("ann", "1")}, words={"name": "teapot"})
        await store.records(LAYOUT).commit(
            puts=[put], changes=[Change(key="stock/1", by={"n": 3})], events=[event("e1"), event("e2")]
        )
        before = await store.records(LAYOUT).get("parcel/1")

    async with opened(path) as store:
        records = store.records(LAYOUT)
        assert await records.get("parcel/1") == before
        assert (await records.find("sender", "ann")).found == [before]
        assert (await records.search(["teapot"])).found == [before]
        assert await records.counts(["stock/1"]) == {"stock/1": Counts(1, {"n": 3})}
        first, second = delivered
        await records.commit(puts=[doc("heard/1")], consumed=first)

    async with opened(path) as store:
        records = store.records(LAYOUT)
        with pytest.raises(AlreadyConsumed):
            await records.commit(puts=[doc("heard/2")], consumed=first)
        await records.commit(puts=[doc("heard/2")], consumed=second)


async def test_what_was_begun_before_the_close_is_finished(path: Path) -> None:
    async with opened(path) as store:
        records = store.records(LAYOUT)
        begun = [asyncio.ensure_future(records.commit(puts=[doc(f"parcel/{n}")])) for n in range(100)]
        await asyncio.sleep(0)
    await asyncio.gather(*begun)

    async with opened(path) as store:
        assert len(await every_key(store.records(LAYOUT), "parcel/")) == 100


async def test_a_closed_store_takes_no_write(path: Path) -> None:
    async with opened(path) as store:
        records = store.records(LAYOUT)

    with pytest.raises(Unavailable):
        await records.commit(puts=[doc("parcel/1")])


async def test_a_write_beside_the_close_is_done_or_refused_but_never_left_hanging(path: Path) -> None:
    store = SqliteStore(path, clock=system_clock)
    await store.open()
    records = store.records(LAYOUT)
    closing = asyncio.ensure_future(store.close())
    outcomes: list[BaseException | None] = []

    for n in range(20):
        await asyncio.sleep(0)
        begun = asyncio.ensure_future(records.commit(puts=[doc(f"parcel/{n}")]))
        await asyncio.wait([begun], timeout=5)
        assert begun.done(), "a commit beside the close was never answered"
        outcomes.append(begun.exception())

    await closing
    assert all(outcome is None or isinstance(outcome, Unavailable) for outcome in outcomes)
    async with opened(path) as again:
        assert len(await every_key(again.records(LAYOUT), "parcel/")) == outcomes.count(None)


@pytest.mark.parametrize("content", [b"this is a shopping list\n" * 100, b"PK\x03\x04" + bytes(8000)])
def test_a_file_that_is_no_store_is_named_and_left_as_it_is(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(Unavailable) as refused:
        asyncio.run(SqliteStore(path, clock=system_clock).open())

    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")

    with pytest.raises(Unavailable, match="data"):
        asyncio.run(SqliteStore(tmp_path / "data" / "shop.db", clock=system_clock).open())
    with pytest.raises(Unavailable, match="cannot"):
        asyncio.run(SqliteStore(tmp_path, clock=system_clock).open())


async def test_the_folder_of_the_file_is_made(tmp_path: Path) -> None:
    async with opened(tmp_path / "a" / "b" / "shop.db") as store:
        await store.records(LAYOUT).commit(puts=[doc("parcel/1")])

    assert (tmp_path / "a" / "b" / "shop.db").exists()


async def test_an_index_may_be_declared_later(path: Path) -> None:
    async with opened(path) as store:
        records = store.records(Layout(context="parcels"))
        await records.commit(puts=[doc("parcel/1"), doc("parcel/2")])

    async with opened(path) as store:
        records = store.records(Layout(context="parcels", indexes={"sender": 1, "status": 8}))
        assert set(await records.get_many(["parcel/1", "parcel/2"])) == {"parcel/1", "parcel/2"}
        assert (await records.find("sender", "ann")).found == []
        places = {"sender": ("ann", "1"), "status": ("sent", "1")}
        await records.commit(puts=[Put(key="parcel/1", body=b"{}", was=1, indexes=places)])
        await records.commit(puts=[Put(key="parcel/3", body=b"{}", was=0, indexes=places)])
        for index, group in (("sender", "ann"), ("status", "sent")):
            assert [one.key for one in (await records.find(index, group)).found] == ["parcel/1", "parcel/3"]

    async with opened(path) as store:  # a program of before still works beside it
        records = store.records(Layout(context="parcels"))
        await records.commit(puts=[doc("parcel/2", was=1), doc("parcel/4")])


async def test_two_that_declare_the_same_at_once_do_not_stumble_over_each_other(path: Path) -> None:
    layouts = [Layout(context=f"context{n}", indexes={f"index{m}": 1 for m in range(9)}) for n in range(60)]
    together = threading.Barrier(2, timeout=10)

    def declare(store: SqliteStore) -> None:
        for layout in layouts:
            together.wait()
            store.records(layout)

    async with opened(path) as one, opened(path) as other:
        await asyncio.gather(asyncio.to_thread(declare, one), asyncio.to_thread(declare, other))

        for layout in layouts[::10]:
            await one.records(layout).commit(puts=[doc("parcel/1")])
            assert await other.records(layout).get("parcel/1") is not None


@pytest.mark.parametrize("indexes", [{}, {"sender": 1}])
async def test_words_may_be_declared_later(path: Path, indexes: dict[str, int]) -> None:
    for words in ({}, {"name": 1.0}, {"name": 2.0, "note": 1.0}):
        async with opened(path) as store:
            records = store.records(Layout(context="products", indexes=indexes, words=words))
            key = f"product/{len(words)}"
            await records.commit(puts=[Put(key=key, body=b"{}", was=0, words=dict.fromkeys(words, "teapot"))])
            if words:
                assert key in [one.key for one in (await records.search(["teapot"])).found]


async def test_words_may_be_declared_in_another_order_with_other_weights(path: Path) -> None:
    def product(key: str, **words: str) -> Put:
        return Put(key=key, body=b"{}", was=0, words=words)

    async with opened(path) as store:
        records = store.records(Layout(context="products", words={"name": 9.0, "note": 1.0}))
        await records.commit(puts=[product("product/1", note="teapot"), product("product/2", name="teapot")])

    async with opened(path) as store:
        records = store.records(Layout(context="products", words={"note": 1.0, "name": 9.0}))
        assert [one.key for one in (await records.search(["teapot"])).found] == ["product/2", "product/1"]
        records = store.records(Layout(context="products", words={"note": 9.0, "name": 1.0}))
        assert [one.key for one in (await records.search(["teapot"])).found] == ["product/1", "product/2"]


async def test_documents_stay_when_their_words_are_declared_no_longer(path: Path) -> None:
    async with opened(path) as store:
        records = store.records(Layout(context="products", words={"name": 1.0}))
        await records.commit(puts=[Put(key="product/1", body=b"1", was=0, words={"name": "teapot"})])

    async with opened(path) as store:
        records = store.records(Layout(context="products"))
        await records.commit(puts=[doc("product/1", b"2", was=1), doc("product/2")])
        stored = await records.get("product/1")
        assert stored is not None
        assert (stored.body, stored.version) == (b"2", 2)


async def test_a_full_disk_is_unavailable_and_the_rest_goes_on(store: SqliteStore, records: Records) -> None:
    await records.commit(puts=[doc("parcel/0")])

    def most_pages(connection: sqlite3.Connection, most: int) -> None:
        connection.execute(f"PRAGMA max_page_count = {most}").fetchall()

    await store.file.write(lambda connection: most_pages(connection, 1))  # as many as there are
    big = os.urandom(200_000)
    writes = [asyncio.ensure_future(records.commit(puts=[doc(f"big/{n}", big)])) for n in range(20)]

    _, hanging = await asyncio.wait(writes, timeout=5)

    assert not hanging
    assert all(isinstance(one.exception(), Unavailable) for one in writes)
    await store.file.write(lambda connection: most_pages(connection, 1_000_000))
    await records.commit(puts=[doc("parcel/1")])
    assert await every_key(records, "") == ["parcel/0", "parcel/1"]


# Groups of commits


async def test_commits_at_the_same_time_share_a_few_commits_of_the_file(store: SqliteStore, records: Records) -> None:
    groups, units = store.statistics.groups, store.statistics.units

    await asyncio.gather(*(records.commit(puts=[doc(f"parcel/{n}")]) for n in range(500)))

    assert store.statistics.units - units == 500
    assert store.statistics.groups - groups <= 100
    assert len(await every_key(records, "parcel/")) == 500


async def test_one_that_is_refused_does_not_take_its_group_with_it(store: SqliteStore, records: Records) -> None:
    await records.commit(puts=[doc("parcel/taken")], changes=[Change(key="stock/1", by={"n": 10})])

    def attempt(n: int) -> Awaitable[object]:
        if n % 5 == 1:
            return records.commit(
                puts=[doc(f"parcel/{n}"), doc("parcel/taken")], changes=[Change(key="stock/2", by={"n": 1})]
            )
        if n % 5 == 2:
            return records.commit(puts=[doc(f"parcel/{n}")], changes=[Change(key="stock/3", by={"n": 1, "m": -1})])
        if n % 5 == 3:
            return store.file.write(lambda connection: connection.execute("INSERT INTO no_such_table VALUES (1)"))
        if n % 5 == 4:
            return store.file.write(lambda _: 1 // 0)
        return records.commit(puts=[doc(f"parcel/{n}")], changes=[Change(key="stock/1", by={"n": -1, "sold": 1})])

    outcomes = await asyncio.gather(*(attempt(n) for n in range(100)), return_exceptions=True)

    kinds = [type(one) for one in outcomes]
    assert kinds[1::5] == [Conflict] * 20
    assert kinds[2::5] == [NotEnough] * 20
    assert kinds[3::5] == [Unavailable] * 20
    assert kinds[4::5] == [ZeroDivisionError] * 20
    assert kinds[0::5] == [type(None)] * 10 + [NotEnough] * 10
    assert await records.counts(["stock/1", "stock/2", "stock/3"]) == {
        "stock/1": Counts(11, {"n": 0, "sold": 10}),
        "stock/2": Counts(0, {}),
        "stock/3": Counts(0, {}),
    }
    assert len(await every_key(records, "parcel/")) == 11


async def test_a_group_that_the_disk_undoes_is_answered_whole(store: SqliteStore, records: Records) -> None:
    def disk_error(connection: sqlite3.Connection) -> None:
        connection.execute("ROLLBACK")  # what SQLite does by itself when the disk fails or is full
        raise sqlite3.OperationalError("disk I/O error")

    begun = [
        asyncio.ensure_future(store.file.write(disk_error) if n == 3 else records.commit(puts=[doc(f"parcel/{n}")]))
        for n in range(6)
    ]

    _, hanging = await asyncio.wait(begun, timeout=2)

    assert not hanging, "a write was never answered"
    refused = {f"parcel/{n}" for n, one in enumerate(begun) if isinstance(one.exception(), Unavailable)}
    done = {f"parcel/{n}" for n, one in enumerate(begun) if one.exception() is None}
    assert "parcel/3" in refused
    assert refused | done == {f"parcel/{n}" for n in range(6)}
    assert set(await records.get_many(refused | done)) == done
    await records.commit(puts=[doc("parcel/after")])
    assert await records.get("parcel/after") is not None


async def test_a_listener_that_fails_leaves_no_commit_unanswered(store: SqliteStore, records: Records) -> None:
    store.routes = {"parcel.sent": ["listener"]}

    def fail(_: object) -> None:
        raise LookupError("a fault of the listener")

    store.on_queued = fail
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    begun = [asyncio.ensure_future(records.commit(events=[event(f"e{n}")])) for n in range(10)]

    _, hanging = await asyncio.wait(begun, timeout=2)

    assert not hanging
    store.on_queued = None
    await records.commit(puts=[doc("parcel/1")])


async def test_a_caller_that_went_away_leaves_the_group_as_it_is(records: Records) -> None:
    begun = [asyncio.ensure_future(records.commit(puts=[doc(f"parcel/{n}")])) for n in range(50)]
    await asyncio.sleep(0)
    for one in begun[::2]:
        one.cancel()

    outcomes = await asyncio.gather(*begun, return_exceptions=True)

    assert [type(one) for one in outcomes[1::2]] == [type(None)] * 25
    await records.commit(puts=[doc("parcel/last")])
    there = await every_key(records, "parcel/")
    assert {f"parcel/{n}" for n in range(1, 50, 2)} <= set(there)


async def test_deliveries_are_handed_out_once_their_commit_is_on_disk(
    path: Path, store: SqliteStore, records: Records
) -> None:
    seen: list[tuple[str, int]] = []
    reader = sqlite3.connect(path)

    def look(queued: Sequence[object]) -> None:
        (there,) = reader.execute("SELECT count(*) FROM deliveries").fetchone()
        seen.extend((one.envelope.id, there) for one in queued)  # type: ignore[attr-defined]

    store.routes = {"parcel.sent": ["left", "right"]}
    store.on_queued = look
    with pytest.raises(NotEnough):
        await records.commit(
            puts=[doc("parcel/0")], changes=[Change(key="stock/1", by={"n": -1})], events=[event("e0")]
        )
    await records.commit(puts=[doc("parcel/1")], events=[event("e1")])
    await records.commit(events=[event("e2")])
    reader.close()

    assert seen == [("e1", 2), ("e1", 2), ("e2", 4), ("e2", 4)]


# Other processes

WRITER = """
    import asyncio, sys
    from pathlib import Path
    from shop.kernel.clock import system_clock
    from shop.platform.storage.port import Change, Layout, Put
    from shop.platform.storage.sqlite import SqliteStore

    LAYOUT = Layout(context="parcels", indexes={"sender": 1}, words={"name": 2, "note": 1})

    async def main(path, name, workers, times):
        store = SqliteStore(Path(path), clock=system_clock)
        await store.open()
        records = store.records(LAYOUT)

        async def work(worker):
            for n in range(times):
                one = f"{name}-{worker:02}-{n:04}"
                await records.commit(
                    puts=[
                        Put(
                            key=f"left/{one}",
                            body=b"{}",
                            was=0,
                            indexes={"sender": (name, one)},
                            words={"name": name},
                        ),
                        Put(key=f"right/{one}", body=b"x" * 3000, was=0),
                    ],
                    changes=[Change(key="both", by={"n": 1}), Change(key=name, by={"n": 1})],
                )
                print(one, flush=True)

        print("ready", flush=True)
        await asyncio.gather(*(work(worker) for worker in range(workers)))
        print("waited", store.statistics.longest_wait, flush=True)
        await store.close()

    path, name, workers, times = sys.argv[1:]
    asyncio.run(main(path, name, int(workers), int(times)))
"""


async def writer(path: Path, name: str, *, workers: int, times: int) -> Process:
    """Another process that writes to the file, and prints what it was told is done."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        textwrap.dedent(WRITER),
        str(path),
        name,
        str(workers),
        str(times),
        stdout=PIPE,
        stderr=PIPE,
    )


async def test_two_processes_write_to_one_file_and_neither_waits_long(
    path: Path, store: SqliteStore, records: Records
) -> None:
    child = await writer(path, "importer", workers=4, times=75)
    assert child.stdout is not None
    assert await child.stdout.readline() == b"ready\n"
    begun = store.statistics.longest_wait
    finished = asyncio.ensure_future(child.communicate())
    written = 0

    async def serve(worker: int) -> None:
        nonlocal written
        n = 0
        while not finished.done():
            key = f"left/server-{worker}-{n}"
            await records.commit(
                puts=[doc(key)], changes=[Change(key="both", by={"n": 1}), Change(key="server", by={"n": 1})]
            )
            assert await records.get(key) is not None
            await records.find("sender", "importer")
            await records.search(["importer"], limit=3)
            written += 1
            n += 1

    await asyncio.gather(*(serve(worker) for worker in range(4)))
    out, err = await finished

    assert (child.returncode, err) == (0, b"")
    assert written > 0
    assert await records.counts(["both", "importer", "server"]) == {
        "both": Counts(written + 300, {"n": written + 300}),
        "importer": Counts(300, {"n": 300}),
        "server": Counts(written, {"n": written}),
    }
    assert len(await every_key(records, "left/importer-")) == len(await every_key(records, "right/importer-")) == 300
    waits = [float(line.split()[1]) for line in out.decode().splitlines() if line.startswith("waited")]
    assert len(waits) == 1
    assert max(*waits, store.statistics.longest_wait - begun) < 1.0


async def test_processes_that_open_and_leave_do_not_disturb_each_other(path: Path) -> None:
    """The first makes the file, the last to leave clears its log: both take locks that nobody may trip over."""
    children = [await writer(path, f"child{n}", workers=1, times=15) for n in range(3)]
    opened_here = 0
    finished = asyncio.gather(*(child.communicate() for child in children))

    while not finished.done():
        async with AsyncExitStack() as stack:
            store = await stack.enter_async_context(opened(path))
            records = store.records(LAYOUT)
            await records.commit(puts=[doc(f"left/here-{opened_here}")], changes=[Change(key="both", by={"n": 1})])
            assert await records.get(f"left/here-{opened_here}") is not None
            assert (await records.search(["nothing"])).found == []
            opened_here += 1
        await asyncio.sleep(0)

    assert [(child.returncode, err) for child, (_, err) in zip(children, await finished, strict=True)] == [(0, b"")] * 3
    async with opened(path) as store:
        assert await count(store.records(LAYOUT), "both") == 45 + opened_here


async def test_what_a_killed_process_was_told_is_done_is_there_and_nothing_is_there_by_half(path: Path) -> None:
    acknowledged: set[str] = set()
    for life in range(3):
        child = await writer(path, f"life{life}", workers=8, times=10_000)
        assert child.stdout is not None
        assert await child.stdout.readline() == b"ready\n"
        lines = [await child.stdout.readline() for _ in range(60 + 35 * life)]
        child.send_signal(signal.SIGKILL)
        rest, _ = await child.communicate()
        told = b"".join(lines) + rest
        acknowledged |= set(told[: told.rfind(b"\n") + 1].decode().split())
        assert child.returncode == -signal.SIGKILL

    async with opened(path) as store:
        records = store.records(LAYOUT)
        left = {key.removeprefix("left/") for key in await every_key(records, "left/")}
        right = {key.removeprefix("right/") for key in await every_key(records, "right/")}
        by_index = [(await records.find("sender", f"life{life}", limit=100_000)).found for life in range(3)]
        by_word = [(await records.search([f"life{life}"], limit=100_000)).found for life in range(3)]

        assert len(acknowledged) >= 3 * 60
        assert acknowledged <= left
        assert left == right
        assert await count(records, "both") == len(left)
        assert sum([await count(records, f"life{life}") for life in range(3)]) == len(left)
        assert {one.key.removeprefix("left/") for found in by_index for one in found} == left
        assert {one.key.removeprefix("left/") for found in by_word for one in found} == left
        assert await store.file.write(lambda one: one.execute("PRAGMA integrity_check").fetchall()) == [("ok",)]


def test_a_program_that_forgets_to_close_still_ends(path: Path) -> None:
    program = """
        import asyncio, sys
        from pathlib import Path
        from shop.kernel.clock import system_clock
        from shop.platform.storage.port import Layout, Put
        from shop.platform.storage.sqlite import SqliteStore

        async def main():
            store = SqliteStore(Path(sys.argv[1]), clock=system_clock)
            await store.open()
            await store.records(Layout(context="parcels")).commit(puts=[Put(key="parcel/1", body=b"{}", was=0)])

        asyncio.run(main())
    """

    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(path)], capture_output=True, timeout=20, check=False
    )

    assert (ended.returncode, ended.stderr) == (0, b"")
