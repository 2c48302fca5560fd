"""`sipregistrant config`: what `serve` would be told, and what is wrong with it."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from ..errors import SettingsFaulty
from ..settings.declared import named
from ..settings.example import as_json, example, in_force
from ..settings.load import Sources, load
from .options import ConfigFile, SecretsDir

__all__ = ["cli"]

cli = typer.Typer(name="config", add_completion=False, no_args_is_help=True, help="The settings of `serve`.")


class Form(StrEnum):
    """The forms that settings are shown in."""

    TOML = "toml"
    JSON = "json"


@cli.command("check")
def check(config: ConfigFile = None, secrets_dir: SecretsDir = None) -> None:
    """Name every fault of the settings, with its line; end with 1 where there is any."""
    try:
        loaded = load(Sources(config, secrets_dir))
    except SettingsFaulty as error:
        for where, problem in error.faults:
            print(f"{where}: {problem}", file=sys.stderr)
        raise typer.Exit(1) from None
    said = sum(name in loaded.origins for name in named())
    print(f"good: {said} settings are said, {len(named()) - said} are as by default")


@cli.command("show")
def show(
    config: ConfigFile = None,
    secrets_dir: SecretsDir = None,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="A file with all settings, what they mean, and their defaults.")
    ] = False,
    output: Annotated[Form, typer.Option("-o", "--output", help="A settings file, or JSON for programs.")] = Form.TOML,
) -> None:
    """Show the settings in force, each with where it was said. None is a secret: of a key the path is shown."""
    if defaults:
        print(example(), end="")
        return
    loaded = load(Sources(config, secrets_dir))
    print(as_json(loaded) if output is Form.JSON else in_force(loaded), end="")
