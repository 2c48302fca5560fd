"""The order of use of a table's entries: the attribute `Sequence`.

Each entry has a position of its own; the text is rendered from them, so that an entry more or less writes one row.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Row, text

from ..errors import ReferenceMissing, ValueRefused
from ..model.attributes import NUMBER
from ..model.registry import RESOURCES, child_of
from ..model.resource import Resource
from . import audit
from .tx import Key, Tx

__all__ = ["SEQUENCE", "render", "render_if_short", "reorder"]

SEQUENCE = "Sequence"

# About a millisecond.
LONGEST_AT_ONCE = 1000

IN_ORDER = {
    table: text(f"SELECT id FROM {child.name} WHERE parent_uid = :uid ORDER BY position, id LIMIT :most")
    for table in RESOURCES
    if (child := child_of(table)) is not None
}
ALL = 2**31 - 1

# A list of a million ids is no line for people.
TOLD = 100


def render(tx: Tx, resource: Resource, uid: int) -> str:
    """Return the ids of the entries in a table, in their order of use, separated by commas."""
    return ",".join(map(str, _children(tx, resource, uid)))


def render_if_short(tx: Tx, resource: Resource, uid: int) -> str | None:
    """Do as `render`, but return None for a table that is too long for it to be done while others wait to write."""
    children = _children(tx, resource, uid, LONGEST_AT_ONCE + 1)
    return ",".join(map(str, children)) if len(children) <= LONGEST_AT_ONCE else None


def _children(tx: Tx, resource: Resource, uid: int, most: int = ALL) -> list[int]:
    return list(tx.conn.execute(IN_ORDER[resource.name], {"uid": uid, "most": most}).scalars())


def reorder(tx: Tx, resource: Resource, key: Key, table: Row[Any], sequence: str) -> None:
    """Put the named children first, in this order; the others follow in the order they had.

    Raises `ValueRefused` for what is no list of ids, `ReferenceMissing` for an id that is not there.
    """
    wanted = [part.strip(" ") for part in sequence.split(",")] if sequence.strip(" ") else []
    if not all(NUMBER.match(part) for part in wanted) or len(set(map(int, wanted))) != len(wanted):
        raise ValueRefused("bad", SEQUENCE, "ids separated by commas, each once")
    named = [int(part) for part in wanted]
    child = child_of(resource.name)
    if child is None or named == _children(tx, resource, table.uid, len(named)):
        return
    children = {"uid": table.uid, "ids": json.dumps(named)}
    there = set(tx.conn.execute(text(
        f"SELECT id FROM {child.name} WHERE parent_uid = :uid AND id IN (SELECT value FROM json_each(:ids))"
    ), children).scalars())  # fmt: skip
    for id in named:
        if id not in there:
            raise ReferenceMissing(resource.name, str(key), SEQUENCE, f"{child.name} {id}")
    # Below the first position of before: of a million entries only those that are named are written.
    first = tx.conn.execute(text(f"SELECT min(position) FROM {child.name} WHERE parent_uid = :uid"), children)
    tx.conn.execute(text(
        f"UPDATE {child.name} SET position = :first + j.key FROM json_each(:ids) AS j "
        f"WHERE {child.name}.parent_uid = :uid AND {child.name}.id = j.value"
    ), children | {"first": first.scalar_one() - len(named)})  # fmt: skip
    audit.note(tx, "reorder", resource.name, key, None, {"first": named[:TOLD]})
