"""The zip as `make lambda` makes it, for this Python. It is made of packages that may have to be fetched."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest
from rich.console import Console

from bundle import left_out
from bundle.__main__ import MOST, build
from bundle.functions import Function, functions
from bundle.runtime import NotBegun, Runtime, bare_interpreter
from bundle.targets import AWS, LOCAL

pytestmark = pytest.mark.aws

Begun = Callable[..., Runtime]
FUNCTIONS = functions()


def test_it_is_small_enough(local_zip: Path):
    assert local_zip.stat().st_size <= MOST


def test_made_again_it_is_the_same(local_zip: Path, tmp_path: Path):
    again = tmp_path / "again.zip"

    build(LOCAL, to=again, console=Console(quiet=True))

    assert again.read_bytes() == local_zip.read_bytes()


def test_it_holds_the_shop_whole_and_nothing_that_is_left_out(local_zip: Path):
    with zipfile.ZipFile(local_zip) as packed:
        names = {name for name in packed.namelist() if not name.endswith(".pyc")}
    source = Path(__file__).parents[2] / "src"
    ours = {str(path.relative_to(source)) for path in source.rglob("*.py")}

    assert ours <= names
    assert not [name for name in names if not left_out.file_is_in(PurePosixPath(name))]
    assert not [name for name in names if name.split("/")[0] in {"uvicorn", "rich", "click", "pip", "uv", "pytest"}]


def test_every_module_has_bytecode_that_is_taken_without_a_look_at_its_source(local_zip: Path):
    with zipfile.ZipFile(local_zip) as packed:
        names = set(packed.namelist())
        modules = [name for name in names if name.endswith(".py")]
        code = {name: Path(importlib.util.cache_from_source(name)).as_posix() for name in modules}
        flags = {int.from_bytes(packed.read(cached)[4:8], "little") for cached in code.values()}

    assert set(code.values()) == {name for name in names if name.endswith(".pyc")}
    assert flags == {0b01}  # PEP 552: by hash, not checked


def test_no_file_tells_where_it_was_made(local_zip: Path):
    here = str(Path(__file__).parents[2]).encode()
    with zipfile.ZipFile(local_zip) as packed:
        telling = [
            name for name in packed.namelist() if here in packed.read(name) or b"shop-bundle-" in packed.read(name)
        ]

    assert not telling


def test_of_aws_it_knows_the_services_that_are_asked(task: Path):
    data = task / "botocore" / "data"
    code = (
        f"import sys; sys.path[:0] = [{str(task)!r}]; import botocore.session; "
        "made = botocore.session.get_session(); "
        "print(*(made.create_client(one, region_name='eu-west-1').meta.endpoint_url for one in sys.argv[1:]))"
    )

    told = subprocess.run(
        [bare_interpreter(), "-I", "-S", "-c", code, *left_out.SERVICES], capture_output=True, text=True, check=True
    )

    assert {path.name for path in data.iterdir() if path.is_dir()} == set(left_out.SERVICES)
    assert told.stdout.split() == [f"https://{one}.eu-west-1.amazonaws.com" for one in left_out.SERVICES]
    partitions = json.loads((data / "endpoints.json").read_text())["partitions"]
    assert {name for one in partitions for name in one["services"]} == set(left_out.SERVICES)


@pytest.mark.skipif(sys.platform != "linux", reason="AWS's client of the Runtime API is built for Linux")
@pytest.mark.parametrize("one", FUNCTIONS, ids=lambda one: one.name)
def test_each_function_begins_from_the_zip_alone(one: Function, task: Path, lambda_runtime: Begun):
    runtime = lambda_runtime(one.handler, task=task, environ=one.environ)

    runtime.ready()


@pytest.mark.skipif(sys.platform != "linux", reason="AWS's client of the Runtime API is built for Linux")
@pytest.mark.parametrize("package", ["structlog", "aiohttp", "_cffi_backend", "litestar"])
def test_a_package_that_the_zip_lacks_is_seen_when_a_function_begins(
    package: str, task: Path, tmp_path: Path, lambda_runtime: Begun
):
    wanting = tmp_path / "wanting"
    wanting.mkdir()
    for path in task.iterdir():
        if path.name.partition(".")[0] != package:
            (wanting / path.name).symlink_to(path)
    one = next(one for one in FUNCTIONS if one.name == "catalog-api")
    runtime = lambda_runtime(one.handler, task=wanting, environ=one.environ)

    with pytest.raises(NotBegun, match=package):
        runtime.ready()


def test_it_is_made_for_what_the_template_asks():
    asked = {(one.runtime, one.architecture) for one in FUNCTIONS}

    assert asked == {(f"python{AWS.python}", AWS.name.split("-")[0])}
