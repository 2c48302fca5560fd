"""`sipregistrant db`: the data directory as a whole."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ..engine.clock import Clock, read_boot_id
from ..errors import ConfigurationError
from ..store import backup as backups
from ..store.migrate import latest, version_of_file
from ..store.store import DATABASE, Store
from .options import DataDir

__all__ = ["cli"]

cli = typer.Typer(
    name="db", add_completion=False, no_args_is_help=True, help="The data directory: back up, restore, migrate."
)

File = Annotated[Path, typer.Argument(metavar="FILE", help="The backup; compressed where its name ends in .gz.")]


@cli.command("migrate")
def migrate(data_dir: DataDir) -> None:
    """Bring the tables of a database to those of this version; `serve` does so at its start, too. Make a backup before."""
    if not (data_dir / DATABASE).exists():
        raise ConfigurationError("--data-dir", f"there is no database in {data_dir}")
    before = version_of_file(data_dir / DATABASE)
    Store.once(data_dir, _clock, lambda tx: None)
    done = "nothing to do" if before == latest() else f"now {latest()}"
    print(f"tables of version {before}: {done}")


@cli.command("backup")
def backup(file: File, data_dir: DataDir) -> None:
    """Write all of a data directory into one file, also while the service runs.

    The key to the passwords in it is in it as well: keep the file as you keep the data directory.
    """
    begun = time.perf_counter()
    manifest = backups.backup(data_dir, file, made_at=_now().isoformat(timespec="seconds"))
    size = file.stat().st_size / 1e6
    print(f"{file}: {', '.join(manifest.files)}; {size:.1f} MB in {time.perf_counter() - begun:.1f} s")


@cli.command("restore")
def restore(
    file: File,
    data_dir: DataDir,
    force: Annotated[
        bool, typer.Option("--force", help="Move a directory that is not empty aside, and keep it.")
    ] = False,
) -> None:
    """Make a data directory of a backup: checked, and paused, so that it sends nothing beside the service it was made of.

    `sipregistrant resume` has it register, when the other one is gone.
    """
    aside = data_dir.with_name(f"{data_dir.name}.before-{_now():%Y%m%dT%H%M%S}")
    manifest = backups.restore(file, data_dir, _clock, moved_to=(lambda: aside) if force else None)
    if aside.exists():
        print(f"what was in {data_dir} is in {aside}")
    print(f"{data_dir}: as of {manifest.made_at}, by version {manifest.version}; paused until `sipregistrant resume`")


def _now() -> datetime:
    return datetime.fromtimestamp(Clock(read_boot_id()).now(), UTC)


def _clock(saved_boot_id: str, saved_offset_ms: int) -> Callable[[], int]:
    return Clock(read_boot_id(), saved_boot_id, saved_offset_ms).now_ms
