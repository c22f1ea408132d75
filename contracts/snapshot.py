"""The published schemas as files beside this one, and what may not be written over them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from contracts.asyncapi import asyncapi
from contracts.breaks import breaks
from contracts.published import Published, urn

FOLDER = Path(__file__).parent

Files = Mapping[str, Mapping[str, Any]]  # `orders/order.completed.1.json` -> the document


def files_of(published: Sequence[Published]) -> dict[str, Mapping[str, Any]]:
    """What there is to be written: a schema per event and view, and the AsyncAPI document."""
    schemas = {_file(one, one.version): one.schema() for one in published}
    return {"asyncapi.json": asyncapi([one for one in published if one.event]), **schemas}


def kept(folder: Path = FOLDER) -> dict[str, Mapping[str, Any]]:
    """The schemas as they were published, those of earlier versions too."""
    return {
        path.relative_to(folder).as_posix(): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*/*.json"))
    }


def refusals(published: Sequence[Published], kept: Files) -> list[str]:
    """Why these may not stand where those were published: each in one sentence that says the next step."""
    return [*_broken(published, kept), *_versions_left_out(published, kept), *_withdrawn(published, kept)]


def differing(files: Files, folder: Path = FOLDER) -> list[str]:
    """Files that are not there, or are otherwise."""
    return [name for name, document in files.items() if _read(folder / name) != text(document)]


def write(files: Files, folder: Path = FOLDER) -> list[str]:
    """Write those that differ; their names."""
    names = differing(files, folder)
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text(files[name]), encoding="utf-8")
    return names


def text(document: Mapping[str, Any]) -> str:
    """Sorted, a line per value: for people who read differences."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _broken(published: Sequence[Published], kept: Files) -> Iterator[str]:
    for one in published:
        before = kept.get(_file(one, one.version))
        for found in breaks(before, one.schema()) if before else ():
            yield f"{one.urn}: {found}; leave it as it was, or give {one.kind.__name__} VERSION = {one.version + 1}"


def _versions_left_out(published: Sequence[Published], kept: Files) -> Iterator[str]:
    for one in published:
        before = one.version - 1
        if before and not {_file(one, one.version), _file(one, before)} & kept.keys():
            yield f"{one.urn}: {urn(one.name, before)} was never published; versions go up one by one"


def _withdrawn(published: Sequence[Published], kept: Files) -> Iterator[str]:
    given = {_file(one, version) for one in published for version in range(1, one.version + 1)}
    for file in sorted(kept.keys() - given):
        yield (
            f"contracts/{file}: is published, and no contract gives it any more; bring it back, "
            "or delete the file once nobody reads it, and say so in CHANGELOG.md"
        )


def _file(one: Published, version: int) -> str:
    return f"{one.context}/{one.name}.{version}.json"


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
