"""The way in for what operators want: objects created, read, changed and deleted, each in one transaction.

All functions are generic over the resources of `model/registry.py`; what a change means for registrations is said in
`reconcile.py`. Every fault is a `Refusal`, raised before anything is written.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select

from ..errors import ObjectExists, ObjectInUse, ReferenceMissing
from ..model import servers
from ..model.addressing import registering_user
from ..model.attributes import Kind
from ..model.registry import users_of
from ..model.resource import SECRET_MASK, Resource, Values
from . import audit, bulk_steps, reconcile
from .objects import STORED, parent_uid_of, require
from .schema import OBJECTS
from .sequence import SEQUENCE, render, reorder
from .tx import Key, Tx

__all__ = ["change", "columns_for", "create", "delete", "derived", "exists", "get", "known", "place_of_secret", "shown"]


def exists(tx: Tx, resource: Resource, key: Key) -> bool:
    """Tell whether there is such an object; `ObjectMissing` where its table is missing."""
    return STORED[resource.name].find(tx, parent_uid_of(tx, resource, key.parent), key.id) is not None


def get(tx: Tx, resource: Resource, key: Key) -> Values:
    """Return all documented attributes of one object: secrets masked, Sequence and display name rendered."""
    row = require(tx, resource, key)
    values = shown(resource, row)
    if resource.has_sequence:
        values[SEQUENCE] = render(tx, resource, row.uid)
    return values


def known(resource: Resource, row: Row[Any]) -> Values:
    """Return all attributes of a row, secrets masked, but its `Sequence`, which is as long as its table."""
    values = STORED[resource.name].values(row)
    for attribute in resource.rendered:
        is_secret = attribute.kind is Kind.SECRET
        name = values.get("Description") or f"{resource.display_name} {row.id}"
        values[attribute.name] = SECRET_MASK if is_secret else name
    return values


def shown(resource: Resource, row: Row[Any]) -> Values:
    """Return what GET of the wire API shows of a row: what no box has only once it is set."""
    values = known(resource, row)
    for attribute in resource.ours:
        # A program for real boxes is shown what a real box would show, until somebody uses what no box has.
        if values[attribute.name] == attribute.when_absent():
            del values[attribute.name]
    return values


def create(tx: Tx, resource: Resource, key: Key, form: dict[str, str]) -> Row[Any]:
    """Make an object at the caller's id; return its row."""
    stored = STORED[resource.name]
    bulk_steps.before_write(tx, resource, key, reconcile.leaving, reconcile.many)
    parent_uid = parent_uid_of(tx, resource, key.parent)
    if stored.find(tx, parent_uid, key.id) is not None:
        raise ObjectExists(resource.name, str(key))
    values = resource.to_create(form)
    sequence = values.pop(SEQUENCE, None)
    _check_references(tx, resource, key, values)
    _check_siblings(tx, resource, key, parent_uid, values)
    row = stored.insert(tx, parent_uid, key.id, columns_for(tx, resource, key, parent_uid, values))
    if sequence is not None:
        reorder(tx, resource, key, row, str(sequence))
    reconcile.created(tx, resource, row)
    audit.note(tx, "create", resource.name, key, None, _told(resource, known(resource, row)))
    return row


def change(tx: Tx, resource: Resource, key: Key, form: dict[str, str]) -> Row[Any]:
    """Change the attributes that the form names, and nothing else; return the row as it is then."""
    stored = STORED[resource.name]
    bulk_steps.before_write(tx, resource, key, reconcile.leaving, reconcile.many)
    row = require(tx, resource, key)
    parent_uid = row.parent_uid if resource.parent else None
    current = known(resource, row)
    changes = resource.to_change(current, form)
    sequence = changes.pop(SEQUENCE, None)
    _check_references(tx, resource, key, changes)
    changed = {name: value for name, value in changes.items() if value != current.get(name)}
    if changed.keys() & servers.BOUND_TO_SIBLINGS:
        _check_siblings(tx, resource, key, parent_uid, current | changed)
    if sequence is not None:
        reorder(tx, resource, key, row, str(sequence))
    if not changed:
        return row
    columns = columns_for(tx, resource, key, parent_uid, changed)
    if "AOR" in current:
        columns |= derived(current | changed)
    after = stored.update(tx, row, columns)
    reconcile.changed(tx, resource, row, after, frozenset(changed))
    before, now = ({name: values[name] for name in changed} for values in (current, known(resource, after)))
    audit.note(tx, "change", resource.name, key, audit.columns(resource, before), audit.columns(resource, now))
    return after


def delete(tx: Tx, resource: Resource, key: Key) -> None:
    """Delete an object, and what hangs in it; `ObjectInUse` where another one names it."""
    bulk_steps.before_write(tx, resource, key, reconcile.leaving, reconcile.many)
    row = require(tx, resource, key)
    _check_unused(tx, resource, key)
    reconcile.deleting(tx, resource, row)
    STORED[resource.name].delete(tx, row.uid)
    reconcile.deleted(tx, resource, row)
    audit.note(tx, "delete", resource.name, key, _told(resource, known(resource, row)))


def _told(resource: Resource, values: Values) -> dict[str, Any]:
    """Return what the audit log tells of a whole object: what it has been given, not what it has by default."""
    given = {a.name: values[a.name] for a in resource.stored if values[a.name] not in (a.default, "", None)}
    return audit.columns(resource, given)


def place_of_secret(resource: Resource, parent_uid: int | None, id: int, column: str) -> str:
    """Return the place that a secret is sealed for. The uid of the table is in it: an id may be used again."""
    return f"{resource.name}:{parent_uid}.{id}:{column}"


def columns_for(tx: Tx, resource: Resource, key: Key, parent_uid: int | None, values: Values) -> dict[str, Any]:
    """Return the columns that values are stored in."""
    columns: dict[str, Any] = {}
    for attribute in resource.stored:
        if attribute.name not in values:
            continue
        value = values[attribute.name]
        if attribute.kind is Kind.SECRET:
            place = place_of_secret(resource, parent_uid, key.id, attribute.column)
            columns[attribute.column] = tx.vault.seal(str(value), place)
        else:
            columns[attribute.column] = value
    return columns | derived(values) if "AOR" in values and "AorType" in values else columns


def derived(values: Values) -> dict[str, Any]:
    """Return the column of an entry that no attribute declares."""
    return {"from_user": registering_user(values)}


def _check_references(tx: Tx, resource: Resource, key: Key, values: Values) -> None:
    for attribute in resource.references:
        target = values.get(attribute.name)
        if target and STORED[attribute.refers_to].find(tx, None, int(target)) is None:
            raise ReferenceMissing(resource.name, str(key), attribute.name, f"{attribute.refers_to} {target}")


def _check_siblings(tx: Tx, resource: Resource, key: Key, parent_uid: int | None, values: Values) -> None:
    """Check a server against the others of its table; no other resource has such rules."""
    if resource is not servers.ENTRY:
        return
    stored = STORED[resource.name]
    others = stored.page(tx, parent_uid, 0, resource.highest_id)
    servers.check_siblings(str(key), values, (stored.values(other) for other in others if other.id != key.id))


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
