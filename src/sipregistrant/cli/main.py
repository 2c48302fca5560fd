"""The commands of `sipregistrant`.

The module of a command is imported when it is called: the others, and what they alone need, would be a tenth of the
CPU of a start (measured).
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from typing import Annotated

import typer
from typer.core import TyperCommand, TyperGroup

from .. import __version__
from ..errors import SipRegistrantError

__all__ = ["COMMANDS", "app", "command_of"]

COMMANDS = {
    "serve": "serve",
    "user": "users",
    "entry": "entries",
    "forecast": "forecast",
    "simulate": "simulate",
    "sandbox": "sandbox",
    "demo": "demo",
}
"""Their modules, in which `cli` is the command."""


class Commands(TyperGroup):
    """The commands by name, each imported when somebody asks for it."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        return list(COMMANDS)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> TyperCommand | TyperGroup | None:  # type: ignore[override]
        return command_of(cmd_name) if cmd_name in COMMANDS else None


def command_of(name: str) -> TyperCommand | TyperGroup:
    """Import a command."""
    # What is imported stays: nobody has to look through it for garbage, now or later.
    gc.disable()
    module = import_module(f".{COMMANDS[name]}", __package__)
    gc.freeze()
    gc.enable()
    command: TyperCommand | TyperGroup = typer.main.get_command(module.cli)  # type: ignore[assignment]
    return command


cli = typer.Typer(
    name="sipregistrant",
    cls=Commands,
    help="Keeps SIP addresses-of-record registered at remote registrars.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def show_version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        print(__version__)
        raise typer.Exit


@cli.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=show_version, is_eager=True)
    ] = False,
) -> None:
    """Take the options that stand before the command."""


def app() -> None:
    """Run the command line. What goes wrong for a reason is one sentence on standard error, and status 1."""
    try:
        cli()
    except SipRegistrantError as error:
        print(f"sipregistrant: {error}", file=sys.stderr)
        raise SystemExit(1) from None
