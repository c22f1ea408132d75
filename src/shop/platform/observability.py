"""Logs: readable on a terminal, one JSON object a line otherwise. No personal data, no secrets."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import TextIO, cast

import structlog


class _OneLine(logging.Handler):
    """What the HTTP server has to say."""

    def emit(self, record: logging.LogRecord) -> None:
        """As a line of ours."""
        said, _, _ = record.getMessage().partition("\n")
        structlog.get_logger("shop.server").warning("server", said=said, exc_info=record.exc_info)


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


def configure_logs(level: str) -> None:
    """Set up structlog for this process; libraries log warnings and worse."""
    terminal = sys.stderr.isatty()
    render: structlog.types.Processor = structlog.processors.JSONRenderer()
    if terminal:  # plain tracebacks: rich ones show local variables, and so secrets
        render = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if terminal else [structlog.processors.format_exc_info]),
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", _Lines(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    server = logging.getLogger("uvicorn")
    server.handlers, server.propagate = [_OneLine(level=logging.WARNING)], False
    for library in ("httpx", "httpcore"):
        logging.getLogger(library).setLevel(logging.WARNING)
