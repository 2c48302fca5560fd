"""Claim: the way out of the schedule.

One range scan of the due index for each class, then one join for what the chosen rows need. What the engine has
claimed and not yet settled it knows by itself; rows carry no lease on SQLite, where one process owns the file.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, select, text

from ..model.addressing import contact_ttl
from ..model.registrants import CONTACTS, ENTRY
from ..model.resource import Values
from ..model.schedule import Claim, Claimed, Class, Rival, Sent
from ..model.status import State
from ..sip.authentication import Credential
from ..sip.backoff import retry_wait_while_held
from .credentials import credentials_for
from .registrars import registrar_settings
from .schema import BOUND, OBJECTS, REGISTRAR, REGISTRATION, TOMBSTONE
from .tx import Tx, to_ms

__all__ = ["claim", "heads"]

R = REGISTRATION.c
ENTRIES = OBJECTS[ENTRY.name]

WEIGHTS = {Class.HELD: 0.70, Class.NEW: 0.20, Class.UNREGISTER: 0.05, Class.FAILING: 0.05}
"""Shares of a claim, where all classes have rows due (design, rule 2)."""

LATE_MS = 5_000
"""Held rows that are this late take the whole claim: a binding that lapses is worse than a new one that waits."""

LONGEST_ATTEMPT_MS = 64_000
"""A REGISTER, a challenge and another REGISTER, each at its time-out. A row whose binding may lapse within that time
holds nothing certain while it is in flight."""

UNREGISTER_WAIT_SECONDS = 32
"""What is written at claim as the next try of an un-REGISTER, in case this process dies of it."""


def heads(tx: Tx) -> list[tuple[int, float]]:
    """Return (registrar, earliest due instant in seconds): one probe of the due index for each class of each
    registrar.
    """
    found: dict[int, int] = {}
    rows = tx.conn.execute(text(
        "SELECT registrar.id, (SELECT min(due) FROM ("
        + " UNION ALL ".join(
            "SELECT min(due_at) AS due FROM registration INDEXED BY ix_registration_due "
            f"WHERE registrar_id = registrar.id AND class = {klass.value} AND due_at IS NOT NULL"
            for klass in Class
        )
        + ")) AS due FROM registrar WHERE due IS NOT NULL"
    ))  # fmt: skip
    for registrar_id, due in rows:
        found[registrar_id] = due
    return [(registrar_id, due / 1000) for registrar_id, due in found.items()]


REGISTRAR_OF = text(f"""
SELECT rev, sipsg_uid, credentials_uid,
  (SELECT stagger_registration FROM sipserver WHERE uid = sipserver_uid) AS staggers,
  (SELECT sum(registrations) FROM registrar_count WHERE registrar_id = registrar.id) AS total,
  (SELECT registrations FROM registrar_count WHERE registrar_id = registrar.id AND state = {State.REGISTERED:d}) AS good
FROM registrar WHERE id = :id
""")


def claim(tx: Tx, registrar_id: int, known_rev: int, limit: int, in_flight: Collection[int],
          may_stagger: bool = True, refused_since: float = 0.0) -> Claim:  # fmt: skip
    """Return at most `limit` due rows of a registrar, none of `in_flight`; see `model/schedule.py`."""
    registrar = tx.conn.execute(REGISTRAR_OF, {"id": registrar_id}).first()
    if registrar is None:
        return Claim([], None, None)
    settings = registrar_settings(tx, registrar_id) if registrar.rev != known_rev else None
    if refused_since:
        tx.conn.execute(REVIVE, {"registrar_id": registrar_id, "now": tx.now, "since": to_ms(refused_since)})
    waiting, next_due_at = _due_rows(tx, registrar_id, limit, frozenset(in_flight))
    staggered: list[int] = []
    is_staggering = False
    if registrar.staggers:
        first = waiting[Class.NEW] + waiting[Class.UNREGISTER]
        waiting |= {Class.NEW: [], Class.UNREGISTER: []}
        staggered = _first_in_sequence(tx, [id for id, _ in first]) if may_stagger else []
        is_staggering = len(first) > len(staggered)
        limit = max(0, limit - len(staggered))
        if is_staggering and sum(map(len, waiting.values())) <= limit:
            next_due_at = None
    rows = _read(tx, _choose(waiting, limit, tx.now) + staggered)
    _add_credentials(tx, rows, registrar.credentials_uid)
    claimed = [row.claimed for row in rows]
    _add_rivals(tx, claimed, registrar.sipsg_uid)
    _write_at_claim(tx, claimed)
    return Claim(
        claimed, settings, next_due_at, registrar.good or 0, registrar.total or 0, bool(staggered), is_staggering
    )


REVIVE = text(f"""
UPDATE registration SET due_at = :now, failures = 1
WHERE registrar_id = :registrar_id AND failures > 0 AND state = {State.REJECTED:d} AND desired = 1
  AND attempted_at >= :since AND due_at > :now
