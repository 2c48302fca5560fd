"""Changes of registrations as events: the history of states, told by server and answer, so that a mass of them is one event
with a number.

The history is written by settle, in the transaction of the change itself; here it is read on from where the last look ended. The
place of that is written in the transaction of the events, so that none is told twice, and none left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from ..model.events import EventKind
from ..model.status import State
from .events import append
from .tx import Key, Tx
from .words import instant, plural

__all__ = ["Changes", "Group", "look", "sentence", "skip", "tell"]

EXAMPLES = 10
"""So many registrations of a group are named."""

MOST_AT_ONCE = 20_000
"""So many lines of history are looked at in one go: some twenty milliseconds of a reader."""


class Group(NamedTuple):
    """Registrations of one server that came from one state to another with one answer; instants in milliseconds."""

    server: Key | None
    host: str
    before: State
    after: State
    code: int
    reason: str
    number: int
    at: int
    held: int
    lapses_at: int
    examples: list[dict[str, Any]]


class Changes(NamedTuple):
    """What a look has found: up to which id of the history, of how many lines, and whether there are more."""

    up_to: int
    lines: int
    has_more: bool
    groups: list[Group]


RANGE = "SELECT count(*), max(id) FROM (SELECT id FROM history WHERE id > ? ORDER BY id LIMIT ?)"

JOINED = """
FROM history AS h CROSS JOIN registration AS r ON r.id = h.registration_id
CROSS JOIN registrar AS g ON g.id = r.registrar_id
LEFT JOIN sipserver AS s ON s.uid = g.sipserver_uid LEFT JOIN sipservertable AS st ON st.uid = s.parent_uid
WHERE h.id > :after AND h.id <= :up_to AND h.old_state <> h.state AND r.entry_uid IS NOT NULL
"""
GROUPED = f"""
SELECT s.uid, st.id, s.id, s.host, s.port, h.old_state, h.state, h.code, count(*), max(h.at), max(h.reason),
  sum(r.expires_at > :now), min(CASE WHEN r.expires_at > :now THEN r.expires_at END)
{JOINED} GROUP BY s.uid, h.old_state, h.state, h.code ORDER BY min(h.id)
"""
NAMED = f"""
SELECT r.id, t.id, e.id, e.aor {
    JOINED.replace(
        "WHERE",
        '''
CROSS JOIN sipregistrantentry AS e ON e.uid = r.entry_uid CROSS JOIN sipcontactregistrant AS t ON t.uid = e.parent_uid
WHERE s.uid IS :uid AND h.old_state = :old AND h.state = :new AND h.code = :code AND''',
    )
}
ORDER BY h.id LIMIT {EXAMPLES}
"""


def look(tx: Tx) -> Changes:
    """Return what has changed since the last that was told."""
    told = tx.sqlite.execute("SELECT history_told FROM instance").fetchone()[0]
    lines, up_to = tx.sqlite.execute(RANGE, (told, MOST_AT_ONCE)).fetchone()
    if not lines:
        return Changes(told, 0, False, [])
    which = {"after": told, "up_to": up_to, "now": tx.now}
    groups = []
    for uid, table, id, host, port, old, new, code, number, at, reason, held, lapses_at in tx.sqlite.execute(
        GROUPED, which
    ).fetchall():
        this = {**which, "uid": uid, "old": old, "new": new, "code": code}
        named = [{"registration": registration, "table": table_id, "entry": entry, "aor": aor}
                 for registration, table_id, entry, aor in tx.sqlite.execute(NAMED, this).fetchall()]  # fmt: skip
        groups.append(Group(
            Key(id, table) if uid is not None else None, f"{host}:{port}" if uid is not None else "", State(old), State(new),
            code, reason or "", number, at, held or 0, lapses_at or 0, named,
        ))  # fmt: skip
    return Changes(up_to, lines, lines == MOST_AT_ONCE, groups)


def tell(tx: Tx, found: Changes, muted: Collection[str]) -> None:
    """Make events of what was found, but for servers (as `TABLE:ID`) of which an alarm tells."""
    for group in found.groups:
        if str(group.server) not in muted:
            append(tx, EventKind.REGISTRATIONS_CHANGED, sentence(group), data_of(group), group.at)
    tx.sqlite.execute("UPDATE instance SET history_told = max(history_told, ?)", (found.up_to,))


def skip(tx: Tx) -> None:
    """Take all history that there is for told."""
    tx.sqlite.execute(
        "UPDATE instance SET history_told = max(history_told, coalesce((SELECT max(id) FROM history), 0))"
    )


BECAME: Mapping[State, str] = {
    State.REGISTERED: "{} registered",
    State.RETRY_WAIT: "could not be registered",
    State.REJECTED: "{} refused",
    State.UNREGISTERED: "{} un-registered",
    State.UNREGISTERING: "could not be un-registered yet",
}


def sentence(group: Group) -> str:
    """Return what has happened, in words."""
    where = f"server {group.server} ({group.host})" if group.server is not None else "a server that is gone"
    who = f"{group.examples[0]['aor']} at {where}" if group.number == 1 and group.examples else (
        f"{plural(group.number, 'registration')} at {where}"
    )  # fmt: skip
    became = BECAME[group.after].format("is" if group.number == 1 else "are")
    if group.after is State.REGISTERED and group.before in (State.RETRY_WAIT, State.REJECTED):
        became += " again"
    why = f": {group.reason}" if group.reason else ""
    if group.after not in (State.RETRY_WAIT, State.REJECTED) or not group.held:
        return f"{who} {became}{why}"
    if group.after is State.RETRY_WAIT and group.held == group.number:
        became = "could not be refreshed"
    held = "it is" if group.number == 1 else f"{group.held:,} of them are"
    return f"{who} {became}{why}; {held} still held, until {instant(group.lapses_at)}"


def data_of(group: Group) -> dict[str, Any]:
    """Return the same for programs."""
    return {
        "server": None if group.server is None else f"{group.server.parent}:{group.server.id}", "host": group.host,
        "before": group.before.name.lower(), "after": group.after.name.lower(), "code": group.code, "reason": group.reason,
        "number": group.number, "held": group.held, "lapses_at": instant(group.lapses_at) or None,
        "registrations": group.examples,
    }  # fmt: skip
