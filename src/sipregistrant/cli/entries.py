"""`sipregistrant entry`, `sipregistrant credential`: one, and many at once."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ..api.bulk_lines import CSV, NDJSON
from ..api.shapes import PLACES, Place
from ..errors import ConfigurationError, RequestRefused
from .client import Client, connected
from .objects import Table, commands_of, path_of

__all__ = ["credential", "entry", "wait_for_import"]

PIECE_BYTES = 64 * 1024
LOOK_EVERY_SECONDS = 0.1

File = Annotated[
    str, typer.Argument(metavar="FILE", help="CSV where it ends in .csv, else NDJSON; - is standard input.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what it would come to.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether the plan is right.")]
Whole = Annotated[bool, typer.Option("--whole", help="Remove the entries that the file does not name.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Come back when all of it is carried out.")]
Target = Annotated[
    str, typer.Argument(metavar="FILE", help="CSV where it ends in .csv, else NDJSON; - is standard output.")
]
Columns = Annotated[
    str, typer.Option("--columns", metavar="A,B,…", help="Columns of a CSV; else those that say something.")
]
Like = Annotated[
    Path | None, typer.Option("--like", metavar="CSV", help="Have the columns of this file, in its order.")
]


def _with_bulk(name: str, about: str) -> typer.Typer:
    app = commands_of(name, about)
    place = PLACES[name]
    app.command("import")(connected(_import(place)))
    app.command("export")(connected(_export(place)))
    return app


def _import(place: Place) -> Callable[..., None]:
    def import_(client: Client, table: Table, file: File, dry_run: DryRun = False, yes: Yes = False, whole: Whole = False,
                wait: Wait = True) -> None:  # fmt: skip
        importing = _Import(client, path_of(place, table), file, whole=whole)
        if file == "-" and not dry_run and not yes:
            raise ConfigurationError("FILE", "standard input can be read once only: say --yes, or --dry-run")
        if dry_run or not yes:
            plan = importing.send(dry_run=True)
            _show(plan)
            if dry_run or not _changes(plan):
                return
            if not sys.stdin.isatty():
                raise ConfigurationError(
                    "--yes", "nothing was changed: nobody is there to say that the plan is right; say --yes"
                )
            typer.confirm("Carry it out?", abort=True)
        plan = importing.send(dry_run=False)
        if yes:
            _show(plan)
        if not _changes(plan):
            return
        if not wait:
            print("on disk; being carried out")
            return
        wait_for_import(client, path_of(place, table))
        print("carried out" if client.is_running else "carried out; registered when the service starts")

    import_.__doc__ = f"""Create and change many {place.collection} of a table, all that the file names, or none.

    Each line has the `id` and the fields of one of them. What is there is changed where the line says something else, what is not
    there is created; nothing is sent for what stays as it is. First the plan is shown: what it comes to, and what is sent. Where
    any line is at fault all faults are told, by line, and nothing is changed.
    """
    return import_


class _Import:
    """One import, from its file."""

    def __init__(self, client: Client, path: str, file: str, *, whole: bool) -> None:
        self._client = client
        self._path = f"{path}/import"
        self._file = file
        self._whole = whole

    def send(self, *, dry_run: bool) -> dict[str, Any]:
        """Send the file; return the plan. Faults are told by line, and end the command with 1."""
        with contextlib.ExitStack() as opened:
            source = opened.enter_context(_opened(self._file))
            headers = {"content-type": CSV if self._file.lower().endswith(".csv") else NDJSON}
            params = {"dry_run": "true" if dry_run else None, "whole": "true" if self._whole else None}
            pieces = opened.enter_context(_told(source, "Reading" if dry_run else "Sending"))
            try:
                reply = self._client.ask("POST", self._path, params=params, content=pieces, headers=headers)
            except RequestRefused as error:
                _show_faults(error)
                raise
        found: dict[str, Any] = reply.json()
        return found


def wait_for_import(client: Client, path: str) -> None:
    """Wait until all of an import of the objects at a path is carried out."""
    with _progress("Carrying out") as (progress, task):
        while (how_far := client.get(f"{path}/import"))["is_pending"]:
            progress.update(task, completed=how_far["done"], total=how_far["lines"])
            time.sleep(LOOK_EVERY_SECONDS)


def _export(place: Place) -> Callable[..., None]:
    def export(client: Client, table: Table, file: Target = "-", columns: Columns = "", like: Like = None) -> None:
        if like is not None:
            columns = _heading(like)
        is_csv = file.lower().endswith(".csv") or bool(columns)
        with client.stream(
            f"{path_of(place, table)}/export", format="csv" if is_csv else "ndjson", columns=columns
        ) as pieces:
            if file == "-":
                for piece in pieces:
                    sys.stdout.buffer.write(piece)
                return
            _write(Path(file), pieces)

    export.__doc__ = (
        f"""Give all {place.collection} of a table, in the form that an import takes. Passwords never come out."""
    )
    return export


def _heading(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig") as file:
            return file.readline().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError("--like", f"{path}: {error}") from None


def _write(path: Path, pieces: Iterator[bytes]) -> None:
    """Write a file whole, or leave the one that is there as it was."""
    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise ConfigurationError("FILE", f"{path}: {error.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    with contextlib.ExitStack() as opened:
        try:
            source = opened.enter_context(Path(file).open("rb"))
        except OSError as error:
            raise ConfigurationError("FILE", f"{file}: {error.strerror}") from None
        yield source


@contextlib.contextmanager
def _told(source: BinaryIO, what: str) -> Iterator[Iterator[bytes]]:
    """Give a file in pieces, with a bar that says how far it is."""
    size = source.seek(0, os.SEEK_END) if source.seekable() else None
    if size is not None:
        source.seek(0)

    with _progress(what, size) as (progress, task):

        def pieces() -> Iterator[bytes]:
            while piece := source.read(PIECE_BYTES):
                yield piece
                progress.advance(task, len(piece))

        yield pieces()


@contextlib.contextmanager
def _progress(what: str, total: int | None = None) -> Iterator[tuple[Progress, Any]]:
    """Show a bar on standard error, where that is a terminal, while something takes its time."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield progress, progress.add_task(what, total=total)


