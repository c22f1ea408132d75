"""The other commands where the contexts are apart (SHOP_STORAGE=dynamodb): they work, or say what to do instead."""

from __future__ import annotations

import asyncio
import os

import pytest
from click.testing import CliRunner

from emulator import messages, tables
from parity.stack import Stack
from shop.catalog.infrastructure.store import LAYOUT as CATALOG
from shop.entrypoints.cli import cli
from shop.kernel.clock import system_clock
from shop.platform.storage import dynamodb_schema
from shop.platform.tokens import Caller, Tokens

KEYS = {"SHOP_JWT_KEY": "j" * 40, "SHOP_PAYMENT_SECRETS": "p" * 40}
CATALOGUE = """Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty,Variant Price
mug,Mug,Size,Small,,5,4.00
mug,,,Large,,3,6.00
pot,Pot,Title,Default Title,POT-1,2,19.90
"""
LOG = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
1001,85A,LANTERN,2,2026-01-01 08:26:00,2.55,17,UK
"""


@pytest.fixture
def shop(tmp_path, monkeypatch):
    for name in [one for one in os.environ if one.startswith("SHOP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SHOP_STORAGE", "dynamodb")
    monkeypatch.setenv("SHOP_DATA", str(tmp_path / "data"))
    (tmp_path / "log.csv").write_text(LOG, encoding="utf-8")
    (tmp_path / "products.csv").write_text(CATALOGUE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def run(*words: str, **environ: str):
        return CliRunner().invoke(cli, words, prog_name="shop", env=environ)

    return run


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["backup", "monday.db"], "point-in-time recovery"),
        (["restore", "products.csv"], "point-in-time recovery"),
        (["doctor"], "shop dead-letters list"),
        (["doctor", "--reindex", "--json"], "shop dead-letters list"),
    ],
)
def test_what_is_for_the_embedded_store_alone_says_what_there_is_instead(shop, tmp_path, words, told):
    result = shop(*words)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"shop: {words[0]} is for the embedded store; with SHOP_STORAGE=dynamodb ")
    assert told in result.stderr
    assert result.stderr.count("\n") == 1
    assert sorted(one.name for one in tmp_path.iterdir()) == ["log.csv", "products.csv"]


@pytest.mark.parametrize("words", [["token", "--subject", "ada"], ["pay", "ord_1"], ["replay", "log.csv"]])
def test_what_signs_asks_for_the_keys_that_nobody_has_made(shop, words):
    result = shop(*words)

    assert (result.exit_code, result.stdout) == (1, "")
    assert "SHOP_JWT_KEY" in result.stderr
    assert ("SHOP_PAYMENT_SECRETS" in result.stderr) is (words[0] != "token")
    assert result.stderr.count("\n") == 1


def test_a_token_is_signed_with_the_key_that_is_given(shop):
    result = shop("token", "--subject", "ada", "--role", "staff", SHOP_JWT_KEY=KEYS["SHOP_JWT_KEY"])

    token = Tokens(KEYS["SHOP_JWT_KEY"], clock=system_clock)
    assert token.verify(result.stdout.strip()) == Caller("ada", "staff")


@pytest.mark.parametrize("words", [["pay", "ord_1"], ["replay", "log.csv"]])
def test_what_goes_over_http_needs_no_store_and_says_if_nobody_answers(shop, words):
    result = shop(*words, "--url", "http://127.0.0.1:9", **KEYS)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "shop: nothing answers at http://127.0.0.1:9; start it with: shop serve\n"


@pytest.mark.parametrize("words", [["import", "products.csv"], ["dead-letters", "list"]])
def test_where_aws_is_out_of_reach_commands_say_so_in_one_line(shop, words):
    nobody = {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing", "AWS_DEFAULT_REGION": "eu-central-1"}

    result = shop(*words, **nobody, AWS_ENDPOINT_URL="http://127.0.0.1:9")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "AWS is out of reach" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.aws
@pytest.mark.parametrize("words", [["export", "-"], ["import", "products.csv"]])
def test_a_stack_that_is_not_there_is_said_with_its_name(shop, on_aws, words):  # noqa: ARG001 - it is found
    result = shop(*words, SHOP_STACK="elsewhere")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "there is no stack elsewhere here" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.aws
async def test_products_are_imported_told_of_and_exported_again(shop, aws, stack, monkeypatch):
    made = [dynamodb_schema.table(CATALOG, stack=stack), dynamodb_schema.log_table(stack=stack)]
    await tables.create(aws.client("dynamodb"), made)
    heard = {"orders": ["product.created", "product.updated", "product.price.changed"]}
    await messages.create(aws.client("events"), aws.client("sqs"), stack=stack, heard=heard, attempts=24)
    monkeypatch.setenv("SHOP_STACK", stack)

    first = await asyncio.to_thread(shop, "import", "products.csv")
    told = await Stack(aws=aws, name=stack, cache=None).waiting("orders")
    again = await asyncio.to_thread(shop, "import", "products.csv")
    written = await asyncio.to_thread(shop, "export", "out.csv")
    into_sqlite = await asyncio.to_thread(shop, "import", "out.csv", SHOP_STORAGE="sqlite", **KEYS)

    assert first.output == "3 products: 3 created, 0 changed, 0 unchanged\n"
    assert told == 3
    assert again.output == "3 products: 0 created, 0 changed, 3 unchanged\n"
    assert written.output == "3 products written to out.csv\n"
    assert into_sqlite.output == "3 products: 3 created, 0 changed, 0 unchanged\n"
