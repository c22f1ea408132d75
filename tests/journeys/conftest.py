"""A shop that is open and serves, and a customer's and a clerk's way to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest

from parity.at_the_end import transcript
from parity.story import Story, within
from parity.topology import ONE_PROCESS
from shop.entrypoints.monolith import Shop, opened
from shop.kernel.clock import system_clock
from shop.platform.settings import Settings, read_settings

if TYPE_CHECKING:
    from parity.running import Running


@dataclass(kw_only=True)
class OpenStory(Story):
    """A story in a shop of one process, which can be looked into."""

    shop: Shop
    settings: Settings

    async def until(self, condition: Callable[[], bool]) -> None:
        await _until(condition)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - asked of the store
            await asyncio.sleep(0.005)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings({"SHOP_DATA": str(tmp_path / "data"), "SHOP_LOG": "error"})


@dataclass
class LaterClock:
    """The system's clock, some time later."""

    by: timedelta = timedelta()

    def __call__(self) -> datetime:
        return system_clock() + self.by


@pytest.fixture
def shop_clock() -> LaterClock:
    return LaterClock()


@pytest.fixture
def later(shop_clock: LaterClock) -> Callable[[timedelta], None]:
    """Let time pass."""

    def pass_by(time: timedelta) -> None:
        shop_clock.by += time

    return pass_by


@pytest.fixture
def visiting(shop_clock: LaterClock, documented: Any) -> Callable[..., AbstractAsyncContextManager[Story]]:
    @asynccontextmanager
    async def visit(settings: Settings, *, serving: bool) -> AsyncIterator[Story]:
        async with (
            opened(settings, serving=serving, clock=shop_clock) as shop,
            httpx.AsyncClient(
                transport=httpx.ASGITransport(documented(shop.app, "shop")), base_url="http://shop"
            ) as http,
        ):
            yield OpenStory(
                http=http,
                tokens=shop.tokens,
                payment_secret=settings.payment_secrets[0],
                clock=shop.clock,
                quiet=lambda: _until(shop.bus.idle),
                shop=shop,
                settings=settings,
            )

    return visit


@pytest.fixture
async def still(settings: Settings, visiting: Callable[..., Any]) -> AsyncIterator[Shop]:
    """A shop that takes commands and makes no deliveries by itself."""
    async with visiting(settings, serving=False) as story:
        yield story.shop


@pytest.fixture(scope="session")
def running(topology: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A shop that is split, for all journeys; each finds it empty."""
    from parity.running import began  # noqa: PLC0415 - only here is AWS needed

    with began(topology, tmp_path_factory.mktemp("split")) as running:
        yield running


@pytest.fixture
async def story(
    request: pytest.FixtureRequest, settings: Settings, visiting: Callable[..., Any], topology: str
) -> AsyncIterator[Story]:
    """On the topology that is asked for. Journeys that bear the mark `parity` run on each, unchanged; what they come to
    is written down where it is asked for, and compared by `make parity`.
    """
    async with AsyncExitStack() as stack:
        if topology == ONE_PROCESS:
            story = await stack.enter_async_context(visiting(settings, serving=True))
        else:
            story, _ = await stack.enter_async_context(within(request.getfixturevalue("running")))
        story.recorder.may_differ = _may_differ(request.node)
        yield story
        folder = request.config.getoption("--transcripts")
        if folder and request.node.get_closest_marker("parity"):
            told = await transcript(story)
            (Path(folder) / f"{request.node.name}.json").write_bytes(msgspec.json.encode(told))


def _may_differ(node: pytest.Item) -> frozenset[str]:
    marker = node.get_closest_marker("may_differ")
    return frozenset(marker.args if marker else ())
