"""What import contracts cannot say: white lists, names, sizes, guards, and that the context map tells the truth.

Each rule reads a source tree (never imports it) and yields its faults, so that test_planted_faults.py can show each of
them a tree that breaks it. The last tests look at the shop as it is wired.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pytest

from contracts.context_map import lines_of

ROOT = Path(__file__).parents[1]
CONTEXTS = tuple(sorted(path.parent.name for path in ROOT.glob("src/shop/*/contract.py")))

# fmt: off
PURE = frozenset({
    "__future__", "bisect", "collections", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools",
    "heapq", "itertools", "json", "math", "operator", "re", "string", "types", "typing", "unicodedata",
})
# fmt: on
KERNEL_VALUES = {"shop.kernel.errors", "shop.kernel.money"}
MOST_LINES = 300
LONGER: Mapping[str, str] = {}  # a file of the house, and why it is better whole
NO_ROOM = {"common", "core", "shared", "util", "utils", "helper", "helpers", "misc"}
NO_NAME = re.compile(r"(Manager|Helpers?|Impl|Utils?|Base)$|^Base[A-Z]|^I[A-Z][a-z]")
NAMED_SO = {"DiscountAboveBase"}  # the base price is the catalog's own word
BESIDE_SRC = {
    "browser",
    "bundle",
    "contracts",
    "deployed",
    "infra",
    "journeys",
}  # folders of tests that mirror nothing here
VERBS = {"get", "post", "put", "patch", "delete", "head", "route"}


@dataclass(frozen=True)
class Module:
    """A file of the house: `name` is `shop.orders.contract`, `place` `orders/contract.py`."""

    name: str
    place: str
    tree: ast.Module
    lines: int

    @property
    def context(self) -> str:
        return self.name.split(".")[1] if self.name.count(".") else ""

    @property
    def room(self) -> str:
        """`domain` of `shop.orders.domain.order`; nothing outside the contexts."""
        parts = self.name.split(".")
        return parts[2] if len(parts) > 2 and parts[1] in CONTEXTS else ""

    @cached_property
    def imports(self) -> Sequence[tuple[int, str]]:
        """Line and full name of all that is imported, wherever it stands: `shop.kernel.money.Money`."""
        found: list[tuple[int, str]] = []
        package = self.name.split(".") if self.place.endswith("__init__.py") else self.name.split(".")[:-1]
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found += [(node.lineno, alias.name) for alias in node.names]
            if isinstance(node, ast.ImportFrom):
                above = package[: len(package) - node.level + 1] if node.level else []
                source = ".".join([*above, *filter(None, [node.module])])
                found += [(node.lineno, f"{source}.{alias.name}") for alias in node.names]
        return found


@cache
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


@dataclass(frozen=True)
class House:
    """A source tree with its pyproject.toml and tests."""

    root: Path

    @cached_property
    def modules(self) -> Sequence[Module]:
        src = self.root / "src"
        return [
            Module(
                name=".".join(path.relative_to(src).with_suffix("").parts).removesuffix(".__init__"),
                place=path.relative_to(src / "shop").as_posix(),
                tree=_parsed(text := path.read_text(encoding="utf-8")),
                lines=text.count("\n"),
            )
            for path in sorted((src / "shop").rglob("*.py"))
        ]

    def rooms(self, *names: str) -> Iterator[Module]:
        return (module for module in self.modules if module.room in names)

    def named(self, name: str) -> Module | None:
        return next((module for module in self.modules if module.name == name), None)

    @cached_property
    def event_types(self) -> Mapping[str, str]:
        """`{shop.orders.contract.OrderCreated: order.created}`."""
        return {
            f"{module.name}.{node.name}": ast.literal_eval(line.value)
            for module in self.rooms("contract")
            for node in module.tree.body
            if isinstance(node, ast.ClassDef)
            for line in node.body
            if isinstance(line, ast.AnnAssign) and ast.unparse(line.target) == "TYPE" and line.value
        }

    def heard(self, context: str) -> Iterator[tuple[str, str]]:
        """What the reactions' table of a context says: (contract, event type), or ("", what stands there instead)."""
        module = self.named(f"shop.{context}.presentation.events")
        for node in ast.walk(module.tree) if module else ():
            if isinstance(node, ast.FunctionDef) and node.name == "table":
                full = {name.rpartition(".")[2]: name for _, name in module.imports if ".contract." in name}
                for key in [key for one in ast.walk(node) if isinstance(one, ast.Dict) for key in one.keys]:
                    told = ast.unparse(key) if key else "**"
                    name = full.get(told.removesuffix(".TYPE"), "")
                    yield name.rpartition(".")[0], self.event_types.get(name, told)

    @cached_property
    def map(self) -> Mapping[str, str]:
        """The context map: `{importer -> imported: the comment above it}`."""
        return lines_of((self.root / "pyproject.toml").read_text(encoding="utf-8"))


