"""The context map as `pyproject.toml` tells it: comments above the lines that let one context hear another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping


def lines_of(pyproject: str) -> Mapping[str, str]:
    """The map as it stands: `{importer -> imported: the comment above it}`."""
    section = pyproject.partition('id = "context-map"')[2].partition("ignore_imports = [")[2].partition("\n]")[0]
    found, comment = {}, []
    for line in filter(None, map(str.strip, section.splitlines())):
        if line.startswith("#"):
            comment.append(line)
        else:
            found[line.partition('",')[0].strip('"')] = " ".join(comment)
            comment = []
    return found


def reasons(pyproject: str) -> dict[tuple[str, str], str]:
    """`{(event type, hearer): why}`."""
    lines = lines_of(pyproject).items()
    return {(kind, line.split(".")[1]): why for line, comment in lines for kind, why in _told(comment)}


def _told(comment: str) -> Iterator[tuple[str, str]]:
    """`# order.created: reserve · a.b, c.d: forget` → each event with its reason."""
    for clause in re.split(r"[·#]", comment):
        kinds, _, why = clause.partition(":")
        yield from ((kind.strip(), why.strip()) for kind in kinds.split(",") if kind.strip())
