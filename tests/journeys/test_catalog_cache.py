"""Orders read the catalog through a cache in a real Valkey: the price is the one that holds, also when Redis goes."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace

import pytest

from torture.valkey import begun


@pytest.fixture
def valkey(tmp_path_factory):
    with begun(tmp_path_factory.mktemp("v")) as server:
        yield server


@pytest.fixture
async def cached(settings, visiting, valkey):
    async with visiting(replace(settings, redis_url=valkey.url), serving=True) as story:
        yield story


async def _total(story, key):
    answer = await story.order("ada", ("cup", 1), key=key)
    assert answer.status_code == 201, answer.text
    return answer.json()["total"]


async def _price(story, price):
    sent = {"basePrice": price, "currency": "EUR"}
    headers = story.bearer("clerk", "staff") | {"If-Match": "*"}
    answer = await story.http.put("/products/cup/price", json=sent, headers=headers)
    assert answer.status_code == 200, answer.text
    await story.until_quiet()


async def test_a_changed_price_is_the_price_of_the_next_order(cached, valkey):
    await cached.sell("cup", price="9.99", on_hand=50)
    await cached.until_quiet()
    assert await _total(cached, "a") == "9.99"
    with valkey.plain as plain:
        assert len(plain.keys("{catalog-cache}:values:*")) == 1

    await _price(cached, "1.00")

    assert await _total(cached, "b") == "1.00"


async def test_orders_go_on_when_redis_is_killed_and_prices_stay_right(cached, valkey):
    await cached.sell("cup", price="9.99", on_hand=50)
    await cached.until_quiet()
    await _total(cached, "a")
    valkey.kill()

    assert await _total(cached, "b") == "9.99"
    await _price(cached, "1.00")  # of which redis cannot be told now
    assert await _total(cached, "c") == "1.00"
    valkey.start()
    layer = cached.shop.orders.catalog_client()._shared
    await cached.until(lambda: not layer._owed)

    assert [await _total(cached, key) for key in "def"] == ["1.00"] * 3


@pytest.mark.parametrize("url", ["redis://127.0.0.1:port", "redis://127.0.0.1:6379/0?socket_timeout=soon"])
async def test_an_address_of_redis_that_is_none_is_refused_by_name(settings, visiting, url):
    with pytest.raises(Exception, match="SHOP_REDIS_URL"):
        async with visiting(replace(settings, redis_url=url), serving=False):
            pass


async def test_an_older_copy_of_the_store_has_its_own_prices(settings, visiting, valkey, tmp_path):
    shared, copy = replace(settings, redis_url=valkey.url), tmp_path / "copy"
    async with visiting(shared, serving=True) as story:
        await story.sell("cup", price="9.99")
        await story.until_quiet()
    await asyncio.to_thread(shutil.copytree, settings.data, copy)
    async with visiting(shared, serving=True) as story:
        await _price(story, "1.00")
        assert await _total(story, "a") == "1.00"  # which is in redis now

    async with visiting(replace(shared, data=copy), serving=True) as story:
        assert await _total(story, "a") == "9.99"
