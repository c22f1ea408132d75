from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from click.testing import CliRunner, Result

from shop.entrypoints import demo
from shop.entrypoints.cli import cli
from shop.entrypoints.monolith import opened
from shop.entrypoints.serving import server_of
from shop.kernel.clock import system_clock
from shop.platform.settings import read_settings
from shop.platform.tokens import Caller, Tokens

CATALOGUE = """Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty,Variant Price
mug,Mug,Size,Small,,5,4.00
mug,,,Large,,3,6.00
pot,Pot,Title,Default Title,POT-1,2,19.90
"""
LOG = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
1001,85A,LANTERN,2,2026-01-01 08:26:00,2.55,17,UK
1002,85A,LANTERN,1,2026-01-01 08:26:00,2.55,18,UK
"""


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHOP_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("SHOP_DEBUG", raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path / "data"


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    file = tmp_path / "products.csv"
    file.write_text(CATALOGUE, encoding="utf-8")
    return file


def shop(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words], prog_name="shop")


@pytest.fixture
def url(data: Path) -> Iterator[str]:
    """A server on a free port, in a thread of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    servers: list[uvicorn.Server] = []

    async def serve() -> None:
        async with opened(read_settings({"SHOP_DATA": str(data)}), serving=True) as house:
            servers.append(server_of(house, host="127.0.0.1", port=port))
            await servers[0].serve()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    _until(lambda: servers and servers[0].started)
    yield f"http://127.0.0.1:{port}"
    servers[0].should_exit = True
    thread.join(10)


@pytest.mark.parametrize("command", [*cli.commands, ""])
def test_every_help_has_examples(command: str) -> None:
    result = shop(*filter(None, [command, "--help"]))

    assert result.exit_code == 0
    assert re.search(rf"Examples:\s+\$ (.*=\$\()?shop {command}", result.output)
    assert "\x1b" not in result.output


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["import"],
        ["import", "/not/there.csv"],
        ["token"],
        ["token", "--subject", ""],
        ["serve", "--port", "0"],
    ],
)
def test_a_command_not_understood_is_one_line_and_2(words: list[str]) -> None:
    result = shop(*words)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert "--help" in result.stderr


def test_an_import_creates_and_then_changes_nothing(catalogue: Path) -> None:
    first, again = shop("import", catalogue), shop("import", catalogue)

    assert first.output == "3 products: 3 created, 0 changed, 0 unchanged\n"
    assert again.output == "3 products: 0 created, 0 changed, 3 unchanged\n"
    assert first.exit_code == again.exit_code == 0


def test_an_import_changes_what_is_different(catalogue: Path) -> None:
    shop("import", catalogue)
    catalogue.write_text(CATALOGUE.replace("19.90", "17.90"), encoding="utf-8")

    assert shop("import", catalogue).output == "3 products: 0 created, 1 changed, 2 unchanged\n"


def test_a_file_with_a_fault_changes_nothing(catalogue: Path, data: Path) -> None:
    catalogue.write_text(CATALOGUE.replace("6.00", "six").replace(",2,19", ",two,19"), encoding="utf-8")

    result = shop("import", catalogue)

    assert (result.exit_code, result.stdout) == (1, "")
    first, second, last = result.stderr.splitlines()
    assert first.startswith(f"{catalogue}:3  Variant Price: ")
    assert second.startswith(f"{catalogue}:4  Variant Inventory Qty: ")
    assert last == f"shop: 2 faults in {catalogue}; nothing was changed"
    assert not data.exists()


def test_a_dry_run_shows_the_products_and_changes_nothing(catalogue: Path, data: Path) -> None:
    result = shop("import", catalogue, "--dry-run")

    assert result.exit_code == 0
    assert "mug~small" in result.stdout
    assert "nothing was changed" in result.stdout
    assert not data.exists()


def test_a_currency_that_is_none_is_refused(catalogue: Path) -> None:
    result = shop("import", catalogue, "--currency", "EURO")

    assert result.exit_code == 1
    assert "no ISO 4217 currency code" in result.stderr


