"""Claim: the way out of the schedule.

One range scan of the due index for each class, then one join for what the chosen rows need. What the engine has
claimed and not yet settled it knows by itself; rows carry no lease on SQLite, where one process owns the file.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import text

from ..model.attributes import Value
from ..model.registrants import CONTACTS, ENTRY, INHERITED_TTL
from ..model.resource import Values
from ..model.schedule import Claim, Claimed, Class, Rival, Sent
from ..model.status import State
from ..sip.authentication import Credential
from ..sip.backoff import retry_wait_while_held
from .credentials import credentials_for
from .registrars import RESTS, registrar_settings
from .schema import OBJECTS
from .tx import Tx, to_ms

__all__ = ["claim", "give_back", "heads", "read_rows"]

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


EARLIEST = " UNION ALL ".join(
    "SELECT min(due_at) AS due FROM registration INDEXED BY ix_registration_due "
    f"WHERE registrar_id = registrar.id AND class = {klass:d} AND due_at IS NOT NULL"
    for klass in Class
)
HEADS = text(
    f"SELECT id, (SELECT min(due) FROM ({EARLIEST})) AS due FROM registrar WHERE NOT {RESTS} AND due IS NOT NULL"
)


def heads(tx: Tx) -> list[tuple[int, float]]:
    """Return (registrar, earliest due instant in seconds): one probe of the due index for each class of each
    registrar. One that rests has nothing to do: its server is in maintenance, or everything is paused.
    """
    return [(registrar_id, due / 1000) for registrar_id, due in tx.conn.execute(HEADS)]


REGISTRAR_OF = f"""
SELECT rev, sipsg_uid, credentials_uid,
  (SELECT stagger_registration FROM sipserver WHERE uid = sipserver_uid), {RESTS},
  (SELECT sum(registrations) FROM registrar_count WHERE registrar_id = registrar.id),
  (SELECT registrations FROM registrar_count WHERE registrar_id = registrar.id AND state = {State.REGISTERED:d})
FROM registrar WHERE id = ?
"""


def claim(tx: Tx, registrar_id: int, known_rev: int, limit: int, in_flight: Collection[int],
          may_stagger: bool = True, refused_since: float = 0.0) -> Claim:  # fmt: skip
    """Return at most `limit` due rows of a registrar, none of `in_flight`; none of one that rests. See
    `model/schedule.py`.
    """
    registrar = tx.sqlite.execute(REGISTRAR_OF, (registrar_id,)).fetchone()
    if registrar is None:
        return Claim([], None, None)
    rev, group_uid, credentials_uid, staggers, rests, total, good = registrar
    settings = registrar_settings(tx, registrar_id) if rev != known_rev else None
    if refused_since:
        tx.sqlite.execute(REVIVE, {"registrar_id": registrar_id, "now": tx.now, "since": to_ms(refused_since)})
    if rests:
        return Claim([], settings, None, good or 0, total or 0)
    waiting, next_due_at = _due_rows(tx, registrar_id, limit, frozenset(in_flight))
    if waiting[Class.HELD] and _set_lapsed_aside(tx, registrar_id, waiting[Class.HELD][0]):
        waiting, next_due_at = _due_rows(tx, registrar_id, limit, frozenset(in_flight))
    staggered: list[int] = []
    is_staggering = False
    if staggers:
        first = waiting[Class.NEW] + waiting[Class.UNREGISTER]
        waiting |= {Class.NEW: [], Class.UNREGISTER: []}
        staggered = _first_in_sequence(tx, [id for id, _ in first]) if may_stagger else []
        is_staggering = len(first) > len(staggered)
        limit = max(0, limit - len(staggered))
        if is_staggering and sum(map(len, waiting.values())) <= limit:
            next_due_at = None
    rows = read_rows(tx, _choose(waiting, limit, tx.now) + staggered, credentials_uid)
    _add_rivals(tx, rows, group_uid)
    _write_at_claim(tx, rows)
    return Claim(rows, settings, next_due_at, good or 0, total or 0, bool(staggered), is_staggering)


REVIVE = f"""
UPDATE registration SET due_at = :now, failures = 1
WHERE registrar_id = :registrar_id AND failures > 0 AND state = {State.REJECTED:d} AND desired = 1
  AND attempted_at >= :since AND due_at > :now
