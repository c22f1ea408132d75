from __future__ import annotations

import sys
import textwrap
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bundle.packed import pack
from bundle.runtime import Ended, Failed, NotBegun, Runtime

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="AWS's client of the Runtime API is built for Linux")

Begun = Callable[..., Runtime]
HANDLER = """
    import asyncio, os, sys

    LOOP = asyncio.new_event_loop()

    async def act(event):
        if event == "raise":
            raise LookupError("no such thing")
        if event == "exit":
            os._exit(3)
        return {"got": event, "loop": id(asyncio.get_running_loop()), "pid": os.getpid()}

    def handler(event, context):
        return LOOP.run_until_complete(act(event))

    def surroundings(event, context):
        return {"path": sys.path, "environ": dict(os.environ), "here": os.getcwd(), "modules": sorted(sys.modules)}

    def context_of(event, context):
        return [context.function_name, context.aws_request_id, context.get_remaining_time_in_millis()]
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A zip of one module, packed and unpacked."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "tried.py").write_text(textwrap.dedent(HANDLER))
    (source / "wanting.py").write_text("import litestar\n\ndef handler(event, context): ...\n")
    (source / "broken.py").write_text("raise RuntimeError('SHOP_STACK is wrong')\n")
    pack(source, to=tmp_path / "small.zip", progress=lambda *_: None)
    with zipfile.ZipFile(tmp_path / "small.zip") as packed:
        packed.extractall(tmp_path / "task")
    return tmp_path / "task"


def test_an_event_is_answered(lambda_runtime: Begun, small: Path):
    runtime = lambda_runtime("tried.handler", task=small)

    answer = runtime({"some": ["event", 1, None]})

    assert answer["got"] == {"some": ["event", 1, None]}


def test_one_loop_of_one_process_answers_200_events(lambda_runtime: Begun, small: Path):
    runtime = lambda_runtime("tried.handler", task=small)

    answers = [runtime(number) for number in range(200)]

    assert [answer["got"] for answer in answers] == list(range(200))
    assert len({(answer["loop"], answer["pid"]) for answer in answers}) == 1


def test_a_module_that_the_zip_lacks_is_an_error_of_the_beginning(lambda_runtime: Begun, small: Path):
    runtime = lambda_runtime("wanting.handler", task=small)

    with pytest.raises(NotBegun, match="No module named 'litestar'") as refused:
        runtime({})

    assert refused.value.kind == "Runtime.ImportModuleError"


def test_what_a_module_raises_is_an_error_of_the_beginning(lambda_runtime: Begun, small: Path):
    runtime = lambda_runtime("broken.handler", task=small)

    with pytest.raises(NotBegun, match="SHOP_STACK is wrong"):
        runtime.ready()


def test_a_handler_that_is_not_there_is_an_error_of_the_beginning(lambda_runtime: Begun, small: Path):
    runtime = lambda_runtime("tried.nobody", task=small)

    with pytest.raises(NotBegun, match="nobody"):
        runtime.ready()


def test_what_a_handler_raises_is_a_failure_and_the_next_event_is_answered(lambda_runtime: Begun, small: Path):
    runtime = lambda_runtime("tried.handler", task=small)

    with pytest.raises(Failed, match="LookupError: no such thing"):
        runtime("raise")

    assert runtime("another")["got"] == "another"


def test_a_process_that_ends_says_so(lambda_runtime: Begun, small: Path):
    runtime = lambda_runtime("tried.handler", task=small)

    with pytest.raises(Ended, match="with 3"):
        runtime("exit")


def test_the_interpreter_sees_the_zip_and_nothing_else_of_ours(lambda_runtime: Begun, small: Path):
    runtime = lambda_runtime("tried.surroundings", task=small, environ={"SHOP_ROLE": "api"})

    seen = runtime({})

    assert seen["path"][0] == seen["here"] == str(small)
    assert not [path for path in seen["path"] if "site-packages" in path or ".venv" in path]
    assert not {"shop", "litestar", "site"} & set(seen["modules"])
    assert seen["environ"]["SHOP_ROLE"] == "api"
    assert not {"HOME", "PATH", "VIRTUAL_ENV", "PYTHONPATH"} & seen["environ"].keys()


def test_the_context_names_the_function_the_request_and_the_time_left(lambda_runtime: Begun, small: Path):
    runtime = lambda_runtime("tried.context_of", task=small)

    name, request, left = runtime({})

    assert (name, request) == ("tried", "request-1")
    assert 0 < left <= 60_000
