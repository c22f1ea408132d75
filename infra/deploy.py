"""`python -m infra.deploy`: the shop into the account and region of the environment's credentials."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from pathlib import Path

import botocore.session  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

from infra.deployment import SERVICES, Deployment, DeploymentFailed
from infra.template import FILE, shared

_STACK = re.compile(r"[a-z][a-z0-9-]{0,30}")  # as SHOP_STACK: names of tables, queues and functions begin with it


def main(given: list[str]) -> int:
    """0: it is as the template and the zip say; 1: it is not, and stderr says why."""
    asked = _asked(given)
    session = botocore.session.get_session()
    try:
        clients = {service: session.create_client(service) for service in SERVICES}
        region = clients["s3"].meta.region_name
        outputs = Deployment(clients=clients, region=region).deploy(
            stack=asked.stack,
            template=FILE.read_text(encoding="utf-8") if asked.functions else shared(),
            code=asked.zip,
            parameters=asked.parameters,
        )
    except (DeploymentFailed, BotoCoreError, ClientError) as error:
        print(f"Not deployed: {error}", file=sys.stderr)
        return 1
    for name, value in outputs.items():
        print(f"{name}: {value}")
    return 0


def _asked(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.deploy", description=__doc__)
    parser.add_argument("--stack", type=_stack, required=True, help="up to 31 small letters, digits and hyphens")
    parser.add_argument("--zip", type=_file, required=True, help="what `make lambda` made")
    parser.add_argument(
        "--parameters",
        type=_pairs,
        default={},
        metavar="NAME=VALUE …",
        help="of the template, with blanks between; a value that has some stands in double quotes",
    )
    parser.add_argument(
        "--no-functions",
        dest="functions",
        action="store_false",
        help="the tables, the bus and the queues alone, for servers of one's own",
    )
    return parser.parse_args(given)


def _stack(text: str) -> str:
    if not _STACK.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text} is no name: give up to 31 small letters, digits and hyphens")
    return text


def _file(text: str) -> Path:
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"{text} is not there: `make lambda` makes it")
    return Path(text)


def _pairs(text: str) -> dict[str, str]:
    pairs = dict(word.partition("=")[::2] for word in shlex.split(text))
    if wrong := [word for word in shlex.split(text) if "=" not in word]:
        raise argparse.ArgumentTypeError(f"{wrong[0]}: give NAME=VALUE")
    return pairs


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