"""

FIRST_IN_SEQUENCE = """
SELECT registration.id FROM registration LEFT JOIN sipregistrantentry ON sipregistrantentry.uid = registration.entry_uid
WHERE registration.id IN (SELECT value FROM json_each(:ids))
ORDER BY registration.class DESC, sipregistrantentry.position, registration.id LIMIT 1
"""


def _first_in_sequence(tx: Tx, ids: list[int]) -> list[int]:
    """Return the row that is first in the Sequence of its table; un-REGISTERs come before first REGISTERs."""
    return [id for (id,) in tx.sqlite.execute(FIRST_IN_SEQUENCE, {"ids": json.dumps(ids)})]


DUE = """
SELECT id, due_at FROM registration
WHERE registrar_id = :registrar_id AND class = :klass AND due_at <= :now ORDER BY due_at LIMIT :most
"""
UPCOMING = (
    "SELECT min(due_at) FROM registration WHERE registrar_id = :registrar_id AND class = :klass AND due_at > :now"
)


def _due_rows(tx: Tx, registrar_id: int, limit: int,
              in_flight: frozenset[int]) -> tuple[dict[Class, list[tuple[int, int]]], float | None]:  # fmt: skip
    """Return by class the (id, due_at) of due rows, earliest first, and when the first row that is not due will be."""
    due: dict[Class, list[tuple[int, int]]] = {}
    upcoming: list[int] = []
    # Rows in flight still stand in the index at the time they were due: read past them.
    most = limit + len(in_flight) + 1
    for klass in Class:
        place = {"registrar_id": registrar_id, "klass": int(klass), "now": tx.now, "most": most}
        due[klass] = [row for row in tx.sqlite.execute(DUE, place) if row[0] not in in_flight]
        (at,) = tx.sqlite.execute(UPCOMING, place).fetchone()
        upcoming += [] if at is None else [at]
    if sum(map(len, due.values())) > limit:
        return due, tx.now / 1000
    return due, min(upcoming) / 1000 if upcoming else None


IS_LAPSED = "SELECT expires_at <= ? FROM registration WHERE id = ?"
SET_LAPSED_ASIDE = """
UPDATE registration SET class = 1 WHERE expires_at <= :now AND id IN
  (SELECT id FROM registration WHERE registrar_id = :registrar_id AND class = 0 AND due_at <= :now ORDER BY due_at LIMIT :most)
"""
LAPSED_AT_ONCE = 1000
"""Some milliseconds: a hundred thousand are through after a hundred claims."""


def _set_lapsed_aside(tx: Tx, registrar_id: int, first: tuple[int, int]) -> bool:
    """Have bindings that lapsed wait with the new ones: after an outage those that can still be held go first.

    Those that lapsed have waited longest, so it is enough to look where the `first` of all, (id, due_at), is late.
    """
    id, due_at = first
    if due_at >= tx.now - LATE_MS or not tx.sqlite.execute(IS_LAPSED, (tx.now, id)).fetchone()[0]:
        return False
    tx.sqlite.execute(SET_LAPSED_ASIDE, {"registrar_id": registrar_id, "now": tx.now, "most": LAPSED_AT_ONCE})
    return True


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


ENTRY_COLUMN_OF = {attribute.name: f'entry."{attribute.column}"' for attribute in ENTRY.stored}
ENTRY_NAMES = list(ENTRY_COLUMN_OF)
ENTRY_COLUMNS = ", ".join(ENTRY_COLUMN_OF.values())
CLASSES = tuple(Class)

# What most entries differ in is read by itself, the rest of an entry as one JSON text, which most have in common: a
# column costs as much as the whole text (measured).
OWN_NAMES = ("AOR", "URI1")
OWN_COLUMNS = ", ".join(ENTRY_COLUMN_OF[name] for name in OWN_NAMES)
SHARED_NAMES = [name for name in ENTRY_NAMES if name not in OWN_NAMES]
SHARED_COLUMNS = ", ".join(ENTRY_COLUMN_OF[name] for name in SHARED_NAMES)
MOST_REMEMBERED = 1024

# In the order of the fields of `Claimed`, then what only the rest of the claim needs, and the values of the entry.
READ = f"""
SELECT r.id, r.registrar_id, r.binding_key, r.desired, r.class, r.due_at, r.state, r.wanted_rev, r.applied_rev, r.cseq,
  r.generation, r.expires_at, r.maybe_held_until, r.since_at, r.failures, r.last_code, r.challenge, r.nonce_count,
  r.attempted_at, r.clears, r.entry_uid, bound.sent, bound.entry, bound.min_expires, bound.learned, entry.from_user,
  {OWN_COLUMNS}, json_array({SHARED_COLUMNS})
