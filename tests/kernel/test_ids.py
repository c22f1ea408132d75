"""Ids: prefixed, of one length, sorted like the moments they were made at."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.kernel.clock import system_clock
from shop.kernel.ids import ids

moments = st.datetimes(datetime(1971, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@given(moment=moments, chance=st.binary(min_size=10, max_size=10))
def test_an_id_is_a_prefix_and_26_characters(moment: datetime, chance: bytes) -> None:
    made = ids(lambda: moment, lambda _: chance)("ord")

    assert re.fullmatch(r"ord_[0-9a-v]{26}", made)


@given(
    earlier=moments,
    later=st.integers(1, 10**12),
    chances=st.tuples(st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10)),
)
def test_ids_sort_by_the_millisecond_they_were_made_in(
    earlier: datetime, later: int, chances: tuple[bytes, bytes]
) -> None:
    first = ids(lambda: earlier, lambda _: chances[0])("evt")
    second = ids(lambda: earlier + timedelta(milliseconds=later), lambda _: chances[1])("evt")

    assert first < second


def test_the_same_moment_and_chance_give_the_same_id() -> None:
    def new() -> str:
        return ids(lambda: NOON, lambda size: b"\x07" * size)("ord")

    assert new() == new()


def test_only_chance_tells_ids_of_one_moment_apart() -> None:
    made = {ids(lambda: NOON, lambda _, n=n: n.to_bytes(10, "big"))("ord") for n in range(256)}  # type: ignore[misc]

    assert len(made) == 256
    assert len({one[: len("ord_") + 9] for one in made}) == 1


def test_eighty_bits_of_chance_are_asked_for() -> None:
    asked: list[int] = []

    def chance(size: int) -> bytes:
        asked.append(size)
        return bytes(size)

    ids(lambda: NOON, chance)("ord")

    assert asked == [10]


def test_ids_are_unique() -> None:
    new = ids(lambda: NOON)

    assert len({new("evt") for _ in range(20_000)}) == 20_000


@pytest.mark.parametrize("prefix", ["ord", "evt", "rfd"])
def test_the_prefix_says_what_it_is_the_id_of(prefix: str) -> None:
    assert ids(system_clock)(prefix).startswith(f"{prefix}_")
