"""Brings the database to the schema of this program, through every version between. `migrations/versions/` has the
steps.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from ..errors import ConfigurationError

__all__ = ["alembic_config", "migrate"]


def alembic_config(connection: Connection) -> Config:
    """Return Alembic's configuration for an open connection; there is no alembic.ini."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def migrate(connection: Connection) -> None:
    """Run the steps that are missing, in the transaction of the connection.

    Raises `ConfigurationError` where the database is of a later version than this program.
    """
    try:
        command.upgrade(alembic_config(connection), "head")
    except CommandError as error:
        raise ConfigurationError(
            "--data-dir", f"the database is of another version than this program: {error}"
        ) from None
