from __future__ import annotations

import os
import zipfile
from pathlib import Path

from bundle.packed import pack, sizes


def _filled(folder: Path) -> Path:
    for name, content in {
        "b/two.py": "2",
        "a.so": "1" * 1000,
        "b/__pycache__/two.pyc": "3",
        "x-1.dist-info/M": "4",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def _packed(folder: Path, to: Path) -> Path:
    pack(folder, to=to, progress=lambda *_: None)
    return to


def test_the_same_files_give_the_same_bytes_whenever_they_were_written(tmp_path: Path):
    first, second = _filled(tmp_path / "one"), _filled(tmp_path / "two")
    os.utime(second / "a.so", (1, 1))
    (second / "a.so").chmod(0o755)

    assert _packed(first, tmp_path / "1.zip").read_bytes() == _packed(second, tmp_path / "2.zip").read_bytes()


def test_another_content_gives_other_bytes(tmp_path: Path):
    first, second = _filled(tmp_path / "one"), _filled(tmp_path / "two")
    (second / "b" / "two.py").write_text("3")

    assert _packed(first, tmp_path / "1.zip").read_bytes() != _packed(second, tmp_path / "2.zip").read_bytes()


def test_files_are_sorted_and_everyone_may_read_them(tmp_path: Path):
    with zipfile.ZipFile(_packed(_filled(tmp_path / "one"), tmp_path / "to" / "1.zip")) as packed:
        told = packed.infolist()

    names = [one.filename for one in told]
    assert names == sorted(names)
    assert {one.external_attr >> 16 for one in told} == {0o100644}
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["1.zip"]


def test_sizes_are_told_by_package(tmp_path: Path):
    found = sizes(_packed(_filled(tmp_path / "one"), tmp_path / "1.zip"))

    assert {name: row["unpacked"] for name, row in found.items()} == {"a.so": 1000, "b": 2, "(descriptions)": 1}
    assert (found["a.so"]["native"], found["b"]["bytecode"]) == (1000, 1)
    assert found["a.so"]["zipped"] < 100
