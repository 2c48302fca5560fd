"""Brings the database to the schema of this program, through every version between. `migrations/versions/` has the
steps.

Alembic is imported when there is a step to take: at nearly all starts there is none, and importing it was a tenth of
their CPU (measured).
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["alembic_config", "latest", "migrate", "version_of_file"]

MIGRATIONS = Path(__file__).parent / "migrations"


def alembic_config(connection: Connection) -> Config:
    """Return Alembic's configuration for an open connection; there is no alembic.ini."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def migrate(connection: Connection) -> None:
    """Run the steps that are missing, in the transaction of the connection.

    Raises `ConfigurationError` where the database is of a later version than this program.
    """
    if _version_of(connection) == latest():
        return
    from alembic import command
    from alembic.util import CommandError

    try:
        command.upgrade(alembic_config(connection), "head")
    except CommandError as error:
        raise ConfigurationError(
            "--data-dir", f"the database is of another version than this program: {error}"
        ) from None


def _version_of(connection: Connection) -> str:
    """Return the version that a database is of, "" for a new one."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def version_of_file(path: Path) -> str:
    """Return the version of the tables in a database file, "" for one without."""
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError:
            return ""
    return str(row[0]) if row else ""


def latest() -> str:
    """Return the version of this program: steps are numbered, and their files are named by it."""
    return max(step.name.partition("_")[0] for step in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))
