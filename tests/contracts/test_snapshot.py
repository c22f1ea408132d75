from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema_rs
import pytest

from contracts.published import CONTRACTS, published
from contracts.snapshot import FOLDER, differing, files_of, kept, refusals

ROOT = Path(__file__).parents[2]
ORDERS = "src/shop/orders/contract.py"
SCHEMA = "contracts/orders/order.completed.{}.json"


def test_nothing_published_breaks_its_readers_and_the_files_are_those_of_the_code():
    given = published()

    assert refusals(given, kept()) == [], "see CONTRIBUTING.md, «Change an event»"
    assert differing(files_of(given)) == [], "make contracts writes them anew"


def test_every_contract_is_published():
    assert CONTRACTS.keys() == {path.parent.name for path in ROOT.glob("src/shop/*/contract.py")}


@pytest.mark.parametrize("name", sorted(kept()))
def test_each_file_is_a_json_schema_named_as_in_the_envelope(name):
    schema = kept()[name]
    kind, _, version = Path(name).stem.rpartition(".")

    jsonschema_rs.Draft202012Validator(schema)  # `ValidationError` if it is none
    assert schema["$id"] == f"urn:shop:{kind}:{version}"
    assert schema.get("x-event", {"type": kind})["type"] == kind


# What `make contracts` does to a copy of the tree when the code changes.


@pytest.fixture
def tree(tmp_path) -> Path:
    for folder in ("src", "contracts"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def change(tree: Path, file: str, old: str, new: str) -> None:
    text = (tree / file).read_text(encoding="utf-8")
    assert text.count(old) == 1, (file, old)
    (tree / file).write_text(text.replace(old, new), encoding="utf-8")


def make_contracts(tree: Path) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(tree / "src")}
    command = [sys.executable, "-m", "contracts"]
    return subprocess.run(command, cwd=tree, env=environ, capture_output=True, text=True, timeout=60, check=False)


def contents(tree: Path) -> dict[str, str]:
    return {str(path): path.read_text(encoding="utf-8") for path in tree.glob("contracts/**/*.json")}


COMPLETED = """    TYPE: ClassVar = "order.completed"
    ABOUT: ClassVar = "order_id"
"""
CREATED = COMPLETED.replace("completed", "created")
REFUSED = [  # file, what stands there, what stands there then, what is said
    (
        ORDERS,
        f"{COMPLETED}\n    order_id: str\n    customer_id: str\n",
        f"{COMPLETED}\n    order_id: str\n",
        "urn:shop:order.completed:1: customerId: a field is gone or has another name, and who reads it gets",
    ),
    (
        ORDERS,
        "    created_at: str\n",
        "    created_at: int\n",
        "urn:shop:OrderPage:1: data[].createdAt: the type is another, and",
    ),
    (
        ORDERS,
        CREATED,
        f"{CREATED}    VERSION: ClassVar = 3\n",
        "urn:shop:order.created:3: urn:shop:order.created:2 was never published; versions go up one by one",
    ),
    (
        "src/shop/rewards/contract.py",
        '"reward.expired"',
        '"reward.lapsed"',
        "contracts/rewards/reward.expired.1.json: is published, and no contract gives it any more; bring it back, or",
    ),
]


def test_what_breaks_readers_under_the_same_version_is_refused_and_nothing_is_written(tree):
    for file, old, new, _ in REFUSED:
        change(tree, file, old, new)
    before = contents(tree)

    made = make_contracts(tree)

    assert (made.returncode, made.stdout) == (1, "")
    for *_, sentence in REFUSED:
        assert sentence in made.stderr
    assert "for ever; leave it as it was, or give OrderCompleted VERSION = 2\n" in made.stderr
    assert "urn:shop:OrderView:1: createdAt: the type is another" in made.stderr
    assert contents(tree) == before


def test_a_new_version_is_written_beside_the_old_one_and_an_optional_field_over_it(tree):
    file, old, new, _ = REFUSED[0]
    change(tree, file, old, new.replace(COMPLETED, f"{COMPLETED}    VERSION: ClassVar = 2\n"))
    change(tree, ORDERS, CREATED, f'{CREATED}    gift: str = ""\n')
    change(tree, *REFUSED[-1][:3])
    (tree / "contracts/rewards/reward.expired.1.json").unlink()  # what is withdrawn is deleted by hand

    made = make_contracts(tree)

    assert (made.returncode, made.stderr) == (0, "")
    assert sorted(made.stdout.split()) == [
        "contracts/asyncapi.json",
        "contracts/orders/order.completed.2.json",
        "contracts/orders/order.created.1.json",
        "contracts/rewards/reward.lapsed.1.json",
    ]
    assert (tree / SCHEMA.format(1)).read_bytes() == (ROOT / SCHEMA.format(1)).read_bytes()
    (tree / SCHEMA.format(1)).unlink()  # once nobody reads it
    assert make_contracts(tree).returncode == 0


def test_a_file_that_was_changed_by_hand_is_not_that_of_the_code(tree):
    change(tree, SCHEMA.format(1), '"urn:shop:order.completed:1"', '"urn:shop:order.completed:0"')

    assert "orders/order.completed.1.json" in differing(files_of(published()), tree / FOLDER.name)
