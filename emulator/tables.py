"""Tables on the emulator, made as a deployment would make them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any


async def create(dynamodb: Any, tables: Iterable[Mapping[str, Any]]) -> None:
    """Of what `shop.platform.storage.dynamodb_schema` says; `dynamodb` is a client."""

    async def one(table: Mapping[str, Any]) -> None:
        await dynamodb.create_table(**table["CreateTable"])
        await dynamodb.update_time_to_live(**table["UpdateTimeToLive"])

    await asyncio.gather(*(one(table) for table in tables))


async def delete(dynamodb: Any, names: Iterable[str]) -> None:
    """Tables with all that is in them."""
    await asyncio.gather(*(dynamodb.delete_table(TableName=name) for name in names))
