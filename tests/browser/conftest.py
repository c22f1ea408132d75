"""A demo, and a browser that looks at it. What a page complains of fails its test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from browser.chromium import chromium, demo
from browser.console import Console, console


@pytest.fixture(scope="session")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def address(tmp_path) -> Iterator[str]:
    with demo(tmp_path / "demo") as address:
        yield address


@pytest.fixture
def look(browser, address) -> Iterator[Callable[..., Console]]:
    """Opens the console; asked of the outside, or complained of, nothing may be. `refused`: but of requests that shall
    fail the browser complains by itself.
    """
    complaints = []

    def heard(page: Any) -> None:
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        page.on("request", lambda asked: complaints.append(asked.url) if not asked.url.startswith(address) else None)

    opened, of_browser = [], False

    def open_(*, refused: bool = False, **more: Any) -> Console:
        nonlocal of_browser
        of_browser = refused
        context = browser.new_context(**more)
        context.on("page", heard)
        opened.append(context)
        return console(context, address)

    yield open_
    for context in opened:
        context.close()
    assert [one for one in complaints if not (of_browser and one.startswith("Failed to load resource"))] == []