Faults = Iterator[str]
Rule = Callable[[House], Faults]


def _white_list(module: Module, allowed: set[str] | frozenset[str]) -> Faults:
    for line, name in module.imports:
        if not any(f"{name}.".startswith(f"{one}.") for one in allowed):
            yield f"{module.place}:{line}: {name}"


def domain_white_list(house: House) -> Faults:
    for module in house.rooms("domain"):
        yield from _white_list(module, PURE | KERNEL_VALUES | {f"shop.{module.context}.domain"})


def contract_white_list(house: House) -> Faults:
    for module in house.rooms("contract"):
        yield from _white_list(module, PURE | {"msgspec", "shop.kernel", "urllib.parse"})


def application_white_list(house: House) -> Faults:
    for module in house.rooms("application"):
        own = {f"shop.{module.context}.{room}" for room in ("application", "contract", "domain")}
        yield from _white_list(module, PURE | own | {"msgspec", "shop.kernel", "structlog"})


def time_is_injected(house: House) -> Faults:
    for module in house.rooms("application", "contract", "domain", "infrastructure", "presentation"):
        for line, name in module.imports:
            if name == "shop.kernel.clock.system_clock" or name.split(".")[0] in {"random", "secrets", "time", "uuid"}:
                yield f"{module.place}:{line}: {name}"
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and re.search(
                r"\b(datetime\.(utc)?now|date\.today)$", ast.unparse(node.func)
            ):
                yield f"{module.place}:{node.lineno}: {ast.unparse(node)}"


def map_lines_lead_to_contracts(house: House) -> Faults:
    for line, comment in house.map.items():
        found = re.fullmatch(
            r"shop\.(\w+)\.(?:presentation\.events|infrastructure\.(\w+)) -> shop\.(\w+)\.contract", line
        )
        if not found or found[1] == found[3] or found[2] not in {None, found[3]}:
            yield f"{line}: only presentation.events, or infrastructure.<other>, may import <other>.contract"
        if not comment:
            yield f"{line}: says nothing about the relation"
    text = (house.root / "pyproject.toml").read_text(encoding="utf-8")
    for module in house.rooms("infrastructure"):
        if module.name.rpartition(".")[2] in CONTEXTS and module.name not in text:
            yield f"{module.place}: faces another context, and the context map does not mention it"


def map_is_what_is_heard(house: House) -> Faults:
    for context in CONTEXTS:
        heard: dict[str, set[str]] = {}
        for contract, kind in house.heard(context):
            if not contract:
                yield f"{context}/presentation/events.py: {kind} is no <Event>.TYPE of a contract"
            elif contract != f"shop.{context}.contract":
                heard.setdefault(f"shop.{context}.presentation.events -> {contract}", set()).add(kind)
        told = {
            line: set(re.findall(r"\b[a-z]+(?:\.[a-z]+)+\b", comment))
            for line, comment in house.map.items()
            if line.startswith(f"shop.{context}.presentation.events ")
        }
        for line in sorted(heard.keys() | told.keys()):
            if line not in heard:
                yield f"{line}: nothing is heard over it"
            if difference := heard.get(line, set()) ^ told.get(line, set()):
                yield f"{line}: map and table differ in {', '.join(sorted(difference))}"


