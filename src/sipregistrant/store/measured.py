"""What `/metrics` shows of the database: kept counts and the heads of indexes, so that a million rows cost no more than ten.

Only what is overdue is counted row by row, and of that no more than a bounded number in all.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from ..model.schedule import Class
from ..model.servers import ENABLED, MAINTENANCE
from ..model.status import OVERDUE_MS, State
from .instance import is_paused
from .tx import Tx

__all__ = ["MOST_OVERDUE", "Measured", "OfServer", "measure"]

MOST_OVERDUE = 50_000
"""So many overdue rows are counted at most, of all servers together: some milliseconds."""

MOST_LOOKED_AT = 4_000
"""For the soonest lapse so many rows are looked at, of all registrars together, but at least one of each."""

MOST_OF_EACH = 50


@dataclass(slots=True)
class OfServer:
    """One server, or all of those that have no label of their own. Instants are milliseconds of schedule time."""

    counts: dict[State, int] = field(default_factory=dict)
    first_due_at: int | None = None
    """When the binding was, or is, due that is refreshed next; None where none is held."""
    first_lapse_at: int | None = None
    """When the first of the bindings lapses, or has lapsed, that are refreshed next; None where none is held."""
    overdue: int = 0
    """Bindings whose refresh is late by more than a transaction takes; at least so many."""


@dataclass(slots=True)
class Measured:
    """All of it."""

    at: int
    servers: dict[int, str]
    """The servers that have a label of their own, `TABLE:ID` by uid."""
    enabled: frozenset[int]
    """Those of them that nobody has taken out (AdminState): of others it is no news that they do not answer."""
    by_server: dict[int, OfServer]
    """By uid; 0 is all others. Of a server in maintenance nothing is due."""
    is_paused: bool
    file_bytes: dict[str, int]
    free_bytes: int


SERVERS = """
SELECT s.uid, st.id || ':' || s.id, s.admin_state = ? FROM sipserver AS s JOIN sipservertable AS st ON st.uid = s.parent_uid
ORDER BY st.id, s.id LIMIT ?
"""
COUNTS = """
SELECT g.sipserver_uid, c.state, c.registrations FROM registrar_count AS c JOIN registrar AS g ON g.id = c.registrar_id
"""
HEADS = f"""
SELECT g.id, g.sipserver_uid, (SELECT min(due_at) FROM registration INDEXED BY ix_registration_due
  WHERE registrar_id = g.id AND class = {Class.HELD:d} AND due_at IS NOT NULL) AS due
FROM registrar AS g LEFT JOIN sipserver AS s ON s.uid = g.sipserver_uid
WHERE due IS NOT NULL AND coalesce(s.admin_state, 0) <> {MAINTENANCE:d}
"""
NEXT = f"""
SELECT min(expires_at) FROM (SELECT expires_at FROM registration INDEXED BY ix_registration_due
  WHERE registrar_id = ? AND class = {Class.HELD:d} AND due_at IS NOT NULL ORDER BY due_at LIMIT ?)
"""
OVERDUE = f"""
SELECT count(*) FROM (SELECT 1 FROM registration INDEXED BY ix_registration_due
  WHERE registrar_id = ? AND class = {Class.HELD:d} AND due_at < ? LIMIT ?)
"""


def measure(tx: Tx, most_servers: int) -> Measured:
    """Return how things stand; the servers beyond so many, and those that are gone, are one."""
    configured = tx.sqlite.execute(SERVERS, (ENABLED, most_servers)).fetchall()
    servers = {uid: key for uid, key, _ in configured}
    by_server = {uid: OfServer() for uid in servers}

    def of(uid: int) -> OfServer:
        return by_server.setdefault(uid if uid in servers else 0, OfServer())

    for uid, state, number in tx.sqlite.execute(COUNTS).fetchall():
        counts = of(uid).counts
        counts[State(state)] = counts.get(State(state), 0) + number
    heads = tx.sqlite.execute(HEADS).fetchall()
    of_each = max(1, min(MOST_OF_EACH, MOST_LOOKED_AT // max(1, len(heads))))
    left, late = MOST_OVERDUE, tx.now - OVERDUE_MS
    for registrar_id, uid, due_at in heads:
        one = of(uid)
        one.first_due_at = _earlier(one.first_due_at, due_at)
        (lapses_at,) = tx.sqlite.execute(NEXT, (registrar_id, of_each)).fetchone()
        one.first_lapse_at = _earlier(one.first_lapse_at, lapses_at)
        if due_at < late and left:
            (overdue,) = tx.sqlite.execute(OVERDUE, (registrar_id, late, left)).fetchone()
            one.overdue += overdue
            left -= overdue
    enabled = frozenset(uid for uid, _, is_enabled in configured if is_enabled)
    return Measured(tx.now, servers, enabled, by_server, is_paused(tx), *_sizes(tx))


def _earlier(known: int | None, other: int) -> int:
    return other if known is None else min(known, other)


def _sizes(tx: Tx) -> tuple[dict[str, int], int]:
    """Return how large the files are, and how many bytes are free where they lie."""
    (path,) = [row[2] for row in tx.sqlite.execute("PRAGMA database_list").fetchall() if row[1] == "main"]
    files = {"database": Path(path), "wal": Path(f"{path}-wal")}
    sizes = {name: file.stat().st_size for name, file in files.items() if file.exists()}
    return sizes, shutil.disk_usage(Path(path).parent).free
