"""The whole state of objects, as /rest shows it: what is configured, and how it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from ..model.resource import Resource, Values
from . import config, runtime
from .objects import STORED, parent_uid_of, require
from .sequence import SEQUENCE, render, render_if_short
from .tx import Key, Tx

__all__ = ["after_write", "count", "ids", "one", "page", "sequence"]


def one(tx: Tx, resource: Resource, key: Key) -> Values:
    """Return the whole state of an object; `ObjectMissing` where there is none."""
    return _states(tx, resource, [require(tx, resource, key)])[0]


def page(tx: Tx, resource: Resource, parent: int | None, after: int, most: int) -> list[tuple[Key, Values]]:
    """Return the whole state of at most so many objects (of one table) with an id behind `after`, by id."""
    rows = STORED[resource.name].page(tx, parent_uid_of(tx, resource, parent), after, most)
    return [(Key(row.id, parent), values) for row, values in zip(rows, _states(tx, resource, rows), strict=True)]


def ids(tx: Tx, resource: Resource, parent: int | None, after: int, most: int) -> list[int]:
    """Return at most so many ids (of one table) behind `after`, in ascending order."""
    return STORED[resource.name].ids(tx, parent_uid_of(tx, resource, parent), after, most)


def count(tx: Tx, resource: Resource, parent: int | None) -> int:
    """Return how many objects there are (in one table)."""
    return STORED[resource.name].count(tx, parent_uid_of(tx, resource, parent))


def after_write(tx: Tx, resource: Resource, row: Row[Any]) -> Values:
    """Return the state of an object in the transaction that wrote it.

    The `Sequence` of a long table is None: nobody else writes while it is rendered. `sequence` reads it.
    """
    values = config.shown(resource, row)
    if resource.has_sequence:
        values[SEQUENCE] = render_if_short(tx, resource, row.uid)
    return {**values, **runtime.runtime_of(tx, resource, [row])[row.id]}


def sequence(tx: Tx, resource: Resource, key: Key) -> str:
    """Return the `Sequence` of a table, "" where it is gone meanwhile."""
    row = STORED[resource.name].find(tx, None, key.id)
    return "" if row is None else render(tx, resource, row.uid)


def _states(tx: Tx, resource: Resource, rows: Sequence[Row[Any]]) -> list[Values]:
    standing = runtime.runtime_of(tx, resource, rows)
    states: list[Values] = []
    for row in rows:
        values = config.shown(resource, row)
        if resource.has_sequence:
            values[SEQUENCE] = render(tx, resource, row.uid)
        states.append({**values, **standing[row.id]})
    return states
