"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["ConfigFile", "DataDir", "MaybeDataDir", "SecretsDir", "directory"]


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
