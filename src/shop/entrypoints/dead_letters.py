"""`shop dead-letters`: what could not be delivered, and how it is delivered after all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from uuid import UUID

import msgspec
import rich_click as click

from shop.entrypoints.terminal import Failed, command_settings, examples, show_dead_letters, so_many
from shop.kernel.clock import rfc3339
from shop.platform.dead_letters import DeadLetter, DeadLetters, Id

_SHOWN = 50
_MOST = 2**62
_CONTEXTS = ("catalog", "orders", "rewards")
_AS_JSON = click.option("--json", "as_json", is_flag=True, help="As JSON, one object a line.")

# What only one command needs, it imports itself: `shop --help` is there at once.


class _Id(click.ParamType[Id]):
    """A number, or a UUID."""

    name = "id"

    def convert(self, value: str | Id, param: click.Parameter | None, ctx: click.Context | None) -> Id:
        """As the engines know it."""
        try:
            return str(UUID(str(value))) if "-" in str(value) else self._number(str(value))
        except ValueError:
            self.fail(f"{value!r} is no id of a dead letter, neither a number nor a UUID", param, ctx)

    def _number(self, value: str) -> int:
        if not 1 <= int(value) <= _MOST:
            raise ValueError(value)
        return int(value)


@click.group("dead-letters", epilog=examples("shop dead-letters list", "shop dead-letters replay --all"))
def dead_letters() -> None:
    """Deliveries that failed for a whole day: see why, and have them made after all.

    A server may be running meanwhile.

    On AWS (SHOP_STORAGE=dynamodb) they are in the dead-letter queues of the contexts, and ids are those of the
    messages. A queue has no order and gives ten messages at a time: while a command goes through it, another one sees
    only the others, and of many thousands perhaps not all are shown. It counts roughly, and keeps them 14 days from
    when the event was published.
    """


@dead_letters.command(
    "list", epilog=examples("shop dead-letters list", "shop dead-letters list --json | jq -r .reason | sort | uniq -c")
)
@_AS_JSON
def list_(*, as_json: bool) -> None:
    """Show the dead letters, oldest first, and why each of them is dead."""
    asyncio.run(_tell_all() if as_json else _show_first())


@dead_letters.command(epilog=examples("shop dead-letters show 17", "shop dead-letters show 17 --json | jq .event"))
@click.argument("identifier", metavar="ID", type=_Id())
@_AS_JSON
def show(identifier: Id, *, as_json: bool) -> None:
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
@click.argument("identifiers", metavar="[ID]…", nargs=-1, type=_Id())
@click.option("--all", "every", is_flag=True, help="All that are dead by now.")
def replay(identifiers: Sequence[Id], *, every: bool) -> None:
    """Have dead letters delivered again, at once, as if they had never been tried.

    The server that runs makes them at once, else the next one that starts. What fails again is tried for another day.
    """
    if bool(identifiers) == every:
        raise click.UsageError("give the IDs of dead letters, or --all")
    revived = list[Id]() if every else asyncio.run(_replay(identifiers))
    count = asyncio.run(_replay_all()) if every else len(revived)
    if missing := [one for one in dict.fromkeys(identifiers) if one not in revived]:
        raise Failed(f"{_no_such(missing)}; {so_many(count, 'other')} will be delivered")
    click.echo(f"{so_many(count, 'dead letter')} will be delivered: by the server that runs, or the next one")


async def _tell_all() -> None:
    async with _letters() as letters:
        async for letter in letters.each():
            click.echo(msgspec.json.encode(_told(letter)))


async def _show_first() -> None:
    first = list[DeadLetter]()
    async with _letters() as letters, aclosing(letters.each()) as each:
        async for letter in each:
            first.append(letter)
            if len(first) == _SHOWN:
                break
        count = await letters.count()
    if first:
        show_dead_letters(first, of=count)
        click.echo("once the cause is mended: shop dead-letters replay ID, or --all")
    else:
        click.echo("there is no dead letter")


async def _one(identifier: Id) -> DeadLetter:
    async with _letters() as letters:
        letter = await letters.one(identifier)
    if letter is None:
        raise Failed(_no_such([identifier]))
    return letter


async def _replay(identifiers: Sequence[Id]) -> list[Id]:
    async with _letters() as letters:
        return await letters.revive(identifiers)


async def _replay_all() -> int:
    async with _letters() as letters:
        return await letters.revive_all()


@asynccontextmanager
async def _letters() -> AsyncIterator[DeadLetters]:
    """Those of the shop that the settings name."""
    settings = command_settings()
    if settings.storage == "dynamodb":
        from shop.platform import sqs_dead_letters  # noqa: PLC0415

        async with sqs_dead_letters.opened(stack=settings.stack, contexts=_CONTEXTS) as letters:
            yield letters
        return
    from shop.entrypoints.monolith import opened  # noqa: PLC0415
    from shop.platform.storage.sqlite_dead_letters import SqliteDeadLetters  # noqa: PLC0415

    if not settings.store.exists():
        raise Failed(f"there is no store in {settings.data}; set SHOP_DATA to the folder of the shop")
    async with opened(settings) as shop:
        yield SqliteDeadLetters(shop.store.file, shop.clock)


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


def _no_such(identifiers: Sequence[Id]) -> str:
    several = ", ".join(map(str, identifiers))
    return f"no dead letter has the id {several}; see: shop dead-letters list"
