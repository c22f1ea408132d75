"""What a route reads, gives and refuses: said once, where the route is, for the document at `/docs` and for its tests.

`opt=answers(CACHED, ProductNotFound)` stands beside `before_request=`. What every route shares is not repeated: the
document adds 400, 401, 403, 413, 415, 422, 429, 500 and 503 by the route's access, body and parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from litestar.handlers import HTTPRouteHandler

from shop.kernel.errors import Refusal, Stale, VersionMissing
from shop.kernel.idempotency import KeyReused
from shop.platform.problems import KeyMissing
from shop.platform.storage.port import ForeignCursor


@dataclass(frozen=True, slots=True)
class Header:
    """A header, what it says in one sentence, and whether it must be there."""

    name: str
    says: str
    needed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """What several routes have in common; a route puts together what it needs with `answers`."""

    refusals: tuple[type[Refusal], ...] = ()  # with their codes; a kind of `kernel.errors` stands for any code of it
    reads: tuple[Header, ...] = ()
    gives: tuple[Header, ...] = ()  # with a success
    besides: Mapping[int, str] = field(default_factory=dict)  # statuses that are neither success nor refusal

    def __or__(self, other: Habit) -> Habit:
        """Both."""
        return Habit(
            refusals=self.refusals + other.refusals,
            reads=self.reads + other.reads,
            gives=self.gives + other.gives,
            besides={**self.besides, **other.besides},
        )


def answers(*parts: Habit | Header | type[Refusal]) -> dict[str, object]:
    """For a route's `opt`: habits such as `KEYED`, headers it gives, and what it may refuse."""
    said = Habit()
    for part in parts:
        if isinstance(part, Habit):
            said |= part
        elif isinstance(part, Header):
            said |= Habit(gives=(part,))
        else:
            said |= Habit(refusals=(part,))
    return {_NAME: said}


def said_of(route: HTTPRouteHandler) -> Habit:
    """What the route says; a route that says nothing is a fault (`ValueError`)."""
    said = route.opt.get(_NAME)
    if not isinstance(said, Habit):
        raise ValueError(f"{sorted(route.paths)} does not say how it may answer: opt=answers(…)")  # noqa: TRY004
    return said


_NAME = "answers"

LOCATION = Header("Location", "Where what was made can be read.", needed=True)
ETAG = Header("ETag", "The version, to be sent back as If-Match or If-None-Match.", needed=True)
NEXT_PAGE = Header("Link", 'The next page: `<…>; rel="next"` (RFC 8288); missing on the last one.')
REPLAYED = Header("Idempotent-Replayed", "`true` if the request came before and this is the answer it led to.")

_KEY = "Any text of 1 to 255 characters: the same key is the same request, and has its effect once."

KEYED = Habit(
    reads=(Header("Idempotency-Key", _KEY, needed=True),), gives=(REPLAYED,), refusals=(KeyMissing, KeyReused)
)
VERSIONED = Habit(
    reads=(Header("If-Match", "The ETag of the version this is to change; `*` for whichever is there.", needed=True),),
    refusals=(VersionMissing, Stale),
)
PAGED = Habit(gives=(NEXT_PAGE,), refusals=(ForeignCursor,))
CACHED = Habit(
    reads=(Header("If-None-Match", "The ETag of what the caller has: 304 if it is still that."),),
    gives=(
        ETAG,
        Header("Cache-Control", "How long it may be kept.", needed=True),
        Header("Last-Modified", "When it was changed last."),
        Header("Cache-Tags", "By which names a cache may drop it, with commas between.", needed=True),
    ),
    besides={304: "The caller has it already."},
)
