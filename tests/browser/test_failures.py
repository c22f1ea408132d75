"""What failed, in a browser: it is seen, tried again, buried and replayed, one by one and together."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def two_dead_letters(shop):
    """While rewards is broken, which it stays."""
    shop.switch("rewards")
    for _ in range(2):
        shop.buy(0)
        shop.pay()
    expect(shop.failed("hasten")).to_have_count(2)
    shop.page.get_by_role("button", name="Try these 2 now").click()
    expect(shop.failed("replay")).to_have_count(2)


def test_what_a_broken_context_missed_is_found_hurried_buried_and_replayed(look):
    shop = look()
    shop.switch("rewards")
    shop.buy(0)
    shop.pay()

    expect(shop.failed("hasten")).to_contain_text(["rewards was broken on purpose"])
    expect(shop.page.locator("[data-box=rewards]")).to_contain_text("broken")
    expect(shop.event("order.completed").locator(".failed.rewards")).to_be_visible()
    shop.try_again("hasten")
    expect(shop.failed("replay")).to_have_count(1)
    expect(shop.page.locator("[data-box=dead]")).to_contain_text("1 to be replayed")
    expect(shop.points).to_have_text("0")

    shop.switch("rewards")
    shop.try_again("replay")

    expect(shop.points).to_have_text("34")
    expect(shop.page.locator("#failed")).to_contain_text("Nothing")
    expect(shop.event("order.completed").locator(".delivered.rewards")).to_contain_text("after 2 failed attempts")


def test_all_that_failed_is_hurried_and_replayed_together(look):
    shop = look()
    two_dead_letters(shop)
    shop.switch("rewards")

    shop.page.get_by_role("button", name="Replay these 2").dblclick()

    expect(shop.said).to_have_text("2 are tried again")
    expect(shop.page.locator("#not-repeated")).to_have_text("")
    expect(shop.points).to_have_text("68")
    expect(shop.page.locator("#failed")).to_contain_text("Nothing")


def test_a_letter_that_somebody_else_replayed_does_not_keep_the_others(look):
    shop = look(refused=True)
    two_dead_letters(shop)
    shop.switch("rewards")
    shop.page.route(
        "**/replay",
        lambda route: route.continue_(url=re.sub(r"\d+/replay$", "999999/replay", route.request.url)),
        times=1,
    )
    shop.page.get_by_role("button", name="Replay these 2").click()

    expect(shop.points).to_have_text("34")
    expect(shop.page.locator("#not-repeated")).to_contain_text("there is no such dead letter")
    expect(shop.failed("replay")).to_have_count(1)


def test_what_cannot_be_repeated_now_can_be_when_the_server_is_back(look):
    shop = look(refused=True)
    shop.switch("rewards")
    shop.buy(0)
    shop.pay()
    expect(shop.failed("hasten")).to_have_count(1)
    shop.page.route("**/hasten", lambda route: route.abort())
    shop.try_again("hasten")
    expect(shop.page.locator("#not-repeated")).to_contain_text("does not answer")
    shop.page.unroute("**/hasten")

    shop.switch("rewards")
    shop.try_again("hasten")

    expect(shop.points).to_have_text("34")
    expect(shop.page.locator("#not-repeated")).to_have_text("")
