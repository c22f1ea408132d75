"""What somebody does on the console; each act waits until the page shows what it led to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect

_PATIENCE = 15_000  # ms


@dataclass(frozen=True, slots=True)
class Console:
    """An open console."""

    page: Page

    def buy(self, *goods: int) -> None:
        """Put the nth product of the shelf into the basket, for each n, and place the order."""
        for n in goods:
            self.page.locator(".product button").nth(n).click()
        self.page.get_by_role("button", name="Place the order").click()
        expect(self.status).to_have_text("confirmed")

    def pay(self) -> None:
        """The newest order."""
        self.page.locator(".pay").first.click()
        expect(self.status).to_have_text("completed")

    @property
    def status(self) -> Locator:
        """Of the newest order."""
        return self.page.locator(".order .status").first

    @property
    def points(self) -> Locator:
        """The customer's."""
        return self.page.locator("#points")

    @property
    def said(self) -> Locator:
        """What a screen reader is told."""
        return self.page.locator("#said")

    def switch(self, consumer: str) -> None:
        """Break a context, or repair it."""
        switch = self.page.locator(f"[data-consumer={consumer}]")
        before = switch.get_attribute("aria-checked")
        switch.click()
        expect(switch).not_to_have_attribute("aria-checked", before or "")

    def failed(self, act: str) -> Locator:
        """Rows of what failed: to `hasten`, or to `replay`."""
        return self.page.locator(f"table.{act} tbody tr")

    def try_again(self, act: str) -> None:
        """The first of these rows."""
        self.failed(act).first.locator(".act button").click()

    def event(self, kind: str) -> Locator:
        """The newest row of the list of events with this type."""
        return self.page.locator("#list tbody tr").filter(has_text=kind).first


def console(browser: Browser, address: str, **more: Any) -> Console:
    """Opened, live, and with goods on the shelf; `more`: of the browser's context, such as `color_scheme`."""
    page = browser.new_page(**more)
    page.set_default_timeout(_PATIENCE)
    expect.set_options(timeout=_PATIENCE)
    page.goto(f"{address}/console")
    expect(page.locator("#link")).to_have_text("live")
    expect(page.locator(".product").first).to_be_visible()
    return Console(page)
