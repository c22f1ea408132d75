from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bundle.targets import AWS, LOCAL, Target


def test_this_python_compiles_for_itself():
    assert LOCAL.interpreter() == sys.executable


def test_nothing_compiles_for_a_python_that_is_not_here(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYENV_ROOT", "/nowhere")

    assert Target(name="x", python="3.999").interpreter() is None


def test_a_command_that_is_another_python_does_not_compile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """As a shim does whose version is not chosen, or a name that leads elsewhere."""
    (tmp_path / "python3.999").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert Target(name="x", python="3.999").interpreter() is None


def test_a_python_that_pyenv_keeps_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    python = tmp_path / "versions" / f"{AWS.python}.7" / "bin" / f"python{AWS.python}"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\necho {AWS.python}\n")
    python.chmod(0o755)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", "")

    assert Target(name="x", python=AWS.python).interpreter() in {str(python), sys.executable}


def test_each_target_has_a_zip_of_its_own():
    assert {AWS.file_name, LOCAL.file_name} == {"lambda-arm64-3.13.zip", "lambda-local.zip"}
