from __future__ import annotations

import os
from pathlib import Path

import pytest

from shop.platform.whole_files import FileExists, making, put_in_place, refuse_taken


def test_a_file_takes_its_name_when_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"

    with making(file) as part:
        part.write_bytes(b"whole")
        assert not file.exists()
        put_in_place(part, file, force=False)

    assert file.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [file]


def test_what_fails_leaves_the_file_of_before(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"before")

    def fail() -> None:
        with making(file, beside=("-log",)) as part:
            part.write_bytes(b"half")
            part.with_name(f"{part.name}-log").write_bytes(b"")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert file.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_somebody_else_made_meanwhile_stays(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"

    with making(file) as part:
        part.write_bytes(b"mine")
        refuse_taken(file, force=False)
        file.write_bytes(b"theirs")
        with pytest.raises(FileExists, match="--force"):
            put_in_place(part, file, force=False)

    assert file.read_bytes() == b"theirs"


def test_by_force_it_is_replaced_at_once(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"before")

    with making(file) as part, file.open("rb") as reader:
        part.write_bytes(b"after")
        put_in_place(part, file, force=True)
        assert reader.read() == b"before"

    assert file.read_bytes() == b"after"


@pytest.mark.parametrize("place", [os.curdir, os.devnull])
def test_what_is_no_file_is_never_replaced(place: str) -> None:
    with pytest.raises(FileExists, match="name another file"):
        refuse_taken(Path(place), force=True)
