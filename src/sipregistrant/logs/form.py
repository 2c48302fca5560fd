"""Sets up what is logged and how: one event a line, as JSON or for people, on standard error."""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog
from structlog.typing import Processor

from .redaction import redact

__all__ = ["Form", "log_to_stderr"]

Form = Literal["auto", "json", "console"]
"""`auto` is for people where a person looks on: at a terminal."""


def log_to_stderr(level: int = logging.INFO, form: Form = "json") -> None:
    """Write log events from this level on to standard error."""
    is_terminal = sys.stderr.isatty()
    renderer: Processor = structlog.processors.JSONRenderer()
    if form == "console" or (form == "auto" and is_terminal):
        renderer = structlog.dev.ConsoleRenderer(colors=is_terminal, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_Libraries()], force=True)


class _Libraries(logging.Handler):
    """What libraries say, in the form that we say it in."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        log.log(
            record.levelno, "library.said", library=record.name, message=record.getMessage(), exc_info=record.exc_info
        )
