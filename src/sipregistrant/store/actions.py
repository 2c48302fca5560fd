"""What an operator asks of registrations beyond their configuration: register, unregister, refresh.

On an entry it is done at once. On a table or a server it is noted on the registrars that are concerned, and `step`
carries it out some hundred rows at a time, as fan-outs are (`reconcile.py`), its cursor in the database.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from sqlalchemy import Row, text

from ..errors import ActionUnknown
from ..model.resource import Resource
from . import audit
from .objects import require
from .registrations import touch
from .tx import Key, Tx

__all__ = ["ROWS_PER_STEP", "WORDS_OF", "Action", "act", "act_on", "clear_at_start", "step"]

# Well below the 20 ms that one transaction may take.
ROWS_PER_STEP = 500


class Action(IntEnum):
    """Stored in `registrar.action`; 0 is none."""

    REGISTER = 1
    """Register again what stays off, and refresh what does not."""
    UNREGISTER = 2
    """Un-register, and stay off, whatever is configured, until `register`."""
    REFRESH = 3
    """Be due now."""
    CLEAR = 4
    """Be un-registered once, then register: what ClearRemoteRegistrationOnStartup asks for at a start. Nobody else's."""


WORDS = {action.name.lower(): action for action in Action if action is not Action.CLEAR}
FORGET_SECURITY = "forget-security"

OF_ENTRY = text("SELECT id, registrar_id FROM registration WHERE entry_uid = :uid")

# A refresh that comes while another action is under way is part of it: who registers is due, who is off stays off.
ASKED = "action = CASE WHEN :action = 3 AND action <> 0 THEN action ELSE :action END, action_cursor = 0"
NOTE = {
    "sipcontactregistrant": text(f"UPDATE registrar SET {ASKED} WHERE registrant_table_uid = :uid"),
    "sipserver": text(f"UPDATE registrar SET {ASKED} WHERE sipserver_uid = :uid"),
}

WORDS_OF = {
    "sipregistrantentry": tuple(WORDS),
    "sipcontactregistrant": tuple(WORDS),
    "sipserver": (*WORDS, FORGET_SECURITY),
}
"""The actions of each resource that has any."""


def act(tx: Tx, resource: Resource, key: Key, word: str) -> Row[Any]:
    """Do, or note, what `word` asks for; return the row of the object.

    Raises `ActionUnknown` where the resource has no such action, `ObjectMissing`.
    """
    if word not in WORDS_OF.get(resource.name, ()):
        raise ActionUnknown(resource.name, word)
    row = require(tx, resource, key)
    audit.note(tx, word, resource.name, key)
    if word == FORGET_SECURITY:
        return _forget_security(tx, row)
    action = WORDS[word]
    if resource.name in NOTE:
        noted = tx.conn.execute(NOTE[resource.name], {"uid": row.uid, "action": int(action)})
        tx.fan_out = tx.fan_out or noted.rowcount > 0
        return row
    by_registrar: dict[int, list[int]] = {}
    for id, registrar_id in tx.conn.execute(OF_ENTRY, {"uid": row.uid}):
        by_registrar.setdefault(registrar_id, []).append(id)
    for registrar_id, ids in by_registrar.items():
        _carry_out(tx, registrar_id, action, ids)
    return row


def act_on(tx: Tx, word: str, rows: Sequence[tuple[int, int]]) -> int:
    """Do what `word` asks for with some rows, (id, registrar_id); return how many are still there."""
    by_registrar: dict[int, list[int]] = {}
    there = {id for (id,) in tx.sqlite.execute(THERE, (json.dumps([id for id, _ in rows]),))}
    for id, registrar_id in rows:
        if id in there:
            by_registrar.setdefault(registrar_id, []).append(id)
    for registrar_id, ids in by_registrar.items():
        _carry_out(tx, registrar_id, WORDS[word], ids)
    if there:
        audit.note(tx, word, "registrations", f"{min(there)}-{max(there)}", None, {"registrations": len(there)})
    return len(there)


THERE = """
SELECT registration.id FROM registration JOIN registrar ON registrar.id = registration.registrar_id
WHERE registration.id IN (SELECT value FROM json_each(?)) AND entry_uid IS NOT NULL
"""

NOTE_CLEAR = text(f"""
UPDATE registrar SET action = {Action.CLEAR:d}, action_cursor = 0
WHERE action = 0 AND is_on = 1 AND sipserver_uid IN
  (SELECT uid FROM sipserver WHERE clear_remote_registration_on_startup = 1)
""")


def clear_at_start(tx: Tx) -> None:
    """Note that the servers that want it are cleared of our contacts, once for this start."""
    noted = tx.conn.execute(NOTE_CLEAR)
    tx.fan_out = tx.fan_out or noted.rowcount > 0


FORGET = text("DELETE FROM security WHERE sipserver_uid = :uid")
NOTE_REFRESH = text(f"""
UPDATE registrar SET rev = rev + 1, action = CASE action WHEN 0 THEN {Action.REFRESH:d} ELSE action END, action_cursor = 0
WHERE sipserver_uid = :uid
""")


def _forget_security(tx: Tx, server: Row[Any]) -> Row[Any]:
    """Let a server use weaker digests than it has shown; its registrations are due now."""
    tx.conn.execute(FORGET, {"uid": server.uid})
    noted = tx.conn.execute(NOTE_REFRESH, {"uid": server.uid})
    tx.fan_out = tx.fan_out or noted.rowcount > 0
    return server


UNDER_WAY = text("SELECT id, action, action_cursor FROM registrar WHERE action <> 0 LIMIT 1")
NEXT = text("""
SELECT id FROM registration WHERE registrar_id = :registrar_id AND id > :after AND entry_uid IS NOT NULL
ORDER BY id LIMIT :most
""")
MOVE = text("UPDATE registrar SET action = :action, action_cursor = :cursor WHERE id = :id")


def step(tx: Tx) -> bool:
    """Do a small part of what is noted; tell whether there was any."""
    registrar = tx.conn.execute(UNDER_WAY).first()
    if registrar is None:
        return False
    where = {"registrar_id": registrar.id, "after": registrar.action_cursor, "most": ROWS_PER_STEP}
    ids = list(tx.conn.execute(NEXT, where).scalars())
    _carry_out(tx, registrar.id, Action(registrar.action), ids)
    is_done = len(ids) < ROWS_PER_STEP
    cursor = 0 if is_done else ids[-1]
    tx.conn.execute(MOVE, {"id": registrar.id, "action": 0 if is_done else registrar.action, "cursor": cursor})
    return True


IS_ON = text("SELECT is_on FROM registrar WHERE id = :id")


def _carry_out(tx: Tx, registrar_id: int, action: Action, ids: list[int]) -> None:
    is_on = bool(tx.conn.execute(IS_ON, {"id": registrar_id}).scalar_one())
    match action:
        case Action.REGISTER:
            touch(tx, ids, desired=is_on, stays_off=False)
        case Action.UNREGISTER:
            touch(tx, ids, desired=is_on, stays_off=True)
        case Action.REFRESH:
            # Who asks for it every minute is told no by the registrar as often: the waits go on growing.
            touch(tx, ids, keeps_failures=True)
        case Action.CLEAR:
            cleared = tx.conn.execute(CLEAR, {"ids": json.dumps(ids), "now": tx.now})
            if cleared.rowcount:
                tx.knocks.add(registrar_id)


CLEAR = text("""
UPDATE registration SET clears = 1, class = 2, due_at = :now, wanted_rev = wanted_rev + 1
WHERE id IN (SELECT value FROM json_each(:ids)) AND desired = 1
""")
