"""Options that several commands share, and what is logged."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import structlog
import typer

__all__ = ["ConfigFile", "DataDir", "MaybeDataDir", "SecretsDir", "directory", "log_to_stderr"]


def directory(text: str) -> Path:
    """Read a directory; nothing at all is not the current one, where an empty variable would put the database."""
    if not text:
        raise typer.BadParameter("a directory is wanted")
    return Path(text)


DataDir = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        parser=directory,
        envvar="SIPREGISTRANT_DATA_DIR",
        show_envvar=False,
        help="Directory that holds the database, its key and its lock.",
    ),
]


MaybeDataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", parser=directory, envvar="SIPREGISTRANT_DATA_DIR", show_envvar=False,
                 help="Directory that holds the database, its key and its lock."),
]  # fmt: skip
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", envvar="SIPREGISTRANT_CONFIG", show_envvar=False,
                 help="Settings, TOML; `config show --defaults` writes one with all of them."),
]  # fmt: skip
SecretsDir = Annotated[
    Path | None,
    typer.Option("--secrets-dir", metavar="DIR", envvar="SIPREGISTRANT_SECRETS_DIR", show_envvar=False,
                 help="Directory with a file for a setting, named as its environment variable."),
]  # fmt: skip


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
