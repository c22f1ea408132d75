"""What is not in the zip, and why. `tests/bundle` starts every function without it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

_ROOT = Path(__file__).parent.parent

PACKAGES: Mapping[str, str] = {
    "click": "the command line; httpx loads it if it is there, for a command of its own",
    "faker": "made-up examples in Litestar's OpenAPI document; ours is made in platform/openapi.py",
    "flit-core": "installs the source tree",
    "httptools": "parses HTTP for a server; a Lambda is handed its requests parsed",
    "litestar-htmx": "a plugin of Litestar's that is loaded when it is asked for",
    "markdown-it-py": "rich's",
    "mdurl": "markdown-it-py's",
    "polyfactory": "as faker",
    "prometheus-client": "figures for who scrapes a server; a function tells them in its log",
    "pycparser": "compiles for cffi; what is compiled already does not need it",
    "pygments": "rich's, and the command's of httpx",
    "rich": "the command line; httpx and structlog do without",
    "rich-click": "the command line",
    "uvicorn": "an HTTP server",
    "uvloop": "a loop for many connections; a Lambda has one request at a time",
}

SERVICES = ("dynamodb", "events", "lambda", "sqs")  # of AWS, that the shop asks

FILES: Mapping[str, str] = {
    r"(?!.*\.dist-info/).*\.(pyi|pyx|pxd|c|cpp|h|rst|md)": "for those who compile or check types",
    r".*/py\.typed": "as above",
    r"(.*/)?__pycache__/.*": "made anew for the target",
    r"(.*/)?tests?/.*": "tests of libraries",
    r"[^/]*\.dist-info/(?!METADATA$|licenses/|LICEN[CS]E|NOTICE|COPYING).*": "written for installers; METADATA is read",
    r"\.lock": "the installer's",
    r"(bin|include|share|etc)/.*": "commands, and what compilers read",
    r"multidict/_testcapi\..*": "tests of a library",
    r"aiohttp/_websocket/.*\.so": "quick web sockets, beside the plain ones",
    r"cffi/.*": "compiles; what is compiled needs _cffi_backend only",
    r"dateutil/zoneinfo/.*\.gz": "time zones; AWS's times are UTC",
    r"(_yaml/.*|yaml/_yaml\..*)": "quick YAML, beside the plain one; Litestar imports it, and no YAML is written",
    r"litestar/(cli|testing)/.*": "a command line and clients for tests, which need packages that are left out",
    r"shop/entrypoints/demo_catalogue\.csv": "the demo of `shop serve`",
    r"shop/platform/console/assets/.*": "the console of `shop serve`",
    rf"botocore/data/(?!({'|'.join(SERVICES)})/)[^/]+/.*": "services that nothing of ours asks",
    r"botocore/data/.*/(examples-1\.json|waiters-2\.json|paginators-1.*)": "not used: calls are made one by one",
}

_FILES = re.compile("|".join(f"(?:{pattern})" for pattern in FILES))
_OLD_MODEL = re.compile(r"botocore/data/(?P<service>[^/]+)/(?P<date>\d{4}-\d\d-\d\d)/.*")


def of_the_zip() -> list[str]:
    """Lines of the lock file for the packages that are in: a name, then its hashes, indented."""
    return _lines("requirements.lock", package_is_in)


def of_the_layer() -> list[str]:
    """Likewise, for those that spans take and the shop by itself does not."""
    there = {_name(line) for line in _lines("requirements.lock", lambda _: True) if not line.startswith(" ")}
    return _lines("requirements-otel.lock", lambda line: _name(line) not in there)


def _lines(lock: str, wanted: Callable[[str], bool]) -> list[str]:
    lines, taken = [], False
    for line in (_ROOT / lock).read_text().splitlines():
        if not line.startswith(" "):
            taken = wanted(line)
        if taken:
            lines.append(line)
    return lines


def package_is_in(requirement: str) -> bool:
    """Whether this line of a lock file, `name==1.2 ; …`, is for the zip."""
    return _name(requirement) not in PACKAGES


def _name(requirement: str) -> str:
    return re.split(r"[=\s;\[]", requirement, maxsplit=1)[0].lower()


def file_is_in(name: PurePosixPath) -> bool:
    """Whether a file of an installed package is for the zip."""
    return not _FILES.fullmatch(str(name))


def old_models(names: list[PurePosixPath]) -> set[PurePosixPath]:
    """Of botocore's models, those of versions of an API that a later one replaces."""
    models = [(name, found) for name in names if (found := _OLD_MODEL.fullmatch(str(name)))]
    newest: dict[str, str] = {}
    for _, found in models:
        newest[found["service"]] = max(newest.get(found["service"], ""), found["date"])
    return {name for name, found in models if found["date"] != newest[found["service"]]}
