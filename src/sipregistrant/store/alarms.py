"""Alarms in the database: raised and cleared once each, and told as events in the same transaction."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..model.alarms import RULES, AlarmKind, Condition
from ..model.events import EventKind
from ..model.status import State
from .events import append
from .tx import Tx
from .words import instant

__all__ = ["Aftermath", "Alarm", "aftermath", "clear", "page", "raise_alarm", "standing", "update"]


class Alarm(NamedTuple):
    """One alarm; instants in milliseconds of schedule time, `cleared_at` None while it stands."""

    id: int
    kind: AlarmKind
    subject: str
    raised_at: int
    cleared_at: int | None
    number: int
    text: str
    history_id: int


COLUMNS = "id, kind, subject, raised_at, cleared_at, number, text, history_id"
STANDING = f"SELECT {COLUMNS} FROM alarm WHERE cleared_at IS NULL ORDER BY id"
PAGE = f"SELECT {COLUMNS} FROM alarm WHERE id < ? ORDER BY id DESC LIMIT ?"


def standing(tx: Tx) -> list[Alarm]:
    """Return the alarms that stand, the oldest first."""
    return [_alarm(row) for row in tx.sqlite.execute(STANDING).fetchall()]


def page(tx: Tx, before: int, most: int) -> list[Alarm]:
    """Return at most so many alarms with an id below `before`, those that are cleared too, the newest first."""
    return [_alarm(row) for row in tx.sqlite.execute(PAGE, (before, most)).fetchall()]


RAISE = """
INSERT INTO alarm (kind, subject, raised_at, number, text, history_id)
VALUES (?, ?, ?, ?, ?, coalesce((SELECT max(id) FROM history), 0))
ON CONFLICT DO NOTHING
"""


def raise_alarm(tx: Tx, condition: Condition, at: int) -> None:
    """Raise an alarm, which is so since `at`; nothing where it stands already."""
    kind, subject = condition.kind, condition.subject
    done = tx.sqlite.execute(RAISE, (kind.value, subject, at, condition.number, condition.text))
    if done.rowcount:
        rule = RULES[kind]
        data = {"alarm": done.lastrowid, **_data(kind, subject, at, condition.number), "advice": rule.advice}
        append(tx, EventKind.ALARM_RAISED, condition.text, data)


def update(tx: Tx, condition: Condition) -> None:
    """Say how a standing alarm looks now; that is no event."""
    tx.sqlite.execute(
        "UPDATE alarm SET number = ?, text = ? WHERE kind = ? AND subject = ? AND cleared_at IS NULL",
        (condition.number, condition.text, condition.kind.value, condition.subject),
    )


COUNTS = """
SELECT c.state, sum(c.registrations) FROM registrar_count AS c JOIN registrar AS g ON g.id = c.registrar_id
JOIN sipserver AS s ON s.uid = g.sipserver_uid JOIN sipservertable AS st ON st.uid = s.parent_uid
WHERE st.id || ':' || s.id = ? GROUP BY c.state
"""
MOST_MEANWHILE = 100_000
CHANGED = f"""
SELECT count(DISTINCT h.registration_id)
FROM (SELECT * FROM history WHERE id > ? ORDER BY id LIMIT {MOST_MEANWHILE}) AS h
CROSS JOIN registration AS r ON r.id = h.registration_id CROSS JOIN registrar AS g ON g.id = r.registrar_id
JOIN sipserver AS s ON s.uid = g.sipserver_uid JOIN sipservertable AS st ON st.uid = s.parent_uid
WHERE st.id || ':' || s.id = ? AND h.old_state <> h.state
"""


class Aftermath(NamedTuple):
    """How the registrations of a server stand, and of how many anything was heard since an alarm was raised."""

    registered: int
    not_registered: int
    changed_meanwhile: int


def aftermath(tx: Tx, alarm: Alarm) -> Aftermath:
    """Return what has become of the server that an alarm was about. It may look at many rows: for a reader."""
    counts = dict(tx.sqlite.execute(COUNTS, (alarm.subject,)).fetchall())
    good = counts.pop(int(State.REGISTERED), 0)
    (changed,) = tx.sqlite.execute(CHANGED, (alarm.history_id, alarm.subject)).fetchone()
    return Aftermath(good, sum(counts.values()), changed)


def clear(tx: Tx, alarm: Alarm, at: int, text: str, became: Aftermath | None = None) -> None:
    """Clear an alarm that stands: it is over since `at`; `text` says so."""
    done = tx.sqlite.execute("UPDATE alarm SET cleared_at = ? WHERE id = ? AND cleared_at IS NULL", (at, alarm.id))
    if not done.rowcount:
        return
    data = {
        "alarm": alarm.id,
        **_data(alarm.kind, alarm.subject, alarm.raised_at, alarm.number),
        "cleared_at": instant(at),
    }
    append(tx, EventKind.ALARM_CLEARED, text, data | (became._asdict() if became is not None else {}))


def _data(kind: AlarmKind, subject: str, raised_at: int, number: int) -> dict[str, Any]:
    severity = RULES[kind].severity.name.lower()
    return {
        "kind": kind.value,
        "severity": severity,
        "subject": subject,
        "raised_at": instant(raised_at),
        "number": number,
    }


def _alarm(row: tuple[Any, ...]) -> Alarm:
    id, kind, *rest = row
    return Alarm(id, AlarmKind(kind), *rest)
