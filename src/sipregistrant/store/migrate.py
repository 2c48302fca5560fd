"""Brings the database to the schema of this program, through every version between. `migrations/versions/` has the
steps.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

__all__ = ["alembic_config", "migrate"]


def alembic_config(connection: Connection) -> Config:
    """Return Alembic's configuration for an open connection; there is no alembic.ini."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def migrate(connection: Connection) -> None:
    """Run the steps that are missing, in the transaction of the connection."""
    command.upgrade(alembic_config(connection), "head")
