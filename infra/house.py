"""What the code says of itself: what each context hears, does every so often, answers, and keeps."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from shop.catalog.infrastructure.store import LAYOUT as CATALOG
from shop.entrypoints.alone import SWEEP, SWEEP_EVERY
from shop.entrypoints.monolith import Monolith
from shop.orders.infrastructure.store import LAYOUT as ORDERS
from shop.platform.bus import OnceMore
from shop.platform.settings import read_settings
from shop.platform.storage.port import Layout
from shop.rewards.infrastructure.store import LAYOUT as REWARDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """A context, as the deployment has to know it."""

    layout: Layout
    hears: tuple[str, ...]  # types of events
    once_more: bool  # some of them a second time, which it sends to itself
    jobs: Mapping[str, timedelta]  # name -> every
    paths: tuple[str, ...]  # "/orders/{order_id:str}/cancel"

    @property
    def name(self) -> str:
        """`orders`."""
        return self.layout.context

    @property
    def prefixes(self) -> dict[str, list[str]]:
        """First segments of its paths, each with `""`, `"/{proxy+}"` or both: what an HTTP API has to hand over."""
        found: dict[str, set[str]] = {}
        for path in self.paths:
            _, first, *more = path.split("/")
            found.setdefault(f"/{first}", set()).add("/{proxy+}" if more else "")
        return {first: sorted(found[first]) for first in sorted(found)}


def contexts() -> list[Context]:
    """Read from the shop as it is wired in one process; nothing is opened."""
    with tempfile.TemporaryDirectory() as folder:
        house = Monolith(settings=read_settings({"SHOP_DATA": folder}))
        return [_context(getattr(house, layout.context)(), layout) for layout in (ORDERS, CATALOG, REWARDS)]


def _context(container: object, layout: Layout) -> Context:
    reactions = container.reactions().table()  # type: ignore[attr-defined]
    jobs = {name: job.every for name, job in container.jobs().table().items()}  # type: ignore[attr-defined]
    return Context(
        layout=layout,
        hears=tuple(sorted(reactions)),
        once_more=any(isinstance(reaction, OnceMore) for reaction in reactions.values()),
        jobs={**jobs, SWEEP: SWEEP_EVERY},
        paths=tuple(sorted(set(_paths(container)))),
    )


def _paths(container: object) -> Iterator[str]:
    for route in container.api().routes():  # type: ignore[attr-defined]
        yield from route.paths
