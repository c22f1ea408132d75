"""The catalog over HTTP, on the SQLite engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count
from typing import Any

import httpx
import pytest

from shop.catalog.container import CatalogContainer
from shop.kernel.ids import ids
from shop.platform.storage.sqlite import SqliteStore
from shop.platform.tokens import Tokens
from shop.platform.web import build_app


@pytest.fixture
async def store(tmp_path, time) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "shop.db", clock=time)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def wired(store, time) -> Any:
    return CatalogContainer(engine=store, clock=time, ids=ids(time))


@pytest.fixture
async def anybody(wired, time, documented) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(wired.api().routes(), tokens=Tokens("k" * 32, clock=time), ids=ids(time))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(documented(app, "catalog")), base_url="http://shop"
    ) as client:
        yield client


@pytest.fixture
async def staff(anybody, time) -> AsyncIterator[httpx.AsyncClient]:
    token = Tokens("k" * 32, clock=time).sign(subject="s1", role="staff", lifetime=timedelta(days=30))
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=anybody._transport, base_url="http://shop", headers=headers) as client:
        yield client


@pytest.fixture
def move(staff) -> Any:
    """A movement of a product's stock, each under a key of its own unless one is given."""
    keys = count()

    async def act(product_id: str = "saw", *, key: str | None = None, reason: str = "x", **how: int) -> httpx.Response:
        headers = {"Idempotency-Key": key or f"own-{next(keys)}"}
        return await staff.post(f"/products/{product_id}/stock", json={**how, "reason": reason}, headers=headers)

    return act


@pytest.fixture(scope="session")
def a_saw() -> dict[str, Any]:
    """What is sent to list a saw."""
    return {
        "productId": "saw",
        "sku": "SAW, 1",
        "name": "Saw",
        "category": "Tools/Hand saws",
        "basePrice": "29.99",
        "currency": "EUR",
        "attributes": {"teeth": 24},
    }


@pytest.fixture
async def saw(staff, a_saw) -> httpx.Response:
    """The answer to listing it."""
    answer = await staff.post("/products", json=a_saw)
    assert answer.status_code == 201
    return answer
