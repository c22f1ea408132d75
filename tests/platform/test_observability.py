"""Log lines tell what happened, and nothing of what was sent or stored."""

from __future__ import annotations

import io
import sqlite3
import sys

import msgspec
import pytest
import structlog

from shop.kernel.errors import Invalid, NotYet
from shop.platform.observability import configure_logs, told_of

CANARY = "hunter2@example.com"


class NotSo(Invalid):
    code = "not-so"


@pytest.fixture
def lines(monkeypatch):
    """This process's real set-up, into a file; what was written is read with it."""
    kept, written = structlog.get_config(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    configure_logs("debug")
    yield written.getvalue
    structlog.configure(**kept)


def _raised(error):
    try:
        raise error
    except type(error) as caught:
        return caught


@pytest.mark.parametrize("error", [ValueError(CANARY), KeyError(CANARY), RuntimeError(CANARY), Exception(CANARY)])
def test_what_an_unknown_error_says_is_left_out_and_where_it_was_raised_is_told(error):
    told = told_of(_raised(error))

    assert CANARY not in told
    assert told.startswith(f"{type(error).__name__} (test_observability.py:")


@pytest.mark.parametrize(
    "error",
    [
        NotSo("is not so"),
        NotYet("is not so"),
        OSError(28, "is not so"),
        sqlite3.OperationalError("is not so"),
        msgspec.DecodeError("is not so"),
    ],
)
def test_what_quotes_nothing_is_told(error):
    assert "is not so" in told_of(_raised(error))


def test_a_traceback_has_every_error_of_the_chain_and_no_data(lines):
    log = structlog.get_logger("a test")
    try:
        try:
            int(CANARY)
        except ValueError as error:
            raise RuntimeError(CANARY) from error
    except RuntimeError as error:
        log.exception("failed")
        log.error("failed.too", exc_info=error)  # noqa: TRY400 - as the app says it
        log.error("failed.as.well", exc_info=sys.exc_info())  # noqa: G201 - as the server says it
    written = lines()

    assert CANARY not in written
    assert written.count("ValueError") == written.count("RuntimeError (") == 3
    assert written.count("int(CANARY)") == 3  # the line of code
