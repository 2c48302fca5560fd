"""Registrations as operators look at them: one, or those that a filter lets through, a page at a time.

Pages go by the row's id, and a request looks at a bounded number of rows (a *window*), however few of them fit: so a page
is as fast at a million rows as at ten, and one that is not full says where to go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, text

from ..model.status import OVERDUE_MS, State, Status
from .schema import REGISTRAR_COUNT
from .tx import Key, Tx

__all__ = ["WINDOW", "Filter", "Page", "counts", "find", "ids", "of_entry", "page"]

WINDOW = 10_000
"""So many rows are looked at in one go: some ten milliseconds."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What a registration must be; what is empty or None lets everything through."""

    states: Sequence[Status] = ()
    table: int | None = None
    entry: int | None = None
    server: Key | None = None
    group: int | None = None
    text: str = ""
    """A part of the AOR, in any case of ASCII letters."""
    last_code: int | None = None
    is_overdue: bool | None = None

    @property
    def is_empty(self) -> bool:
        return self == Filter()


@dataclass(slots=True)
class Page:
    """Some rows; `next_after` is where the next page begins, None behind the last row."""

    rows: list[Row[Any]]
    next_after: int | None


# As model/status.py has it; a test holds that they agree.
STATUS = f"""
CASE WHEN r.desired = 0 THEN CASE WHEN r.expires_at > :now OR r.maybe_held_until > :now THEN 'unregistering' ELSE 'disabled' END
WHEN r.expires_at > :now THEN
  CASE WHEN r.state = {State.REGISTERED:d} AND NOT coalesce(r.due_at < :now - {OVERDUE_MS}, 0) THEN 'registered'
  ELSE 'degraded' END
WHEN r.state = {State.REJECTED:d} THEN 'rejected'
WHEN r.state IN ({State.UNREGISTERED:d}, {State.UNREGISTERING:d}) THEN 'registering' ELSE 'failing' END
"""

# CROSS JOIN: the registrations come first and in the order of their ids, whatever else has an index.
FROM = """
FROM registration AS r CROSS JOIN sipregistrantentry AS e ON e.uid = r.entry_uid
CROSS JOIN sipcontactregistrant AS t ON t.uid = e.parent_uid
CROSS JOIN registrar AS g ON g.id = r.registrar_id
LEFT JOIN sipserver AS s ON s.uid = g.sipserver_uid LEFT JOIN sipservertable AS st ON st.uid = s.parent_uid
LEFT JOIN sipsg AS sg ON sg.uid = g.sipsg_uid
"""
SHOWN = f"""
SELECT r.*, {STATUS} AS status, e.id AS entry_id, e.aor, t.id AS table_id, s.id AS server_id, st.id AS server_table_id,
  sg.id AS group_id, g.flow AS flow, g.sipserver_uid, s.admin_state, s.host, s.port, s.protocol, s.web_socket_path,
  b.sent, b.learned
{FROM} LEFT JOIN bound AS b ON b.registration_id = r.id
"""

WINDOW_END = "SELECT id FROM registration WHERE id > ? ORDER BY id LIMIT 1 OFFSET ?"


def _conditions(which: Filter) -> tuple[list[str], dict[str, Any]]:
    """Return what a row must be, as SQL, and the values of it."""
    wanted: list[str] = []
    values: dict[str, Any] = {}

    def add(condition: str, **given: Any) -> None:
        wanted.append(condition)
        values.update(given)

    if which.states:
        names = {f"state{n}": status.value for n, status in enumerate(which.states)}
        add(f"({STATUS}) IN ({', '.join(f':{name}' for name in names)})", **names)
    if which.table is not None:
        add("t.id = :table_id", table_id=which.table)
    if which.entry is not None:
        add("e.id = :entry_id", entry_id=which.entry)
    if which.server is not None:
        add(
            "st.id = :server_table_id AND s.id = :server_id",
            server_table_id=which.server.parent,
            server_id=which.server.id,
        )
    if which.group is not None:
        add("sg.id = :group_id", group_id=which.group)
    if which.text:
        add("instr(lower(e.aor), lower(:text)) > 0", text=which.text)
    if which.last_code is not None:
        add("r.last_code = :last_code", last_code=which.last_code)
    if which.is_overdue is not None:
        add(f"coalesce(r.due_at < :now - {OVERDUE_MS}, 0) = :is_overdue", is_overdue=int(which.is_overdue))
    return wanted, values


def page(tx: Tx, which: Filter, after: int, most: int) -> Page:
    """Return at most so many registrations behind `after`, of those in the window there."""
    return _window(tx, SHOWN, which, after, most)


def ids(tx: Tx, which: Filter, after: int, most: int) -> Page:
    """Do as `page`, and return (id, registrar_id) alone."""
    return _window(tx, f"SELECT r.id, r.registrar_id {FROM}", which, after, most)


def _window(tx: Tx, select: str, which: Filter, after: int, most: int) -> Page:
    where, values = _conditions(which)
    one_entry = which.entry is not None and which.table is not None
    values |= {"after": after, "most": most, "now": tx.now}
    where.append("r.id > :after")
    end = None
    if one_entry:
        # Its few rows are found by an index, wherever they are.
        where.append("r.entry_uid = (SELECT uid FROM sipregistrantentry WHERE id = :entry_id AND parent_uid = "
                     "(SELECT uid FROM sipcontactregistrant WHERE id = :table_id))")  # fmt: skip
    else:
        row = tx.sqlite.execute(WINDOW_END, (after, WINDOW)).fetchone()
        if row is not None:
            end = int(row[0])
            where.append("r.id < :end")
            values["end"] = end
    rows = tx.conn.execute(text(f"{select} WHERE {' AND '.join(where)} ORDER BY r.id LIMIT :most"), values).all()
    if len(rows) == most:
        return Page(list(rows), int(rows[-1].id))
    return Page(list(rows), None if end is None else end - 1)


def find(tx: Tx, id: int) -> Row[Any] | None:
    """Return one registration, or None; one of an entry that is gone is gone."""
    return tx.conn.execute(text(f"{SHOWN} WHERE r.id = :id"), {"id": id, "now": tx.now}).first()


def of_entry(tx: Tx, table: int, entry: int) -> list[Row[Any]]:
    """Return all registrations of an entry."""
    return page(tx, replace(Filter(), table=table, entry=entry), 0, WINDOW).rows


COUNTS = f"""
SELECT st.id, s.id, c.state, c.registrations
FROM {REGISTRAR_COUNT.name} AS c JOIN registrar AS g ON g.id = c.registrar_id
LEFT JOIN sipserver AS s ON s.uid = g.sipserver_uid LEFT JOIN sipservertable AS st ON st.uid = s.parent_uid
WHERE c.registrations > 0
"""


def counts(tx: Tx) -> Mapping[tuple[int, int], dict[State, int]]:
    """Return how many registrations of each server, (table, server), are in each state as the last attempts left them."""
    found: dict[tuple[int, int], dict[State, int]] = {}
    for table, server, state, number in tx.sqlite.execute(COUNTS).fetchall():
        of_server = found.setdefault((table or 0, server or 0), {})
        of_server[State(state)] = of_server.get(State(state), 0) + number
    return found
