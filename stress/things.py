"""What is read: a few items, each of which is an edition that grows, alone or several at once."""

from __future__ import annotations

import msgspec

from shop.platform.http.collected import Collected

LAST = "last"  # the tag that is invalidated when all is over


class Thing(msgspec.Struct, frozen=True):
    """One of them."""

    id: str
    edition: int


def path_of(item: int) -> str:
    """Where it is read alone."""
    return f"/things/{item}"


def tag_of(item: int | str) -> str:
    """By what it is dropped, read alone or with others."""
    return f"thing:{item}"


def mark_of(item: int, edition: int) -> str:
    """A tag that nothing has: who hears of it knows which change the message tells of."""
    return f"edition:{item}:{edition}"


def marked(tag: str) -> tuple[int, int] | None:
    """Item and edition, if it is such a tag."""
    word, _, told = tag.partition(":")
    item, _, edition = told.partition(":")
    return (int(item), int(edition)) if word == "edition" else None


def _translate(thing: Thing) -> tuple[str, Thing]:
    return thing.id, thing


THINGS = Collected(path="/things", wire=Thing, translate=_translate, tag="thing")
