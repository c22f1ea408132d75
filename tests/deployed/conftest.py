"""A shop of Lambda functions, deployed from the template, and what its people and its operators do with it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.session import get_session
from click.testing import CliRunner

from parity.running import Running, began
from parity.stack import Stack
from parity.story import Story, within
from parity.topology import FUNCTIONS
from shop.entrypoints.cli import cli


@dataclass(kw_only=True)
class Deployed:
    """The story of its people, and what its operators have of it."""

    story: Story
    stack: Stack
    running: Running

    async def dead_letters(self, *words: str) -> list[dict[str, Any]]:
        """What `shop dead-letters` tells; as an operator calls it, in the environment that the emulator is found by."""
        told = await asyncio.to_thread(CliRunner().invoke, cli, ["dead-letters", *words], prog_name="shop")
        assert told.exit_code == 0, told.stderr
        return [json.loads(line) for line in told.stdout.splitlines()] if "--json" in words else []

    async def ordered(self, customer: str, product: str, **more: Any) -> dict[str, Any]:
        """An order that is confirmed."""
        answer = await self.story.order(customer, (product, 1), **more)
        assert answer.status_code == 201, answer.text
        order = dict(answer.json())
        await eventually(lambda: self.stands(order, "confirmed"))
        return order

    async def stands(self, order: Mapping[str, Any], status: str) -> bool:
        return (await self.story.read(dict(order), order["customerId"]))["status"] == status


async def eventually(holds: Callable[[], Awaitable[bool]], *, within: float = 60) -> None:
    async with asyncio.timeout(within):
        while not await holds():  # noqa: ASYNC110 - asked of the stack
            await asyncio.sleep(0.05)


@pytest.fixture(scope="session")
def ordinary(local_zip: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A stack as anybody deploys it."""
    with began(FUNCTIONS, tmp_path_factory.mktemp("ordinary"), code=local_zip) as running:
        yield running


@pytest.fixture(scope="session")
def impatient(local_zip: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Permissions are checked; one delivery, then it is a dead letter; and a moment for an order to be paid."""
    settings = {"DeliveryAttempts": "1", "OrderExpiryMinutes": "0.02"}
    with began(
        FUNCTIONS, tmp_path_factory.mktemp("impatient"), auth=True, settings=settings, code=local_zip
    ) as running:
        yield running


@contextmanager
def without(action: str, *, function: str) -> Iterator[None]:
    """The function may not do this meanwhile, on anything."""
    iam = get_session().create_client("iam")
    role = get_session().create_client("lambda").get_function(FunctionName=f"shop-{function}")["Configuration"]["Role"]
    policy = {"RoleName": role.rpartition("/")[2], "PolicyName": "own"}
    whole = iam.get_role_policy(**policy)["PolicyDocument"]
    less = [one | {"Action": [each for each in one["Action"] if each != action]} for one in whole["Statement"]]
    assert less != whole["Statement"], f"{function} may not {action} anyhow"
    left = [one for one in less if one["Action"]]
    iam.put_role_policy(**policy, PolicyDocument=json.dumps(whole | {"Statement": left}))
    try:
        yield
    finally:
        iam.put_role_policy(**policy, PolicyDocument=json.dumps(whole))


@pytest.fixture
async def shop(ordinary: Running, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Deployed]:
    async with AsyncExitStack() as stack:
        yield await visit(stack, ordinary, monkeypatch)


@pytest.fixture
async def hasty(impatient: Running, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Deployed]:
    async with AsyncExitStack() as stack:
        yield await visit(stack, impatient, monkeypatch)


async def visit(stack: AsyncExitStack, running: Running, monkeypatch: pytest.MonkeyPatch) -> Deployed:
    for name, value in {**running.emulator.environ, "SHOP_STORAGE": "dynamodb", "SHOP_STACK": "shop"}.items():
        monkeypatch.setenv(name, value)
    story, own = await stack.enter_async_context(within(running))
    return Deployed(story=story, stack=own, running=running)
