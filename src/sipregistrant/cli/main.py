"""The commands of `sipregistrant`.

The module of a command is imported when it is called: the others, and what they alone need, would be a tenth of the
CPU of a start (measured).
"""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import Annotated

import typer
from typer.core import TyperCommand, TyperGroup

from .. import __version__
from ..errors import ServiceUnreachable, SipRegistrantError

__all__ = ["COMMANDS", "app", "command_of"]

COMMANDS = {
    "serve": "serve",
    "config": "config",
    "status": "registrations:status",
    "table": "configured:table",
    "entry": "entries:entry",
    "server-table": "configured:server_table",
    "server": "configured:server",
    "credential-table": "configured:credential_table",
    "credential": "entries:credential",
    "group": "configured:group",
    "profile": "configured:profile",
    "provider-profile": "configured:provider_profile",
    "tls-profile": "configured:tls_profile",
    "registration": "registrations:registration",
    "explain": "explain",
    "trace": "trace:trace",
    "probe": "probe:probe",
    "bindings": "probe:bindings",
    "refresh": "registrations:refresh",
    "register": "registrations:register",
    "unregister": "registrations:unregister",
    "alarms": "events:alarms",
    "events": "events:events",
    "webhook": "events:webhook",
    "transfer": "transfer",
    "pause": "service:pause",
    "resume": "service:resume",
    "forecast": "forecast",
    "user": "people:user",
    "token": "people:token",
    "audit": "people:audit",
    "db": "database",
    "simulate": "simulate",
    "sandbox": "sandbox",
    "demo": "demo",
}
"""Their modules, and the name of the command in it where that is not `cli`."""


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
    module_name, _, attribute = COMMANDS[name].partition(":")
    module = import_module(f".{module_name}", __package__)
    gc.freeze()
    gc.enable()
    command: TyperCommand | TyperGroup = typer.main.get_command(getattr(module, attribute or "cli"))  # type: ignore[assignment]
    return command


cli = typer.Typer(
    name="sipregistrant",
    cls=Commands,
    help="Keeps SIP addresses-of-record registered at remote registrars.",
    no_args_is_help=True,
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


FAILED, NO_SERVICE = 1, 4
"""What a command ends with; 2 is a mistake in how it was called, 3 an answer that is no (docs/operating.md)."""


def app() -> None:
    """Run the command line. What goes wrong for a reason is told on standard error, and by what the command ends with."""
    try:
        cli()
    except SipRegistrantError as error:
        print(f"sipregistrant: {error}", file=sys.stderr)
        raise SystemExit(NO_SERVICE if isinstance(error, ServiceUnreachable) else FAILED) from None
    except BrokenPipeError:
        # Who reads has had enough: `| head`.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        raise SystemExit(FAILED) from None
