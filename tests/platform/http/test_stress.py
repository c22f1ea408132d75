"""Processes that read what another one changes, as fast as it can; `make stress` does it at length."""

from __future__ import annotations

import pytest

from shop.platform.http import redis_scripts
from stress.caches import CHECKS, IN_REDIS, without
from stress.run import Plan, run
from stress.told import Change, Read, Seen, Written
from stress.verdict import judged


async def test_no_process_is_given_what_it_was_told_is_old():
    verdict = await run(Plan(seed=20_260, reads=6_000))

    assert verdict.told == []
    assert verdict.reads >= 5_900
    assert min(verdict.answered_by[layer] for layer in ("memory", "redis", "origin")) > 100
    assert verdict.changes > 100


async def test_without_the_checks_it_is():
    verdict = await run(Plan(seed=20_260, reads=2_400), without=CHECKS)

    assert len(verdict.told) > 10


# What decides it.


def test_a_read_is_stale_from_the_acknowledgement_of_the_next_edition_on():
    written = Written([Change(1, 1, 10.0), Change(1, 2, 11.0)], again=0)
    reads = [Read(1, 0, 9.9), Read(1, 0, 10.5), Read(1, 1, 10.5), Read(1, 0, 11.5), Read(1, 3, 11.5), Read(2, 0, 11.5)]

    verdict = judged(written, [Seen(reads, [Change(1, 1, 10.75), Change(1, 2, 11.25)], {"memory": 6})])

    assert verdict.stale == [0.5, 1.5]
    assert verdict.told == [0.75]  # the other was on its way
    assert verdict.travels == [0.75, 0.25]


def test_who_was_never_told_is_not_excused():
    verdict = judged(Written([Change(1, 1, 10.0)], again=0), [Seen([Read(1, 0, 10.5)], [], {})])

    assert verdict.told == [0.5]
    assert verdict.missed == 1


def test_a_check_that_is_not_where_it_was_cannot_be_taken_out(monkeypatch):
    monkeypatch.setattr(redis_scripts, "STORE", "return {}")

    with pytest.raises(RuntimeError, match="STORE"), without(IN_REDIS):
        pass
