"""`sipregistrant explain`: why a registration is as it is, since when, what happens next, and what to change."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from ..errors import ConfigurationError
from .client import Client, connected
from .output import STATE_STYLES, As, Output, show_many

__all__ = ["cli"]

WIDTH = 100
COLUMNS = ("aor", "server", "state", "cause", "headline")

cli = typer.Typer(add_completion=False)


@cli.command("explain")
@connected
def explain(
    client: Client,
    what: Annotated[
        str,
        typer.Argument(
            metavar="AOR|TABLE:ENTRY|REGISTRATION", help="sip:alice@carrier.example, 1:17, or the id of a registration."
        ),
    ],
    output: As = Output.TABLE,
) -> None:
    """Explain in words why a registration is as it is: what was sent where, what came back, since when, when it lapses, what
    happens next, and what to change.
    """  # fmt: skip
    items = _found(client, what)
    if output is Output.JSON:
        print(json.dumps(items, ensure_ascii=False, indent=2))
    elif output is Output.CSV:
        show_many(items, COLUMNS, output)
    else:
        console = Console(highlight=False)
        console.width = min(console.width, WIDTH)
        for number, item in enumerate(items):
            _show(console, item, is_first=number == 0)


def _found(client: Client, what: str) -> list[dict[str, Any]]:
    if what.isascii() and what.isdigit():
        return [client.get(f"/registrations/{what}/explanation")]
    table, colon, entry = what.partition(":")
    if colon and all(part.isascii() and part.isdigit() for part in (table, entry)):
        found: list[dict[str, Any]] = client.get(f"/tables/{table}/entries/{entry}/explanation")["items"]
        return found
    if not what.startswith(("sip:", "sips:", "tel:")):
        raise ConfigurationError("explain", f"{what!r} is no AOR (sip:…), no TABLE:ENTRY, and no id of a registration")
    of_aor: list[dict[str, Any]] = client.get("/explanation", aor=what)["items"]
    return of_aor


def _show(console: Console, item: dict[str, Any], *, is_first: bool) -> None:
    if not is_first:
        console.rule(style="dim")
    console.print(Text(item["headline"], style=f"bold {STATE_STYLES.get(item['state'], '')}".strip()))
    for text in item["parts"].values():
        console.print()
        console.print(Text(text))
    if item["advice"]:
        console.print()
        console.print(Text("What to do", style="bold"))
        for one in item["advice"]:
            console.print(Padding(Text(f"- {one}"), (0, 0, 0, 1)))
