"""A folder with what the zip shall hold: the locked packages for a target, the shop, their bytecode."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from bundle import left_out
from bundle.targets import Target

ROOT = Path(__file__).parent.parent

Progress = Callable[[int, int], None]  # so many of so many


class NotInstalled(Exception):
    """The packages cannot be had for the target."""


def fill(folder: Path, *, target: Target) -> None:
    """Packages and the shop, less what is left out; `NotInstalled` says what cannot be had."""
    _install(folder, target, left_out.of_the_zip())
    shutil.copytree(ROOT / "src" / "shop", folder / "shop")
    _describe(folder)
    prune(folder)


def fill_layer(folder: Path, *, target: Target) -> None:
    """What spans take, besides what the zip has: a layer, which Lambda unpacks where Python looks (`/opt/python`)."""
    _install(folder / "python", target, left_out.of_the_layer())
    prune(folder / "python")


def prune(folder: Path) -> None:
    """Take away what is left out, and folders that are then empty."""
    files = [path for path in folder.rglob("*") if not path.is_dir()]
    names = {path: PurePosixPath(path.relative_to(folder).as_posix()) for path in files}
    old = left_out.old_models(list(names.values()))
    for path, name in names.items():
        if name in old or not left_out.file_is_in(name):
            path.unlink()
    shorten(folder / "botocore" / "data" / "endpoints.json")
    for path in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        if not any(path.iterdir()):
            path.rmdir()


def shorten(endpoints: Path) -> None:
    """Of botocore's addresses, those of the services that are asked: all are 1.3 MB, read anew at each cold start."""
    if not endpoints.exists():
        return
    told = json.loads(endpoints.read_text(encoding="utf-8"))
    for partition in told["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in left_out.SERVICES if name in services}
    endpoints.unlink()  # it may be shared with others
    endpoints.write_text(json.dumps(told, separators=(",", ":")), encoding="utf-8")


def compile_all(folder: Path, *, interpreter: str, progress: Progress) -> None:
    """Bytecode that is taken as it is, without a look at its source; the same for the same input.

    One process, its hashes fixed: what it compiles first may be seen in what it compiles next.
    """
    modules = sum(1 for _ in folder.rglob("*.py"))
    command = [interpreter, "-m", "compileall", "--invalidation-mode", "unchecked-hash", "-s", str(folder), str(folder)]
    environ = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as process:
        done, told = 0, []
        for line in process.stdout or ():
            done += line.startswith("Compiling ")
            told.append(line)
            progress(min(done, modules), modules)
    if process.returncode:
        raise NotInstalled("not all of it compiles:\n" + "".join(told[-5:]))


def _install(folder: Path, target: Target, locked: Sequence[str]) -> None:
    folder.parent.mkdir(exist_ok=True)
    lock = folder.parent / "requirements.lock"
    lock.write_text("\n".join(locked) + "\n")
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--quiet",
        "--system-certs",
        "--target",
        str(folder),
        *target.wheels(),
    ]
    command += ["--link-mode", "copy", "--only-binary", ":all:", "--no-deps", "--require-hashes", "-r", str(lock)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    lock.unlink()
    if told.returncode:
        raise NotInstalled(told.stderr.strip())


def _describe(folder: Path) -> None:
    """`importlib.metadata.version("shop")` is asked by the OpenAPI document."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    told = folder / f"shop-{version}.dist-info"
    told.mkdir()
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: shop\nVersion: {version}\n")
