"""Logs: readable on a terminal, one JSON object a line otherwise. No personal data, no secrets."""

from __future__ import annotations

import logging
import sys

import structlog


class _OneLine(logging.Handler):
    """What the HTTP server has to say, without its tracebacks."""

    def emit(self, record: logging.LogRecord) -> None:
        """As a line of ours."""
        structlog.get_logger("shop.server").warning("server", said=record.getMessage().splitlines()[0])


def configure_logs(level: str) -> None:
    """Set up structlog for this process; libraries log warnings and worse."""
    terminal = sys.stderr.isatty()
    render: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if terminal else [structlog.processors.format_exc_info]),
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    server = logging.getLogger("uvicorn")
    server.handlers, server.propagate = [_OneLine(level=logging.WARNING)], False
    for library in ("httpx", "httpcore"):
        logging.getLogger(library).setLevel(logging.WARNING)
