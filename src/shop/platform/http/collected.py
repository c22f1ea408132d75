"""Resources that can be read many at once, and are kept one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote

import msgspec

from shop.platform.http.answer import How, OriginRefused, OriginUnavailable, understood
from shop.platform.http.filling import Got
from shop.platform.http.freshness import windows
from shop.platform.http.stored import Stored

if TYPE_CHECKING:
    from shop.platform.http.origin import Origin

T = TypeVar("T")
W = TypeVar("W")

_OF_THE_LIST = {"etag", "last-modified"}  # tell nothing of the version of one item


class _Data(msgspec.Struct, Generic[W]):
    data: list[W]


@dataclass(frozen=True, kw_only=True, eq=False)
class Collected(Generic[T]):
    """`GET {path}?ids=a,b` → `{"data": […]}`, at most 100 ids at once. An item is kept as what the path would answer
    for its id alone.
    """

    path: str
    wire: type[msgspec.Struct]  # of one item, with just the fields that are needed
    translate: Callable[[Any], tuple[str, T]]  # its id, and the reader's own frozen type; once per entry
    tag: str  # an item is dropped by f"{tag}:{id}"
    prefix: str = field(init=False)  # + id is the name under which an item is kept

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", f"{self.path}?ids=")

    def tag_of(self, name: str) -> str:
        """By what the item under this name is dropped."""
        return f"{self.tag}:{name[len(self.prefix) :]}"

    def value(self, body: bytes) -> T:
        """Of an answer for one id."""
        return self.translate(msgspec.json.decode(body, type=_Data[self.wire]).data[0])[1]  # type: ignore[name-defined]

    async def ask(self, origin: Origin, names: Sequence[str], known: Mapping[str, Stored]) -> Mapping[str, Got]:
        """Those of the names that the origin has, each an answer of its own."""
        alone = len(names) == 1  # then what the answer says of its version is said of the item
        ids = ",".join(quote(name[len(self.prefix) :], safe="@") for name in names)
        before = known.get(names[0]) if alone else None
        try:
            answer, status = await origin.get(self.prefix + ids, sent={}, known=before)
        except OriginRefused as error:
            raise OriginUnavailable(str(error)) from error
        how = How(fwd="stale" if names[0] in known else "uri-miss", fwd_status=status, stored=answer.to_keep)
        parts = understood(answer.body, partial(self._parts, answer, alone=alone), self.path)
        return {name: Got(one, how, (self, value)) for name, one, value in parts}

    def _parts(self, whole: Stored, body: bytes, *, alone: bool) -> list[tuple[str, Stored, T]]:
        fields = whole.fields if alone else {n: v for n, v in whole.fields.items() if n not in _OF_THE_LIST}
        so_long = windows(fields)
        parts = []
        for raw in msgspec.json.decode(body, type=_Data[msgspec.Raw]).data:
            item_id, value = self.translate(msgspec.json.decode(raw, type=self.wire))
            one = Stored(
                body=b'{"data":[' + bytes(raw) + b"]}",
                fields={**fields, "cache-tags": (tag := f"{self.tag}:{item_id}")},
                age=whole.age,
                tags=(tag,),
                windows=so_long,
                vary=(),
                to_keep=whole.to_keep,
            )
            parts.append((self.prefix + item_id, one, value))
        return parts
