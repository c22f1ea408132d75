"""Logs: readable on a terminal, one JSON object a line otherwise. No personal data, no secrets.

What an exception says may quote what was sent or stored, so it is left out unless its kind is known to quote nothing:
its type and the lines of code it came through are told.
"""

from __future__ import annotations

import logging
import sqlite3
import sys
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TextIO, cast

import msgspec
import structlog

from shop.kernel.errors import NotYet, Refusal
from shop.kernel.events import Cause
from shop.platform.storage.port import Unavailable

about: ContextVar[Cause | None] = ContextVar("about", default=None)  # the request, or the delivery, that is handled
asked: ContextVar[str] = ContextVar("asked", default="shop")  # the context that the request asks something of


def trace_of(traceparent: str | None) -> Mapping[str, str]:
    """The trace's id, as a field of a line."""
    return {"trace_id": traceparent[3:35]} if traceparent else {}


def told_of(error: BaseException) -> str:
    """The error in one line, without data: `OSError: [Errno 28] No space left on device`, `KeyError (order.py:42)`."""
    name = type(error).__name__
    if isinstance(error, msgspec.ValidationError):  # it quotes what it found; where it found it is enough
        return f"{name} at {str(error).rpartition(' - at ')[2][:100] or '$'}"
    if isinstance(error, _QUOTE_NOTHING):
        return f"{name}: {error}"
    frames = traceback.extract_tb(error.__traceback__)
    return f"{name} ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else name


_QUOTE_NOTHING = (Refusal, NotYet, Unavailable, OSError, sqlite3.Error, msgspec.DecodeError)


class _OneLine(logging.Handler):
    """What the HTTP server, or who sends our spans, has to say."""

    def emit(self, record: logging.LogRecord) -> None:
        """As a line of ours."""
        said, _, _ = record.getMessage().partition("\n")
        who = _SAYERS[record.name.partition(".")[0]]
        structlog.get_logger("shop.server").warning(who, said=said, exc_info=record.exc_info)


_SAYERS = {"uvicorn": "server", "opentelemetry": "spans"}


class _Lines:
    """A log that cannot be written must not undo, or hide, what was done."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._file.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._file.flush()


def _without_data(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The traceback: every exception of the chain as `told_of` tells it, no local variables."""
    given = line.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        line["exception"] = "".join(_lines_of(error))
    return line


def _lines_of(error: BaseException) -> Iterator[str]:
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _lines_of(before)
        yield "\n"
    yield from traceback.format_tb(error.__traceback__)
    yield told_of(error)


def _with_cause(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """By what somebody finds all lines of one request, delivery or trace; made only for lines that are written."""
    cause = about.get()
    if cause is None:
        return line
    if cause.delivery:
        consumer = cause.delivery.consumer
        whose = {"context": consumer, "event_id": cause.id, "consumer": consumer}
    else:
        whose = {"context": asked.get(), "request_id": cause.id}
    for name, value in {**whose, **trace_of(cause.traceparent)}.items():
        line.setdefault(name, value)
    return line


_processors: list[structlog.types.Processor] = []  # one list: loggers that were used before follow


def configure_logs(level: str) -> None:
    """Set up structlog for this process; libraries log warnings and worse."""
    terminal = sys.stderr.isatty()
    render: structlog.types.Processor = structlog.processors.JSONRenderer()
    if terminal:
        render = structlog.dev.ConsoleRenderer()
    _processors[:] = [
        _with_cause,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_data,
        render,
    ]
    structlog.configure(
        processors=_processors,
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", _Lines(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    for name in _SAYERS:
        library = logging.getLogger(name)
        library.handlers, library.propagate = [_OneLine(level=logging.WARNING)], False
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
