"""The console in a browser: an order is placed, paid and followed, by whoever looks on."""

from __future__ import annotations

import re
import subprocess

import pytest
from playwright.sync_api import expect

from browser.chromium import begin
from browser.console import console
from torture.server import HOST, SHOP, serving

pytestmark = pytest.mark.browser


def test_an_order_is_placed_and_paid_and_its_events_and_points_arrive(look):
    shop = look()
    expect(shop.points).to_have_text("0")

    shop.buy(0, 0)
    shop.pay()

    expect(shop.points).to_have_text("68")
    for kind, consumer in (
        ("order.created", "catalog"), ("stock.reserved", "orders"), ("payment.completed", "orders"),
        ("order.completed", "catalog"), ("order.completed", "rewards"), ("reward.issued", "orders"),
    ):  # fmt: skip
        expect(shop.event(kind).locator(f".delivered.{consumer}")).to_have_text(re.compile(rf"{consumer} ✓ .*s"))


def test_the_basket_says_what_the_order_will_cost(look):
    shop = look()
    for n in (0, 0, 1):
        shop.page.locator(".product button").nth(n).click()
    together = shop.page.locator(".basket .sum b").inner_text()

    shop.page.get_by_role("button", name="Place the order").click()

    expect(shop.page.locator(".order").first).to_contain_text(together)
    expect(shop.page.locator(".basket .sum")).to_have_count(0)


def test_nobody_pays_another_price_than_was_shown(look):
    shop = look(refused=True)
    shop.page.locator(".product button").first.click()
    shop.page.evaluate(
        """async () => {
            const { staff, products } = await (await fetch("/console/demo")).json();
            const shown = document.querySelector(".product button").getAttribute("aria-label").replace("Add ", "");
            for (const id of products) {
                const there = await fetch(`/products/${id}`, { cache: "no-store" });
                if ((await there.json()).name !== shown) continue;
                await fetch(`/products/${id}/price`, {
                    method: "PUT",
                    headers: {
                        "Authorization": `Bearer ${staff}`,
                        "Content-Type": "application/json",
                        "If-Match": there.headers.get("ETag"),
                    },
                    body: JSON.stringify({ basePrice: "35.10", currency: "EUR" }),
                });
            }
        }"""
    )
    expect(shop.event("product.price.changed").locator(".delivered.orders")).to_be_visible()
    expect(shop.page.locator(".basket .sum")).to_contain_text("34.00")

    shop.page.get_by_role("button", name="Place the order").click()
    expect(shop.page.locator(".basket .error")).to_contain_text("the total is 35.10 EUR, not 34.00")
    expect(shop.page.locator(".basket .sum")).to_contain_text("35.10")
    shop.page.get_by_role("button", name="Place the order").click()

    expect(shop.page.locator(".order")).to_contain_text("35.10")


def test_whoever_clicks_twice_has_ordered_and_paid_once(look):
    shop = look()
    shop.page.locator(".product button").first.click()
    shop.page.get_by_role("button", name="Place the order").dblclick()
    expect(shop.status).to_have_text("confirmed")
    shop.page.locator(".pay").first.dblclick()
    expect(shop.status).to_have_text("completed")

    expect(shop.points).to_have_text("34")
    expect(shop.page.locator(".order")).to_have_count(1)
    assert shop.page.locator("#list tbody tr").filter(has_text="order.created").count() == 1
    assert shop.page.locator("#list tbody tr").filter(has_text="payment.completed").count() == 1


def test_what_is_paid_and_waits_is_not_to_be_paid_again(look):
    shop = look()
    shop.switch("orders")
    shop.page.locator(".product button").first.click()
    shop.page.get_by_role("button", name="Place the order").click()
    shop.page.locator(".pay").first.click()

    expect(shop.failed("hasten")).to_have_count(2)
    expect(shop.page.locator(".order")).to_contain_text("Paid.")
    expect(shop.page.locator(".pay")).to_have_count(0)
    expect(shop.page.locator("#order-shown")).to_contain_text("until orders has heard")


