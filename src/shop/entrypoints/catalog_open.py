"""The catalog for a command, wherever the settings say that it is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from shop.catalog.container import CatalogContainer
from shop.platform.settings import Settings

_PATIENCE = 60.0  # seconds for events that are still to be passed on


@asynccontextmanager
async def catalog_opened(settings: Settings) -> AsyncIterator[CatalogContainer]:
    """Open for a command. A server may be beside it: on one store that server delivers what the command commits; on AWS
    the command passes its events on itself. `OutOfReach` if AWS is not to be had.
    """
    if settings.storage == "sqlite":
        from shop.entrypoints.monolith import opened  # noqa: PLC0415

        async with opened(settings) as shop:
            yield shop.catalog
        return
    from shop.entrypoints.alone import relay_of  # noqa: PLC0415
    from shop.entrypoints.catalog_alone import CatalogAlone  # noqa: PLC0415
    from shop.platform.aws_reach import reached  # noqa: PLC0415
    from shop.platform.container_aws import Role  # noqa: PLC0415
    from shop.platform.passing_on import PassingOn  # noqa: PLC0415

    house = CatalogAlone(settings=settings, role=Role.JOBS)
    with reached(stack=settings.stack):
        await house.platform.aws().open()
        try:
            passing_on = PassingOn(relay_of(house).publish)
            house.platform.store().committed = passing_on.committed
            try:
                yield cast("CatalogContainer", house.context)
            finally:
                await passing_on.stop(patience=_PATIENCE)
        finally:
            await house.platform.aws().close()
