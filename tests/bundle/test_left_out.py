from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import pytest

from bundle import left_out

LOCK = (Path(__file__).parents[2] / "requirements.lock").read_text()


def test_every_package_that_is_left_out_is_one_that_is_locked():
    locked = {name.lower() for name in re.findall(r"^([\w.-]+)==", LOCK, re.MULTILINE)}

    assert left_out.PACKAGES.keys() <= locked


@pytest.mark.parametrize(
    ("line", "is_in"),
    [
        ("litestar==2.25.0 \\", True),
        ("rich==15.0.0 \\", False),
        ("rich-click==1.9.9 \\", False),
        ("uvloop==0.23.0 ; sys_platform != 'win32' \\", False),
        ("PyYAML==6.0.3 \\", True),
    ],
)
def test_packages_are_taken_by_their_name(line: str, *, is_in: bool):
    assert left_out.package_is_in(line) is is_in


@pytest.mark.parametrize(
    "name",
    [
        "shop/orders/contract.py",
        "shop/platform/docs_page.css",
        "botocore/data/endpoints.json",
        "botocore/data/partitions.json",
        "botocore/data/dynamodb/2012-08-10/service-2.json.gz",
        "botocore/docs/service.py",
        "botocore/cacert.pem",
        "litestar-2.25.0.dist-info/METADATA",
        "litestar-2.25.0.dist-info/licenses/LICENSE.md",
        "msgspec/_core.cpython-313-aarch64-linux-gnu.so",
        "yaml/__init__.py",
        "redis/commands/core.py",
    ],
)
def test_what_is_used_is_in(name: str):
    assert left_out.file_is_in(PurePosixPath(name))


@pytest.mark.parametrize(
    "name",
    [
        "shop/entrypoints/demo_catalogue.csv",
        "shop/__pycache__/x.cpython-311.pyc",
        "botocore/data/s3/2006-03-01/service-2.json.gz",
        "botocore/data/dynamodbstreams/2012-08-10/service-2.json.gz",
        "botocore/data/sqs/2012-11-05/examples-1.json",
        "litestar/cli/main.py",
        "litestar-2.25.0.dist-info/RECORD",
        "litestar-2.25.0.dist-info/direct_url.json",
        "bin/httpx",
        "msgspec/_core.pyi",
        "multidict/tests/test_a.py",
        "yaml/_yaml.cpython-313-aarch64-linux-gnu.so",
    ],
)
def test_what_is_not_used_is_out(name: str):
    assert not left_out.file_is_in(PurePosixPath(name))


def test_of_a_service_the_newest_model_is_kept():
    old, new, other = (
        PurePosixPath(f"botocore/data/{name}/service-2.json.gz")
        for name in ("dynamodb/2011-12-05", "dynamodb/2012-08-10", "sqs/2012-11-05")
    )

    assert left_out.old_models([old, new, other]) == {old}
