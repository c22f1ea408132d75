"""The console's page: whole, and from nowhere but here."""

from __future__ import annotations

import re
from importlib.resources import files

import httpx
import pytest

from shop.kernel.ids import ids
from shop.platform.console.page import Page
from shop.platform.web import build_app

ASSETS = files("shop.platform.console").joinpath("assets")
NAMES = sorted(file.name for file in ASSETS.iterdir())
NAMESPACE = "http://www.w3.org/2000/svg"


@pytest.fixture
async def client(tokens, clock):
    app = build_app([], tokens=tokens, ids=ids(clock), undocumented=Page().routes())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        yield client


async def test_the_page_is_given_to_anyone_and_may_load_from_here_only(client):
    answer = await client.get("/console")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert set(re.findall(r"-src ([^;]*)", policy)) == {"'none'", "'self'"}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_it_names_an_address_outside(name):
    text = ASSETS.joinpath(name).read_text(encoding="utf-8").replace(NAMESPACE, "")

    assert re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z]", text) == []


async def test_all_that_the_page_and_its_scripts_load_is_there(client):
    page = (await client.get("/console")).text
    wanted = set(re.findall(r'(?:src|href)="(/console/assets/[^"]+)"', page))
    for name in NAMES:
        if name.endswith(".js"):
            wanted |= {
                f"/console/assets/{one}" for one in re.findall(r'from "\./([^"]+)"', ASSETS.joinpath(name).read_text())
            }

    assert {f"/console/assets/{name}" for name in NAMES} - wanted == {"/console/assets/index.html"}
    for path in wanted:
        assert (await client.get(path)).status_code == 200, path


async def test_what_has_not_changed_is_not_sent_again(client):
    etag = (await client.get("/console/assets/console.js")).headers["etag"]
    again = await client.get("/console/assets/console.js", headers={"If-None-Match": etag})

    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["nothing.js", "..%2fpage.py", "%2e%2e", "__init__.py"])
async def test_what_is_no_asset_is_not_there(client, name):
    assert (await client.get(f"/console/assets/{name}")).status_code == 404
