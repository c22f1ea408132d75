"""The first layer by itself: what it keeps of reads during which things may have been missed."""

from __future__ import annotations

import pytest

from shop.platform.http.memory import Memory
from shop.platform.http.stored import stored

ANSWER = stored(body=b"{}", fields={"cache-control": "max-age=300", "cache-tags": "page,all"}, age=0.0)


@pytest.fixture
def memory(seconds):
    return Memory(most=100_000, now=seconds)


def there(memory, name="/page"):
    return memory.get(name, 1000.0) is not None


def test_a_read_that_is_not_disturbed_is_kept(memory):
    memory.keep("/page", ANSWER, memory.reading())

    assert there(memory)


def test_what_began_while_nobody_listened_is_not_kept(memory):
    memory.off()
    reading = memory.reading()
    memory.on()
    memory.keep("/page", ANSWER, reading)

    assert not there(memory)


def test_what_was_under_way_when_the_connection_was_lost_is_not_kept(memory):
    reading = memory.reading()
    memory.off()
    memory.on()
    memory.keep("/page", ANSWER, reading)

    assert not there(memory)


def test_nothing_is_kept_or_given_while_nobody_listens(memory):
    memory.keep("/page", ANSWER, memory.reading())
    memory.off()
    memory.keep("/other", ANSWER, memory.reading())

    assert not there(memory)
    assert not there(memory, "/other")


def test_dropping_a_tag_costs_the_same_whatever_has_it(memory):
    for n in range(50):
        memory.keep(f"/page/{n}", ANSWER, memory.reading())
    guard = memory._guards["all"]
    memory.drop(["all"])

    assert guard.dropped
    assert len(memory) == 50  # nothing was touched
    assert not any(there(memory, f"/page/{n}") for n in range(50))
    assert (len(memory), memory.bytes) == (0, 0)


def test_a_tag_that_was_dropped_is_as_good_as_new(memory):
    memory.keep("/page", ANSWER, memory.reading())
    memory.drop(["all"])
    memory.keep("/page", ANSWER, memory.reading())

    assert there(memory)
    assert sorted(memory._guards) == ["all", "page"]


def test_what_is_larger_than_everything_is_not_kept(memory):
    large = stored(body=b"x" * 100_000, fields=dict(ANSWER.fields), age=0.0)
    memory.keep("/page", ANSWER, memory.reading())
    entry = memory.keep("/large", large, memory.reading())

    assert entry.stored is large
    assert there(memory)
    assert not there(memory, "/large")
    assert memory.bytes <= 100_000


def test_without_news_for_too_long_it_gives_nothing_until_it_hears_again(memory):
    memory.keep("/page", ANSWER, memory.reading())
    memory.trust(999.9)
    assert not there(memory)
    memory.trust(1002.0)

    assert there(memory)
