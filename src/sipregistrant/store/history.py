"""The history of states: each change of a registration's state, with the code and the reason of its attempt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..model.schedule import Settled
from ..model.status import State
from .chunks import chunked, in_chunks, storable
from .tx import Tx

__all__ = ["Change", "of", "record"]


class Change(NamedTuple):
    """One change: `at` is when the attempt had ended, in milliseconds of schedule time; `code` 0 means no answer."""

    id: int
    at: int
    before: State
    after: State
    code: int
    reason: str


RECORD = chunked(("registration_id", "at", "old_state", "state", "code", "reason"), """
INSERT INTO history (registration_id, at, old_state, state, code, reason)
SELECT registration_id, at, old_state, state, code, reason FROM j
""")  # fmt: skip


def record(tx: Tx, outcomes: Sequence[Settled]) -> None:
    """Note what attempts have changed: the state; or, of what stays registered, where, as what, or what was learned.

    A refresh that is answered as the one before changes nothing.
    """
    rows: list[tuple[Any, ...]] = [
        (o.id, round(o.attempted_at * 1000), int(o.old_state), int(o.state), o.last_code, storable(o.last_reason))
        for o in outcomes
        if o.state != o.old_state or o.is_elsewhere
    ]
    if rows:
        in_chunks(tx, RECORD, rows)
        tx.has_events = True


OF = """
SELECT id, at, old_state, state, code, reason FROM history
WHERE registration_id = ? AND id < ? ORDER BY registration_id, id DESC LIMIT ?
"""


def of(tx: Tx, registration_id: int, before: int, most: int) -> list[Change]:
    """Return at most so many changes of a registration with an id below `before`, the newest first."""
    rows = tx.sqlite.execute(OF, (registration_id, before, most)).fetchall()
    return [Change(id, at, State(old), State(new), code, reason or "") for id, at, old, new, code, reason in rows]
