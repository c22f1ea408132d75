"""The feed: every event that the contexts publish, for those outside who listen: a mail sender, an accountant's script.

They need no broker: they ask again, with the cursor that they were given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, cast

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from shop.kernel.errors import Invalid
from shop.kernel.events import Envelope, Event
from shop.platform.answers import PAGED, answers
from shop.platform.request import Limit, Web
from shop.platform.storage.log import Log
from shop.platform.web import callers, next_link, reply


class NoSuchEventType(Invalid):
    """A type that no context publishes."""

    code = "no-such-event-type"


class EventPage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Events in the order in which they were committed; each at least once, so tell them apart by `id`."""

    data: list[Envelope]
    next_cursor: str  # to be given as `after` next time, also when nothing is there now
    missing: bool  # events behind `after` are not kept any more: what is here is not all


def types_of(*contracts: ModuleType) -> tuple[str, ...]:
    """The types of all events that these contracts publish."""
    kinds = (kind for contract in contracts for kind in vars(contract).values())
    return tuple(sorted(k.TYPE for k in kinds if isinstance(k, type) and issubclass(k, Event) and k is not Event))


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedApi:
    """Staff follow what happens."""

    log: Log
    types: Collection[str]  # those that there are

    def routes(self) -> list[HTTPRouteHandler]:
        """Path, who may call, what happens."""
        return [get("/events", before_request=callers("staff"), opt=answers(PAGED, NoSuchEventType))(self.follow)]

    async def follow(
        self,
        request: Web,
        after: Annotated[str | None, QueryParameter(description="`nextCursor` of the page before.")] = None,
        kinds: Annotated[
            list[str] | None,
            QueryParameter(name="type", description="Only events of this type; repeated, or with commas between."),
        ] = None,
        limit: Limit = 100,
    ) -> Response[EventPage]:
        """Events behind the cursor, as CloudEvents; without a cursor from the oldest kept on. `Link` only while there
        are more; the cursor always, so that whoever has read everything can ask again later.
        """
        stretch = await self.log.read(after=after, types=sorted(set(self._asked(kinds or ()))), most=limit)
        data = [msgspec.Raw(event) for event in stretch.events]  # as committed: not decoded only to be encoded again
        page = EventPage(data=cast("list[Envelope]", data), next_cursor=stretch.after, missing=stretch.missing)
        return reply(page, headers=next_link(request, stretch.after if stretch.more else None, by="after"))

    def _asked(self, kinds: Collection[str]) -> Iterator[str]:
        for kind in (one.strip() for several in kinds for one in several.split(",")):
            if kind not in self.types:
                known = sorted(self.types)
                told = f"no event has the type {kind[:100]!r}: give one of {', '.join(known)}"
                raise NoSuchEventType(told, extra={"types": known})
            yield kind
