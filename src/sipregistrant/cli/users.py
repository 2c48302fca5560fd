"""`sipregistrant user`: who may log in.

Works on the data directory; while a service holds its lock, through the service's local socket, so that a changed
password ends the sessions that were opened with the old one.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated
from urllib.parse import quote

import typer

from ..errors import ConfigurationError
from ..store import users as stored
from ..store.passwords import PASSWORD_RULE, hash_password_now, is_acceptable
from ..store.tx import Tx
from .directory import work_on
from .options import DataDir

__all__ = ["cli"]

cli = typer.Typer(
    name="user",
    add_completion=False,
    help="Add, change, list and remove the users of the service.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the user.")]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input instead of asking for it.")
]


class Level(StrEnum):
    """What a user may do."""

    REST = "rest"
    """The wire API under /rest."""
    ADMIN = "admin"
    READONLY = "readonly"


@cli.command("add")
def add(name: Name, data_dir: DataDir, level: Annotated[Level, typer.Option(help="What the user may do.")] = Level.REST,
        password_stdin: PasswordStdin = False) -> None:  # fmt: skip
    """Add a user."""
    password = _password(password_stdin)
    work_on(
        data_dir,
        lambda tx: stored.add(tx, name, level.value, hash_password_now(password)),
        "POST", "users", {"name": name, "level": level.value, "password": password},
    )  # fmt: skip


@cli.command("passwd")
def passwd(name: Name, data_dir: DataDir, password_stdin: PasswordStdin = False) -> None:
    """Change a password; the sessions of the user end."""
    password = _password(password_stdin)
    work_on(
        data_dir,
        lambda tx: stored.set_password(tx, name, hash_password_now(password)),
        "PUT", f"users/{_segment(name)}/password", {"password": password},
    )  # fmt: skip


@cli.command("remove")
def remove(name: Name, data_dir: DataDir) -> None:
    """Remove a user; the sessions of the user end."""
    work_on(data_dir, lambda tx: stored.remove(tx, name), "DELETE", f"users/{_segment(name)}")


@cli.command("list")
def list_all(data_dir: DataDir) -> None:
    """List the users: name and level, one a line."""

    def here(tx: Tx) -> list[dict[str, str]]:
        return [{"name": user.name, "level": user.level} for user in stored.list_users(tx)]

    found = work_on(data_dir, here, "GET", "users")
    for user in found["users"] if isinstance(found, dict) else found:
        print(f"{user['name']}\t{user['level']}")


def _segment(name: str) -> str:
    """Return a name as a part of a path; `.` and `..` would be steps of it, and go lost."""
    return quote(name, safe="").replace(".", "%2E")


def _password(from_stdin: bool) -> str:
    """Read a password: from standard input (one line end at its end is not part of it), or from whoever sits there."""
    if from_stdin:
        password = sys.stdin.read().removesuffix("\n").removesuffix("\r")
    elif not sys.stdin.isatty():
        raise ConfigurationError("password", "standard input is no terminal to ask at; pass it with --password-stdin")
    else:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    if not is_acceptable(password):
        raise ConfigurationError("password", PASSWORD_RULE)
    return password
