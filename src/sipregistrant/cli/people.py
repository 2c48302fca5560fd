"""`sipregistrant user`, `token`, `audit`: who may do what, and who did what."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated
from urllib.parse import quote

import typer

from ..errors import ConfigurationError
from ..store.passwords import PASSWORD_RULE, is_acceptable
from .client import Client, connected, creating
from .output import As, Output, show_many

__all__ = ["audit", "segment", "token", "user"]

user = typer.Typer(name="user", add_completion=False, help="Who may log in.", no_args_is_help=True)
token = typer.Typer(name="token", add_completion=False, help="API tokens: what programs show.", no_args_is_help=True)
audit = typer.Typer(add_completion=False)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Its name.")]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input instead of asking for it.")
]


class Role(StrEnum):
    """What somebody may do."""

    REST = "rest"
    """The wire API under /rest; change what is configured, and have it registered."""
    ADMIN = "admin"
    READONLY = "readonly"


AsRole = Annotated[
    Role, typer.Option("--role", "--level", help="readonly reads; rest changes; admin sees to users and tokens.")
]


@user.command("add")
@creating
def add_user(client: Client, name: Name, role: AsRole = Role.REST, password_stdin: PasswordStdin = False) -> None:
    """Add a user. The wire API under /rest is for users with the role rest alone."""
    client.ask("POST", "/users", json={"name": name, "role": role.value, "password": _password(password_stdin)})


@user.command("passwd")
@connected
def change_password(client: Client, name: Name, password_stdin: PasswordStdin = False) -> None:
    """Change a password; the sessions of the user end."""
    client.ask("PUT", f"/users/{segment(name)}/password", json={"password": _password(password_stdin)})


@user.command("remove")
@connected
def remove_user(client: Client, name: Name) -> None:
    """Remove a user; the sessions of the user end."""
    client.ask("DELETE", f"/users/{segment(name)}")


@user.command("list")
@connected
def list_users(client: Client, output: As = Output.TABLE) -> None:
    """List the users."""
    show_many(client.get("/users")["items"], ("name", "role"), output)


@token.command("add")
@creating
def add_token(client: Client, name: Name, role: AsRole = Role.REST) -> None:
    """Make a token, and print it: it is shown this once."""
    print(client.ask("POST", "/tokens", json={"name": name, "role": role.value}).json()["token"])


@token.command("remove")
@connected
def remove_token(client: Client, name: Name) -> None:
    """Remove a token: it opens nothing from now on."""
    client.ask("DELETE", f"/tokens/{segment(name)}")


@token.command("list")
@connected
def list_tokens(client: Client, output: As = Output.TABLE) -> None:
    """List the tokens, without their texts."""
    show_many(client.get("/tokens")["items"], ("name", "role", "created_at", "created_by"), output)


@audit.command("audit")
@connected
def show_audit(
    client: Client,
    who: Annotated[
        str, typer.Option(metavar="WHO", help="What this one did: user:NAME, token:NAME, local, service.")
    ] = "",
    resource: Annotated[
        str, typer.Option(metavar="NAME", help="What was done to this kind, as in sipregistrantentry.")
    ] = "",
    key: Annotated[str, typer.Option(metavar="ID", help="And to this one: 3, or 3:1 for entry 1 of table 3.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="So many lines.")] = 50,
    output: As = Output.TABLE,
) -> None:
    """Show who changed what, from what to what, the newest first."""
    lines = client.get("/audit", who=who, resource=resource, key=key, limit=limit)["items"]
    show_many(lines, ("at", "who", "action", "resource", "key", "before", "after"), output)


def segment(name: str) -> str:
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
