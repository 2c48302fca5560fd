"""What each registrar will get in the next hour, as the schedule stands now."""

from __future__ import annotations

from ..model.load import Alike, Load, forecast
from ..model.registrants import ENTRY
from ..model.resource import Resource
from ..model.schedule import Class
from ..sip.backoff import refresh_cycle
from .objects import STORED
from .schema import OBJECTS
from .tx import Tx

__all__ = ["loads", "seconds_for"]

REQUESTS_OF_NEW = 2
"""A first registration is challenged."""

TIMER = "failed_registration_retry_timer"

# One scan of a registrar's rows: a second or two for a million, in a reader's thread.
GROUPS = f"""
SELECT max(0, (r.due_at - :now) / 60000), r.class,
  CASE WHEN r.class = {Class.HELD:d} THEN (r.expires_at - r.attempted_at + 500) / 1000 ELSE e.aor_ttl END,
  e.{TIMER}, r.challenge IS NOT NULL, count(*)
FROM registration AS r LEFT JOIN {OBJECTS[ENTRY.name].name} AS e ON e.uid = r.entry_uid
WHERE r.registrar_id = :registrar_id AND r.due_at IS NOT NULL GROUP BY 1, 2, 3, 4, 5
"""

REGISTRARS = """
SELECT registrar.id, server.host, server.port, server.max_registers_per_second, server.authorization_on_refresh
FROM registrar JOIN sipserver AS server ON server.uid = registrar.sipserver_uid ORDER BY registrar.id
"""


def loads(tx: Tx, *, only_limited: bool = False) -> list[Load]:
    """Return the forecast of each registrar that has anything to do, or of those alone whose operator has set a limit."""
    found = []
    for registrar_id, host, port, limit, sends_ahead in tx.sqlite.execute(REGISTRARS).fetchall():
        if only_limited and not limit:
            continue
        rows = tx.sqlite.execute(GROUPS, {"registrar_id": registrar_id, "now": tx.now}).fetchall()
        if rows:
            groups = [_group(bool(sends_ahead), *row) for row in rows]
            found.append(forecast(f"{host}:{port}", groups, limit))
    return found


LIMITS = """
SELECT s.max_registers_per_second, s.stagger_registration FROM registrar AS g JOIN sipserver AS s ON s.uid = g.sipserver_uid
WHERE g.is_on = 1 AND g.registrant_table_uid = ?
"""


def seconds_for(tx: Tx, resource: Resource, table: int, registrations: int) -> float | None:
    """Return how long it takes at least until so many registrations of a table have been sent, by what the operator allows its
    servers; None where that is as fast as the registrars answer.
    """
    row = STORED[resource.name].find(tx, None, table)
    limits = tx.sqlite.execute(LIMITS, (0 if row is None else row.uid,)).fetchall()
    if not limits or not registrations:
        return None
    each = registrations / len(limits)
    seconds = [each if staggers else REQUESTS_OF_NEW * each / limit if limit else 0.0 for limit, staggers in limits]
    return max(seconds) or None


def _group(sends_ahead: bool, minute: int, klass: int, granted: int | None, timer: int | None, has_nonce: int,
           number: int) -> Alike:  # fmt: skip
    again = 1 if sends_ahead else 2
    first = again if has_nonce else 2
    if klass == Class.UNREGISTER:
        return Alike(number, minute, 0.0, first, 0)
    if klass == Class.FAILING:
        return Alike(number, minute, float(timer or 0), 2, 2)
    return Alike(number, minute, refresh_cycle(float(granted or 0), float(timer or 0)), first, again)
