"""The life of a registration's row: made, touched, retired to a tombstone, adopted again, removed.

Whoever changes what is wanted calls these; what is *done* changes only by claim and settle (`schedule.py`). Every
touch bumps `wanted_rev`, so that an attempt that is in flight meanwhile is known to be out of date when it settles
(design, rule 1).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row, delete, insert, select, text, update
from sqlalchemy.dialects import sqlite

from ..model.schedule import Class, RegistrarSettings
from ..model.status import State
from .credentials import credentials_for
from .registrars import entry_values, has_one_contact, keys_of_entries
from .schema import BOUND, FLOW, OBJECTS, REGISTRATION, TOMBSTONE
from .tx import Tx

__all__ = ["apply_entries", "count", "remember_unanswered", "remove", "retire", "touch"]

R = REGISTRATION.c

NOTHING_BEFORE: Mapping[int, Row[Any]] = {}


class _Wanted(NamedTuple):
    """A row that is to be made."""

    entry_uid: int
    binding_key: int
    stays_off: bool


def apply_entries(tx: Tx, settings: RegistrarSettings, entries: Sequence[Row[Any]], *, is_on: bool, force: bool,
                  before: Mapping[int, Row[Any]] = NOTHING_BEFORE) -> None:  # fmt: skip
    """Make the rows of some entries at one registrar what is wanted now.

    A row whose binding key is still right is touched where `force` is set or its wish differs; one whose key is not
    (another AOR, another domain) is retired, and a new one stands in for it. Over more than one flow only an entry with one
    contact is registered (RFC 5626 §4.2). `before` are entries as they were, by uid,
    where they have changed: the old binding goes with the credentials of the old user.
    """
    if not entries:
        return
    there = _rows_of(tx, settings.id, entries)
    to_retire: list[tuple[Row[Any], Row[Any]]] = []
    to_make: list[_Wanted] = []
    to_touch: list[int] = []
    key_of = keys_of_entries(tx, settings)
    for entry in entries:
        key = key_of(entry)
        row = there.get(entry.uid)
        stays_off = row is not None and bool(row.stays_off)
        is_wanted = settings.flow == 0 or has_one_contact(entry)
        if row is not None and (row.binding_key != key or not is_wanted):
            to_retire.append((row, before.get(entry.uid, entry)))
            row = None
        if row is None:
            if is_on and is_wanted:
                to_make.append(_Wanted(entry.uid, key, stays_off))
        elif force or bool(row.desired) != (is_on and not stays_off):
            to_touch.append(row.id)
    retire(tx, settings, to_retire)
    touch(tx, to_touch, desired=is_on)
    _make(tx, settings.id, to_make)


WANTED = "(1 - coalesce(:stays_off, stays_off)) * coalesce(:desired, desired)"

TOUCH = text(f"""
UPDATE registration SET
  desired = {WANTED}, stays_off = coalesce(:stays_off, stays_off), wanted_rev = wanted_rev + 1,
  class = CASE WHEN {WANTED} = 0 THEN 2 WHEN expires_at > :now THEN 0 ELSE 1 END,
  due_at = CASE WHEN {WANTED} = 1 OR expires_at > :now OR maybe_held_until > :now THEN :now END,
  failures = CASE WHEN :keeps_failures THEN failures ELSE 0 END
