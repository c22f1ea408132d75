"""The rules of RFC 9111 and RFC 5861, as tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.platform.http.freshness import (
    age_on_arrival,
    conditions,
    directives,
    freshened,
    lifetime,
    may_store,
    varies_by,
    windows,
)

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
CATALOG = "public, max-age=300, stale-while-revalidate=60"


def http_date(seconds=0.0):
    return format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        (CATALOG, {"public": None, "max-age": "300", "stale-while-revalidate": "60"}),
        ("Max-Age=5,NO-STORE", {"max-age": "5", "no-store": None}),
        ('max-age="5"', {"max-age": "5"}),
        ('private="x-a, max-age=9", max-age=1', {"private": "x-a, max-age=9", "max-age": "1"}),
        ('ext="a\\"b, no-store"', {"ext": 'a\\"b, no-store'}),
        ("max-age = 5 , public", {"max-age": "5", "public": None}),
        ("max-age=300, max-age=5", {"max-age": "5"}),
        ("max-age=5, max-age=300", {"max-age": "5"}),
        ("max-age=5, max-age=x", {"max-age": "x"}),
        (",, ;;", {}),
    ],
)
def test_directives_are_read_as_they_are_written(text, found):
    assert directives(text) == found


@given(st.text(max_size=80))
def test_whatever_a_header_says_it_can_be_read(text):
    so_long = windows({"cache-control": text, "expires": text, "date": text, "vary": text, "age": text})

    assert 0 <= so_long.fresh <= so_long.revalidating <= so_long.kept
    assert so_long.fresh <= so_long.erring <= so_long.kept
    assert age_on_arrival({"date": text, "age": text}, asked=NOW, received=NOW) >= 0


@pytest.mark.parametrize(
    ("control", "more", "seconds"),
    [
        (CATALOG, {}, 300),
        ("max-age=300, s-maxage=10", {}, 10),
        ("s-maxage=10, max-age=300", {}, 10),
        ("s-maxage=0, max-age=300", {}, 0),
        ("max-age=0", {}, 0),
        ("max-age=-5", {}, 0),
        ("max-age=1.5", {}, 0),
        ("max-age=", {}, 0),
        ("max-age", {}, 0),
        ("max-age=x", {}, 0),
        ("max-age=٣", {}, 0),
        ("max-age=99999999999999999999", {}, 2**31),
        ("public", {}, 0),
        ("max-age=300, no-cache", {}, 0),
        ('max-age=300, no-cache="set-cookie"', {}, 0),
        ("xmax-age=300", {}, 0),
        ("", {"expires": http_date(60), "date": http_date()}, 60),
        ("", {"expires": http_date(-60), "date": http_date()}, 0),
        ("", {"expires": "0", "date": http_date()}, 0),
        ("", {"expires": http_date(60)}, 0),
        ("max-age=5", {"expires": http_date(60), "date": http_date()}, 5),
        ("max-age=x", {"expires": http_date(60), "date": http_date()}, 0),
        ("", {"last-modified": http_date(-86400), "date": http_date()}, 0),
    ],
)
def test_how_long_an_answer_is_fresh(control, more, seconds):
    assert lifetime({"cache-control": control, **more}) == seconds


@pytest.mark.parametrize(
    ("control", "more", "status", "authorized", "kept"),
    [
        ("max-age=5", {}, 200, False, True),
        ("max-age=5", {}, 404, False, False),
        ("max-age=5", {}, 206, False, False),
        ("max-age=5, no-store", {}, 200, False, False),
        ("max-age=5, private", {}, 200, False, False),
        ('max-age=5, private="x"', {}, 200, False, False),
        ("max-age=5", {"vary": "*"}, 200, False, False),
        ("max-age=5", {"vary": "accept, *"}, 200, False, False),
        ("max-age=5", {"vary": "accept"}, 200, False, True),
        ("max-age=5", {}, 200, True, False),
        ("max-age=5, public", {}, 200, True, True),
        ("max-age=5, must-revalidate", {}, 200, True, True),
        ("s-maxage=5", {}, 200, True, True),
        ("public, no-store, max-age=5", {}, 200, True, False),
        ("no-cache", {}, 200, False, False),
        ("no-cache", {"etag": '"1"'}, 200, False, True),
        ("", {"last-modified": http_date()}, 200, False, True),
        ("", {}, 200, False, False),
        ("max-age=0", {}, 200, False, False),
    ],
)
def test_what_may_be_kept(control, more, status, authorized, kept):
    assert may_store({"cache-control": control, **more}, status=status, authorized=authorized) is kept


@pytest.mark.parametrize(
    ("control", "fresh", "revalidating", "erring", "kept"),
    [
        (CATALOG, 300, 360, 300, 420),
        ("max-age=10, stale-if-error=50", 10, 10, 60, 120),
        ("max-age=10, stale-while-revalidate=20, stale-if-error=5", 10, 30, 15, 90),
        ("max-age=10, stale-while-revalidate=20, must-revalidate", 10, 10, 10, 70),
        ("max-age=10, stale-if-error=20, proxy-revalidate", 10, 10, 10, 70),
        ("s-maxage=10, stale-while-revalidate=20", 10, 10, 10, 70),
        ("no-cache, stale-while-revalidate=20", 0, 0, 0, 60),
        ("max-age=10, stale-while-revalidate=x", 10, 10, 10, 70),
    ],
)
def test_what_a_stale_answer_is_still_good_for(control, fresh, revalidating, erring, kept):
    so_long = windows({"cache-control": control, "etag": '"1"'})

    assert (so_long.fresh, so_long.revalidating, so_long.erring, so_long.kept) == (fresh, revalidating, erring, kept)
    assert windows({"cache-control": control}).kept == max(revalidating, erring)


@pytest.mark.parametrize(
    ("fields", "took", "age"),
    [
        ({}, 0, 0),
        ({}, 2, 2),
        ({"date": http_date()}, 0, 0),
        ({"date": http_date(-40)}, 0, 40),
        ({"date": http_date(40)}, 0, 0),
        ({"age": "30"}, 2, 32),
        ({"date": http_date(-40), "age": "30"}, 2, 40),
        ({"date": http_date(-10), "age": "30"}, 2, 32),
        ({"age": "x"}, 0, 0),
        ({"age": "-3"}, 0, 0),
        ({"age": "5, 9"}, 0, 5),
        ({"date": "yesterday"}, 1, 1),
        ({"date": "Mon, 01 Jan 2024 09:00:00 99999999999"}, 1, 1),
    ],
)
def test_how_old_an_answer_is_when_it_comes(fields, took, age):
    assert age_on_arrival(fields, asked=NOW - timedelta(seconds=took), received=NOW) == age


@pytest.mark.parametrize(
    ("vary", "names"),
    [("", ()), ("Accept-Language", ("accept-language",)), ("b, A,b", ("a", "b")), ("*", ("*",))],
)
def test_by_what_an_answer_varies(vary, names):
    assert varies_by({"vary": vary}) == names


def test_what_is_asked_of_an_answer_that_may_still_hold():
    assert conditions({"etag": 'W/"1"', "last-modified": http_date()}) == {
        "if-none-match": 'W/"1"',
        "if-modified-since": http_date(),
    }
    assert conditions({}) == {}


def test_what_a_304_says_replaces_what_was_said_before():
    before = {"etag": '"1"', "cache-control": "max-age=5", "age": "3", "date": http_date(-9), "content-type": "a/b"}

    after = freshened(before, {"cache-control": "max-age=9", "date": http_date(), "content-length": "0"})

    assert after == {"etag": '"1"', "cache-control": "max-age=9", "date": http_date(), "content-type": "a/b"}
