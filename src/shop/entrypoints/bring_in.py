"""Products from a file, into the catalog."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shop.catalog.container import CatalogContainer
from shop.catalog.presentation.shopify import Row
from shop.entrypoints.some_at_once import Progress, each, unseen
from shop.kernel.errors import Refusal
from shop.kernel.events import Cause
from shop.platform.retry import again

_AT_ONCE = 64  # products on their way to the store, which commits them in groups


@dataclass(frozen=True, slots=True)
class Brought:
    """How many products were created, changed, unchanged; and which were refused, with the reason."""

    outcomes: Mapping[str, int]
    refused: Sequence[tuple[Row, str]]


async def bring_in(rows: Sequence[Row], catalog: CatalogContainer, *, by: str, progress: Progress = unseen) -> Brought:
    """Every row through the act that imports a product. What is refused is noted; the others go on."""
    act, new_id = catalog.import_product(), catalog.ids()
    outcomes: Counter[str] = Counter()
    refused: list[tuple[Row, str]] = []

    async def bring(row: Row) -> None:
        try:
            outcome = await again(
                act,
                product_id=row.product_id,
                details=row.details,
                price=row.price,
                on_hand=row.on_hand,
                who=by,
                cause=Cause(id=new_id("imp")),
            )
        except Refusal as refusal:
            refused.append((row, refusal.detail))
        else:
            outcomes[outcome] += 1

    await each(rows, bring, at_once=_AT_ONCE, phase="products", progress=progress)
    return Brought(outcomes, sorted(refused, key=lambda one: one[0].line))
