"""Carries an import out: what `bulk.py` has staged gets into the tables, a few hundred lines a transaction.

From the moment that an import is real (`make_real`, one small row) all of it will be there, whatever happens; until its
last line is carried out its table shows rt_Pending. Whoever writes to an entry meanwhile comes after the import: its
line is brought forward, in the writer's own transaction, and is not carried out again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Row, text

from ..errors import ObjectConflict, ObjectMissing
from ..model.registry import RESOURCES, child_of
from ..model.resource import Resource
from .objects import STORED, parent_uid_of
from .schema import DERIVED
from .staging import ADD, CHANGE, REMOVE, Staged, count_staged, directory_of, file_of, in_one_statement, read_staged
from .tx import Key, Tx

__all__ = [
    "BULK_RESOURCES",
    "Consequences",
    "before_write",
    "begin",
    "columns_of",
    "forget",
    "forget_table",
    "forget_unfinished",
    "is_pending",
    "make_real",
    "progress",
    "step",
    "sweep",
]

BULK_RESOURCES = frozenset({"sipregistrantentry", "sipremoteauthentry"})
"""What can be imported: entries that are there in millions."""

# New entries of a table that is registered nowhere: 6 ms. Fewer would write the same pages of its indexes more often.
LINES_PER_STEP = 600
# What makes a registration as well, or changes one.
LINES_WITH_CONSEQUENCES = 250

Rows = Sequence[Row[Any]]
Consequences = Callable[[Tx, Resource, Rows, Sequence[tuple[Row[Any], Row[Any]]]], None]
"""What (added, changed before and after) means for registrations: `reconcile.many`. Those that go are for `Leaving`."""
Leaving = Callable[[Tx, Resource, Rows], None]


def columns_of(resource: Resource) -> list[str]:
    """Return the names of the columns that a change is staged with."""
    return [*(attribute.column for attribute in resource.stored), *DERIVED.get(resource.name, ())]


def begin(tx: Tx, resource: Resource, parent: int) -> int:
    """Note that a table is being read for an import; return the import's id.

    From now on it is known which entries others write. Raises `ObjectMissing`, and `ObjectConflict` where an import of
    this table is under way.
    """
    place = (resource.name, parent_uid_of(tx, resource, parent))
    made = tx.sqlite.execute("INSERT OR IGNORE INTO bulk (resource, parent_uid) VALUES (?, ?) RETURNING id", place)
    row = made.fetchone()
    if row is None:
        raise ObjectConflict("another import of this table is under way", str(parent), resource.parent)
    return int(row[0])


def make_real(tx: Tx, bulk_id: int, resource: Resource, parent: int, *, is_whole: bool) -> None:
    """Have an import carried out, all of it. `is_whole` tells that the table is to have nothing else.

    Raises `ObjectMissing` where the table has gone, `ObjectConflict` where somebody has written to an entry of the import
    since it was read: what was checked and counted is not what is there any more.
    """
    if tx.sqlite.execute("SELECT 1 FROM bulk WHERE id = ?", (bulk_id,)).fetchone() is None:
        raise ObjectMissing(resource.parent, str(parent))
    written = [id for (id,) in tx.sqlite.execute("SELECT id FROM bulk_ahead WHERE bulk_id = ?", (bulk_id,))]
    if written:
        concerned = read_staged(file_of(directory_of(tx), bulk_id), ids=written)
        ids = written if is_whole else [change.id for change in concerned]
        if ids:
            key = Key(ids[0], parent)
            raise ObjectConflict("it was written by somebody else while the import was read", str(key), resource.name)
    tx.sqlite.execute("UPDATE bulk SET cursor = 0 WHERE id = ?", (bulk_id,))
    tx.fan_out = True


def forget(tx: Tx, bulk_id: int) -> None:
    """Forget an import. Its file is swept away once this is on disk."""
    tx.sqlite.execute("DELETE FROM bulk WHERE id = ?", (bulk_id,))
    tx.sqlite.execute("DELETE FROM bulk_ahead WHERE bulk_id = ?", (bulk_id,))


def forget_table(tx: Tx, table: Resource, uid: int) -> None:
    """Forget the import of a table that is deleted."""
    child = child_of(table.name)
    if child is not None:
        found = tx.sqlite.execute("SELECT id FROM bulk WHERE resource = ? AND parent_uid = ?", (child.name, uid))
        for (bulk_id,) in found.fetchall():
            forget(tx, bulk_id)


def forget_unfinished(tx: Tx) -> None:
    """Forget the imports that were being read when the last process ended."""
    for (bulk_id,) in tx.sqlite.execute("SELECT id FROM bulk WHERE cursor IS NULL").fetchall():
        forget(tx, bulk_id)


def sweep(tx: Tx) -> None:
    """Remove the files of imports that are not there (any more), as of what is on disk: for readers."""
    # The files first: an import has its row on disk before it has its file.
    files = list(directory_of(tx).glob(file_of(Path(), "*").name))
    known = {file_of(Path(), id).name for (id,) in tx.sqlite.execute("SELECT id FROM bulk")}
    for path in files:
        if path.name not in known:
            path.unlink(missing_ok=True)


def is_pending(tx: Tx, resource: Resource, parent_uid: int) -> bool:
    """Tell whether an import of a table's entries is real and not carried out yet."""
    place = (resource.name, parent_uid)
    query = "SELECT 1 FROM bulk WHERE resource = ? AND parent_uid = ? AND cursor IS NOT NULL"
    return tx.sqlite.execute(query, place).fetchone() is not None


