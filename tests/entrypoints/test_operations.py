"""What who runs a shop types: copies of the store, and what it is made from again."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from shop.entrypoints import demo
from shop.entrypoints.cli import cli
from shop.entrypoints.monolith import opened
from shop.platform.server_lock import only_server
from shop.platform.settings import read_settings


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a shop with its demo catalogue; nobody has it open."""
    monkeypatch.setenv("SHOP_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("SHOP_DEBUG", raising=False)

    async def fill() -> None:
        async with opened(read_settings({"SHOP_DATA": str(tmp_path / "data")})) as house:
            await demo.fill(house.catalog)

    asyncio.run(fill())
    return tmp_path / "data"


def shop(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words], prog_name="shop")


def products(store: Path) -> int:
    with closing(sqlite3.connect(store)) as connection:
        [(count,)] = connection.execute("SELECT count(*) FROM catalog_documents WHERE key LIKE 'product/%'").fetchall()
    return int(count)


def test_a_backup_becomes_a_store_elsewhere(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = shop("backup", tmp_path / "monday.db")
    monkeypatch.setenv("SHOP_DATA", str(tmp_path / "elsewhere"))
    restored = shop("restore", tmp_path / "monday.db")

    assert (made.exit_code, made.stderr, restored.exit_code, restored.stderr) == (0, "", 0, "")
    assert f"the keys are not in it: keep jwt.key and payment.key of {data}" in made.stdout
    assert "see: shop doctor" in restored.stdout
    assert products(tmp_path / "elsewhere" / "shop.db") == products(data / "shop.db") > 0
    assert not set(tmp_path.glob("monday.db?*"))


def test_the_keys_are_not_in_a_backup(data: Path, tmp_path: Path) -> None:
    shop("backup", tmp_path / "monday.db")

    copy = (tmp_path / "monday.db").read_bytes()
    for key in ("jwt.key", "payment.key"):
        assert (data / key).read_bytes().strip() not in copy


def test_nothing_is_written_over_without_force(data: Path, tmp_path: Path) -> None:
    shop("backup", tmp_path / "monday.db")
    before = (tmp_path / "monday.db").stat()

    again, back = shop("backup", tmp_path / "monday.db"), shop("restore", tmp_path / "monday.db")
    forced = shop("backup", tmp_path / "monday.db", "--force")

    assert (again.exit_code, back.exit_code, forced.exit_code) == (1, 1, 0)
    assert again.stderr == (
        f"shop: {tmp_path / 'monday.db'} is there already: name another file, or replace it with --force\n"
    )
    assert back.stderr == f"shop: there is a store in {data}: with --force it is kept under another name\n"
    assert (tmp_path / "monday.db").stat().st_ino != before.st_ino


def test_the_store_of_before_is_kept_and_named(data: Path, tmp_path: Path) -> None:
    shop("backup", tmp_path / "monday.db")

    forced = shop("restore", tmp_path / "monday.db", "--force")

    assert forced.exit_code == 0
    [aside] = data.glob("shop.db.before-*")
    assert str(aside) in forced.stdout
    assert products(aside) == products(data / "shop.db")


def test_beside_a_server_one_may_copy_and_not_restore(data: Path, tmp_path: Path) -> None:
    with only_server(data):
        made = shop("backup", tmp_path / "monday.db")
        refused = shop("restore", tmp_path / "monday.db", "--force")

    assert made.exit_code == 0
    assert refused.exit_code == 1
    assert refused.stderr == (f"shop: another server uses {data}: stop it, or set SHOP_DATA to another folder\n")
    assert list(data.glob("shop.db.before-*")) == []


def test_what_is_no_backup_is_refused_in_one_line(data: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear shop,\n" * 100, encoding="utf-8")

    refused = shop("restore", tmp_path / "letter.txt", "--force")

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == f"shop: {tmp_path / 'letter.txt'} is no copy of a store: file is not a database\n"
    assert products(data / "shop.db") > 0
