"""Shops whose figures are counted and shops whose are not, by turns: `python -m bench.counting_server FOLDER CORE`.

They are in one process, so that they differ in nothing else: two processes of the same shop differ by some per cent. A
port each: the first one's are counted, the second one's are not, and so on.
"""

from __future__ import annotations

import os
import sys
from contextlib import AsyncExitStack, ExitStack
from dataclasses import replace
from typing import Any, cast

from dependency_injector import providers

from bench import controlled
from bench.shop_server import stock_up
from shop.entrypoints.monolith import Monolith, Shop, opened
from shop.entrypoints.serving import server_of
from shop.platform.cold_start import keep_what_is_loaded
from shop.platform.journey import Watchers
from shop.platform.measured import Measured
from shop.platform.observability import configure_logs
from shop.platform.settings import read_settings
from shop.platform.storage.port import Layout, Records
from shop.platform.storage.sqlite import SqliteStore

_PAIRS = 5


async def _main(folder: str) -> None:
    configure_logs(read_settings(os.environ).log_level)
    async with AsyncExitStack() as stack:
        shops = [await _opened(stack, f"{folder}/{number}", counted=number % 2 == 0) for number in range(2 * _PAIRS)]
        keep_what_is_loaded()
        await controlled.serve(*(server_of(shop, host="127.0.0.1", port=0) for shop in shops), figures=_passed_over)


def _passed_over() -> dict[str, object]:
    """Whenever it is asked, so that no turn pays for looking through what the others have left."""
    keep_what_is_loaded()
    return {}


async def _opened(stack: AsyncExitStack, data: str, *, counted: bool) -> Shop:
    settings = read_settings({**os.environ, "SHOP_DATA": data})
    with ExitStack() as until_opened:
        if not counted:
            store = providers.Singleton(_Uncounted, settings.store, clock=Monolith.clock)
            until_opened.enter_context(Monolith.store.override(store))
            until_opened.enter_context(Monolith.watcher.override(providers.Singleton(Watchers, Monolith.stream)))
        shop = await stack.enter_async_context(opened(settings, serving=True))
    await stock_up(shop)
    return shop if counted else replace(shop, app=cast("Measured", shop.app)._app)  # noqa: SLF001 - its outermost layer


class _Uncounted(SqliteStore):
    def records(self, layout: Layout) -> Records:
        records: Any = super().records(layout)
        records._writes = None  # noqa: SLF001
        return cast("Records", records)


if __name__ == "__main__":
    controlled.run(_main(sys.argv[1]), core=int(sys.argv[2]))
