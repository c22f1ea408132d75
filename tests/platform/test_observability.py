"""Log lines tell what happened, and nothing of what was sent or stored."""

from __future__ import annotations

import io
import sqlite3
import sys

import msgspec
import pytest
import structlog

from shop.kernel.errors import Invalid, NotYet
from shop.kernel.events import Cause, Delivery
from shop.platform.observability import about, configure_logs, told_of

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
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


@pytest.fixture
def handled():
    """Something is being handled, for as long as a test takes."""
    tokens = []
    yield lambda cause: tokens.append(about.set(cause))
    about.reset(tokens[0])


def test_a_line_says_which_request_and_which_trace_it_belongs_to(lines, handled):
    handled(Cause(id="req_1", traceparent=TRACE))
    structlog.get_logger("a test").warning("http.slow")

    told = msgspec.json.decode(lines())
    assert (told["request_id"], told["trace_id"]) == ("req_1", TRACE[3:35])
    assert "event_id" not in told


def test_a_line_says_which_delivery_it_belongs_to(lines, handled):
    handled(Cause(id="evt_1", delivery=Delivery("7", "evt_1", "rewards")))
    structlog.get_logger("a test").warning("store.slow")

    told = msgspec.json.decode(lines())
    assert (told["context"], told["event_id"], told["consumer"]) == ("rewards", "evt_1", "rewards")
    assert not told.keys() & {"request_id", "trace_id"}


def test_what_a_line_says_itself_is_left_as_it_is(lines, handled):
    handled(Cause(id="req_1"))
    structlog.get_logger("a test").warning("request", request_id="req_2")

    assert msgspec.json.decode(lines())["request_id"] == "req_2"


def test_a_line_that_belongs_to_nothing_names_nothing(lines):
    structlog.get_logger("a test").warning("store.slow")

    assert msgspec.json.decode(lines()).keys() == {"event", "level", "timestamp"}


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
