"""What the call plane wants to know: where each AOR is registered, as what, and by which way a call to it comes and goes.

The history of states is the order of it: each change of a registration's state, place or what was learned is a line there, so who
has seen all bindings and then follows the history knows all, and misses nothing while away.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row, text

from .overview import SHOWN
from .tx import Tx

__all__ = ["Change", "after", "latest", "of"]


class Change(NamedTuple):
    """A line of the history: something of the registration is another since."""

    id: int
    registration: int


def after(tx: Tx, id: int, most: int) -> list[Change]:
    """Return at most so many changes behind `id`; of several of one registration the last."""
    found = tx.sqlite.execute(
        "SELECT id, registration_id FROM history WHERE id > ? ORDER BY id LIMIT ?", (id, most)
    ).fetchall()
    last = {registration: change for change, registration in found}
    return sorted(Change(change, registration) for registration, change in last.items())


def latest(tx: Tx) -> int:
    """Return the id of the last change."""
    return int(tx.sqlite.execute("SELECT coalesce(max(id), 0) FROM history").fetchone()[0])


def of(tx: Tx, registrations: Sequence[int]) -> dict[int, Row[Any]]:
    """Return how registrations stand, by id; those that are gone are not in it."""
    if not registrations:
        return {}
    names = {f"id{n}": id for n, id in enumerate(registrations)}
    chosen = ", ".join(f":{name}" for name in names)
    rows = tx.conn.execute(text(f"{SHOWN} WHERE r.id IN ({chosen})"), {**names, "now": tx.now}).all()
    return {row.id: row for row in rows}