def event_types_are_unique(house: House) -> Faults:
    kinds = list(house.event_types.values())
    yield from (f"{name}: {kind}" for name, kind in house.event_types.items() if kinds.count(kind) > 1)


def lambdas_load_one_context(house: House) -> Faults:
    for module in house.modules:
        if own := re.fullmatch(r"entrypoints/(\w+)_lambda\.py", module.place):
            others = "|".join(context for context in CONTEXTS if context != own[1])
            for name in sorted(_loaded(house, module)):
                if re.match(rf"shop\.({others})\.(?!contract$)", name) or name == "shop.entrypoints.monolith":
                    yield f"{module.place}: loads {name}"


def _loaded(house: House, module: Module) -> set[str]:
    """Names of the house's modules that importing this one imports."""
    names = {module.name for module in house.modules}
    loaded, waiting = set(), [module.name]
    while waiting:
        if (name := waiting.pop()) in names and name not in loaded:
            loaded.add(name)
            found = house.named(name)
            for _, imported in found.imports if found else ():
                waiting += [imported, imported.rpartition(".")[0]]
    return loaded


def no_markers_for_the_injector(house: House) -> Faults:
    allowed = {"dependency_injector.containers", "dependency_injector.providers"}
    for module in house.modules:
        for line, name in module.imports:
            if name.split(".")[0] == "dependency_injector" and name not in allowed:
                yield f"{module.place}:{line}: {name}"
        for node in ast.walk(module.tree):
            wires = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "wire"
            if wires or (isinstance(node, ast.Name) and node.id == "wiring_config"):
                yield f"{module.place}:{node.lineno}: {ast.unparse(node)}"


def imports_are_written_out(house: House) -> Faults:
    """Nothing is imported that lint-imports would not see; the injector, for one, takes names as strings too."""
    deep = {module.name for module in house.modules if module.name.count(".") > 1}
    for module in house.modules:
        for line, name in module.imports:
            if name in {"importlib.import_module", "importlib", "runpy", "shop"}:
                yield f"{module.place}:{line}: {name}"
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Name) and node.id == "__import__":
                yield f"{module.place}:{node.lineno}: {node.id}"
            text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
            if {text, text.rpartition(".")[0]} & deep:
                yield f"{module.place}:{node.lineno}: {text!r}"


def inits_are_docstrings(house: House) -> Faults:
    for module in house.modules:
        if module.place.endswith("__init__.py") and (len(module.tree.body) != 1 or not ast.get_docstring(module.tree)):
            yield f"{module.place}: must be one docstring and nothing else"


def presentation_imports_real_types(house: House) -> Faults:
    for module in house.rooms("presentation"):
        yield from (f"{module.place}:{line}: {name}" for line, name in module.imports if name == "typing.TYPE_CHECKING")


def _routes(house: House) -> Iterator[tuple[Module, ast.Call]]:
    for module in house.rooms("presentation"):
        verbs = {name.rpartition(".")[2] for _, name in module.imports if name.startswith("litestar.")} & VERBS
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in verbs:
                yield module, node


def every_route_says_who_may_call(house: House) -> Faults:
    for module, node in _routes(house):
        if "before_request" not in {word.arg for word in node.keywords}:
            yield f"{module.place}:{node.lineno}: {ast.unparse(node)}"


def every_route_says_how_it_may_answer(house: House) -> Faults:
    for module, node in _routes(house):
        if "opt" not in {word.arg for word in node.keywords}:
            yield f"{module.place}:{node.lineno}: {ast.unparse(node)}"


