"""Ids: prefixed, of one length, sorted like the moments they were made at."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.kernel.clock import system_clock
from shop.kernel.ids import ids

moments = st.datetimes(datetime(1971, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@given(moment=moments, chance=st.binary(min_size=8, max_size=8))
def test_an_id_is_a_prefix_and_28_characters(moment: datetime, chance: bytes) -> None:
    made = ids(lambda: moment, lambda size: chance * (size // 8))("ord")

    assert re.fullmatch(r"ord_[0-9a-f]{28}", made)


@given(
    earlier=moments,
    later=st.integers(1, 10**12),
    chances=st.tuples(st.binary(min_size=8, max_size=8), st.binary(min_size=8, max_size=8)),
)
def test_ids_sort_by_the_millisecond_they_were_made_in(
    earlier: datetime, later: int, chances: tuple[bytes, bytes]
) -> None:
    first = ids(lambda: earlier, lambda size: chances[0] * (size // 8))("evt")
    second = ids(lambda: earlier + timedelta(milliseconds=later), lambda size: chances[1] * (size // 8))("evt")

    assert first < second


def test_the_same_moment_and_chance_give_the_same_id() -> None:
    def new() -> str:
        return ids(lambda: NOON, lambda size: b"\x07" * size)("ord")

    assert new() == new()


def test_only_chance_tells_ids_of_one_moment_apart() -> None:
    new = ids(lambda: NOON, lambda size: bytes(range(256)) * (size // 256))
    made = {new("ord") for _ in range(32)}

    assert len(made) == 32
    assert len({one[: len("ord_") + 12] for one in made}) == 1


def test_chance_is_asked_for_once_for_many_ids_and_never_used_twice() -> None:
    asked: list[int] = []

    def chance(size: int) -> bytes:
        asked.append(size)
        return secrets.token_bytes(size)

    new = ids(lambda: NOON, chance)
    made = {new("ord") for _ in range(1000)}

    assert len(made) == 1000
    assert sum(asked) >= 1000 * 8
    assert len(asked) < 10


def test_ids_are_unique() -> None:
    new = ids(lambda: NOON)

    assert len({new("evt") for _ in range(20_000)}) == 20_000


@pytest.mark.parametrize("prefix", ["ord", "evt", "rfd"])
def test_the_prefix_says_what_it_is_the_id_of(prefix: str) -> None:
    assert ids(system_clock)(prefix).startswith(f"{prefix}_")
