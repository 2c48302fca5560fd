"""The life of a registration's row: made, touched, retired to a tombstone, adopted again, removed.

Whoever changes what is wanted calls these; what is *done* changes only by claim and settle (`schedule.py`). Every
touch bumps `wanted_rev`, so that an attempt that is in flight meanwhile is known to be out of date when it settles
(design, rule 1).
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Row, case, delete, insert, literal, select, update
from sqlalchemy.dialects import sqlite

from ..model.resource import Values
from ..model.schedule import Class, RegistrarSettings
from ..model.status import State
from .credentials import credentials_for
from .registrars import entry_values, key_of_entry
from .schema import BOUND, REGISTRAR_COUNT, REGISTRATION, TOMBSTONE
from .tx import Key, Tx

__all__ = ["apply_entry", "count", "remember_unanswered", "remove", "retire", "touch"]

R = REGISTRATION.c


def apply_entry(tx: Tx, settings: RegistrarSettings, entry_row: Row[Any], *, is_on: bool, force: bool) -> None:
    """Make the row of one entry at one registrar what is wanted now.

    A row whose binding key is still right is touched where `force` is set or its wish differs; one whose key is not
    (another AOR, another domain) is retired, and a new one stands in for it.
    """
    key = key_of_entry(tx, entry_values(entry_row), settings)
    row = tx.conn.execute(
        select(REGISTRATION).where(R.entry_uid == entry_row.uid, R.registrar_id == settings.id)
    ).first()
    if row is not None and row.binding_key != key:
        retire(tx, row, settings, entry_row)
        row = None
    if row is None:
        if is_on:
            _make(tx, settings.id, entry_row.uid, key)
        return
    if force or bool(row.desired) != is_on:
        touch(tx, [row.id], desired=is_on)


def touch(tx: Tx, ids: Collection[int], *, desired: bool | None = None) -> None:
    """Make rows due now, because what they want has changed; `desired` None leaves the wish as it is.

    A row that is not wanted and holds nothing has nothing to do: it is parked.
    """
    wish: ColumnElement[int] = R.desired if desired is None else literal(int(desired))
    is_held = R.expires_at > tx.now
    has_work = (wish == 1) | is_held | (R.maybe_held_until > tx.now)
    tx.conn.execute(
        update(REGISTRATION)
        .where(R.id.in_(ids))
        .values(
            desired=wish,
            wanted_rev=R.wanted_rev + 1,
            klass=case((wish == 0, int(Class.UNREGISTER)), (is_held, int(Class.HELD)), else_=int(Class.NEW)),
            due_at=case((has_work, tx.now), else_=None),
        )
    )
    knocked = tx.conn.execute(select(R.registrar_id).where(R.id.in_(ids)).distinct()).scalars()
    tx.knocks.update(knocked)


def retire(tx: Tx, row: Row[Any], settings: RegistrarSettings | None, entry_row: Row[Any], was: str = "") -> None:
    """Take a row from its entry: gone for every read, un-registered where a binding is held or maybe held."""
    count(tx, row.registrar_id, row.state, -1)
    if row.expires_at <= tx.now and row.maybe_held_until <= tx.now:
        remove(tx, [row.id])
        return
    remember_unanswered(tx, [row.id], entry_row)
    uid = settings.credentials_uid if settings is not None else None
    known = credentials_for(tx, uid, [entry_row.from_user]).get(entry_row.from_user, [])
    secret = json.dumps([[c.realm, c.username, c.password] for c in known])
    tx.conn.execute(insert(TOMBSTONE).values(
        registration_id=row.id,
        was=was or str(Key(entry_row.id, entry_row.parent_uid)),
        credentials=tx.vault.seal(secret, f"tombstone:{row.id}:credentials"),
    ))  # fmt: skip
    tx.conn.execute(
        update(REGISTRATION)
        .where(R.id == row.id)
        .values(entry_uid=None, desired=0, klass=Class.UNREGISTER, due_at=tx.now, wanted_rev=R.wanted_rev + 1)
    )
    tx.knocks.add(row.registrar_id)


def remember_unanswered(tx: Tx, ids: Collection[int], entry_row: Row[Any]) -> None:
    """Keep the entry as it is now beside rows that may hold what was never answered.

    `bound.sent` is written at settle. Where a REGISTER went out and none has settled yet, only the entry tells which
    contacts it may have bound, and the entry is about to change.
    """
    unanswered = tx.conn.execute(
        select(R.id).outerjoin(BOUND, BOUND.c.registration_id == R.id)
        .where(R.id.in_(ids), R.maybe_held_until > tx.now, BOUND.c.sent.is_(None), BOUND.c.entry.is_(None))
    ).scalars()  # fmt: skip
    snapshot = json.dumps(entry_values(entry_row))
    for id in unanswered:
        made = sqlite.insert(BOUND).values(registration_id=id, entry=snapshot, min_expires=0)
        tx.conn.execute(made.on_conflict_do_update(index_elements=["registration_id"], set_={"entry": snapshot}))


def remove(tx: Tx, ids: Collection[int]) -> None:
    """Delete rows and all that belongs to them."""
    tx.conn.execute(delete(REGISTRATION).where(R.id.in_(ids)))
    tx.conn.execute(delete(BOUND).where(BOUND.c.registration_id.in_(ids)))
    tx.conn.execute(delete(TOMBSTONE).where(TOMBSTONE.c.registration_id.in_(ids)))


def count(tx: Tx, registrar_id: int, state: int, change: int) -> None:
    """Change the number of registrations of a registrar that are in a state."""
    made = sqlite.insert(REGISTRAR_COUNT).values(registrar_id=registrar_id, state=state, registrations=change)
    summed = REGISTRAR_COUNT.c.registrations + change
    tx.conn.execute(
        made.on_conflict_do_update(index_elements=["registrar_id", "state"], set_={"registrations": summed})
    )


def _make(tx: Tx, registrar_id: int, entry_uid: int, key: int) -> None:
    """Make a row that is due now, or give a tombstone of the same binding its entry back.

    An adopted row keeps Call-ID, CSeq and what it knows to be bound: contacts that the new entry does not want are
    removed by the REGISTER that binds the others.
    """
    tx.knocks.add(registrar_id)
    left = tx.conn.execute(
        select(R.id, R.state).where(R.binding_key == key, R.registrar_id == registrar_id, R.entry_uid.is_(None)).limit(1)
    ).first()  # fmt: skip
    if left is not None:
        tx.conn.execute(delete(TOMBSTONE).where(TOMBSTONE.c.registration_id == left.id))
        tx.conn.execute(update(REGISTRATION).where(R.id == left.id).values(entry_uid=entry_uid, failures=0))
        count(tx, registrar_id, left.state, +1)
        touch(tx, [left.id], desired=True)
        return
    tx.conn.execute(insert(REGISTRATION).values(
        registrar_id=registrar_id, entry_uid=entry_uid, binding_key=key, desired=1, klass=Class.NEW, due_at=tx.now,
        state=State.UNREGISTERED, wanted_rev=1, applied_rev=0, cseq=0, generation=0, expires_at=0, maybe_held_until=0,
        attempted_at=0, since_at=tx.now, failures=0, last_code=0, last_reason=None, challenge=None, nonce_count=0,
    ))  # fmt: skip
    count(tx, registrar_id, State.UNREGISTERED, +1)


def values_from_snapshot(snapshot: str) -> Values:
    """Read what `remember_unanswered` kept."""
    values: Values = json.loads(snapshot)
    return values