""")

FIRST_IN_SEQUENCE = text("""
SELECT registration.id FROM registration LEFT JOIN sipregistrantentry ON sipregistrantentry.uid = registration.entry_uid
WHERE registration.id IN (SELECT value FROM json_each(:ids))
ORDER BY registration.class DESC, sipregistrantentry.position, registration.id LIMIT 1
""")


def _first_in_sequence(tx: Tx, ids: list[int]) -> list[int]:
    """Return the row that is first in the Sequence of its table; un-REGISTERs come before first REGISTERs."""
    return list(tx.conn.execute(FIRST_IN_SEQUENCE, {"ids": json.dumps(ids)}).scalars())


DUE = text("""
SELECT id, due_at FROM registration
WHERE registrar_id = :registrar_id AND class = :klass AND due_at IS NOT NULL ORDER BY due_at LIMIT :most
""")


def _due_rows(tx: Tx, registrar_id: int, limit: int,
              in_flight: frozenset[int]) -> tuple[dict[Class, list[tuple[int, int]]], float | None]:  # fmt: skip
    """Return by class the (id, due_at) of due rows, earliest first, and when the first row that is not due will be."""
    due: dict[Class, list[tuple[int, int]]] = {}
    upcoming: list[int] = []
    # Rows in flight still stand in the index at the time they were due: read past them.
    most = limit + len(in_flight) + 1
    for klass in Class:
        found = tx.conn.execute(DUE, {"registrar_id": registrar_id, "klass": int(klass), "most": most})
        waiting = [(row[0], row[1]) for row in found if row[0] not in in_flight]
        due[klass] = [row for row in waiting if row[1] <= tx.now]
        upcoming += [at for _, at in waiting[len(due[klass]) : len(due[klass]) + 1]]
    if sum(map(len, due.values())) > limit:
        return due, tx.now / 1000
    return due, min(upcoming) / 1000 if upcoming else None


def _choose(waiting: dict[Class, list[tuple[int, int]]], limit: int, now: int) -> list[int]:
    """Fill a claim by the weights of the classes; shares that are not used pass on, to held rows first."""
    held = waiting[Class.HELD]
    if held and held[0][1] < now - LATE_MS:
        taken = {Class.HELD: min(len(held), limit)}
    else:
        taken = {klass: min(len(rows), max(1, int(limit * WEIGHTS[klass]))) for klass, rows in waiting.items()}
    chosen: list[int] = []
    left = limit
    for klass in Class:
        some = min(taken.get(klass, 0), left)
        taken[klass] = some
        left -= some
    for klass in Class:
        more = min(len(waiting[klass]) - taken[klass], left)
        taken[klass] += more
        left -= more
        chosen += [id for id, _ in waiting[klass][: taken[klass]]]
    return chosen


class _Read:
    """A claimed row, with what only the rest of the claim needs of it."""

    __slots__ = ("claimed", "from_user")

    def __init__(self, claimed: Claimed, from_user: str | None) -> None:
        self.claimed = claimed
        self.from_user = from_user


ENTRY_COLUMNS = [ENTRIES.c[attribute.column].label(f"entry_{attribute.column}") for attribute in ENTRY.stored]
ENTRY_FIELDS = [(attribute.name, f"entry_{attribute.column}") for attribute in ENTRY.stored]

READ = (
    select(REGISTRATION, BOUND.c.sent, BOUND.c.entry, BOUND.c.min_expires, BOUND.c.learned, TOMBSTONE.c.credentials,
           ENTRIES.c.from_user, *ENTRY_COLUMNS)
    .outerjoin(BOUND, BOUND.c.registration_id == R.id)
    .outerjoin(TOMBSTONE, TOMBSTONE.c.registration_id == R.id)
    .outerjoin(ENTRIES, ENTRIES.c.uid == R.entry_uid)
    .where(text("registration.id IN (SELECT value FROM json_each(:ids))"))
    .order_by(R.due_at)
)  # fmt: skip


def _read(tx: Tx, ids: list[int]) -> list[_Read]:
    if not ids:
        return []
    return [_read_row(tx, row) for row in tx.conn.execute(READ, {"ids": json.dumps(ids)})]


def _read_row(tx: Tx, row: Row[Any]) -> _Read:
    before: Values | None = json.loads(row.entry) if row.entry is not None and row.sent is None else None
    is_tombstone = row.entry_uid is None
    claimed = Claimed(
        id=row.id, registrar_id=row.registrar_id, binding_key=row.binding_key, desired=bool(row.desired),
        klass=Class(row.klass), due_at=row.due_at / 1000, state=row.state, wanted_rev=row.wanted_rev,
        applied_rev=row.applied_rev, cseq=row.cseq, generation=row.generation, expires_at=row.expires_at / 1000,
        maybe_held_until=row.maybe_held_until / 1000, since_at=row.since_at / 1000, failures=row.failures,
        last_code=row.last_code, challenge=row.challenge, nonce_count=row.nonce_count, min_expires=row.min_expires or 0,
        entry=before if is_tombstone else _entry_of(row), unanswered=None if is_tombstone else before,
        sent=None if row.sent is None else Sent.from_json(row.sent), is_tombstone=is_tombstone,
        attempted_at=row.attempted_at / 1000, clears=bool(row.clears), learned=row.learned or "",
    )  # fmt: skip
    if row.credentials is not None:
        opened = json.loads(tx.vault.open(row.credentials, f"tombstone:{row.id}:credentials"))
        claimed.credentials = [Credential(*credential) for credential in opened]
    return _Read(claimed, row.from_user)


def _entry_of(row: Row[Any]) -> Values:
    stored = row._mapping
    return {name: stored[column] for name, column in ENTRY_FIELDS}


def _add_credentials(tx: Tx, rows: list[_Read], table_uid: int | None) -> None:
    users = {row.from_user for row in rows if row.from_user is not None}
    if not users:
        return
    by_user = credentials_for(tx, table_uid, users)
    for row in rows:
        if row.from_user is not None:
            row.claimed.credentials = by_user.get(row.from_user, [])


RIVALS = (
    select(R.id.label("registration_id"), R.binding_key, REGISTRAR.c.sipsg_uid, BOUND.c.sent, *ENTRY_COLUMNS)
    .join(ENTRIES, ENTRIES.c.uid == R.entry_uid)
    .join(REGISTRAR, REGISTRAR.c.id == R.registrar_id)
    .outerjoin(BOUND, BOUND.c.registration_id == R.id)
    .where(text("registration.binding_key IN (SELECT value FROM json_each(:keys))"), R.desired == 1)
)


def _add_rivals(tx: Tx, rows: list[Claimed], group_uid: int) -> None:
    """Add what other rows of the same binding key want, to those that may remove contacts (design, rule 7).

    That is a row that is not wanted any more, one whose configuration has changed since something was bound, and one
    that failed since: what it sent unanswered may be bound beside what was.
    """
    removing = [
        row for row in rows
        if not row.desired or row.unanswered or (row.sent and (row.wanted_rev != row.applied_rev or row.failures))
    ]  # fmt: skip
    if not removing:
        return
    keys = json.dumps([row.binding_key for row in removing])
    rivals: dict[int, list[Rival]] = {}
    for row in tx.conn.execute(RIVALS, {"keys": keys}):
        sent = None if row.sent is None else Sent.from_json(row.sent)
        rival = Rival(row.registration_id, row.sipsg_uid == group_uid, _entry_of(row), sent)
        rivals.setdefault(row.binding_key, []).append(rival)
    for claimed in removing:
        claimed.rivals = [r for r in rivals.get(claimed.binding_key, []) if r.registration_id != claimed.id]


WRITE_AT_CLAIM = text("""
UPDATE registration SET maybe_held_until = max(maybe_held_until, j.until), due_at = coalesce(j.due_at,
registration.due_at) FROM (SELECT value ->> 0 AS id, value ->> 1 AS until, value ->> 2 AS due_at FROM
json_each(:rows)) AS j WHERE registration.id = j.id
""")


def _write_at_claim(tx: Tx, rows: list[Claimed]) -> None:
    """Write what must be known even if this process dies before it settles.

    A row that holds nothing, or not for long, may hold something from the moment its REGISTER is sent (design, rule
    8). One that failed before, and an un-REGISTER, have their next wait written, so that a crash that they cause is not
    caused again at once (rule 12).
    """
    written = []
    for row in rows:
        until = 0
        due_at = None
        if row.desired and row.entry is not None:
            if to_ms(row.expires_at) <= tx.now + LONGEST_ATTEMPT_MS:
                until = tx.now + 1000 * max(_longest_ttl(row.entry), row.min_expires)
            if row.failures or row.klass is Class.FAILING:
                due_at = tx.now + to_ms(_wait_after_failure(row, row.entry, tx.now / 1000))
        elif not row.desired:
            due_at = tx.now + 1000 * UNREGISTER_WAIT_SECONDS
        if until or due_at:
            written.append((row.id, until, due_at))
    if written:
        tx.conn.execute(WRITE_AT_CLAIM, {"rows": json.dumps(written)})


def _wait_after_failure(row: Claimed, entry: Values, now: float) -> float:
    timer = float(entry["FailedRegistrationRetryTimer"] or 0)
    return retry_wait_while_held(timer, row.expires_at - now, 0) if row.expires_at > now else timer


def _longest_ttl(entry: Values) -> int:
    return max(contact_ttl(entry, number) for number in range(1, CONTACTS + 1))
