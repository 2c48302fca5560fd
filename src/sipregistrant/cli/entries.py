"""`sipregistrant entry import`: many entries of a table at once, all or none."""

from __future__ import annotations

import asyncio
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from ..api.bulk_lines import read_csv, read_ndjson
from ..api.imports import CSV
from ..engine.clock import Clock, read_boot_id
from ..errors import ConfigurationError, StoreInUse
from ..model.registry import RESOURCES
from ..store import bulk
from ..store.bulk import Fault, Plan
from ..store.store import DATABASE, Store
from .directory import refused, send
from .options import DataDir

__all__ = ["cli"]

cli = typer.Typer(help="Import entries of tables.", no_args_is_help=True)

# A million lines take half a minute, beside everything else.
TIMEOUT_SECONDS = 600

PIECE_BYTES = 64 * 1024


@cli.callback()
def entries() -> None:
    """Import entries of tables."""


@cli.command("import")
def import_entries(
    table: Annotated[int, typer.Argument(metavar="TABLE", help="Id of the table.")],
    file: Annotated[str, typer.Argument(metavar="FILE", help="NDJSON, or CSV where it ends in .csv; - reads NDJSON.")],
    data_dir: DataDir,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what it would come to.")] = False,
    whole: Annotated[bool, typer.Option("--whole", help="Remove the entries that the file does not name.")] = False,
    credentials: Annotated[
        bool, typer.Option("--credentials", help="TABLE is a Remote Authorization Table, not one of registrants.")
    ] = False,
) -> None:
    """Create and change many entries of a table: all that the file names, or none where any line is at fault.

    Each line has the `id` of its entry and the documented attributes. An entry that is there is changed where the line
    says something else, and one that is not is created; nothing is sent for one that stays as it is.
    """
    resource = "sipremoteauthentry" if credentials else "sipregistrantentry"
    if not (data_dir / DATABASE).exists():
        raise ConfigurationError("--data-dir", f"there is no database in {data_dir}")
    is_csv = file.lower().endswith(".csv")
    with ExitStack() as opened:
        try:
            source: BinaryIO = sys.stdin.buffer if file == "-" else opened.enter_context(Path(file).open("rb"))
        except OSError as error:
            raise ConfigurationError("FILE", f"{file}: {error.strerror}") from None
        try:
            found = asyncio.run(_here(data_dir, resource, table, source, is_csv=is_csv, dry_run=dry_run, whole=whole))
            when = "when the service starts"
        except StoreInUse:
            found = _ask_service(data_dir, resource, table, source, is_csv=is_csv, dry_run=dry_run, whole=whole)
            when = "now"
    _show(found, "" if dry_run else when)


async def _here(data_dir: Path, resource: str, table: int, source: BinaryIO, *, is_csv: bool, dry_run: bool,
                whole: bool) -> Plan:  # fmt: skip
    boot_id = read_boot_id()
    store = await Store.open(data_dir, lambda *saved: Clock(boot_id, *saved).now_ms)
    try:
        carry = bulk.plan if dry_run else bulk.apply
        lines = read_csv(source) if is_csv else read_ndjson(source)
        return await carry(store, RESOURCES[resource], table, lines, is_whole=whole)
    finally:
        await store.close()


def _ask_service(data_dir: Path, resource: str, table: int, source: BinaryIO, *, is_csv: bool, dry_run: bool,
                 whole: bool) -> Plan:  # fmt: skip
    asked = {"resource": resource, "table": str(table), "dry-run": str(int(dry_run)), "whole": str(int(whole))}
    pieces = iter(lambda: source.read(PIECE_BYTES), b"")
    headers = {"content-type": CSV if is_csv else "application/x-ndjson"}
    reply = send(data_dir, "POST", "import", seconds=TIMEOUT_SECONDS, params=asked, headers=headers, content=pieces)
    told: dict[str, Any] = reply.json()
    if reply.is_success:
        return Plan(**told)
    if "fault_count" in told:
        faults = [Fault(one["line"], one["id"], one["field"], one["problem"]) for one in told["lines"]]
        return Plan(fault_count=told["fault_count"], faults=faults)
    raise refused("entry", reply)


def _show(found: Plan, carried_out: str) -> None:
    """Print the plan; end with 1 where there are faults."""
    if found.fault_count:
        for fault in found.faults:
            field = f"{fault.attribute}: " if fault.attribute else ""
            print(f"line {fault.line}: {field}{fault.problem}", file=sys.stderr)
        told = f", of which {len(found.faults):,} are shown" if found.fault_count > len(found.faults) else ""
        faults = "1 fault" if found.fault_count == 1 else f"{found.fault_count:,} faults"
        print(f"{faults}{told}; nothing was changed", file=sys.stderr)
        raise typer.Exit(1)
    print(f"added {found.added:,}, changed {found.changed:,}, untouched {found.untouched:,}, removed {found.removed:,}; "
          f"registrations due by it: {found.registers:,}")  # fmt: skip
    if carried_out and found.changes:
        print(f"on disk; carried out {carried_out}")
