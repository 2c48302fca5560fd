"""`sipregistrant forecast`: what the registrars will get, as things stand or as they would be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ..errors import ConfigurationError
from ..model.load import Load, level_rate
from .client import Ca, DataDir, TokenFile, Url, connect
from .output import As, Output

__all__ = ["cli"]

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

# A first registration is challenged.
FIRST_REGISTERS = 2

IS_NO = 3
"""What a command ends with whose answer is no."""


@cli.command("forecast")
def forecast(
    entries: Annotated[
        int,
        typer.Option(min=0, metavar="N", help="Instead: so many entries that do not exist yet, before they are made."),
    ] = 0,
    ttl: Annotated[int, typer.Option(min=1, metavar="S", help="What they are granted, in seconds.")] = 3600,
    retry_timer: Annotated[int, typer.Option(min=1, metavar="S", help="Their FailedRegistrationRetryTimer.")] = 120,
    limit: Annotated[
        int, typer.Option(min=0, metavar="N", help="Their server's MaxRegistersPerSecond; 0 for none.")
    ] = 0,
    output: As = Output.TABLE,
    data_dir: DataDir = None,
    url: Url = "",
    token_file: TokenFile = None,
    ca: Ca = None,
) -> None:
    """Tell how many REGISTERs a second each registrar will get in the next hour, and whether its limit lets it.

    With --entries nothing is read: it is reckoned what so many would cost. Ends with 3 where a limit is too low.
    """
    if entries and (data_dir is not None or url):
        raise ConfigurationError("forecast", "either a service or --entries is wanted")
    as_json = output is Output.JSON
    if entries:
        fits = _what_if(entries, ttl, retry_timer, limit, as_json=as_json)
    else:
        with connect(data_dir, url, token_file, ca) as client:
            found = [Load(**one) for one in client.get("/forecast")["items"]]
        fits = all(one.fits for one in found)
        if as_json:
            print(json.dumps([_as_json(one) for one in found]))
        else:
            _show(found)
    if not fits:
        raise typer.Exit(IS_NO)


def _as_json(one: Load) -> dict[str, Any]:
    return {**asdict(one), "mean": one.mean, "largest": one.largest, "verdict": one.verdict}


def _show(found: Sequence[Load]) -> None:
    table = Table(title="REGISTERs a second, the next hour", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("registrar", no_wrap=True)
    for heading in ("entries", "due now", "mean", "peak", "long run", "limit"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in found:
        table.add_row(
            one.server, f"{one.registrations:,}", f"{one.due:,}", _rate(one.mean), _rate(one.largest), _rate(one.level),
            str(one.limit or "none"),
        )  # fmt: skip
    console = Console()
    console.print(table)
    for one in found:
        if not one.fits:
            console.print(f"{one.server}: {one.verdict}", soft_wrap=True)


def _what_if(entries: int, ttl: int, retry_timer: int, limit: int, *, as_json: bool) -> bool:
    """Reckon what entries that do not exist would cost; tell whether the limit lets it."""
    level = level_rate(entries, ttl, retry_timer)
    one = Load("", entries, entries, (level,), level, limit)
    seconds = FIRST_REGISTERS * entries / limit if limit else 0.0
    if as_json:
        print(json.dumps({"registrations": entries, "level": level, "limit": limit, "first_seconds": seconds,
                          "verdict": one.verdict}))  # fmt: skip
        return one.fits
    print(f"{entries:,} registrations, each granted {ttl:,} s: {_rate(level)} REGISTERs a second to keep them")
    if limit:
        print(
            f"with {limit} a second it takes {_time(seconds)} until all are registered for the first time: {one.verdict}"
        )
    return one.fits


def _rate(rate: float) -> str:
    return f"{rate:,.1f}" if rate < 10 else f"{rate:,.0f}"


def _time(seconds: float) -> str:
    minutes = seconds / 60
    return f"{seconds:.0f} s" if minutes < 2 else f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
