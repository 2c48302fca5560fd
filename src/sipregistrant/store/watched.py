"""What alarms look at: of each server how its registrations stand, in a bounded time, however many there are."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ..model.servers import MAINTENANCE
from ..model.standing import UNKNOWN, Standing
from ..model.status import OVERDUE_MS, State
from .instance import is_paused
from .tx import Tx

__all__ = ["Look", "Watched", "look"]

MOST_ROWS = 20_000
"""Of the registrations of one server that are not as they should be so many are looked at: some twenty milliseconds."""

LAPSES_WITHIN_MS = 120_000
REFRESH_LATE_MS = 60_000


@dataclass(slots=True)
class Watched:
    """A server that registrations are wanted at. Instants are milliseconds of schedule time."""

    key: str
    """As `TABLE:ID`."""
    host: str
    standing: Standing
    is_on: bool
    """Not disabled, nor drained, nor in maintenance."""
    counts: dict[State, int] = field(default_factory=dict)
    lapsed: int = 0
    """Bindings that were held, could not be refreshed, and have lapsed or will within `LAPSES_WITHIN_MS`; at least so many."""
    lapses_at: int = 0
    """When the first of them lapsed, or will; 0 for none."""
    overdue: int = 0
    """Bindings that are held and were not refreshed within a minute of their time; at least so many."""
    untried: int = 0
    """Registrations that were not answered, or not sent, and were not tried since the server answers again; at least so many."""
    next_expiry: int = 0
    """When the binding lapses that is due first; 0 where none is held."""
    refusal: str = ""
    """The last answer of one that is refused."""

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(slots=True)
class Look:
    """All that alarms look at in the database."""

    servers: list[Watched]
    group_faults: dict[int, str]
    """By the group's id."""
    is_paused: bool
    failing_webhooks: list[tuple[str, int, str]]
    """Name, since when, the last error."""


REGISTRARS = f"""
SELECT g.id, s.uid, st.id || ':' || s.id, s.host, s.port, g.is_on AND s.admin_state <> {MAINTENANCE:d}
FROM registrar AS g JOIN sipserver AS s ON s.uid = g.sipserver_uid JOIN sipservertable AS st ON st.uid = s.parent_uid
WHERE g.registrant_table_uid IS NOT NULL ORDER BY st.id, s.id
"""
COUNTS = "SELECT registrar_id, state, registrations FROM registrar_count WHERE registrations > 0"

# An unhealthy one is in the partial index; what was not even tried is found by when it was due.
UNHEALTHY = f"""
SELECT count(*), min(expires_at) FROM (
  SELECT desired, entry_uid, expires_at FROM registration WHERE registrar_id = :id AND failures > 0 LIMIT {MOST_ROWS})
WHERE desired = 1 AND entry_uid IS NOT NULL AND expires_at > 0 AND expires_at < :soon
"""
NOT_TRIED = f"""
SELECT count(*), min(expires_at) FROM (
  SELECT desired, failures, entry_uid, expires_at FROM registration
  WHERE registrar_id = :id AND class = 0 AND due_at < :late ORDER BY due_at LIMIT {MOST_ROWS})
WHERE desired = 1 AND failures = 0 AND entry_uid IS NOT NULL AND expires_at > 0 AND expires_at < :soon
"""
OVERDUE = f"""
SELECT count(*) FROM (
  SELECT 1 FROM registration WHERE registrar_id = :id AND class = 0 AND due_at < :very_late LIMIT {MOST_ROWS})
"""
UNTRIED = f"""
SELECT (SELECT count(*) FROM (
  SELECT attempted_at FROM registration WHERE registrar_id = :id AND failures > 0 AND last_code = 0 LIMIT {MOST_ROWS})
  WHERE attempted_at < :answers_since)
+ (SELECT count(*) FROM (
  SELECT 1 FROM registration WHERE registrar_id = :id AND class IN (0, 1) AND due_at < :late AND attempted_at < :answers_since
  AND failures = 0 LIMIT {MOST_ROWS}))
"""
NEXT_EXPIRY = """
SELECT expires_at FROM registration WHERE registrar_id = :id AND class = 0 AND due_at IS NOT NULL ORDER BY due_at LIMIT 1
"""
REFUSAL = f"""
SELECT last_reason FROM registration WHERE registrar_id = :id AND failures > 0 AND last_code >= 400 AND state = {State.REJECTED:d}
LIMIT 1
"""
WEBHOOKS = (
    "SELECT name, failing_since, last_error FROM webhook WHERE is_enabled = 1 AND failing_since > 0 ORDER BY name"
)


def look(tx: Tx) -> Look:
    """Return how things stand."""
    by_registrar: dict[int, dict[State, int]] = {}
    for registrar_id, state, number in tx.sqlite.execute(COUNTS).fetchall():
        by_registrar.setdefault(registrar_id, {})[State(state)] = number
    servers: dict[str, Watched] = {}
    for registrar_id, uid, key, host, port, is_on in tx.sqlite.execute(REGISTRARS).fetchall():
        counts = by_registrar.get(registrar_id)
        if not counts:
            continue
        standing = tx.standings.get(uid, UNKNOWN)
        server = servers.setdefault(key, Watched(key, f"{host}:{port}", replace(standing), is_on=False))
        server.is_on = server.is_on or bool(is_on)
        for state, number in counts.items():
            server.counts[state] = server.counts.get(state, 0) + number
        if is_on:
            _add(tx, server, registrar_id, counts)
    faults = {
        id: tx.group_faults[uid]
        for uid, id in tx.sqlite.execute("SELECT uid, id FROM sipsg").fetchall()
        if uid in tx.group_faults
    }
    webhooks = tx.sqlite.execute(WEBHOOKS).fetchall()
    return Look(list(servers.values()), faults, is_paused(tx), webhooks)


def _add(tx: Tx, server: Watched, registrar_id: int, counts: dict[State, int]) -> None:
    standing = server.standing
    which = {"id": registrar_id, "soon": tx.now + LAPSES_WITHIN_MS, "late": tx.now - OVERDUE_MS,
             "very_late": tx.now - REFRESH_LATE_MS,
             "answers_since": round(standing.since * 1000) if standing.is_up else 0}  # fmt: skip

    def ask(statement: str) -> tuple[int, ...]:
        found: tuple[int, ...] = tx.sqlite.execute(statement, which).fetchone() or (0,)
        return found

    lapsing = [ask(NOT_TRIED)]
    if counts.get(State.RETRY_WAIT) or counts.get(State.REJECTED):
        lapsing.append(ask(UNHEALTHY))
    for number, first in lapsing:
        server.lapsed += number
        server.lapses_at = min(server.lapses_at or first, first) if first else server.lapses_at
    server.overdue += ask(OVERDUE)[0]
    if standing.is_up:
        server.untried += ask(UNTRIED)[0]
    else:
        (first,) = ask(NEXT_EXPIRY)
        if first > tx.now:
            server.next_expiry = min(server.next_expiry or first, first)
    if counts.get(State.REJECTED) and not server.refusal:
        refusal = tx.sqlite.execute(REFUSAL, which).fetchone()
        server.refusal = refusal[0] or "" if refusal else ""
