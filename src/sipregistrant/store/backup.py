"""Backups: one file with all that a data directory needs to come back, taken while the service writes.

What is copied is one moment of the database (SQLite's backup, in one step, from a connection that only reads: two that write
could lose commits, see `writer.py`), the key, without which no secret in it opens, and the imports that are real and not yet
carried out, as of that moment. So the file is as secret as the directory.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .. import __version__
from ..errors import BackupFaulty, StoreInUse, StoreUnavailable
from . import instance
from .migrate import latest, version_of_file
from .staging import file_of, sync
from .store import DATABASE, Clock, Store

__all__ = ["Manifest", "backup", "restore"]

KEY, MANIFEST = "key", "manifest.json"
CERTIFICATE = ("https.crt", "https.key")
BULK = "bulk-*.db"

# A backup is tried again where an import has ended while it was taken.
MOST_TRIES = 5
LARGEST_MANIFEST_BYTES = 1024 * 1024
PIECE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself: the version that made it, that of its tables, when (UTC), and the SHA-256 of each file."""

    version: str
    schema: str
    made_at: str
    files: dict[str, str]

    def to_json(self) -> bytes:
        """Return its text."""
        told = {"program": "sipregistrant", "version": self.version, "schema": self.schema, "made_at": self.made_at}
        return json.dumps({**told, "files": self.files}, indent=1).encode() + b"\n"

    @classmethod
    def from_json(cls, text: bytes, where: str) -> Manifest:
        """Read it; raises `BackupFaulty`."""
        try:
            told = json.loads(text)
            if told["program"] != "sipregistrant":
                raise BackupFaulty(where, "it is a backup of another program")
            files = {str(name): str(digest) for name, digest in told["files"].items()}
            return cls(str(told["version"]), str(told["schema"]), str(told["made_at"]), files)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BackupFaulty(where, "its manifest cannot be read") from None


def backup(directory: Path, file: Path, *, made_at: str) -> Manifest:
    """Write all of a data directory into one file, 0600, whole or not at all.

    Raises `StoreUnavailable`: there is no database, or no room.
    """
    if not (directory / DATABASE).exists():
        raise StoreUnavailable(f"there is no database in {directory}")
    partial = file.with_name(file.name + ".part")
    try:
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".backup-") as folder:
            copies = _copied(directory, Path(folder))
            schema = version_of_file(copies[DATABASE])
            manifest = Manifest(__version__, schema, made_at, {name: _digest(path) for name, path in copies.items()})
            _pack(partial, manifest, copies)
        partial.replace(file)
        sync(file.parent)
        return manifest
    except (OSError, sqlite3.Error) as error:
        raise StoreUnavailable(f"{file}: {error}") from None
    finally:
        partial.unlink(missing_ok=True)


def _copied(directory: Path, folder: Path) -> dict[str, Path]:
    """Return copies of the files, by name, all of one moment."""
    for _ in range(MOST_TRIES):
        # Opened before the moment: an import that ends now takes its file away, not what is open.
        with contextlib.ExitStack() as opened:
            imports = {path.name: opened.enter_context(path.open("rb")) for path in directory.glob(BULK)}
            _copy_database(directory, folder / DATABASE)
            found = _with_imports(directory, folder, imports, opened)
        if found is not None:
            return found
    raise StoreUnavailable("imports begin and end faster than they can be copied")


def _with_imports(directory: Path, folder: Path, imports: Mapping[str, IO[bytes]],
                  opened: contextlib.ExitStack) -> dict[str, Path] | None:  # fmt: skip
    """Copy what belongs to the database; None where a file is gone that it names."""
    copies = {DATABASE: folder / DATABASE}
    with contextlib.closing(sqlite3.connect(folder / DATABASE)) as copy:
        has_imports = copy.execute("SELECT 1 FROM sqlite_master WHERE name = 'bulk'").fetchone()
        ids = copy.execute("SELECT id FROM bulk WHERE cursor IS NOT NULL").fetchall() if has_imports else []
    for (id,) in ids:
        path = file_of(directory, id)
        try:
            source = imports.get(path.name) or opened.enter_context(path.open("rb"))
        except FileNotFoundError:
            return None
        with (folder / path.name).open("wb") as target:
            source.seek(0)
            shutil.copyfileobj(source, target, PIECE_BYTES)
        copies[path.name] = folder / path.name
    for name in (KEY, *CERTIFICATE):
        if (directory / name).exists():
            copies[name] = Path(shutil.copyfile(directory / name, folder / name))
    return copies


def _copy_database(directory: Path, target: Path) -> None:
    """Copy one moment of the database. While no service runs, nobody may start one meanwhile."""
    target.unlink(missing_ok=True)
    with _locked_if_free(directory) as is_free:
        path = directory / DATABASE
        mode = "rw" if is_free else "ro"
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True)) as source:
            source.execute("PRAGMA busy_timeout=5000")
            with contextlib.closing(sqlite3.connect(target)) as copy:
                source.backup(copy, pages=-1)
                # Alone in its file, without a WAL beside it.
                copy.execute("PRAGMA journal_mode=DELETE")


