"""What is known of registrations, gathered for `explain`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from ..explain.explanation import Contact, Facts
from ..explain.unplaced import Unplaced
from ..model.schedule import Sent
from ..model.servers import ENABLED
from ..model.standing import UNKNOWN
from ..model.status import Status
from . import overview
from .instance import is_paused
from .runtime import address_of
from .tx import Tx

__all__ = ["MOST", "by_aor", "facts_of", "of_entry", "one"]

MOST = 20
"""So many registrations of one AOR are explained."""

ENTRY = """
SELECT e.id, e.aor, t.id, t.uid FROM sipregistrantentry AS e JOIN sipcontactregistrant AS t ON t.uid = e.parent_uid
WHERE t.id = ? AND e.id = ?
"""
SERVERS = """
SELECT st.id, s.id FROM sipserver AS s JOIN sipservertable AS st ON st.uid = s.parent_uid
WHERE s.contact_registrant_table_id = ? ORDER BY st.id, s.id
"""
GROUPS = """
SELECT g.id FROM sipsg AS g WHERE g.server_cluster_id IN (
  SELECT st.id FROM sipserver AS s JOIN sipservertable AS st ON st.uid = s.parent_uid WHERE s.contact_registrant_table_id = ?)
ORDER BY g.id
"""
PENDING = "SELECT 1 FROM registrar WHERE registrant_table_uid = ? AND phase <> 0 LIMIT 1"
# The index begins with the table. Who registers for somebody else (FromURI) is found by looking through all: some tenths of a
# second of a reader at a million.
BY_USER = """
SELECT r.id FROM sipcontactregistrant AS t CROSS JOIN sipregistrantentry AS e ON e.parent_uid = t.uid AND e.from_user = ?
CROSS JOIN registration AS r ON r.entry_uid = e.uid WHERE lower(e.aor) = lower(?) LIMIT ?
"""
BY_AOR = """
SELECT r.id FROM sipregistrantentry AS e CROSS JOIN registration AS r ON r.entry_uid = e.uid
WHERE lower(e.aor) = lower(?) LIMIT ?
"""
GROUP_IS_ON = "SELECT 1 FROM sipsg WHERE id = ? AND custom_admin_state = 1"


def one(tx: Tx, registration: int) -> Facts | None:
    """Return what is known of a registration; None where there is none of that id."""
    row = overview.find(tx, registration)
    return None if row is None else facts_of(tx, row)


def of_entry(tx: Tx, table: int, entry: int) -> list[Facts] | Unplaced | None:
    """Return what is known of the registrations of an entry, or why it has none; None where there is no such entry."""
    rows = overview.of_entry(tx, table, entry)
    if rows:
        return [facts_of(tx, row) for row in rows]
    found = tx.sqlite.execute(ENTRY, (table, entry)).fetchone()
    if found is None:
        return None
    _, aor, _, uid = found
    servers = tuple(f"{server_table}:{id}" for server_table, id in tx.sqlite.execute(SERVERS, (table,)).fetchall())
    groups = tuple(id for (id,) in tx.sqlite.execute(GROUPS, (table,)).fetchall())
    is_pending = tx.sqlite.execute(PENDING, (uid,)).fetchone() is not None
    return Unplaced(aor, table, entry, servers, groups, is_pending)


def by_aor(tx: Tx, aor: str, user: str) -> list[int]:
    """Return the ids of registrations of an AOR, at most `MOST`; `user` is its user part, unescaped, which has an index."""
    found = (
        tx.sqlite.execute(BY_USER, (user, aor, MOST)).fetchall() or tx.sqlite.execute(BY_AOR, (aor, MOST)).fetchall()
    )
    return [id for (id,) in found]


def facts_of(tx: Tx, row: Row[Any]) -> Facts:
    """Return what is known, from a row of `overview`."""
    sent = None if row.sent is None else Sent.from_json(row.sent)
    contacts = () if sent is None else tuple(Contact(contact.uri, contact.granted) for contact in sent.contacts)
    is_held = row.expires_at > tx.now
    return Facts(
        aor=row.aor, status=Status(row.status),
        server="" if row.server_id is None else f"{row.server_table_id}:{row.server_id}",
        registrar=address_of(row, sent), since=row.since_at, attempted_at=row.attempted_at, due_at=row.due_at or 0,
        expires_at=row.expires_at, maybe_held_until=row.maybe_held_until, failures=row.failures, code=row.last_code,
        reason=row.last_reason or "", contacts=contacts if is_held else (),
        standing=tx.standings.get(row.sipserver_uid, UNKNOWN),
        admin_state=ENABLED if row.admin_state is None else row.admin_state, stays_off=bool(row.stays_off),
        is_paused=is_paused(tx), is_group_off=not _is_group_on(tx, row.group_id),
    )  # fmt: skip


def _is_group_on(tx: Tx, group: int | None) -> bool:
    return group is None or tx.sqlite.execute(GROUP_IS_ON, (group,)).fetchone() is not None
