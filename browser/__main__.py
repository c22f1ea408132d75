"""`python -m browser`: the pictures of the README, of a demo that has just been played with."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, expect

from browser.chromium import chromium, demo
from browser.console import Console, console

FOLDER = Path(__file__).parent.parent / "pictures"
_AT_REST = 3000  # ms after which no dot is left
_ON_ITS_WAY = 1000  # after which there are some
_SHADES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def main() -> None:
    """Take them."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="shop-pictures-") as folder, chromium() as browser:
        for shade in _SHADES:
            with demo(Path(folder) / shade) as address:
                _picture(browser, address, shade)
    sys.stdout.write(f"{FOLDER.name}/ is new\n")


def _picture(browser: Browser, address: str, shade: Literal["light", "dark"]) -> None:
    shop = console(browser, address, color_scheme=shade, viewport={"width": 1360, "height": 1080})
    shop.buy(3, 5)
    shop.pay()
    expect(shop.points).to_have_text("77")
    _break_and_replay(shop)
    shop.buy(3)
    shop.page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
    shop.page.wait_for_timeout(_AT_REST)
    shop.buy(3, 3, 5)
    shop.page.locator(".pay").first.click()
    shop.page.wait_for_timeout(_ON_ITS_WAY)
    shop.page.screenshot(path=FOLDER / f"console-{shade}.png")
    shop.page.locator("#store").screenshot(path=FOLDER / f"storefront-{shade}.png")


def _break_and_replay(shop: Console) -> None:
    """So that there is something to be seen among the failures."""
    shop.switch("rewards")
    shop.buy(1)
    shop.pay()
    shop.try_again("hasten")
    expect(shop.failed("replay")).to_have_count(1)
    shop.page.locator("#failures").screenshot(path=FOLDER / "failures.png")
    shop.switch("rewards")
    shop.try_again("replay")
    expect(shop.points).to_have_text("104")


if __name__ == "__main__":
    main()
