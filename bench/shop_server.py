"""The shop as it is, stocked up: `python -m bench.shop_server FOLDER CORE [timed]`. `SHOP_…` set it up."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import cast

from bench import controlled, goods
from bench.steps import Marks, timed
from shop.catalog.domain.price import Price
from shop.catalog.domain.product import Details
from shop.entrypoints.monolith import Shop, opened
from shop.entrypoints.serving import server_of
from shop.kernel.events import Cause
from shop.platform.cold_start import keep_what_is_loaded
from shop.platform.observability import configure_logs
from shop.platform.settings import read_settings


async def _main(*, kind: str) -> None:
    settings = read_settings(os.environ)
    configure_logs(settings.log_level)
    async with opened(settings, serving=True) as shop:
        await stock_up(shop)
        keep_what_is_loaded()  # as `serving.py` does
        marks = Marks()
        server = server_of(timed(shop, marks) if kind == "timed" else shop, host="127.0.0.1", port=0)

        def figures() -> dict[str, object]:
            did = shop.store.statistics
            return {"units": did.units, "groups": did.groups, "steps": marks.taken}

        await controlled.serve(server, figures=figures)


async def stock_up(shop: Shop) -> None:
    """All that is ordered here, in plenty."""
    act, price = shop.catalog.import_product(), Price.parse(base=goods.PRICE, discounted=None, currency="EUR")
    async with asyncio.TaskGroup() as group:
        for number in range(goods.PRODUCTS):
            bring = act(
                product_id=goods.product_id(number),
                details=cast("Details", goods.details(number)),
                price=price,
                on_hand=goods.STOCK,
                who="bench",
                cause=Cause(id="bench"),
            )
            group.create_task(bring)
    while not shop.bus.idle():  # noqa: ASYNC110 - asked of the store
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    os.environ["SHOP_DATA"] = sys.argv[1]
    controlled.run(_main(kind="".join(sys.argv[3:])), core=int(sys.argv[2]))
