"""Forgets the oldest of what is kept about the past: the audit log, the history of states, events, alarms that are cleared."""

from __future__ import annotations

from typing import NamedTuple

from .tx import Tx

__all__ = ["KEPT", "Kept", "forget_step"]

# Some milliseconds of one transaction.
ROWS_PER_STEP = 2000

DAY_MS = 86_400_000


class Kept(NamedTuple):
    """How much of a table is kept: for so long, and at most so many rows."""

    table: str
    for_ms: int
    most: int
    instant: str = "at"
    """What is so long ago, as SQL."""


KEPT = (
    Kept("audit", 400 * DAY_MS, 1_000_000),
    Kept("history", 30 * DAY_MS, 5_000_000),
    Kept("event", 30 * DAY_MS, 1_000_000),
    # One that stands is not forgotten.
    Kept("alarm", 400 * DAY_MS, 2**62, f"coalesce(cleared_at, {2**62})"),
)
"""A row takes about a hundred bytes."""


def forget_step(tx: Tx, kept: Kept) -> bool:
    """Forget some rows of a table; tell whether there may be more.

    Ids grow with time, so the oldest come first, and no index on the time is needed.
    """
    first = tx.sqlite.execute(f"SELECT id, {kept.instant} FROM {kept.table} ORDER BY id LIMIT 1").fetchone()
    if first is None:
        return False
    last = tx.sqlite.execute(f"SELECT max(id) FROM {kept.table}").fetchone()[0]
    before, enough = tx.now - kept.for_ms, last - kept.most
    if first[0] > enough and first[1] >= before:
        return False
    oldest = f"SELECT id FROM {kept.table} ORDER BY id LIMIT {ROWS_PER_STEP}"
    forget = f"DELETE FROM {kept.table} WHERE id IN ({oldest}) AND ({kept.instant} < ? OR id <= ?)"
    return tx.sqlite.execute(forget, (before, enough)).rowcount == ROWS_PER_STEP
