"""`shop dead-letters`: what could not be delivered, and how it is delivered after all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import TYPE_CHECKING

import msgspec
import rich_click as click

from shop.entrypoints.terminal import Failed, command_settings, examples, show_dead_letters, so_many
from shop.kernel.clock import rfc3339, system_clock

if TYPE_CHECKING:
    from shop.platform.storage.sqlite import SqliteStore
    from shop.platform.storage.sqlite_dead_letters import DeadLetter

_PAGE = 500
_SHOWN = 50
_AS_JSON = click.option("--json", "as_json", is_flag=True, help="As JSON, one object a line.")

# What only one command needs, it imports itself: `shop --help` is there at once.


@click.group("dead-letters", epilog=examples("shop dead-letters list", "shop dead-letters replay --all"))
def dead_letters() -> None:
    """Deliveries that failed for a whole day: see why, and have them made after all.

    A server may be running meanwhile.
    """


@dead_letters.command(
    "list", epilog=examples("shop dead-letters list", "shop dead-letters list --json | jq -r .reason | sort | uniq -c")
)
@_AS_JSON
def list_(*, as_json: bool) -> None:
    """Show the dead letters, oldest first, and why each of them is dead."""
    asyncio.run(_tell_all() if as_json else _show_first())


@dead_letters.command(epilog=examples("shop dead-letters show 17", "shop dead-letters show 17 --json | jq .event"))
@click.argument("identifier", metavar="ID", type=click.IntRange(1, 2**62))
@_AS_JSON
def show(identifier: int, *, as_json: bool) -> None:
    """Show a dead letter with its whole event."""
    letter = asyncio.run(_one(identifier))
    whole = _told(letter) | {"event": msgspec.Raw(letter.event)}
    if as_json:
        click.echo(msgspec.json.encode(whole))
    else:
        click.echo(msgspec.json.format(msgspec.json.encode(whole), indent=2))


@dead_letters.command(
    epilog=examples("shop dead-letters replay 17", "shop dead-letters replay 17 23", "shop dead-letters replay --all")
)
@click.argument("identifiers", metavar="[ID]…", nargs=-1, type=click.IntRange(1, 2**62))
@click.option("--all", "every", is_flag=True, help="All that are dead by now.")
def replay(identifiers: Sequence[int], *, every: bool) -> None:
    """Have dead letters delivered again, at once, as if they had never been tried.

    The server that runs makes them at once, else the next one that starts. What fails again is tried for another day.
    """
    if bool(identifiers) == every:
        raise click.UsageError("give the IDs of dead letters, or --all")
    revived = asyncio.run(_replay(identifiers, every=every))
    if missing := sorted(set(identifiers) - set(revived)):
        raise Failed(f"{_no_such(missing)}; {so_many(len(revived), 'other')} will be delivered")
    click.echo(f"{so_many(len(revived), 'dead letter')} will be delivered: by the server that runs, or the next one")


async def _tell_all() -> None:
    async with _store() as store:
        async for letter in _letters(store):
            click.echo(msgspec.json.encode(_told(letter)))


async def _show_first() -> None:
    from shop.platform.storage import sqlite_dead_letters, sqlite_deliveries  # noqa: PLC0415

    async with _store() as store:
        first = store.file.read(lambda connection: sqlite_dead_letters.page(connection, after=0, most=_SHOWN))
        count = store.file.read(sqlite_deliveries.backlog).dead
    if first:
        show_dead_letters(first, of=count)
        click.echo("once the cause is mended: shop dead-letters replay ID, or --all")
    else:
        click.echo("there is no dead letter")


async def _one(identifier: int) -> DeadLetter:
    from shop.platform.storage import sqlite_dead_letters  # noqa: PLC0415

    async with _store() as store:
        letter = store.file.read(lambda connection: sqlite_dead_letters.one(connection, identifier))
    if letter is None:
        raise Failed(_no_such([identifier]))
    return letter


async def _replay(identifiers: Sequence[int], *, every: bool) -> list[int]:
    """Ids of those that were dead. Some at a time, so that a server beside it is not held up."""
    from shop.platform.storage import sqlite_dead_letters  # noqa: PLC0415

    async with _store() as store:
        wanted = [letter.id async for letter in _letters(store)] if every else identifiers
        left, revived = iter(wanted), list[int]()
        while some := list(islice(left, _PAGE)):
            revived += await store.file.write(
                lambda connection, some=some: sqlite_dead_letters.revive(connection, some, now=system_clock())  # type: ignore[misc]
            )
        return revived


@asynccontextmanager
async def _store() -> AsyncIterator[SqliteStore]:
    from shop.entrypoints.monolith import opened  # noqa: PLC0415

    settings = command_settings()
    if not settings.store.exists():
        raise Failed(f"there is no store in {settings.data}; set SHOP_DATA to the folder of the shop")
    async with opened(settings) as shop:
        yield shop.store


async def _letters(store: SqliteStore) -> AsyncIterator[DeadLetter]:
    from shop.platform.storage import sqlite_dead_letters  # noqa: PLC0415

    after = 0
    while page := store.file.read(lambda c, after=after: sqlite_dead_letters.page(c, after=after, most=_PAGE)):  # type: ignore[misc]
        for letter in page:
            yield letter
        after = page[-1].id


def _told(letter: DeadLetter) -> dict[str, object]:
    return {
        "id": letter.id,
        "consumer": letter.consumer,
        "eventId": letter.event_id,
        "eventType": letter.event_type,
        "since": rfc3339(letter.since),
        "attempts": letter.attempts,
        "reason": letter.reason,
    }


def _no_such(identifiers: Sequence[int]) -> str:
    several = ", ".join(map(str, identifiers))
    return f"no dead letter has the id {several}; see: shop dead-letters list"
