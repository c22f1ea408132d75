"""A rule that never caught anything proves nothing: each fault is planted in a copy of the tree, and must be caught.

CONTRIBUTING.md lists the same faults; the last test compares.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Fault:
    """A text that is put into a file (a new one, at its end, or `after` a mark), and the rule that must object."""

    what: str
    file: str
    text: str
    rule: str
    after: str = ""


MAP = "Contexts know each other over the context map only"
ROOMS = "The rooms of a context are entered in one direction"
PORTS = "Infrastructure knows the ports of its application, not the acts"
NO_IO = "Acts, domains, contracts and the kernel do no I/O"
DOMAINS = "Domains are plain Python: no library, and of the kernel its values only"
KERNEL = "The kernel needs nothing but Python, and msgspec for the envelope"
INJECTOR = "The injector is seen in containers and entrypoints only"
TRACES = "OpenTelemetry is spoken in the platform's tracing only"
ENGINES = "Files, network and engines are reached through the platform"
ROOTS = "Entrypoints know containers, not the rooms behind them"
CIRCLES = "Nothing goes round in circles"

SHOP = "src/shop"
ACT = f"{SHOP}/orders/application/note.py"
API = f"{SHOP}/rewards/presentation/api.py"
CONTRACT = f"{SHOP}/rewards/contract.py"
DOMAIN = f"{SHOP}/orders/domain/order.py"
STORE = f"{SHOP}/rewards/infrastructure/store.py"
ACL = f"{SHOP}/orders/infrastructure/catalog.py"
MAP_BEGINS = "ignore_imports = ["

FOR_LINT_IMPORTS = [
    Fault("an act imports another context's domain", ACT, "from shop.catalog.domain.product import Product", MAP),
    Fault("an API imports another context's contract", API, "from shop.orders.contract import OrderView", MAP),
    Fault("an ACL imports a contract without a line in the map", ACL, "from shop.catalog.contract import Price", MAP),
    Fault(
        "a type of another context's, for the type checker only",
        ACT,
        "if TYPE_CHECKING:\n    from shop.catalog.domain.product import Product",
        MAP,
    ),
    Fault("the platform imports a context", f"{SHOP}/platform/retry.py", "import shop.orders.contract", MAP),
    Fault("the kernel imports the platform", f"{SHOP}/kernel/ids.py", "import shop.platform.bus", MAP),
    Fault("a context imports an entrypoint", API, "import shop.entrypoints.monolith", MAP),
    Fault("a package that no layer names", f"{SHOP}/pricing/__init__.py", '"""Prices."""', MAP),
    Fault(
        "a line of the map that nothing uses",
        "pyproject.toml",
        '\n  # nothing\n  "shop.rewards.presentation.events -> shop.catalog.contract",',
        "No matches for ignored import",
        after=MAP_BEGINS,
    ),
    Fault("an act imports its store", ACT, "from shop.orders.infrastructure.store import OrdersStore", ROOMS),
    Fault(
        "a domain imports an act, inside a function", DOMAIN, "def f():\n    import shop.orders.application.note", ROOMS
    ),
    Fault("a domain imports its contract", DOMAIN, "import shop.orders.contract", ROOMS),
    Fault("a contract imports its domain", CONTRACT, "import shop.rewards.domain.account", ROOMS),
    Fault("an API imports a store", API, "import shop.rewards.infrastructure.store", ROOMS),
    Fault("an API imports its container", API, "import shop.rewards.container", ROOMS),
    Fault("a room that other contexts do not have", f"{SHOP}/orders/services.py", '"""Services."""', ROOMS),
    Fault("a store imports an act", STORE, "import shop.rewards.application.earn_points", PORTS),
    Fault("an act calls over the network", ACT, "import httpx", NO_IO),
    Fault("an act waits by itself", ACT, "import asyncio", NO_IO),
    Fault("an act uses the platform", ACT, "from shop.platform.retry import again", NO_IO),
    Fault("a domain opens a database", DOMAIN, "import sqlite3", NO_IO),
    Fault("a contract knows the web framework", CONTRACT, "import litestar", NO_IO),
    Fault("the kernel opens a socket", f"{SHOP}/kernel/clock.py", "import socket", NO_IO),
    Fault("a domain encodes itself", DOMAIN, "import msgspec", DOMAINS),
    Fault("a domain knows the envelope", DOMAIN, "from shop.kernel.events import Event", DOMAINS),
    Fault("msgspec in the kernel, outside events.py", f"{SHOP}/kernel/money.py", "import msgspec", KERNEL),
    Fault("the kernel logs", f"{SHOP}/kernel/errors.py", "import structlog", KERNEL),
    Fault("the injector in an API", API, "from dependency_injector import containers", INJECTOR),
    Fault("a store makes spans by itself", STORE, "import opentelemetry.trace", TRACES),
    Fault(
        "the platform loads its tracing whether it is wanted or not",
        f"{SHOP}/platform/web.py",
        "import shop.platform.tracing.spans",
        TRACES,
    ),
    Fault("a store goes out to the network by itself", STORE, "import httpx", ENGINES),
    Fault("a store chooses its engine", STORE, "import shop.platform.storage.sqlite", ENGINES),
    Fault(
        "an entrypoint calls an act directly",
        f"{SHOP}/entrypoints/demo.py",
        f"import {ACT[4:-3].replace('/', '.')}",
        ROOTS,
    ),
    Fault("two modules import each other", f"{SHOP}/kernel/errors.py", "import shop.kernel.money", CIRCLES),
]

FOR_THE_ARCHITECTURE_TEST = [
    Fault("a domain reads files", DOMAIN, "import pathlib", "domain_white_list"),
    Fault("a contract logs", CONTRACT, "import structlog", "contract_white_list"),
    Fault("an act uses a library nobody thought of", ACT, "import requests", "application_white_list"),
    Fault("an act asks the machine for the time", ACT, "NOW = datetime.now(UTC)", "time_is_injected"),
    Fault("a store takes the clock itself", STORE, "from shop.kernel.clock import system_clock", "time_is_injected"),
    Fault("an API throws dice", API, "import random", "time_is_injected"),
    Fault(
        "a line of the map for a room that may not have one",
        "pyproject.toml",
        '\n  # stock.reserved: noted\n  "shop.orders.application.note -> shop.catalog.domain.stock",',
        "map_lines_lead_to_contracts",
        after=MAP_BEGINS,
    ),
    Fault(
        "a line of the map that does not say why",
        "pyproject.toml",
        '\n  "shop.rewards.presentation.events -> shop.catalog.contract",',
        "map_lines_lead_to_contracts",
        after=MAP_BEGINS,
    ),
    Fault(
        "an ACL that the map does not mention",
        f"{SHOP}/catalog/infrastructure/rewards.py",
        '"""Rewards, as the catalog sees it."""',
        "map_lines_lead_to_contracts",
    ),
    Fault(
        "an event heard that no contract has",
        f"{SHOP}/orders/presentation/events.py",
        '"order.lost": self._paid, ',
        "map_is_what_is_heard",
        after="return {",
    ),
    Fault(
        "a contract's event heard that the map does not tell",
        f"{SHOP}/catalog/presentation/events.py",
        "\n        from shop.orders.contract import RefundDue\n        more = {RefundDue.TYPE: self._order_refunded}",
        "map_is_what_is_heard",
        after="def table(self) -> Reactions:",
    ),
    Fault(
        "an event told by the map that nobody hears",
        "pyproject.toml",
        "\n  # order.lost: searched for",
        "map_is_what_is_heard",
        after=MAP_BEGINS,
    ),
    Fault(
        "a contract known and not heard",
        "pyproject.toml",
        '\n  # for its types\n  "shop.rewards.presentation.events -> shop.catalog.contract",',
        "map_is_what_is_heard",
        after=MAP_BEGINS,
    ),
    Fault(
        "a second name for one fact",
        CONTRACT,
        'class OrderCreated(Event):\n    TYPE: ClassVar = "order.created"',
        "event_types_are_unique",
    ),
    Fault(
        "a Lambda loads a second context",
        f"{SHOP}/entrypoints/orders_lambda.py",
        "from shop.rewards.container import RewardsContainer",
        "lambdas_load_one_context",
    ),
    Fault(
        "markers for the injector",
        f"{SHOP}/orders/container.py",
        "from dependency_injector.wiring import Provide, inject",
        "no_markers_for_the_injector",
    ),
    Fault("a container that wires modules", f"{SHOP}/entrypoints/demo.py", "c.wire([])", "no_markers_for_the_injector"),
    Fault("an import in disguise", ACT, '__import__("shop.catalog.domain.stock")', "imports_are_written_out"),
    Fault("the whole house imported at once", API, "import shop", "imports_are_written_out"),
    Fault(
        "an import as a string for the injector",
        f"{SHOP}/orders/container.py",
        'providers.Factory("shop.catalog.domain.stock.Stock")',
        "imports_are_written_out",
    ),
    Fault("code in an __init__.py", f"{SHOP}/orders/__init__.py", "import shop.kernel", "inits_are_docstrings"),
    Fault("a package that does not say what it is", f"{SHOP}/orders/new/__init__.py", "", "inits_are_docstrings"),
    Fault(
        "types that Litestar cannot resolve", API, "from typing import TYPE_CHECKING", "presentation_imports_real_types"
    ),
    Fault(
        "a route that does not say who may call it", API, 'OPEN = get("/open")(print)', "every_route_says_who_may_call"
    ),
    Fault(
        "a route that does not say how it may answer",
        API,
        'OPEN = get("/open", before_request=anyone)(print)',
        "every_route_says_how_it_may_answer",
    ),
    Fault("a file of more than 300 lines", f"{SHOP}/kernel/ids.py", "\n" * 300, "files_are_short"),
    Fault("a room for anything", f"{SHOP}/orders/domain/helpers.py", '"""…"""', "rooms_have_names_of_their_own"),
    Fault("a class named for a pattern", ACT, "class OrderManager: ...", "classes_are_named_for_their_role"),
    Fault("tests of nothing in src", "tests/billing/test_bill.py", "", "folders_of_tests_mirror_src"),
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    copy = tmp_path_factory.mktemp("tree")
    shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    (copy / "tests").mkdir()
    return copy


@pytest.fixture(scope="module")
def rules():
    spec = importlib.util.spec_from_file_location("house_rules", Path(__file__).with_name("test_architecture.py"))
    module = sys.modules["house_rules"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def planted(fault: Fault, tree: Path) -> Iterator[None]:
    file = tree / fault.file
    was = file.read_text(encoding="utf-8") if file.exists() else None
    file.parent.mkdir(parents=True, exist_ok=True)
    before, mark, behind = (was or "").partition(fault.after) if fault.after else (f"{was or ''}\n", "", "")
    assert mark == fault.after, f"{fault.file} has no {fault.after!r}"
    file.write_text(f"{before}{mark}{fault.text}{behind}" if was is not None else fault.text, encoding="utf-8")
    try:
        yield
    finally:
        file.unlink() if was is None else file.write_text(was, encoding="utf-8")


def lint_imports(tree: Path) -> str:
    command = "from importlinter.cli import lint_imports_command as lint; lint()"
    environ = {**os.environ, "PYTHONPATH": str(tree / "src"), "COLUMNS": "200", "NO_COLOR": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", command, "--no-cache", "--no-logo"],
        cwd=tree,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode in {0, 1}, ran.stderr
    assert ("BROKEN" in ran.stdout or "No matches" in ran.stdout) == bool(ran.returncode), ran.stdout
    return ran.stdout


def faults_of(rules, name: str, tree: Path) -> set[str]:
    return set(getattr(rules, name)(rules.House(tree)))


def test_the_copy_is_as_good_as_the_tree(tree):
    assert ", 0 broken" in lint_imports(tree)


@pytest.mark.parametrize("fault", FOR_LINT_IMPORTS, ids=lambda fault: fault.what)
def test_lint_imports_catches(fault, tree):
    with planted(fault, tree):
        said = lint_imports(tree)

    assert re.search(rf"^{re.escape(fault.rule)}( BROKEN|.* -> )", said, re.MULTILINE), said


@pytest.mark.parametrize("fault", FOR_THE_ARCHITECTURE_TEST, ids=lambda fault: fault.what)
def test_the_architecture_test_catches(fault, tree, rules):
    clean = faults_of(rules, fault.rule, tree)
    with planted(fault, tree):
        found = faults_of(rules, fault.rule, tree)

    assert found - clean


def test_every_rule_has_caught_something(rules):
    section = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("[tool.importlinter]")[2]
    contracts = re.findall(r'^name = "(.*)"', section, re.MULTILINE)

    assert set(contracts) <= {fault.rule for fault in FOR_LINT_IMPORTS}
    assert {rule.__name__ for rule in rules.RULES} == {fault.rule for fault in FOR_THE_ARCHITECTURE_TEST}


def test_contributing_lists_these_faults():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| (.+?) +\| (.+?) +\|$", text.partition("| Fault planted")[2], re.MULTILINE)[1:]

    assert told == [
        *((fault.what, fault.rule) for fault in FOR_LINT_IMPORTS),
        *((fault.what, f"`{fault.rule}`") for fault in FOR_THE_ARCHITECTURE_TEST),
    ]
