"""`sipregistrant user`: who may log in.

Works on the data directory; while a service holds its lock, through the service's local socket, so that a changed
password ends the sessions that were opened with the old one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import httpx2
import typer

from ..api.unix_socket import SOCKET_NAME
from ..engine.clock import Clock, read_boot_id
from ..errors import ConfigurationError, StoreInUse
from ..store import users as stored
from ..store.passwords import PASSWORD_RULE, hash_password_now, is_acceptable
from ..store.store import DATABASE, Store
from ..store.tx import Tx
from .options import DataDir

__all__ = ["cli"]

cli = typer.Typer(help="Add, change, list and remove the users of the service.", no_args_is_help=True)

TIMEOUT_SECONDS = 30

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
    _do(
        data_dir,
        lambda tx: stored.add(tx, name, level.value, hash_password_now(password)),
        "POST", "", {"name": name, "level": level.value, "password": password},
    )  # fmt: skip


@cli.command("passwd")
def passwd(name: Name, data_dir: DataDir, password_stdin: PasswordStdin = False) -> None:
    """Change a password; the sessions of the user end."""
    password = _password(password_stdin)
    _do(
        data_dir,
        lambda tx: stored.set_password(tx, name, hash_password_now(password)),
        "PUT", f"/{quote(name, safe='')}/password", {"password": password},
    )  # fmt: skip


@cli.command("remove")
def remove(name: Name, data_dir: DataDir) -> None:
    """Remove a user; the sessions of the user end."""
    _do(data_dir, lambda tx: stored.remove(tx, name), "DELETE", f"/{quote(name, safe='')}", None)


@cli.command("list")
def list_all(data_dir: DataDir) -> None:
    """List the users: name and level, one a line."""

    def here(tx: Tx) -> list[dict[str, str]]:
        return [{"name": user.name, "level": user.level} for user in stored.list_users(tx)]

    found = _do(data_dir, here, "GET", "", None)
    for user in found["users"] if isinstance(found, dict) else found:
        print(f"{user['name']}\t{user['level']}")


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


def _do(data_dir: Path, here: Callable[[Tx], Any], method: str, path: str, body: dict[str, str] | None) -> Any:
    """Do it on the data directory, or ask the service that holds its lock. Only adding a user makes a directory."""
    if method != "POST" and not (data_dir / DATABASE).exists():
        raise ConfigurationError("--data-dir", f"there is no database in {data_dir}")
    boot_id = read_boot_id()
    try:
        return Store.once(data_dir, lambda *saved: Clock(boot_id, *saved).now_ms, here)
    except StoreInUse:
        return _ask_service(data_dir, method, path, body)


def _ask_service(data_dir: Path, method: str, path: str, body: dict[str, str] | None) -> Any:
    transport = httpx2.HTTPTransport(uds=str(data_dir / SOCKET_NAME))
    try:
        with httpx2.Client(transport=transport, timeout=TIMEOUT_SECONDS) as client:
            reply = client.request(method, f"http://local/local/users{path}", json=body)
    except httpx2.TransportError as error:
        raise ConfigurationError("--data-dir", f"its lock is held, but no service answers there: {error}") from None
    if reply.is_success:
        return reply.json() if reply.content else None
    problem = reply.json()
    raise ConfigurationError("user", str(problem.get("detail") or problem.get("title") or reply.status_code))
