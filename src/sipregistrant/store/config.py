"""The way in for what operators want: objects created, read, changed and deleted, each in one transaction.

All functions are generic over the resources of `model/registry.py`; what a change means for registrations is said in
`reconcile.py`. Every fault is a `Refusal`, raised before anything is written.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Row, func, insert, select, text, update
from sqlalchemy import delete as sql_delete

from ..errors import ObjectExists, ObjectInUse, ObjectMissing, ReferenceMissing, ValueRefused
from ..model.addressing import aor_user
from ..model.attributes import NUMBER, Kind
from ..model.registry import RESOURCES, child_of, users_of
from ..model.resource import SECRET_MASK, Resource, Values
from . import reconcile
from .schema import OBJECTS
from .tx import Key, Tx

__all__ = ["change", "check_parent", "create", "delete", "exists", "get", "get_all", "list_ids", "place_of_secret"]

SEQUENCE = "Sequence"


def check_parent(tx: Tx, resource: Resource, parent: int | None) -> int | None:
    """Return the uid of the table that objects of this resource hang in, None for a resource without one.

    Raises `ObjectMissing`, naming the table.
    """
    if not resource.parent:
        return None
    table = OBJECTS[resource.parent]
    uid = tx.conn.execute(select(table.c.uid).where(table.c.id == parent)).scalar()
    if uid is None:
        raise ObjectMissing(resource.parent, str(parent))
    return int(uid)


def exists(tx: Tx, resource: Resource, key: Key) -> bool:
    """Tell whether there is such an object; `ObjectMissing` where its table is missing."""
    return _find(tx, resource, key, check_parent(tx, resource, key.parent)) is not None


def list_ids(tx: Tx, resource: Resource, parent: int | None) -> list[int]:
    """Return the ids of all objects (of one table), in ascending order."""
    table = OBJECTS[resource.name]
    query = select(table.c.id).order_by(table.c.id)
    if resource.parent:
        query = query.where(table.c.parent_uid == check_parent(tx, resource, parent))
    return list(tx.conn.execute(query).scalars())


def get(tx: Tx, resource: Resource, key: Key) -> Values:
    """Return all documented attributes of one object: secrets masked, Sequence and display name rendered."""
    row = _require(tx, resource, key, check_parent(tx, resource, key.parent))
    return _shown(tx, resource, row)


def get_all(tx: Tx, resource: Resource, parent: int | None) -> list[tuple[Key, Values]]:
    """Return all objects (of one table) by id, as `get` does."""
    table = OBJECTS[resource.name]
    query = select(table).order_by(table.c.id)
    if resource.parent:
        query = query.where(table.c.parent_uid == check_parent(tx, resource, parent))
    return [(Key(row.id, parent), _shown(tx, resource, row)) for row in tx.conn.execute(query)]


def create(tx: Tx, resource: Resource, key: Key, form: dict[str, str]) -> None:
    """Make an object at the caller's id."""
    parent_uid = check_parent(tx, resource, key.parent)
    if _find(tx, resource, key, parent_uid) is not None:
        raise ObjectExists(resource.name, str(key))
    values = resource.to_create(form)
    _check_references(tx, resource, key, values)
    columns = _columns(tx, resource, key, values)
    if parent_uid is not None:
        columns |= {"parent_uid": parent_uid, "position": _last_position(tx, resource, parent_uid) + 1}
    made = tx.conn.execute(insert(OBJECTS[resource.name]).values(id=key.id, **columns))
    assert made.inserted_primary_key is not None
    uid = int(made.inserted_primary_key[0])
    if SEQUENCE in values:
        _reorder(tx, resource, key, uid, str(values[SEQUENCE]))
    reconcile.created(tx, resource, uid)


def change(tx: Tx, resource: Resource, key: Key, form: dict[str, str]) -> None:
    """Change the attributes that the form names, and nothing else."""
    row = _require(tx, resource, key, check_parent(tx, resource, key.parent))
    current = _values(resource, row)
    changes = resource.to_change(current, form)
    sequence = changes.pop(SEQUENCE, None)
    _check_references(tx, resource, key, changes)
    if sequence is not None:
        _reorder(tx, resource, key, row.uid, str(sequence))
    changed = {name for name, value in changes.items() if value != current.get(name)}
    if not changed:
        return
    before = reconcile.before_change(tx, resource, row.uid)
    columns = _columns(tx, resource, key, {**current, **changes}, only=changed)
    table = OBJECTS[resource.name]
    tx.conn.execute(update(table).where(table.c.uid == row.uid).values(columns))
    reconcile.changed(tx, resource, row.uid, frozenset(changed), before)


def delete(tx: Tx, resource: Resource, key: Key) -> None:
    """Delete an object, and what hangs in it; `ObjectInUse` where another one names it."""
    row = _require(tx, resource, key, check_parent(tx, resource, key.parent))
    _check_unused(tx, resource, key)
    before = reconcile.before_change(tx, resource, row.uid)
    reconcile.deleting(tx, resource, row.uid)
    table = OBJECTS[resource.name]
    tx.conn.execute(sql_delete(table).where(table.c.uid == row.uid))
    reconcile.deleted(tx, resource, row.uid, before)


def place_of_secret(resource: Resource, parent_uid: int | None, id: int, column: str) -> str:
    """Return the place that a secret is sealed for. The uid of the table is in it: an id may be used again."""
    return f"{resource.name}:{parent_uid}.{id}:{column}"


