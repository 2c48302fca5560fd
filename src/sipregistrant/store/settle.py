"""Settle: the way back into the schedule.

One `UPDATE … FROM (VALUES …)` for many outcomes of a batch: `executemany` would give up the interpreter lock at each
row and take seconds while the event loop is busy.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import text

from ..model.schedule import Settled
from ..model.status import State
from . import history
from .chunks import chunked, in_chunks, storable
from .flows import remember
from .registrars import forget_unused
from .registrations import count
from .tx import Tx

__all__ = ["settle"]

SECURITY_MS = 30 * 86400 * 1000


def settle(tx: Tx, outcomes: Sequence[Settled]) -> list[int]:
    """Write what attempts left; return the registrars of which rows are due again because they changed meanwhile."""
    _count_changes(tx, outcomes)
    history.record(tx, outcomes)
    in_chunks(tx, SETTLE, [_values(outcome) for outcome in outcomes], tx.now, tx.now)
    again = tx.sqlite.execute(CHANGED_MEANWHILE, (json.dumps([outcome.id for outcome in outcomes]),)).fetchall()
    _write_bound(tx, outcomes)
    _remember_security(tx, outcomes)
    remember(tx, [(o.id, o.flow_id) for o in outcomes if o.flow_id])
    _end(tx, [outcome for outcome in outcomes if outcome.is_over])
    return [registrar_id for (registrar_id,) in again]


COLUMNS = (
    "id", "wanted_rev", "class", "due_at", "state", "cseq", "generation", "expires_at", "maybe_held_until", "attempted_at",
    "since_at", "failures", "last_code", "last_reason", "challenge", "nonce_count",
)  # fmt: skip
"""What `_values` returns, in its order."""

# wanted_rev differs: the configuration changed while the attempt was in flight, so the row is due at once (design,
# rule 1).
SETTLE = chunked(COLUMNS, """
UPDATE registration SET
  class = CASE WHEN registration.wanted_rev = j.wanted_rev THEN j.class
               WHEN registration.desired = 0 THEN 2 WHEN j.expires_at > ? THEN 0 ELSE 1 END,
  due_at = CASE WHEN registration.wanted_rev = j.wanted_rev THEN j.due_at ELSE ? END,
  state = j.state, applied_rev = j.wanted_rev, cseq = j.cseq, generation = j.generation, expires_at = j.expires_at,
  maybe_held_until = j.maybe_held_until, attempted_at = j.attempted_at, since_at = j.since_at,
  failures = CASE WHEN registration.wanted_rev = j.wanted_rev THEN j.failures ELSE 0 END,
  last_code = j.last_code, last_reason = j.last_reason, challenge = j.challenge, nonce_count = j.nonce_count, clears = 0
FROM j WHERE registration.id = j.id
""")  # fmt: skip

CHANGED_MEANWHILE = """
SELECT DISTINCT registrar_id FROM registration
WHERE id IN (SELECT value FROM json_each(?)) AND wanted_rev <> applied_rev ORDER BY registrar_id
"""


def _values(o: Settled) -> tuple[int | str | None, ...]:
    return (
        o.id, o.wanted_rev, int(o.klass), None if o.due_at is None else round(o.due_at * 1000), int(o.state), o.cseq,
        o.generation, round(o.expires_at * 1000), round(o.maybe_held_until * 1000), round(o.attempted_at * 1000),
        round(o.since_at * 1000), o.failures, o.last_code, storable(o.last_reason), storable(o.challenge), o.nonce_count,
    )  # fmt: skip


COUNT_CHANGED = """
SELECT registrar_id, state, count(*) FROM registration
WHERE id IN (SELECT value FROM json_each(?)) AND entry_uid IS NOT NULL AND state <> ? GROUP BY 1, 2
"""


def _count_changes(tx: Tx, outcomes: Sequence[Settled]) -> None:
    """Keep the counts by registrar and state. Tombstones are not counted: their entries are gone for every read."""
    changed: dict[int, list[int]] = {}
    for outcome in outcomes:
        if outcome.state != outcome.old_state:
            changed.setdefault(int(outcome.state), []).append(outcome.id)
    for new, ids in changed.items():
        for registrar_id, old, number in tx.sqlite.execute(COUNT_CHANGED, (json.dumps(ids), new)).fetchall():
            count(tx, registrar_id, State(old), -number)
            count(tx, registrar_id, State(new), +number)


WRITE_BOUND = chunked(("registration_id", "sent", "min_expires", "learned"), """
INSERT INTO bound (registration_id, sent, entry, min_expires, learned)
SELECT registration_id, sent, NULL, coalesce(min_expires, 0), learned FROM j
WHERE EXISTS (SELECT 1 FROM registration WHERE id = j.registration_id)
ON CONFLICT (registration_id) DO UPDATE SET
  sent = coalesce(excluded.sent, bound.sent), entry = CASE WHEN excluded.sent IS NULL THEN bound.entry END,
  min_expires = CASE WHEN excluded.min_expires = 0 THEN bound.min_expires ELSE excluded.min_expires END,
  learned = coalesce(excluded.learned, bound.learned)
""")  # fmt: skip


def _write_bound(tx: Tx, outcomes: Sequence[Settled]) -> None:
    rows = [
        (o.id, None if o.sent is None else o.sent.to_json(), o.min_expires, storable(o.learned))
        for o in outcomes
        if not o.is_over and (o.sent is not None or o.min_expires or o.learned is not None)
    ]
    in_chunks(tx, WRITE_BOUND, rows)


REMEMBER_SECURITY = text("""
INSERT INTO security (sipserver_uid, realm, strength, until_at)
SELECT sipserver_uid, :realm, :strength, :until FROM registrar WHERE id = :registrar_id
ON CONFLICT (sipserver_uid, realm) DO UPDATE SET
  strength = max(security.strength, excluded.strength), until_at = excluded.until_at
""")


def _remember_security(tx: Tx, outcomes: Sequence[Settled]) -> None:
    """Keep the strongest digest that a realm has shown: no weaker one is answered for a month."""
    seen = {(o.registrar_id, *o.security) for o in outcomes if o.security is not None}
    for registrar_id, realm, strength in seen:
        values = {"registrar_id": registrar_id, "realm": storable(realm), "strength": strength}
        tx.conn.execute(REMEMBER_SECURITY, values | {"until": tx.now + SECURITY_MS})


OVER = "SELECT value ->> 0 FROM json_each(:rows)"

# A subquery that names a column of the row would be asked again for every tombstone there is.
END = f"""
DELETE FROM registration WHERE id IN ({OVER}) AND +entry_uid IS NULL
  AND (id, wanted_rev) IN (SELECT value ->> 0, value ->> 1 FROM json_each(:rows))
"""
FORGET = [f"DELETE FROM {table} WHERE registration_id IN ({OVER})" for table in ("bound", "flow")]
FORGET_TOMBSTONE = f"""
DELETE FROM tombstone WHERE registration_id IN ({OVER})
  AND NOT EXISTS (SELECT 1 FROM registration WHERE registration.id = tombstone.registration_id)
"""


def _end(tx: Tx, outcomes: list[Settled]) -> None:
    """Forget what was bound; delete tombstones that were not given an entry again meanwhile."""
    if not outcomes:
        return
    rows = {"rows": json.dumps([(o.id, o.wanted_rev) for o in outcomes])}
    for statement in (*FORGET, END, FORGET_TOMBSTONE):
        tx.sqlite.execute(statement, rows)
    forget_unused(tx)