def _changes(plan: dict[str, Any]) -> int:
    return int(plan["added"] + plan["changed"] + plan["removed"])


def _show(plan: dict[str, Any]) -> None:
    print(
        f"added {plan['added']:,}, changed {plan['changed']:,}, untouched {plan['untouched']:,}, removed {plan['removed']:,}"
    )
    due, most, seconds = plan["registrations_due"], plan["registers_at_most"], plan["seconds_at_least"]
    if not due:
        print("nothing is sent because of it")
        return
    how_long = (
        f"over at least {_time(seconds)}, by the limits of the servers"
        if seconds
        else "as fast as the registrars answer"
    )
    print(f"{due:,} registrations are due by it: {due:,} to {most:,} REGISTERs, {how_long}")


def _time(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )


def _show_faults(error: RequestRefused) -> None:
    """Tell what is wrong with each line."""
    lines = error.document.get("lines", [])
    for fault in lines:
        field = f"{fault['field']}: " if fault["field"] else ""
        print(f"line {fault['line']}: {field}{fault['problem']}", file=sys.stderr)
    number = error.document.get("fault_count", 0)
    if number:
        told = f", of which {len(lines):,} are shown" if number > len(lines) else ""
        error.detail = f"{number:,} fault{'s' if number > 1 else ''}{told}; nothing was changed"


entry = _with_bulk("sipregistrantentry", "Entries: AORs, their contacts, and many of them at once.")
credential = _with_bulk("sipremoteauthentry", "Credentials: what answers a registrar's challenge.")
