"""The rows that objects of /rest are stored in: found, made, changed, read page by page.

Each table has its statements written once, as text: building an expression for every request took three quarters of
the time of a PUT (measured). Columns always come in the order of the schema, so that the values of a row are a slice.

What may be written, and what it means for registrations, is the business of `config.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, Table, text

from ..errors import ObjectMissing
from ..model.registry import RESOURCES
from ..model.resource import Resource, Values
from .schema import OBJECTS
from .tx import Key, Tx

__all__ = ["STORED", "ObjectTable", "parent_uid_of", "require", "values_of"]


class ObjectTable:
    """The table of one resource, with its statements."""

    def __init__(self, resource: Resource, table: Table) -> None:
        self.resource = resource
        self.names = tuple(attribute.name for attribute in resource.stored)
        columns = [column.name for column in table.columns]
        self._first = columns.index(resource.stored[0].column)
        self._end = self._first + len(self.names)
        written = [name for name in columns if name not in ("uid", "parent_uid", "id", "position")]
        self.listed = ", ".join(f'{table.name}."{name}"' for name in columns)
        """All columns in the order of the schema, for statements that join."""
        self.width = len(columns)
        all_of = f"SELECT {self.listed} FROM {table.name}"
        here = "parent_uid = :parent_uid" if resource.parent else "0 = :parent_uid"
        place = ["parent_uid", "id"] if resource.parent else ["id"]
        last = f"(SELECT coalesce(max(position), 0) + 1 FROM {table.name} WHERE parent_uid = :parent_uid)"
        position = {"position": last} if resource.parent else {}
        given = {**{name: f":{name}" for name in place}, **position, **{name: f":{name}" for name in written}}
        quoted = ", ".join(f'"{name}"' for name in given)
        values = ", ".join(given.values())
        changes = ", ".join(f'"{name}" = :{name}' for name in written)
        # SQLite names no table in RETURNING.
        returned = ", ".join(f'"{name}"' for name in columns)
        self._find = text(f"{all_of} WHERE {here} AND id = :id" if resource.parent else f"{all_of} WHERE id = :id")
        self._get = text(f"{all_of} WHERE uid = :uid")
        self._insert = text(f"INSERT INTO {table.name} ({quoted}) VALUES ({values}) RETURNING {returned}")
        self._update = text(f"UPDATE {table.name} SET {changes} WHERE uid = :uid RETURNING {returned}")
        self._delete = text(f"DELETE FROM {table.name} WHERE uid = :uid")
        self._page = text(f"{all_of} WHERE {here} AND id > :after ORDER BY id LIMIT :most")
        self._ids = text(f"SELECT id FROM {table.name} WHERE {here} AND id > :after ORDER BY id LIMIT :most")
        self._last = text(f"SELECT max(id) FROM {table.name} WHERE {here}")
        taken = f"SELECT id FROM {table.name} WHERE {here}"
        self._gap = text(
            f"SELECT :lowest WHERE :lowest NOT IN ({taken}) UNION ALL "
            f"SELECT id + 1 FROM ({taken}) WHERE id + 1 NOT IN ({taken}) ORDER BY 1 LIMIT 1"
        )
        self._count = text(f"SELECT count(*) FROM {table.name} WHERE {here}")
        self._written = frozenset(written)

    def find(self, tx: Tx, parent_uid: int | None, id: int) -> Row[Any] | None:
        """Return the row of an object, or None."""
        place = {"id": id, "parent_uid": parent_uid} if self.resource.parent else {"id": id}
        return tx.conn.execute(self._find, place).first()

    def get(self, tx: Tx, uid: int) -> Row[Any]:
        """Return the row of a uid; there must be one."""
        return tx.conn.execute(self._get, {"uid": uid}).one()

    def insert(self, tx: Tx, parent_uid: int | None, id: int, columns: Mapping[str, Any]) -> Row[Any]:
        """Make a row, the last of its table, and return it."""
        place = {"id": id, "parent_uid": parent_uid} if self.resource.parent else {"id": id}
        return tx.conn.execute(self._insert, {**place, **columns}).one()

    def update(self, tx: Tx, row: Row[Any], columns: Mapping[str, Any]) -> Row[Any]:
        """Change columns of a row and return it as it is then."""
        kept = {name: value for name, value in row._mapping.items() if name in self._written}
        return tx.conn.execute(self._update, {"uid": row.uid, **kept, **columns}).one()

    def delete(self, tx: Tx, uid: int) -> None:
        """Delete a row."""
        tx.conn.execute(self._delete, {"uid": uid})

    def page(self, tx: Tx, parent_uid: int | None, after: int, most: int) -> Sequence[Row[Any]]:
        """Return at most so many rows with an id behind `after`, by id."""
        return tx.conn.execute(self._page, {"parent_uid": parent_uid or 0, "after": after, "most": most}).all()

    def ids(self, tx: Tx, parent_uid: int | None, after: int, most: int) -> list[int]:
        """Return at most so many ids behind `after`, in ascending order."""
        where = {"parent_uid": parent_uid or 0, "after": after, "most": most}
        return list(tx.conn.execute(self._ids, where).scalars())

    def free_id(self, tx: Tx, parent_uid: int | None) -> int | None:
        """Return an id that is not taken: one behind all, else the first gap; None where there is none."""
        place = {"parent_uid": parent_uid or 0}
        last = tx.conn.execute(self._last, place).scalar() or 0
        if last < self.resource.highest_id:
            return max(int(last) + 1, self.resource.lowest_id)
        gap = tx.conn.execute(self._gap, place | {"lowest": self.resource.lowest_id}).scalar()
        return None if gap is None or gap > self.resource.highest_id else int(gap)

    def count(self, tx: Tx, parent_uid: int | None) -> int:
        """Return how many objects there are (in one table)."""
        return int(tx.conn.execute(self._count, {"parent_uid": parent_uid or 0}).scalar_one())

    def values(self, row: Sequence[Any]) -> Values:
        """Return the values of a row by documented name; secrets as they are stored."""
        return dict(zip(self.names, row[self._first : self._end], strict=True))

    def defaults(self) -> Values:
        """Return the values that stand for an object that is gone."""
        return {
            a.name: a.default if a.default is not None else None if a.is_number else "" for a in self.resource.stored
        }


STORED: dict[str, ObjectTable] = {name: ObjectTable(resource, OBJECTS[name]) for name, resource in RESOURCES.items()}
"""The table of each resource, by the resource's name."""


def values_of(resource: Resource, row: Row[Any] | None) -> Values:
    """Return the values of a row by documented name, or the defaults where there is no row any more."""
    stored = STORED[resource.name]
    return stored.defaults() if row is None else stored.values(row)


def parent_uid_of(tx: Tx, resource: Resource, parent: int | None) -> int | None:
    """Return the uid of the table that objects of this resource hang in, None for a resource without one.

    Raises `ObjectMissing`, naming the table.
    """
    if not resource.parent:
        return None
    row = None if parent is None else STORED[resource.parent].find(tx, None, parent)
    if row is None:
        raise ObjectMissing(resource.parent, str(parent))
    return int(row.uid)


def require(tx: Tx, resource: Resource, key: Key) -> Row[Any]:
    """Return the row of an object; `ObjectMissing` where it, or its table, is missing."""
    row = STORED[resource.name].find(tx, parent_uid_of(tx, resource, key.parent), key.id)
    if row is None:
        raise ObjectMissing(resource.name, str(key))
    return row
