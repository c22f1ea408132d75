from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from bundle import runtime
from bundle.runtime import Runtime

Begun = Callable[..., Runtime]


@pytest.fixture(scope="session")
def task(local_zip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip unpacked, as Lambda does it."""
    folder = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(local_zip) as packed:
        packed.extractall(folder)
    return folder


@pytest.fixture
def lambda_runtime(tmp_path: Path) -> Iterator[Begun]:
    """`lambda_runtime(handler, task=…, environ=…)`: an environment that takes events until the test ends."""
    with ExitStack() as stack:

        def begin(handler: str, *, task: Path, **more: object) -> Runtime:
            work = tmp_path / f"runtime-{len(list(tmp_path.glob('runtime-*')))}"
            begun: AbstractContextManager[Runtime] = runtime.begun(handler, task=task, work=work, **more)
            return stack.enter_context(begun)

        yield begin
