"""How commands show what they found: a table for people, JSON and CSV for programs."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["As", "Output", "cell", "short", "show_many", "show_one", "wide"]

STATE_STYLES = {
    "registered": "green", "up": "green", "degraded": "yellow", "registering": "yellow", "unregistering": "yellow",
    "failing": "red", "rejected": "red", "down": "red", "disabled": "dim",
}  # fmt: skip
STATE_COLUMNS = frozenset({"state", "status", "before", "after", "server_status"})
INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)\.\d{3}Z\Z")
# A file or a pipe is as wide as it has to be.
WIDTH_OF_NO_TERMINAL = 250
FOLDED = frozenset(
    {"aor", "reason", "contacts", "before", "after", "meaning", "description", "status_reason", "source"}
)
"""What may be long, and goes on in the next line; the rest stands in one."""
RIGHT = frozenset({"id", "table", "entry", "port", "last_code", "code", "failures", "aor_ttl", "requests"})


class Output(StrEnum):
    """The forms."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


As = Annotated[Output, typer.Option("-o", "--output", help="A table for people; JSON or CSV for programs.")]


def cell(value: Any) -> str:
    """Return a value in one line."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case dict() | list():
            return json.dumps(value, ensure_ascii=False) if value else ""
    return str(value)


def show_many(items: Iterable[Mapping[str, Any]], columns: Sequence[str], output: Output, *, title: str = "") -> None:
    """Show a list. Of a table and a CSV only these columns are shown, of JSON everything."""
    if output is Output.JSON:
        _show_json(items)
        return
    if output is Output.CSV:
        rows = csv.writer(sys.stdout, lineterminator="\n")
        rows.writerow(columns)
        rows.writerows([cell(item.get(name)) for name in columns] for item in items)
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title=title or None, title_justify="left")
    for name in columns:
        is_folded = name in FOLDED
        table.add_column(
            name.replace("_", " "), justify="right" if name in RIGHT else "left", overflow="fold", no_wrap=not is_folded
        )
    number = 0
    for item in items:
        table.add_row(*(_styled(name, short(cell(item.get(name)))) for name in columns))
        number += 1
    console = wide()
    if number:
        console.print(table)
    else:
        Console(stderr=True).print("nothing")


def wide() -> Console:
    """Return what tables are printed on."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH_OF_NO_TERMINAL)


def short(text: str) -> str:
    """Return an instant as people read it, to the second; anything else as it is."""
    match = INSTANT.match(text)
    return f"{match[1]} {match[2]}" if match else text


def _styled(name: str, text: str) -> Text:
    style = STATE_STYLES.get(text.lower(), "") if name in STATE_COLUMNS else ""
    return Text(text, style=style)


def _show_json(items: Iterable[Mapping[str, Any]]) -> None:
    """Show a list as it comes, an object a line: a million would not fit into memory."""
    before = "[\n"
    for item in items:
        sys.stdout.write(before + json.dumps(item, ensure_ascii=False))
        before = ",\n"
    sys.stdout.write("[]\n" if before == "[\n" else "\n]\n")


def show_one(item: Mapping[str, Any], output: Output) -> None:
    """Show one object: a line for each of its members."""
    if output is Output.JSON:
        print(json.dumps(item, ensure_ascii=False, indent=2))
    elif output is Output.CSV:
        show_many([item], list(item), output)
    else:
        width = max(len(name) for name in item)
        console = Console(soft_wrap=True, highlight=False)
        for name, value in item.items():
            console.print(Text.assemble((name.ljust(width), "bold"), "  ", _styled(name, cell(value))))