def _find(tx: Tx, resource: Resource, key: Key, parent_uid: int | None) -> Row[Any] | None:
    table = OBJECTS[resource.name]
    query = select(table).where(table.c.id == key.id)
    if parent_uid is not None:
        query = query.where(table.c.parent_uid == parent_uid)
    return tx.conn.execute(query).first()


def _require(tx: Tx, resource: Resource, key: Key, parent_uid: int | None) -> Row[Any]:
    row = _find(tx, resource, key, parent_uid)
    if row is None:
        raise ObjectMissing(resource.name, str(key))
    return row


def _values(resource: Resource, row: Row[Any]) -> Values:
    """Return what is stored, by documented name; secrets as the mask."""
    stored = row._mapping
    return {a.name: SECRET_MASK if a.kind is Kind.SECRET else stored[a.column] for a in resource.stored}


def _shown(tx: Tx, resource: Resource, row: Row[Any]) -> Values:
    values = _values(resource, row)
    for attribute in resource.attributes:
        if attribute.kind is Kind.SEQUENCE:
            values[attribute.name] = ",".join(map(str, _children_in_order(tx, resource, row.uid)))
        elif attribute.kind is Kind.READ_ONLY:
            values[attribute.name] = values["Description"] or f"{resource.display_name} {row.id}"
    return values


def _columns(tx: Tx, resource: Resource, key: Key, values: Values, only: set[str] | None = None) -> dict[str, Any]:
    """Return the columns that values are stored in: all, or those of the attributes `only` and what derives from
    them.
    """
    parent_uid = check_parent(tx, resource, key.parent)
    columns: dict[str, Any] = {}
    for attribute in resource.stored:
        if only is not None and attribute.name not in only:
            continue
        value = values[attribute.name]
        if attribute.kind is Kind.SECRET:
            place = place_of_secret(resource, parent_uid, key.id, attribute.column)
            columns[attribute.column] = tx.vault.seal(str(value), place)
        else:
            columns[attribute.column] = value
    if "AOR" in values:
        columns["from_user"] = aor_user(str(values["AOR"]), int(values["AorType"] or 0))
    return columns


def _check_references(tx: Tx, resource: Resource, key: Key, values: Values) -> None:
    for attribute in resource.references:
        target = values.get(attribute.name)
        if target and attribute.refers_to in RESOURCES:
            table = OBJECTS[attribute.refers_to]
            if tx.conn.execute(select(table.c.uid).where(table.c.id == target)).first() is None:
                raise ReferenceMissing(resource.name, str(key), attribute.name, f"{attribute.refers_to} {target}")


def _check_unused(tx: Tx, resource: Resource, key: Key) -> None:
    for user, column in users_of(resource.name):
        table = OBJECTS[user.name]
        query = select(table.c.id).where(table.c[column] == key.id)
        if user.parent:
            parent = OBJECTS[user.parent]
            query = query.add_columns(parent.c.id.label("parent")).join(parent, parent.c.uid == table.c.parent_uid)
        row = tx.conn.execute(query.limit(1)).first()
        if row is not None:
            user_key = Key(row.id, row.parent) if user.parent else Key(row.id)
            raise ObjectInUse(resource.name, str(key), user.name, str(user_key))


def _children_in_order(tx: Tx, resource: Resource, uid: int, most: int | None = None) -> list[int]:
    child = child_of(resource.name)
    if child is None:
        return []
    table = OBJECTS[child.name]
    query = select(table.c.id).where(table.c.parent_uid == uid).order_by(table.c.position, table.c.id).limit(most)
    return list(tx.conn.execute(query).scalars())


def _last_position(tx: Tx, resource: Resource, parent_uid: int) -> int:
    table = OBJECTS[resource.name]
    query = select(func.max(table.c.position)).where(table.c.parent_uid == parent_uid)
    return tx.conn.execute(query).scalar() or 0


def _reorder(tx: Tx, resource: Resource, key: Key, uid: int, sequence: str) -> None:
    """Put the named children first, in this order; the others follow in the order they had."""
    child = child_of(resource.name)
    wanted = [part.strip(" ") for part in sequence.split(",")] if sequence.strip(" ") else []
    if not all(NUMBER.match(part) for part in wanted) or len(set(map(int, wanted))) != len(wanted):
        raise ValueRefused("bad", SEQUENCE, "ids separated by commas, each once")
    named = [int(part) for part in wanted]
    if child is None or named == _children_in_order(tx, resource, uid, len(named)):
        return
    table = OBJECTS[child.name]
    children = {"uid": uid, "ids": json.dumps(named)}
    there = set(tx.conn.execute(text(
        f"SELECT id FROM {table.name} WHERE parent_uid = :uid AND id IN (SELECT value FROM json_each(:ids))"
    ), children).scalars())  # fmt: skip
    for id in named:
        if id not in there:
            raise ReferenceMissing(resource.name, str(key), SEQUENCE, f"{child.name} {id}")
    # Below the first position of before: of a million entries only those that are named are written.
    lowest = tx.conn.execute(select(func.min(table.c.position)).where(table.c.parent_uid == uid)).scalar_one()
    tx.conn.execute(text(
        f"UPDATE {table.name} SET position = :first + j.key FROM json_each(:ids) AS j "
        f"WHERE {table.name}.parent_uid = :uid AND {table.name}.id = j.value"
    ), children | {"first": lowest - len(named)})  # fmt: skip
