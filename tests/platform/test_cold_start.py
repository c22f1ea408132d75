from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from shop.platform.cold_start import uncollected


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_no_garbage_is_looked_for_while_code_is_loaded():
    with uncollected():
        enabled = gc.isenabled()

    assert not enabled
    assert gc.isenabled()


def test_what_was_loaded_is_not_looked_through_again():
    before = gc.get_freeze_count()

    with uncollected():
        loaded = [{} for _ in range(1000)]

    assert gc.get_freeze_count() >= before + len(loaded)


def test_what_fails_while_it_is_loaded_is_told_and_garbage_is_looked_for_again():
    with pytest.raises(ImportError), uncollected():
        raise ImportError

    assert gc.isenabled()