def files_are_short(house: House) -> Faults:
    for module in house.modules:
        if module.lines > MOST_LINES and module.place not in LONGER:
            yield f"{module.place}: {module.lines} lines; split it, or say in LONGER why it is better whole"
    short = {module.place for module in house.modules if module.lines <= MOST_LINES}
    there = {module.place for module in house.modules}
    yield from (f"{place}: is not longer than others; take it off LONGER" for place in LONGER if place in short)
    yield from (f"{place}: is on LONGER and not there" for place in LONGER if place not in there)


def rooms_have_names_of_their_own(house: House) -> Faults:
    for module in house.modules:
        if NO_ROOM & set(module.name.split(".")):
            yield f"{module.place}: a name that can hold anything will"


def classes_are_named_for_their_role(house: House) -> Faults:
    for module in house.modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef) and NO_NAME.search(node.name) and node.name not in NAMED_SO:
                yield f"{module.place}:{node.lineno}: {node.name}"


def folders_of_tests_mirror_src(house: House) -> Faults:
    tests, shop = house.root / "tests", house.root / "src" / "shop"
    for folder in sorted({path.parent.relative_to(tests) for path in tests.rglob("test_*.py")}):
        if folder.parts and folder.parts[0] not in BESIDE_SRC and not (shop / folder).is_dir():
            yield f"tests/{folder.as_posix()}: there is no src/shop/{folder.as_posix()}"


RULES: Sequence[Rule] = (
    domain_white_list,
    contract_white_list,
    application_white_list,
    time_is_injected,
    map_lines_lead_to_contracts,
    map_is_what_is_heard,
    event_types_are_unique,
    lambdas_load_one_context,
    no_markers_for_the_injector,
    imports_are_written_out,
    inits_are_docstrings,
    presentation_imports_real_types,
    every_route_says_who_may_call,
    every_route_says_how_it_may_answer,
    files_are_short,
    rooms_have_names_of_their_own,
    classes_are_named_for_their_role,
    folders_of_tests_mirror_src,
)


@pytest.fixture(scope="module")
def house() -> House:
    return House(ROOT)


@pytest.fixture
def wired(tmp_path) -> Any:
    from shop.entrypoints.monolith import Monolith  # noqa: PLC0415 - the rules need no shop that can be imported
    from shop.platform.settings import read_settings  # noqa: PLC0415

    return Monolith(settings=read_settings({"SHOP_DATA": str(tmp_path)}))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps(rule, house):
    assert list(rule(house)) == []


def test_every_route_of_the_wired_shop_names_its_access_once(wired):
    from shop.platform.web import Access, anyone  # noqa: PLC0415

    routes = [route for context in CONTEXTS for route in getattr(wired, context)().api().routes()]

    assert routes
    for route in routes:
        access = route.before_request
        assert isinstance(access, Access), route.paths
        assert access.roles or access is anyone or type(access) is not Access, (
            f"{route.paths}: callers() without a role lets anyone in"
        )


def test_the_reactions_of_the_wired_shop_are_those_the_map_was_compared_with(wired, house):
    for context in CONTEXTS:
        table = getattr(wired, context)().reactions().table()

        assert table.keys() == {kind for _, kind in house.heard(context)}


def test_the_contracts_cover_every_context():
    options = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    contract = {one["id"]: one for one in options}

    assert set(contract["context-map"]["layers"][1].split(" | ")) == set(CONTEXTS)
    assert set(contract["rooms"]["containers"]) == {f"shop.{context}" for context in CONTEXTS}


def test_contributing_names_every_command_and_every_package():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    packages = {path.parent.name for path in ROOT.glob("src/shop/*/__init__.py")}

    assert re.findall(r"^make ([\w-]+)", text, re.MULTILINE) == re.findall(r"^([\w-]+):.*## ", makefile, re.MULTILINE)
    assert set(re.findall(r"^  (\w+)/", text, re.MULTILINE)) == packages
