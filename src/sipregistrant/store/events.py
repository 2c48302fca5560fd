"""Events: what is told to people and programs, in its order, so that nobody who was away misses one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..model.events import EventKind
from .tx import Tx

__all__ = ["Event", "after", "append", "before", "ends"]


class Event(NamedTuple):
    """One event. `at` is in milliseconds of schedule time; `text` is a sentence, `data` the same for programs."""

    id: int
    at: int
    kind: str
    text: str
    data: dict[str, Any]


APPEND = "INSERT INTO event (at, kind, text, data) VALUES (?, ?, ?, ?)"


def append(tx: Tx, kind: EventKind, text: str, data: Mapping[str, Any], at: int | None = None) -> None:
    """Tell something; it happened at `at`, now if that is not said."""
    encoded = json.dumps(data, ensure_ascii=False)
    tx.sqlite.execute(APPEND, (tx.now if at is None else at, kind.value, _storable(text), _storable(encoded)))
    tx.has_events = True


AFTER = "SELECT id, at, kind, text, data FROM event WHERE id > ? {} ORDER BY id LIMIT ?"
BEFORE = "SELECT id, at, kind, text, data FROM event WHERE id < ? {} ORDER BY id DESC LIMIT ?"
OF_KINDS = "AND kind IN (SELECT value FROM json_each(?))"


def after(tx: Tx, id: int, most: int, kinds: Sequence[str] = ()) -> list[Event]:
    """Return at most so many events behind `id`, of these kinds (of all where none is named), the oldest first."""
    return _select(tx, AFTER, id, most, kinds)


def before(tx: Tx, id: int, most: int, kinds: Sequence[str] = ()) -> list[Event]:
    """Return at most so many events before `id`, the newest first."""
    return _select(tx, BEFORE, id, most, kinds)


def ends(tx: Tx) -> tuple[int, int]:
    """Return the ids of the oldest event that is kept, and of the newest that there ever was; 0 for none."""
    oldest, newest = tx.sqlite.execute("SELECT min(id), max(id) FROM event").fetchone()
    return oldest or 0, newest or 0


def _select(tx: Tx, statement: str, id: int, most: int, kinds: Sequence[str]) -> list[Event]:
    where = [json.dumps(list(kinds))] if kinds else []
    rows = tx.sqlite.execute(statement.format(OF_KINDS if kinds else ""), (id, *where, most)).fetchall()
    return [Event(id, at, kind, text, json.loads(data)) for id, at, kind, text, data in rows]


def _storable(value: str) -> str:
    """Return a text that can be read again, as JSON too, where a peer's bytes were no UTF-8."""
    return value.encode("utf-8", "replace").decode()