def test_who_comes_back_finds_the_orders_of_before(look):
    shop = look()
    shop.buy(0)
    shop.page.reload()

    expect(shop.status).to_have_text("confirmed")
    shop.pay()


def test_where_the_order_went_is_shown_with_the_time_that_it_took(look):
    shop = look()
    shop.buy(0)
    shop.pay()
    expect(shop.points).to_have_text("34")

    steps = shop.page.locator("#order .waterfall li")
    expect(steps).to_have_count(6)
    expect(steps.last).to_contain_text(re.compile(r"reward\.issued.*orders in \d"))
    expect(shop.page.locator("#order .order-head")).to_contain_text("completed")


def test_every_box_and_every_arrow_explains_itself(look):
    shop = look()
    choices = shop.page.locator("#picture [role=button]")
    told = set()
    for n in range(choices.count()):
        choices.nth(n).focus()
        shop.page.keyboard.press("Enter")
        expect(choices.nth(n)).to_have_class(re.compile("chosen"))
        text = shop.page.locator("#explained").inner_text()
        assert len(text) > 60, text
        told.add(text)

    assert len(told) == choices.count() == 9 + 6 + 6  # boxes, arrows of their own, and a pair per context


def test_the_map_says_what_a_context_hears_and_what_it_does_then(look):
    shop = look()
    shop.page.locator("[data-box=rewards]").click()

    expect(shop.page.locator("#explained")).to_contain_text("reward.issued")
    expect(shop.page.locator("#explained")).to_contain_text("Write the points that the order earned into the ledger.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_written_stands_out_from_what_is_behind_it(look, scheme):
    shop = look(color_scheme=scheme)
    shop.switch("rewards")
    shop.buy(0)
    shop.pay()
    expect(shop.failed("hasten")).to_have_count(1)

    assert shop.page.evaluate(_TOO_PALE) == []


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_it_fits_on_a_phone_and_on_a_desk(look, width):
    shop = look(viewport={"width": width, "height": 800})
    shop.buy(0)
    shop.pay()
    expect(shop.points).to_have_text("34")

    assert shop.page.evaluate("document.documentElement.scrollWidth") <= width
    assert shop.page.evaluate(_OUT_OF_THEIR_BOX) == []


def test_everything_that_can_be_done_has_a_name_and_can_be_reached_with_the_keyboard(look):
    shop = look()
    shop.buy(0)
    nameless = shop.page.evaluate(
        "[...document.querySelectorAll('button, input, [role=button], [role=switch], [tabindex]')]"
        ".filter((e) => e.offsetParent !== null || e.ownerSVGElement)"
        ".filter((e) => !(e.innerText || e.getAttribute('aria-label') || e.labels?.length)).map((e) => e.outerHTML)"
    )
    assert nameless == []
    seen = set()
    for _ in range(80):
        shop.page.keyboard.press("Tab")
        seen.add(shop.page.evaluate("document.activeElement.outerHTML.slice(0, 200)"))
    for what in (
        "Add Two-Pocket Apron",
        'class="main pay"',
        'data-box="orders"',
        "Break rewards",
        'id="filter"',
        "pause",
    ):
        assert any(what in html for html in seen), what


def test_who_is_on_an_event_stays_there_when_the_next_one_comes(look):
    shop = look()
    shop.buy(0)
    button = shop.event("order.created").get_by_role("button")
    button.focus()
    before = shop.page.evaluate("document.activeElement.dataset.key")
    shop.page.evaluate("document.querySelector('.pay').click()")
    expect(shop.status).to_have_text("completed")
    expect(shop.event("reward.issued")).to_be_visible()

    assert before
    assert shop.page.evaluate("document.activeElement.dataset.key") == before


def test_who_sees_nothing_move_is_told(look):
    shop = look()
    shop.buy(0)
    shop.pay()

    expect(shop.said).to_have_text("Order completed")


def test_without_motion_nothing_moves_and_the_arrow_is_lit_instead(look):
    shop = look(reduced_motion="reduce")
    shop.page.evaluate(
        "new MutationObserver(() => document.querySelector('.arrow.lit') && (document.body.dataset.lit = 'once'))"
        ".observe(document.querySelector('#picture'), { subtree: true, attributes: true })"
    )
    shop.buy(0)

    expect(shop.page.locator("body")).to_have_attribute("data-lit", "once")
    assert shop.page.locator(".dot").count() == 0


def test_a_list_that_runs_is_stopped_to_be_read(look):
    shop = look()
    expect(shop.event("product.created")).to_be_visible()
    shop.page.get_by_role("button", name="Pause").click()
    before = shop.page.locator("#list").inner_text()
    shop.buy(0)

    expect(shop.page.locator("#held")).to_contain_text("more since")
    assert shop.page.locator("#list").inner_text() == before
    shop.page.get_by_role("button", name="Go on").click()
    expect(shop.event("order.created")).to_be_visible()


def test_a_server_that_comes_back_is_looked_at_again(browser, tmp_path):
    with serving(tmp_path / "demo", serve=(*SHOP, "serve", "--demo")) as server:
        begin(server)
        context = browser.new_context()
        shop = console(context, f"http://{HOST}:{server.port}")
        shop.page.locator(".product button").first.click()
        server.stop()
        expect(shop.page.locator("#link")).to_have_text("the shop does not answer …")
        shop.page.get_by_role("button", name="Place the order").click()
        expect(shop.page.locator("#basket .error")).to_have_text("the shop does not answer: try again.")
        begin(server)

        expect(shop.page.locator("#link")).to_have_text("live")
        shop.buy()
        shop.pay()
        expect(shop.points).to_have_text("34")
        context.close()
        server.stop()


def test_a_shop_that_is_no_demo_asks_who_looks_on(browser, tmp_path):
    folder = tmp_path / "shop"
    with serving(folder) as server:
        begin(server)
        page = browser.new_page()
        page.goto(f"http://{HOST}:{server.port}/console")
        page.get_by_label("Staff token").fill("nonsense")
        page.get_by_role("button", name="Open the console").click()
        expect(page.locator("#who-error")).not_to_be_empty()

        made = subprocess.run(
            [*SHOP, "token", "--role", "staff", "--subject", "me"],
            env={"SHOP_DATA": str(folder), "PATH": ""}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        page.get_by_label("Staff token").fill(made.stdout.strip())
        page.get_by_role("button", name="Open the console").click()
        expect(page.locator("#link")).to_have_text("live")
        expect(page.locator("#store")).to_be_hidden()
        page.close()
        server.stop()


# Texts with less contrast to what is behind them than WCAG 2.2 asks for (1.4.3, AA: 4.5, large ones 3).
_TOO_PALE = """() => {
  const channel = (c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const parts = (colour) => (/rgba?\\(([^)]*)\\)/.exec(colour)?.[1] ?? "0,0,0,0").split(",").map(Number);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const [r, g, b, a = 1] = parts(getComputedStyle(e).backgroundColor);
      if (a > 0.99) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const pale = [];
  for (const e of document.querySelectorAll("body *")) {
    if (e.ownerSVGElement || e.disabled || !e.checkVisibility()) continue;
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
    const style = getComputedStyle(e);
    const [a, b] = [light(parts(style.color)), light(behind(e))].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize);
    const enough = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < enough) pale.push(`${e.textContent.trim().slice(0, 40)}: ${contrast.toFixed(2)}`);
  }
  return pale;
}"""

# Words of the map that do not fit into the box that they stand in.
_OUT_OF_THEIR_BOX = """() => [...document.querySelectorAll(".box")].flatMap((box) => {
  const frame = box.querySelector("rect").getBoundingClientRect();
  return [...box.querySelectorAll("text")].filter((text) => {
    const of = text.getBoundingClientRect();
    return of.left < frame.left || of.right > frame.right || of.top < frame.top - 1 || of.bottom > frame.bottom + 1;
  }).map((text) => text.textContent);
})"""