WHERE id IN (SELECT value FROM json_each(:ids))
RETURNING registrar_id
""")


def touch(tx: Tx, ids: Collection[int], *, desired: bool | None = None, stays_off: bool | None = None,
          keeps_failures: bool = False) -> None:  # fmt: skip
    """Make rows due now, because what they want has changed; None leaves the wish, or that it stays off, as it is.

    A row that stays off is not wanted, whatever `desired` says. One that is not wanted and holds nothing has nothing to
    do: it is parked. Failures are counted anew, unless `keeps_failures`: the waits that grow with them grow only while
    nothing is changed.
    """
    if ids:
        values = {"desired": None if desired is None else int(desired), "now": tx.now, "ids": json.dumps(list(ids)),
                  "stays_off": None if stays_off is None else int(stays_off),
                  "keeps_failures": int(keeps_failures)}  # fmt: skip
        tx.knocks.update(tx.conn.execute(TOUCH, values).scalars())


RETIRE = text("""
UPDATE registration SET entry_uid = NULL, desired = 0, class = 2, due_at = :now, wanted_rev = wanted_rev + 1
WHERE id IN (SELECT value FROM json_each(:ids))
""")


def retire(tx: Tx, settings: RegistrarSettings, leaving: Sequence[tuple[Row[Any], Row[Any]]]) -> None:
    """Take rows of a registrar from their entries: gone for every read, un-registered where a binding is held or maybe
    held.

    Each row comes with its entry as it was when it was last sent.
    """
    for state, number in Counter(row.state for row, _ in leaving).items():
        count(tx, settings.id, state, -number)
    held = [(row, entry) for row, entry in leaving if row.expires_at > tx.now or row.maybe_held_until > tx.now]
    kept = {row.id for row, _ in held}
    remove(tx, [row.id for row, _ in leaving if row.id not in kept])
    if not held:
        return
    remember_unanswered(tx, [(row.id, entry) for row, entry in held])
    _bury(tx, settings, held)
    tx.conn.execute(RETIRE, {"now": tx.now, "ids": json.dumps(sorted(kept))})
    tx.knocks.add(settings.id)


def _bury(tx: Tx, settings: RegistrarSettings, held: Sequence[tuple[Row[Any], Row[Any]]]) -> None:
    """Make the tombstones: what the entry and its credentials would have told an un-REGISTER."""
    known = credentials_for(tx, settings.credentials_uid, {entry.from_user for _, entry in held})
    tables = OBJECTS["sipcontactregistrant"]
    uids = {entry.parent_uid for _, entry in held}
    ids = {row.uid: row.id for row in tx.conn.execute(select(tables).where(tables.c.uid.in_(uids)))}
    tombstones = []
    for row, entry in held:
        secret = json.dumps([[c.realm, c.username, c.password, c.id, c.ha1_of] for c in known.get(entry.from_user, [])])
        tombstones.append({
            "registration_id": row.id,
            "was": f"{ids.get(entry.parent_uid, '?')}:{entry.id}",
            "credentials": tx.vault.seal(secret, f"tombstone:{row.id}:credentials"),
        })  # fmt: skip
    tx.conn.execute(insert(TOMBSTONE), tombstones)


def remember_unanswered(tx: Tx, entries: Collection[tuple[int, Row[Any]]]) -> None:
    """Keep entries as they are now beside rows that may hold what was never answered.

    `bound.sent` is written at settle. Where a REGISTER went out and none has settled yet, only the entry tells which
    contacts it may have bound, and the entry is about to change.
    """
    by_id = dict(entries)
    unanswered = tx.conn.execute(
        select(R.id).outerjoin(BOUND, BOUND.c.registration_id == R.id)
        .where(text("registration.id IN (SELECT value FROM json_each(:ids))"), R.maybe_held_until > tx.now,
               BOUND.c.sent.is_(None), BOUND.c.entry.is_(None)),
        {"ids": json.dumps(list(by_id))},
    ).scalars().all()  # fmt: skip
    if unanswered:
        made = sqlite.insert(BOUND)
        tx.conn.execute(
            made.on_conflict_do_update(index_elements=["registration_id"], set_={"entry": made.excluded.entry}),
            [
                {"registration_id": id, "entry": json.dumps(entry_values(by_id[id])), "min_expires": 0}
                for id in unanswered
            ],
        )


def remove(tx: Tx, ids: Collection[int]) -> None:
    """Delete rows and all that belongs to them."""
    if not ids:
        return
    for statement in REMOVE:
        tx.conn.execute(statement, {"ids": json.dumps(list(ids))})


REMOVE = [
    text(f"DELETE FROM {table.name} WHERE {column} IN (SELECT value FROM json_each(:ids))")
    for table, column in (
        (REGISTRATION, "id"),
        (BOUND, "registration_id"),
        (FLOW, "registration_id"),
        (TOMBSTONE, "registration_id"),
    )
]


COUNT = text("""
INSERT INTO registrar_count (registrar_id, state, registrations) VALUES (:registrar_id, :state, :change)
ON CONFLICT (registrar_id, state) DO UPDATE SET registrations = registrar_count.registrations + :change
""")


def count(tx: Tx, registrar_id: int, state: int, change: int) -> None:
    """Change the number of registrations of a registrar that are in a state."""
    tx.conn.execute(COUNT, {"registrar_id": registrar_id, "state": int(state), "change": change})


ROWS_OF = text("""
SELECT * FROM registration
WHERE registrar_id = :registrar_id AND entry_uid IN (SELECT value FROM json_each(:uids))
""")

TOMBSTONES_OF = text("""
SELECT id, state, binding_key FROM registration
WHERE registrar_id = :registrar_id AND entry_uid IS NULL AND binding_key IN (SELECT value FROM json_each(:keys))
""")


def _rows_of(tx: Tx, registrar_id: int, entries: Sequence[Row[Any]]) -> dict[int, Row[Any]]:
    """Return the rows of entries at one registrar, by the entry's uid."""
    uids = json.dumps([entry.uid for entry in entries])
    return {row.entry_uid: row for row in tx.conn.execute(ROWS_OF, {"registrar_id": registrar_id, "uids": uids})}


