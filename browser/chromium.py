"""A Chromium without a window, of Debian or as CHROMIUM says; and a demo of the shop to look at."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from torture.server import HOST, SHOP, Server, serving

_NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """It is closed in the end; `RuntimeError` if there is none."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        raise RuntimeError("there is no Chromium: install it (Debian: apt-get install chromium), or say CHROMIUM=/path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])  # which root cannot have
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def demo(folder: Path, *, settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """The address of `shop serve --demo`, on an empty folder."""
    with serving(folder, serve=(*SHOP, "serve", "--demo"), settings=settings) as server:
        begin(server)
        yield f"http://{HOST}:{server.port}"
        server.stop()


def begin(server: Server) -> None:
    """Start it, and return when it answers: asked in a thread, for the browser has a loop of its own in this one."""
    server.spawn()  # not in that thread, with which it would end
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(server.answering())).result()