@contextlib.contextmanager
def _locked_if_free(directory: Path) -> Iterator[bool]:
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)


def _pack(path: Path, manifest: Manifest, copies: dict[str, Path]) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        with tarfile.open(fileobj=file, mode="w:gz" if ".gz" in path.name or ".tgz" in path.name else "w") as archive:
            text = manifest.to_json()
            about = tarfile.TarInfo(MANIFEST)
            about.size, about.mode = len(text), 0o600
            archive.addfile(about, io.BytesIO(text))
            for name, copy in copies.items():
                info = tarfile.TarInfo(name)
                info.size, info.mode = copy.stat().st_size, 0o600
                with copy.open("rb") as source:
                    archive.addfile(info, source)
        file.flush()
        os.fsync(file.fileno())


def restore(file: Path, directory: Path, clock: Clock, *, moved_to: Callable[[], Path] | None = None) -> Manifest:
    """Make a data directory of a backup, paused. The directory must be new or empty; else `moved_to` says where the one that is
    there goes, nothing of it is deleted.

    Raises `BackupFaulty` where the file is none, is not whole, or of a later version; `StoreInUse`, `StoreUnavailable`.
    """
    is_taken = directory.exists() and any(directory.iterdir())
    if is_taken and moved_to is None:
        raise BackupFaulty(str(file), f"{directory} is not empty; with --force it is moved aside, and kept")
    if is_taken:
        with _locked_if_free(directory) as is_free:
            if not is_free:
                raise StoreInUse(str(directory))
    beside = directory.with_name(f".{directory.name}.restoring")
    try:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(mode=0o700, parents=True)
        manifest = _unpack(file, beside)
        _check_database(file, beside / DATABASE)
        Store.once(beside, clock, instance.pause)
        for path in beside.iterdir():
            sync(path)
        if is_taken and moved_to is not None:
            directory.rename(moved_to())
        elif directory.exists():
            directory.rmdir()
        beside.rename(directory)
        sync(directory.parent)
        return manifest
    except (OSError, sqlite3.Error, EOFError) as error:
        raise StoreUnavailable(f"{directory}: {error}") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _unpack(file: Path, folder: Path) -> Manifest:
    """Take a backup apart; nothing but what its manifest names is written, and only by plain names."""
    where = str(file)
    try:
        with tarfile.open(file) as archive:
            members = iter(archive)
            first = next(members, None)
            text = (
                archive.extractfile(first) if first is not None and first.name == MANIFEST and first.isreg() else None
            )
            if text is None:
                raise BackupFaulty(where, "it is no backup of this program")
            manifest = Manifest.from_json(text.read(LARGEST_MANIFEST_BYTES), where)
            _check_names(where, manifest)
            missing = set(manifest.files)
            for member in members:
                source = archive.extractfile(member) if member.isreg() and member.name in missing else None
                if source is None:
                    raise BackupFaulty(where, f"{member.name[:64]!r} does not belong into it")
                missing.discard(member.name)
                if _written(folder / member.name, source) != manifest.files[member.name]:
                    raise BackupFaulty(where, f"{member.name} is not as it was written")
    except (tarfile.TarError, EOFError, OSError) as error:
        if isinstance(error, OSError) and not file.is_file():
            raise BackupFaulty(where, str(error.strerror or error)) from None
        raise BackupFaulty(where, f"it is not whole: {error}") from None
    if missing:
        raise BackupFaulty(where, f"it is not whole: {', '.join(sorted(missing))} is missing")
    return manifest


def _check_names(where: str, manifest: Manifest) -> None:
    known = {DATABASE, KEY, *CERTIFICATE}
    if not {DATABASE, KEY} <= manifest.files.keys():
        raise BackupFaulty(where, "it has no database, or no key")
    for name in manifest.files.keys() - known:
        if not (name.startswith("bulk-") and name.endswith(".db") and name[5:-3].isdigit()):
            raise BackupFaulty(where, f"{name[:64]!r} does not belong into it")
    if manifest.schema > latest():
        raise BackupFaulty(
            where, f"it was made by version {manifest.version}, which is later than this one, {__version__}"
        )


def _check_database(file: Path, path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database:
        try:
            (told,) = database.execute("PRAGMA integrity_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            told = str(error)
    if told != "ok":
        raise BackupFaulty(str(file), f"its database is damaged: {told}")


def _written(path: Path, source: IO[bytes]) -> str:
    digest = hashlib.sha256()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        while piece := source.read(PIECE_BYTES):
            digest.update(piece)
            target.write(piece)
    return digest.hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
