"""The file of an import: each change of it as it will be in the database, worked out and checked before any is made.

A database of its own beside the big one, written by nobody but the import that makes it and only read once that import
has become real, so that a million lines cost the one writer nothing until they are carried out. What is read back comes
in the order of the lines.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import StoreUnavailable
from .tx import Tx

__all__ = [
    "ADD",
    "CHANGE",
    "REMOVE",
    "Staged",
    "Staging",
    "count_staged",
    "directory_of",
    "file_of",
    "in_one_statement",
    "read_staged",
    "sync",
]

ADD, CHANGE, REMOVE = range(3)

# SQLite takes 32,766 values in a statement. One statement for many rows, because the driver gives the interpreter up and
# has to get it back with each: `executemany` does so for each row.
MOST_VALUES = 8_000


class Staged(NamedTuple):
    """One change: `n` counts them, `columns` are those of the row from then on (of one that goes, none)."""

    n: int
    kind: int
    id: int
    columns: Sequence[Any]


def directory_of(tx: Tx) -> Path:
    """Return the data directory that a transaction is in."""
    path: str = tx.sqlite.execute("PRAGMA database_list").fetchone()[2]
    return Path(path).parent


def file_of(directory: Path, bulk_id: int | str) -> Path:
    """Return the file of an import, or with `*` the pattern of all."""
    return directory / f"bulk-{bulk_id}.db"


def in_one_statement(connection: sqlite3.Connection, head: str, rows: Sequence[Sequence[Any]], tail: str = "") -> None:
    """Run `head VALUES (…), (…) tail` for all rows, some hundred of them a time."""
    if not rows:
        return
    width = len(rows[0])
    most = MOST_VALUES // width
    place = f"({', '.join('?' * width)})"
    for at in range(0, len(rows), most):
        some = rows[at : at + most]
        values = [value for row in some for value in row]
        connection.execute(f"{head} VALUES {', '.join([place] * len(some))} {tail}", values)


class Staging:
    """The file while it is written. Without a path it is a temporary one that nobody sees."""

    def __init__(self, path: Path | None, width: int) -> None:
        """Make it; `width` is how many columns an entry has."""
        self.path = path
        self.number = 0
        """Of changes so far."""
        self._connection = sqlite3.connect(path or "", isolation_level=None, check_same_thread=False)
        if path is not None:
            path.chmod(0o600)
        # Until the import is real, a crash leaves a file that is swept away: nothing here needs to be safe before.
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE"):
            self._connection.execute(f"PRAGMA {pragma}")
        columns = ", ".join(f"c{n}" for n in range(width))
        self._connection.execute("CREATE TABLE seen (id INTEGER PRIMARY KEY, line INTEGER NOT NULL)")
        self._connection.execute(f"CREATE TABLE staged (n INTEGER PRIMARY KEY, kind INTEGER, id INTEGER, {columns})")
        self._connection.execute("BEGIN")
        self._no_columns = (None,) * width

    def lines_of(self, ids: Iterable[int]) -> dict[int, int]:
        """Return the line that each of these ids was seen in before, for those that were."""
        found = self._connection.execute(
            "SELECT id, line FROM seen WHERE id IN (SELECT value FROM json_each(?))", (_json(ids),)
        )
        return dict(found.fetchall())

    def see(self, lines: Mapping[int, int]) -> None:
        """Remember ids, none of them seen before, and their lines."""
        in_one_statement(self._connection, "INSERT INTO seen", list(lines.items()))

    def add(self, changes: Sequence[tuple[int, int, Sequence[Any] | None]]) -> None:
        """Append changes: (kind, id, columns)."""
        rows = []
        for kind, id, columns in changes:
            self.number += 1
            rows.append((self.number, kind, id, *(columns or self._no_columns)))
        in_one_statement(self._connection, "INSERT INTO staged", rows)

    def finish(self) -> None:
        """Bring it to the disk, with its name, and close it."""
        self._connection.execute("CREATE INDEX staged_id ON staged (id)")
        self._connection.execute("COMMIT")
        self._connection.close()
        if self.path is not None:
            sync(self.path)
            sync(self.path.parent)

    def discard(self) -> None:
        """Close it, and have no file any more."""
        self._connection.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def read_staged(path: Path, *, after: int = 0, most: int = 1, ids: Iterable[int] | None = None) -> list[Staged]:
    """Return changes behind the one numbered `after`, or those of some ids, in the order of the lines.

    Raises `StoreUnavailable` where the file is not there.
    """
    which = "n > ?" if ids is None else "n > ? AND id IN (SELECT value FROM json_each(?))"
    given = (after,) if ids is None else (after, _json(ids))
    rows = _read(path, f"SELECT * FROM staged WHERE {which} ORDER BY n LIMIT ?", (*given, most))
    return [Staged(n, kind, id, columns) for n, kind, id, *columns in rows]


def count_staged(path: Path) -> int:
    """Return how many changes there are; raises `StoreUnavailable` where the file is not there."""
    return int(_read(path, "SELECT coalesce(max(n), 0) FROM staged", ())[0][0])


def _read(path: Path, query: str, values: Sequence[Any]) -> list[Any]:
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{path.name}: {error}") from None
    try:
        return connection.execute(query, values).fetchall()
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{path.name}: {error}") from None
    finally:
        connection.close()


def _json(ids: Iterable[int]) -> str:
    return f"[{','.join(map(str, ids))}]"


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
