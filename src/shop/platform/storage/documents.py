"""What kinds of documents a context keeps, how each is put, and what those that an older program put become."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from shop.kernel.errors import Clash
from shop.platform.storage.port import Layout, Put, Stored

Document = dict[str, Any]  # the JSON of a body
Upgrade = Callable[[str, Document], Document]  # of a key and its document, pure
Progress = Callable[[str, int, int], None]  # what is under way, how much of it is done, of how much


def in_silence(phase: str, done: int, of: int) -> None:
    """Progress that nobody is shown."""


class Unreadable(Clash):
    """A document that is not what its context keeps under such a key."""

    code = "unreadable-document"


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """A context's documents.

    `puts`: of each kind (the part of a key before its first slash), the put that a document comes from: the key, body,
    places and words that it has if it is put today. `upgrades`: of a version, what makes its documents the next one's;
    a version that is not there differs from the next in places or words only.
    """

    layout: Layout
    puts: Mapping[str, Callable[[Stored], Put]]
    upgrades: Mapping[int, Upgrade] = field(default_factory=dict)

    def put_of(self, stored: Stored) -> Put:
        """The put that this document comes from; `Unreadable` says what is wrong with it."""
        kind = stored.key.partition("/")[0]
        if kind not in self.puts:
            raise Unreadable(f"{stored.key}: {self.layout.context} keeps no such documents")
        try:
            return self.puts[kind](stored)
        except (msgspec.MsgspecError, ValueError) as error:
            raise Unreadable(f"{stored.key} cannot be read: {error}") from error

    def upgraded(self, stored: Stored, *, since: int) -> Put:
        """The put of a document of an older version, as it is today."""
        steps = [self.upgrades[version] for version in range(since, self.layout.version) if version in self.upgrades]
        if steps:
            try:
                document = msgspec.json.decode(stored.body)
                for step in steps:
                    document = step(stored.key, document)
            except (msgspec.MsgspecError, LookupError, TypeError, ValueError, AttributeError) as error:
                raise Unreadable(f"{stored.key} cannot be upgraded: {type(error).__name__}: {error}") from error
            stored = stored._replace(body=msgspec.json.encode(document))
        return self.put_of(stored)