def test_a_product_that_orders_hold_is_named_and_the_others_are_in(catalogue: Path, url: str) -> None:
    shop("import", catalogue)
    token = shop("token", "--subject", "c1").stdout.strip()
    order = {"items": [{"productId": "POT-1", "quantity": 2}]}
    order_id = _post(f"{url}/orders", order, token)["orderId"]
    shop("pay", order_id, "--url", url, "--failed")
    _until(lambda: _get(f"{url}/orders/{order_id}", token)["status"] == "confirmed")
    catalogue.write_text(CATALOGUE.replace(",2,19.90", ",1,19.90").replace("4.00", "4.50"), encoding="utf-8")

    result = shop("import", catalogue)

    assert result.exit_code == 1
    assert "1 changed" in result.stdout
    assert f"{catalogue}:4  POT-1: " in result.stderr


def test_a_token_is_what_the_server_takes(data: Path) -> None:
    result = shop("token", "--role", "staff", "--subject", "sue")

    tokens = Tokens(read_settings({"SHOP_DATA": str(data)}).jwt_key, clock=system_clock)
    assert tokens.verify(result.stdout.strip()) == Caller("sue", "staff")


def test_a_wrong_setting_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_JWT_KEY", "short")

    result = shop("token", "--subject", "c1")

    assert result.exit_code == 1
    assert result.stderr.startswith("shop: SHOP_JWT_KEY ")
    assert result.stderr.count("\n") == 1


