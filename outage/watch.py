"""What the shop says of itself while it serves: the states of its breakers, and which layer answered."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic

from prometheus_client.parser import text_string_to_metric_families

from outage.customers import Customers
from torture.acts import STAFF


@dataclass(frozen=True, slots=True)
class Look:
    """`/metrics` at a moment of the monotonic clock."""

    at: float
    circuits: Mapping[str, str]  # to -> state
    reads: Mapping[str, int]  # layer -> items answered since it began


@dataclass
class Watch:
    """Looks again and again."""

    customers: Customers
    looks: list[Look] = field(default_factory=list)

    async def keep_looking(self, *, every: float, until: asyncio.Event) -> None:
        """So many seconds apart."""
        while not until.is_set():
            self.looks.append(await self.look())
            await asyncio.sleep(every)

    async def look(self) -> Look:
        """Now."""
        text = (await self.customers.ask("GET", "/metrics", STAFF)).body.decode()
        circuits, reads = dict[str, str](), dict[str, int]()
        for sample in (one for family in text_string_to_metric_families(text) for one in family.samples):
            if sample.name == "shop_circuit" and sample.value:
                circuits[sample.labels["to"]] = sample.labels["state"]
            elif sample.name == "shop_catalog_reads_total":
                reads[sample.labels["answered_by"]] = int(sample.value)
        return Look(monotonic(), circuits, reads)

    def between(self, began: float, ended: float) -> list[Look]:
        """In these seconds."""
        return [look for look in self.looks if began <= look.at < ended]


def circuits(looks: list[Look]) -> dict[str, dict[str, float]]:
    """Of each breaker, how many seconds it was seen in which state."""
    seen: dict[str, Counter[str]] = {}
    for look in looks:
        for to, state in look.circuits.items():
            seen.setdefault(to, Counter())[state] += 1
    seconds = (looks[-1].at - looks[0].at) / max(1, len(looks) - 1) if looks else 0.0
    return {to: {state: times * seconds for state, times in states.items()} for to, states in seen.items()}


def reads(looks: list[Look]) -> dict[str, int]:
    """How many products which layer gave orders."""
    if not looks:
        return {}
    return {layer: count - looks[0].reads.get(layer, 0) for layer, count in looks[-1].reads.items()}