def _make(tx: Tx, registrar_id: int, wanted: list[_Wanted]) -> None:
    """Make rows that are due now, or give tombstones of the same binding their entry back.

    An adopted row keeps Call-ID, CSeq and what it knows to be bound: contacts that the new entry does not want are removed
    by the REGISTER that binds the others.
    """
    if not wanted:
        return
    tx.knocks.add(registrar_id)
    keys = json.dumps([one.binding_key for one in wanted])
    left = {
        row.binding_key: row for row in tx.conn.execute(TOMBSTONES_OF, {"registrar_id": registrar_id, "keys": keys})
    }
    new = []
    for one in wanted:
        row = left.pop(one.binding_key, None)
        if row is None:
            new.append((one.entry_uid, one.binding_key, int(one.stays_off)))
        else:
            _adopt(tx, row, registrar_id, one)
    if new:
        tx.conn.execute(MADE, {"registrar_id": registrar_id, "now": tx.now, "rows": json.dumps(new)})
        count(tx, registrar_id, State.UNREGISTERED, len(new))


def _adopt(tx: Tx, row: Row[Any], registrar_id: int, wanted: _Wanted) -> None:
    tx.conn.execute(delete(TOMBSTONE).where(TOMBSTONE.c.registration_id == row.id))
    tx.conn.execute(update(REGISTRATION).where(R.id == row.id).values(entry_uid=wanted.entry_uid))
    count(tx, registrar_id, row.state, +1)
    touch(tx, [row.id], desired=True, stays_off=wanted.stays_off)


# What a row is before its first attempt. One statement for all: the driver gives the interpreter up with each.
MADE = text(f"""
INSERT INTO registration (registrar_id, entry_uid, binding_key, due_at, since_at, desired, stays_off, class, state,
  wanted_rev, applied_rev, cseq, generation, expires_at, maybe_held_until, attempted_at, failures, last_code, nonce_count)
SELECT :registrar_id, value ->> 0, value ->> 1, CASE WHEN value ->> 2 = 0 THEN :now END, :now, 1 - (value ->> 2),
  value ->> 2, CASE WHEN value ->> 2 = 0 THEN {Class.NEW:d} ELSE {Class.UNREGISTER:d} END, {State.UNREGISTERED:d},
  1, 0, 0, 0, 0, 0, 0, 0, 0, 0
FROM json_each(:rows)
""")
