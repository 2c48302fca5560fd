"""The commands of `sipregistrant`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from .. import __version__
from ..errors import SipRegistrantError
from . import demo, forecast, sandbox, serve, users

__all__ = ["app"]

cli = typer.Typer(
    name="sipregistrant",
    help="Keeps SIP addresses-of-record registered at remote registrars.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
cli.command("serve")(serve.serve)
cli.add_typer(users.cli, name="user")
cli.command("forecast")(forecast.forecast)
cli.command("sandbox")(sandbox.sandbox)
cli.command("demo")(demo.demo)


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
