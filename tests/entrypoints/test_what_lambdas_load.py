"""Each function begun from the source tree, in an interpreter of its own: what it has loaded when it takes events."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bundle.functions import Function, functions

ROOT = Path(__file__).parents[2]
CONTEXTS = {"catalog", "orders", "rewards"}
FUNCTIONS = functions()
SILENT = [one for one in FUNCTIONS if one.role in {"consumer", "relay", "jobs"}]
# redis-py looks into OpenTelemetry's metrics where that is installed; the zip has none of it.
TRACES = {"google", "opentelemetry.exporter", "opentelemetry.sdk.trace", "requests", "shop.platform.tracing"}
SERVERS = {"boto3", "httptools", "prometheus_client", "rich_click", "uvicorn", "uvloop"}


@pytest.fixture(scope="session")
def loaded() -> dict[str, set[str]]:
    return {}


def _loaded(one: Function, known: dict[str, set[str]]) -> set[str]:
    if one.name not in known:
        code = f"import sys, {one.module}; print(*sys.modules)"
        told = subprocess.run(
            [sys.executable, "-I", "-c", code], capture_output=True, text=True, env=one.environ, cwd=ROOT, check=False
        )
        assert told.returncode == 0, told.stderr[-2000:]
        known[one.name] = set(told.stdout.splitlines()[-1].split())
    return known[one.name]


@pytest.mark.parametrize("one", FUNCTIONS, ids=lambda one: one.name)
def test_a_function_loads_nothing_of_another_context_but_its_contract(one: Function, loaded: dict[str, set[str]]):
    others = {f"shop.{context}" for context in CONTEXTS - {one.context}}

    found = {name for name in _loaded(one, loaded) if ".".join(name.split(".")[:2]) in others}

    assert found <= {name for other in others for name in (other, f"{other}.contract")}


@pytest.mark.parametrize("one", SILENT, ids=lambda one: one.name)
def test_a_function_that_answers_no_requests_loads_neither_the_web_nor_what_it_may_never_need(
    one: Function, loaded: dict[str, set[str]]
):
    found = {name.split(".")[0] for name in _loaded(one, loaded)}

    assert not found & {"litestar", "httpx", "aiobotocore", "aiohttp", "redis"}


@pytest.mark.parametrize("one", FUNCTIONS, ids=lambda one: one.name)
def test_a_function_loads_nothing_of_a_server_and_its_terminal(one: Function, loaded: dict[str, set[str]]):
    found = {name.split(".")[0] for name in _loaded(one, loaded)}

    assert not found & SERVERS


@pytest.mark.parametrize("one", FUNCTIONS, ids=lambda one: one.name)
def test_a_function_whose_spans_nobody_wants_loads_nothing_of_them(one: Function, loaded: dict[str, set[str]]):
    assert not _loaded(one, loaded) & TRACES


def test_every_context_has_a_function_for_each_of_its_roles():
    assert {(one.context, one.role) for one in FUNCTIONS} == {
        *((context, role) for context in CONTEXTS for role in ("api", "consumer", "relay", "jobs")),
        ("feed", ""),
    }
