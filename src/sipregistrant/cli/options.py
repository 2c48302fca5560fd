"""Options and arguments that several commands share, and how their text is read."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import structlog
import typer

from ..errors import ConfigurationError
from ..model.attributes import NUMBER

__all__ = ["DataDir", "address", "log_to_stderr"]

LARGEST_PORT = 65535

DataDir = Annotated[
    Path, typer.Option("--data-dir", metavar="DIR", help="Directory that holds the database, its key and its lock.")
]


def address(text: str, option: str) -> tuple[str, int]:
    """Read HOST:PORT; IPv6 hosts stand in brackets, port 0 is any free one. Raises `ConfigurationError` that names the option."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not NUMBER.match(port) or int(port) > LARGEST_PORT:
        raise ConfigurationError(option, f"{text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


def log_to_stderr(level: int = logging.INFO) -> None:
    """Write log events as JSON, one a line, to standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
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
