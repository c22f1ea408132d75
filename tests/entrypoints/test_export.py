from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from shop.catalog.domain.price import Price
from shop.entrypoints import demo
from shop.entrypoints.cli import cli
from shop.entrypoints.monolith import Shop, opened
from shop.kernel.events import Cause
from shop.platform.settings import read_settings

ODD = {
    "-1": {"name": "=cmd|' /C calc'!A0", "sku": "007", "category": "A > B", "description": "  <b>&amp;\r\n"},
    "@a": {"name": " two  blanks ", "sku": "'s", "category": "=1", "warehouse_location": "+3", "group_id": "-1"},
    "~": {"name": "x", "sku": "x", "category": "C", "supplier_id": "", "attributes": {"tags": [], "n": [1, 1.0, True]}},
    "gone": {"name": "x", "sku": "x", "category": "C", "status": "archived"},
}


def shop(*words: str | Path, data: Path) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words], prog_name="shop", env={"SHOP_DATA": str(data)})


def house_in(data: Path) -> AsyncIterator[Shop]:
    return opened(read_settings({"SHOP_DATA": str(data)}))  # type: ignore[return-value]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A store with the demo catalogue, and with products that Shopify could not tell of."""

    async def fill() -> None:
        async with house_in(tmp_path / "data") as house:
            await demo.fill(house.catalog)
            for number, (product_id, details) in enumerate(ODD.items()):
                price = Price.parse(base="1.000", discounted="1.000", currency=("KWD", "BHD")[number % 2])
                await house.catalog.import_product()(
                    product_id=product_id, details=details, price=price, on_hand=number, who="s", cause=Cause(id="r")
                )

    asyncio.run(fill())
    return tmp_path / "data"


def test_an_export_into_an_empty_store_is_exported_as_the_same_file(data: Path, tmp_path: Path) -> None:
    first, again = tmp_path / "first.csv", tmp_path / "again.csv"
    many = len(demo.demo_products()) + len(ODD)

    out = shop("export", first, data=data)
    into = shop("import", first, data=tmp_path / "empty")
    shop("export", again, data=tmp_path / "empty")

    assert out.output == f"{many} products written to {first}\n"
    assert into.output == f"{many} products: {many} created, 0 changed, 0 unchanged\n"
    assert again.read_bytes() == first.read_bytes()


def test_an_export_into_its_own_store_changes_nothing(data: Path, tmp_path: Path) -> None:
    shop("export", tmp_path / "products.csv", data=data)

    result = shop("import", tmp_path / "products.csv", data=data)

    assert result.output.endswith(f" 0 created, 0 changed, {len(demo.demo_products()) + len(ODD)} unchanged\n")


def test_standard_output_has_the_file_and_nothing_else(data: Path, tmp_path: Path) -> None:
    shop("export", tmp_path / "products.csv", data=data)

    result = shop("export", "-", data=data)

    assert result.stdout_bytes == (tmp_path / "products.csv").read_bytes()
    assert result.stderr.endswith(" products written to standard output\n")


async def test_a_server_may_be_running_meanwhile(data: Path, tmp_path: Path) -> None:
    async with opened(read_settings({"SHOP_DATA": str(data)}), serving=True):
        result = await asyncio.to_thread(shop, "export", tmp_path / "products.csv", data=data)

    assert result.exit_code == 0


def test_what_is_there_is_replaced_only_by_force(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text("mine", encoding="utf-8")

    refused, kept = shop("export", file, data=data), file.read_text(encoding="utf-8")
    forced = shop("export", file, "--force", data=data)

    assert (refused.exit_code, refused.stdout, kept) == (1, "", "mine")
    assert "--force" in refused.stderr
    assert forced.exit_code == 0
    assert file.read_bytes().startswith(b"Handle,")
    assert {path.name for path in tmp_path.iterdir()} == {"data", "products.csv"}


@pytest.mark.parametrize("words", [["no/products.csv"], ["."], ["data/shop.db", "--force"], [os.devnull, "--force"]])
def test_a_place_that_cannot_be_is_refused_in_one_line(words: list[str], data: Path, tmp_path: Path) -> None:
    place, *force = words

    result = shop("export", tmp_path / place, *force, data=data)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    assert "name another file" in result.stderr


def test_without_a_store_nothing_is_written(tmp_path: Path) -> None:
    result = shop("export", tmp_path / "products.csv", data=tmp_path / "nowhere")

    assert result.exit_code == 1
    assert "SHOP_DATA" in result.stderr
    assert not (tmp_path / "products.csv").exists()