def progress(tx: Tx, resource: Resource, parent: int) -> tuple[int, int] | None:
    """Return how many lines of an import of a table are carried out, and of how many; None where none is under way."""
    place = (resource.name, parent_uid_of(tx, resource, parent))
    query = "SELECT id, cursor FROM bulk WHERE resource = ? AND parent_uid = ? AND cursor IS NOT NULL"
    row = tx.sqlite.execute(query, place).fetchone()
    return None if row is None else (row[1], count_staged(file_of(directory_of(tx), row[0])))


def before_write(tx: Tx, resource: Resource, key: Key, leaving: Leaving, consequences: Consequences) -> None:
    """Note that somebody is about to write to an entry, and carry out what a real import has for it before.

    Raises `ObjectMissing` where there is no such table.
    """
    if resource.name not in BULK_RESOURCES or tx.sqlite.execute("SELECT 1 FROM bulk LIMIT 1").fetchone() is None:
        return
    parent_uid = parent_uid_of(tx, resource, key.parent)
    query = "SELECT id, cursor FROM bulk WHERE resource = ? AND parent_uid = ?"
    row = tx.sqlite.execute(query, (resource.name, parent_uid)).fetchone()
    if row is None:
        return
    bulk_id, cursor = row
    place = (bulk_id, key.id)
    noted = tx.sqlite.execute("INSERT OR IGNORE INTO bulk_ahead (bulk_id, id) VALUES (?, ?)", place)
    if cursor is None or noted.rowcount == 0:
        return
    assert parent_uid is not None
    changes = read_staged(file_of(directory_of(tx), bulk_id), after=cursor, ids=[key.id])
    _carry_out(tx, resource, parent_uid, changes, leaving, consequences)