def test_a_fault_of_ours_is_one_line_unless_it_is_debugged(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data.mkdir()
    (data / "jwt.key").mkdir()

    result = shop("token", "--subject", "c1")

    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "SHOP_DEBUG=1" in result.stderr
    monkeypatch.setenv("SHOP_DEBUG", "1")
    assert isinstance(shop("token", "--subject", "c1").exception, OSError)


@pytest.mark.parametrize("words", [["pay", "ord_1"], ["replay", "LOG"]])
def test_without_a_server_the_next_step_is_said(words: list[str], tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text(LOG, encoding="utf-8")

    result = shop(*(log if word == "LOG" else word for word in words), "--url", "http://127.0.0.1:9")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "shop: nothing answers at http://127.0.0.1:9; start it with: shop serve\n"


def test_an_address_that_is_none_is_refused() -> None:
    assert shop("pay", "ord_1", "--url", "localhost:8000").exit_code == 1


def test_a_port_that_is_taken_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = shop("serve", "--port", str(taken.getsockname()[1]))

    assert result.exit_code == 1
    assert "--port" in result.stderr


def test_a_log_is_replayed_twice_with_the_same_totals(tmp_path: Path, url: str) -> None:
    log = tmp_path / "log.csv"
    log.write_text(LOG, encoding="utf-8")

    first, again = (shop("replay", log, "--url", url, "--json") for _ in range(2))
    table = shop("replay", log, "--url", url)

    assert (first.exit_code, first.stderr) == (0, "")
    assert json.loads(first.stdout) == {
        "orders": 2,
        "merged_lines": 2,
        "most_lines_in_one_order": 1,
        "units": 3,
        "products": 1,
        "customers": 2,
        "revenue": "7.65",
        "points": 7,
        "returned_units": 0,
        "refunded": "0.00",
        "points_taken_back": 0,
    }
    assert again.stdout == first.stdout
    assert len(re.findall("same", table.stdout)) == 11


def test_a_log_is_replayed_into_a_shop_elsewhere_with_the_keys_that_are_given(
    tmp_path: Path, url: str, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log.csv"
    log.write_text(LOG, encoding="utf-8")
    monkeypatch.setenv("SHOP_STORAGE", "dynamodb")
    monkeypatch.setenv("SHOP_JWT_KEY", (data / "jwt.key").read_text())
    monkeypatch.setenv("SHOP_PAYMENT_SECRETS", (data / "payment.key").read_text())

    result = shop("replay", log, "--url", url, "--json")

    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout)["orders"] == 2


def test_a_log_is_replayed_with_its_price_changes(tmp_path: Path, url: str) -> None:
    log = tmp_path / "log.csv"
    log.write_text(LOG + "1003,85A,LANTERN,1,2026-01-01 08:26:00,2.95,18,UK\n", encoding="utf-8")

    table = shop("replay", log, "--price-changes", "--url", url, "--url", url)
    again = shop("replay", log, "--price-changes", "--url", url, "--json")

    assert (table.exit_code, again.exit_code) == (0, 0)
    rows = {" ".join(line.split()) for line in table.stdout.splitlines()}
    assert rows >= {"products 1 1 same", "prices set before an order 1"}
    assert any(row.startswith("a new price read by all 2 servers, after 2 ") for row in rows)
    totals = json.loads(again.stdout)
    assert (totals["orders"], totals["products"]) == (3, 1)
    assert totals["price_changes"]["orders_there_before"] == 3


def test_a_log_with_a_fault_sends_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text(LOG.replace(",1,2026", ",one,2026"), encoding="utf-8")

    result = shop("replay", log, "--url", "http://127.0.0.1:9")

    assert result.exit_code == 1
    assert result.stderr.splitlines()[0].startswith(f"{log}:3  quantity: ")


async def test_the_demo_fills_an_empty_catalog_once(data: Path) -> None:
    async with opened(read_settings({"SHOP_DATA": str(data)})) as house:
        first, again = await demo.fill(house.catalog), await demo.fill(house.catalog)
        listed = await house.catalog.queries().in_category("Kitchen", after=None, limit=50)

    assert first == (len(demo.demo_products()), demo.FIRST_BUY)
    assert again == (0, demo.FIRST_BUY)
    assert len(listed.listed) > 5


def test_a_demo_is_played_with_only_where_it_was_begun_as_one(tmp_path: Path) -> None:
    fresh, somebodys = tmp_path / "fresh", tmp_path / "somebodys"
    asyncio.run(_open(somebodys))

    def played(folder: Path, **environ: str) -> bool:
        return demo.is_demo(read_settings({"SHOP_DATA": str(folder), **environ}), environ)

    assert played(fresh)
    asyncio.run(_open(fresh))
    assert played(fresh)
    assert not played(somebodys)
    assert not played(fresh, SHOP_JWT_KEY="k" * 32)
    assert not played(fresh, SHOP_PAYMENT_SECRETS="s" * 32)


async def _open(folder: Path) -> None:
    async with opened(read_settings({"SHOP_DATA": str(folder)})):
        pass


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("sh")), reason="the lines are for a shell with curl")
def test_the_lines_of_the_welcome_can_be_pasted(data: Path, url: str, tmp_path: Path) -> None:
    async def fill() -> tuple[int, str]:
        async with opened(read_settings({"SHOP_DATA": str(data)})) as house:
            return await demo.fill(house.catalog)

    products, first = asyncio.run(fill())
    command = tmp_path / "shop"
    command.write_text(f"#!{sys.executable}\nfrom shop.entrypoints.cli import main\n\nmain()\n", encoding="utf-8")
    command.chmod(0o755)
    text = demo.welcome(url=url, products=products, first=first, shop=str(command), environ={"SHOP_DATA": str(data)})
    lines = text[text.index("  # look") :].replace("curl ", "curl -s --fail ")

    done = subprocess.run(["sh", "-e", "-c", lines], capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode == 0, done.stderr
    assert "the order is completed" in done.stdout
    assert '"customerId":"ada"' in done.stdout


def _post(url: str, body: object, token: str) -> dict[str, str]:
    answer = httpx.post(url, json=body, headers={"Authorization": f"Bearer {token}", "Idempotency-Key": "k"})
    assert answer.is_success, answer.text
    return answer.json()


def _get(url: str, token: str) -> dict[str, str]:
    return httpx.get(url, headers={"Authorization": f"Bearer {token}"}).json()


def _until(true) -> None:
    for _ in range(500):
        if true():
            return
        threading.Event().wait(0.01)
    raise AssertionError