FROM registration AS r
LEFT JOIN bound ON bound.registration_id = r.id
LEFT JOIN {ENTRIES.name} AS entry ON entry.uid = r.entry_uid
WHERE r.id IN (SELECT value FROM json_each(?))
"""
DUE_AT, FROM_USER = 5, 25
"""The places of these columns."""


def read_rows(tx: Tx, ids: list[int], credentials_uid: int | None) -> list[Claimed]:
    """Return rows of the schedule as an attempt needs them, earliest due first, with the credentials of a table."""
    if not ids:
        return []
    found = tx.sqlite.execute(READ, (json.dumps(ids),)).fetchall()
    found.sort(key=itemgetter(DUE_AT))
    users = {row[FROM_USER] for row in found}
    by_user = credentials_for(tx, credentials_uid, users - {None})
    claimed = [_read_row(row, by_user) for row in found]
    _add_tombstones(tx, [row for row in claimed if row.is_tombstone])
    return claimed


def _read_row(row: tuple[Any, ...], by_user: Mapping[str, list[Credential]]) -> Claimed:
    (id, registrar_id, binding_key, desired, klass, due_at, state, wanted_rev, applied_rev, cseq, generation, expires_at,
     maybe_held_until, since_at, failures, last_code, challenge, nonce_count, attempted_at, clears, entry_uid, sent, before,
     min_expires, learned, from_user, aor, uri1, shared) = row  # fmt: skip
    entry: Values | None
    unanswered: Values | None = json.loads(before) if before is not None and sent is None else None
    if entry_uid is None:
        entry, unanswered = unanswered, None
    else:
        entry = {**_shared_values(shared), "AOR": aor, "URI1": uri1}
    return Claimed(
        id, registrar_id, binding_key, desired == 1, CLASSES[klass], due_at / 1000, state, wanted_rev, applied_rev, cseq,
        generation, expires_at / 1000, maybe_held_until / 1000, since_at / 1000, failures, last_code, challenge, nonce_count,
        min_expires or 0, entry, None if sent is None else Sent.from_json(sent), unanswered, entry_uid is None,
        attempted_at / 1000, clears == 1, learned or "", by_user.get(from_user, []),
        [], entry_uid or 0,
    )  # fmt: skip


@lru_cache(MOST_REMEMBERED)
def _shared_values(text: str) -> Values:
    """Return what entries have in common. Nobody changes what comes back."""
    return dict(zip(SHARED_NAMES, json.loads(text), strict=True))


TOMBSTONES = (
    "SELECT registration_id, credentials FROM tombstone WHERE registration_id IN (SELECT value FROM json_each(?))"
)


def _add_tombstones(tx: Tx, rows: list[Claimed]) -> None:
    """Add the credentials that were kept for the un-REGISTER of what was deleted."""
    if not rows:
        return
    sealed = dict(tx.sqlite.execute(TOMBSTONES, (json.dumps([row.id for row in rows]),)).fetchall())
    for row in rows:
        if row.id in sealed:
            opened = json.loads(tx.vault.open(sealed[row.id], f"tombstone:{row.id}:credentials"))
            row.credentials = [Credential(*credential) for credential in opened]


RIVALS = f"""
SELECT r.id, r.binding_key, registrar.sipsg_uid, bound.sent, {ENTRY_COLUMNS}
FROM registration AS r
JOIN {ENTRIES.name} AS entry ON entry.uid = r.entry_uid
JOIN registrar ON registrar.id = r.registrar_id
LEFT JOIN bound ON bound.registration_id = r.id
WHERE r.binding_key IN (SELECT value FROM json_each(?)) AND r.desired = 1
"""


def _add_rivals(tx: Tx, rows: list[Claimed], group_uid: int) -> None:
    """Add what other rows of the same binding key want, to those that may remove contacts (design, rule 7).

    That is a row that is not wanted any more or is cleared at the start, one whose configuration has changed since
    something was bound, and one that failed since: what it sent unanswered may be bound beside what was.
    """
    removing = [
        row for row in rows
        if row.is_removal or row.unanswered or (row.sent and (row.wanted_rev != row.applied_rev or row.failures))
    ]  # fmt: skip
    if not removing:
        return
    keys = json.dumps([row.binding_key for row in removing])
    rivals: dict[int, list[Rival]] = {}
    for id, key, uid, sent, *values in tx.sqlite.execute(RIVALS, (keys,)):
        entry = dict(zip(ENTRY_NAMES, values, strict=True))
        rival = Rival(id, uid == group_uid, entry, None if sent is None else Sent.from_json(sent))
        rivals.setdefault(key, []).append(rival)
    for claimed in removing:
        claimed.rivals = [r for r in rivals.get(claimed.binding_key, []) if r.registration_id != claimed.id]


MAY_HOLD = """
UPDATE registration SET maybe_held_until = max(maybe_held_until, :until)
WHERE id IN (SELECT value FROM json_each(:ids))
"""

PUT_OFF = """
UPDATE registration SET due_at = j.due_at FROM (SELECT value ->> 0 AS id, value ->> 1 AS due_at FROM json_each(:rows)) AS j
WHERE registration.id = j.id
"""


TAKE_BACK = """
UPDATE registration SET due_at = j.due_at
FROM (SELECT value ->> 0 AS id, value ->> 1 AS due_at, value ->> 2 AS wanted_rev, value ->> 3 AS attempted_at
      FROM json_each(:rows)) AS j