def step(tx: Tx, leaving: Leaving, consequences: Consequences) -> bool:
    """Carry out some lines of an import that is real; tell whether there was any."""
    row = tx.sqlite.execute(
        "SELECT id, resource, parent_uid, cursor FROM bulk WHERE cursor IS NOT NULL ORDER BY id LIMIT 1"
    ).fetchone()
    if row is None:
        return False
    bulk_id, name, parent_uid, cursor = row
    most = LINES_WITH_CONSEQUENCES if _is_registered(tx, parent_uid) else LINES_PER_STEP
    changes = read_staged(file_of(directory_of(tx), bulk_id), after=cursor, most=most)
    if any(change.kind != ADD for change in changes):
        changes = changes[:LINES_WITH_CONSEQUENCES]
    if not changes:
        forget(tx, bulk_id)
        return True
    ids = json.dumps([change.id for change in changes])
    query = "SELECT id FROM bulk_ahead WHERE bulk_id = ? AND id IN (SELECT value FROM json_each(?))"
    done = {id for (id,) in tx.sqlite.execute(query, (bulk_id, ids))}
    left = [change for change in changes if change.id not in done]
    _carry_out(tx, RESOURCES[name], parent_uid, left, leaving, consequences)
    tx.sqlite.execute("UPDATE bulk SET cursor = ? WHERE id = ?", (changes[-1].n, bulk_id))
    return True


def _carry_out(tx: Tx, resource: Resource, parent_uid: int, changes: Sequence[Staged], leaving: Leaving,
               consequences: Consequences) -> None:  # fmt: skip
    by_kind: dict[int, list[int]] = {ADD: [], CHANGE: [], REMOVE: []}
    for change in changes:
        by_kind[change.kind].append(change.id)
    before = _rows(tx, resource, parent_uid, by_kind[CHANGE] + by_kind[REMOVE])
    going = [before[id] for id in by_kind[REMOVE]]
    if going:
        leaving(tx, resource, going)
        uids = json.dumps([row.uid for row in going])
        tx.sqlite.execute(f"DELETE FROM {resource.name} WHERE uid IN (SELECT value FROM json_each(?))", (uids,))
    _write(tx, resource, parent_uid, [change for change in changes if change.kind != REMOVE])
    # A change has to do with registrations that are about to be retired, too.
    if not by_kind[CHANGE] and not _is_registered(tx, parent_uid):
        return
    after = _rows(tx, resource, parent_uid, by_kind[ADD] + by_kind[CHANGE])
    changed = [(before[id], after[id]) for id in by_kind[CHANGE]]
    consequences(tx, resource, [after[id] for id in by_kind[ADD]], changed)


def _is_registered(tx: Tx, uid: int) -> bool:
    """Tell whether a registrar uses a table, of entries or of credentials."""
    query = "SELECT 1 FROM registrar WHERE registrant_table_uid = ?1 OR credentials_uid = ?1 LIMIT 1"
    return tx.sqlite.execute(query, (uid,)).fetchone() is not None


def _write(tx: Tx, resource: Resource, parent_uid: int, changes: Sequence[Staged]) -> None:
    """Write rows as they were staged: those that are new get the last positions of their table, in their order."""
    name, columns = resource.name, [f'"{column}"' for column in columns_of(resource)]
    query = f"SELECT coalesce(max(position), 0) FROM {name} WHERE parent_uid = ?"
    (last,) = tx.sqlite.execute(query, (parent_uid,)).fetchone()
    rows = [(parent_uid, change.id, last + at, *change.columns) for at, change in enumerate(changes, 1)]
    kept = ", ".join(f"{column} = excluded.{column}" for column in columns)
    in_one_statement(
        tx.sqlite, f"INSERT INTO {name} (parent_uid, id, position, {', '.join(columns)})", rows,
        f"ON CONFLICT (parent_uid, id) DO UPDATE SET {kept}",
    )  # fmt: skip


ROWS = {
    name: text(
        f"SELECT {STORED[name].listed} FROM {name} "
        "WHERE parent_uid = :parent_uid AND id IN (SELECT value FROM json_each(:ids))"
    )
    for name in BULK_RESOURCES
}


def _rows(tx: Tx, resource: Resource, parent_uid: int, ids: Collection[int]) -> dict[int, Row[Any]]:
    """Return the rows of entries by id."""
    if not ids:
        return {}
    place = {"parent_uid": parent_uid, "ids": json.dumps(list(ids))}
    return {row.id: row for row in tx.conn.execute(ROWS[resource.name], place)}
