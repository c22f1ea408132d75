"""`GET /events` through the HTTP API, which the feed's function answers; and what nobody answers."""

from __future__ import annotations

import pytest

from tests.deployed.conftest import eventually

pytestmark = [pytest.mark.aws, pytest.mark.xdist_group("deployed")]


async def test_all_events_are_read_page_by_page_and_later_what_came_meanwhile(shop):
    for n in range(4):
        await shop.story.sell(f"cup-{n}")
    await shop.story.until_quiet()
    told = {event["id"] for event in await shop.stack.events()}

    async def all_there():  # the feed stays some seconds behind
        return {event["id"] for page in await pages(shop) for event in page["data"]} == told

    await eventually(all_there)
    first = await pages(shop, limit=3)
    await shop.story.sell("late")
    await shop.story.until_quiet()

    async def later():
        [page] = await pages(shop, after=first[-1]["nextCursor"])
        return {event["subject"] for event in page["data"]} == {"late"}

    await eventually(later)
    assert [len(page["data"]) for page in first] == [3, 3, 2]
    assert {event["type"] for page in first for event in page["data"]} == {"product.created", "product.updated"}


async def test_events_are_for_staff_and_by_type(shop):
    customer = await shop.story.http.get("/events", headers=shop.story.bearer("ann"))
    unknown = await shop.story.http.get("/events?type=order.lost", headers=shop.story.bearer("clerk", "staff"))

    assert customer.status_code == 403
    assert (unknown.status_code, unknown.json()["code"]) == (422, "no-such-event-type")


@pytest.mark.parametrize("path", ["/nothing", "/nothing/here?x=1", "/"])
async def test_a_path_that_nobody_knows_is_refused_as_every_other_refusal(shop, path):
    answer = await shop.story.http.get(path)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "code"} <= answer.json().keys()


async def pages(shop, **asked):
    """All pages, from the cursor that is given."""
    found, staff = [], shop.story.bearer("clerk", "staff")
    while True:
        answer = await shop.story.http.get("/events", params=asked, headers=staff)
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
        if "link" not in answer.headers:
            return found
        asked |= {"after": found[-1]["nextCursor"]}