WHERE registration.id = j.id AND registration.wanted_rev = j.wanted_rev AND registration.attempted_at = j.attempted_at
  AND registration.due_at > j.due_at
"""


def give_back(tx: Tx, rows: Sequence[Claimed]) -> None:
    """Take back what was written at the claim of rows that were not sent, but where they were changed or sent since."""
    told = [(row.id, to_ms(row.due_at), row.wanted_rev, to_ms(row.attempted_at)) for row in rows]
    tx.sqlite.execute(TAKE_BACK, {"rows": json.dumps(told)})


def _write_at_claim(tx: Tx, rows: list[Claimed]) -> None:
    """Write what must be known even if this process dies before it settles.

    A row that holds nothing, or not for long, may hold something from the moment its REGISTER is sent (design, rule
    8). One that failed before, and an un-REGISTER, have their next wait written, so that a crash that they cause is not
    caused again at once (rule 12).
    """
    # Until when: few instants, as few expiries are configured.
    may_hold: dict[int, list[int]] = {}
    put_off: list[tuple[int, int]] = []
    soon = (tx.now + LONGEST_ATTEMPT_MS) / 1000
    for row in rows:
        if not row.desired:
            put_off.append((row.id, tx.now + 1000 * UNREGISTER_WAIT_SECONDS))
        elif row.entry is not None:
            if row.expires_at <= soon and (seconds := max(_longest_ttl(row.entry), row.min_expires)):
                may_hold.setdefault(seconds, []).append(row.id)
            if row.failures or row.klass is Class.FAILING:
                put_off.append((row.id, tx.now + to_ms(_wait_after_failure(row, row.entry, tx.now / 1000))))
    for seconds, ids in may_hold.items():
        tx.sqlite.execute(MAY_HOLD, {"until": tx.now + 1000 * seconds, "ids": json.dumps(ids)})
    if put_off:
        tx.sqlite.execute(PUT_OFF, {"rows": json.dumps(put_off)})


def _wait_after_failure(row: Claimed, entry: Values, now: float) -> float:
    timer = float(entry["FailedRegistrationRetryTimer"] or 0)
    return retry_wait_while_held(timer, row.expires_at - now, 0) if row.expires_at > now else timer


TTLS = itemgetter(*(f"TTL{number}" for number in range(1, CONTACTS + 1)))
NO_TTL = {None, *INHERITED_TTL}


def _longest_ttl(entry: Values) -> int:
    """Return the longest expiry that a REGISTER of an entry may ask for."""
    return _longest(entry["AorTtl"], TTLS(entry))


@lru_cache(MOST_REMEMBERED)
def _longest(aor_ttl: Value, ttls: tuple[Value, ...]) -> int:
    return max({int(aor_ttl or 0), *(int(ttl or 0) for ttl in {*ttls} - NO_TTL)})
