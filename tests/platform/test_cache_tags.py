"""Tags under the names that a CDN knows."""

from __future__ import annotations

import httpx

from shop.platform.cache_tags import CacheTags


def answering(*headers):
    """An app whose answers share their headers, as ours do."""

    async def app(scope, receive, send):  # noqa: ARG001 - as ASGI has it
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    return app


async def ask(app):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as http:
        return (await http.get("/")).headers


async def test_tags_are_told_under_further_names_each_in_its_own_way():
    app = CacheTags(answering((b"cache-tags", b"product:a,sku:A%2C%20B")), names=["Cache-Tag", "Surrogate-Key"])

    for headers in (await ask(app), await ask(app)):
        assert headers["cache-tag"] == headers["cache-tags"] == "product:a,sku:A%2C%20B"
        assert headers["surrogate-key"] == "product:a sku:A%2C%20B"


async def test_an_answer_without_tags_is_as_it_was():
    assert dict(await ask(CacheTags(answering((b"a", b"b")), names=["Cache-Tag"]))) == {"a": "b"}
