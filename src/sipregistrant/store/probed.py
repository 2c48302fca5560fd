"""What a probe has to know: a server as it is configured, with credentials; or all of a registration."""

from __future__ import annotations

from collections.abc import Mapping

from ..model.addressing import registering_user
from ..model.probing import Question
from ..model.registrants import ENTRY
from ..model.resource import Values
from ..model.schedule import Sent
from ..model.status import Status
from ..sip.authentication import Credential
from . import explained, overview
from .credentials import credentials_for
from .instance import is_paused
from .objects import STORED
from .registrars import entry_values, registrar_settings
from .tx import Key, Tx

__all__ = ["Place", "binding_key_of", "is_registered", "of_registration", "of_server", "wanted_by_us"]

REGISTRAR = """
SELECT g.id FROM registrar AS g JOIN sipserver AS s ON s.uid = g.sipserver_uid
JOIN sipservertable AS st ON st.uid = s.parent_uid JOIN sipsg AS sg ON sg.uid = g.sipsg_uid
WHERE st.id = ? AND s.id = ? AND (? IS NULL OR sg.id = ?) ORDER BY sg.id, g.flow LIMIT 1
"""
SERVER = "SELECT 1 FROM sipserver AS s JOIN sipservertable AS st ON st.uid = s.parent_uid WHERE st.id = ? AND s.id = ?"
OF_KEY = """
SELECT b.sent FROM registration AS r JOIN bound AS b ON b.registration_id = r.id
WHERE r.binding_key = ? AND r.desired = 1 AND r.entry_uid IS NOT NULL AND b.sent IS NOT NULL
"""


class Place:
    """Why nobody can be asked there; as words."""

    NO_SERVER = "there is no server {}"
    NO_WAY = (
        "server {} is used by no signaling group, or names no registrant table: set server_cluster_id of a group, and "
        "contact_registrant_table_id of the server"
    )
    PAUSED = "the service is paused: nothing is sent until it is resumed"


def of_server(
    tx: Tx, server: Key, group: int | None, form: Mapping[str, str], credential: Credential | None
) -> Question | str:
    """Return the question for an AOR (an entry as a form) at a server, with a credential of its own or with those that fit; or
    why nobody can be asked. Raises `ValueRefused` for an entry that is none.
    """
    entry = ENTRY.to_create(form)
    if tx.sqlite.execute(SERVER, (server.parent, server.id)).fetchone() is None:
        return Place.NO_SERVER.format(f"{server.parent}:{server.id}")
    found = tx.sqlite.execute(REGISTRAR, (server.parent, server.id, group, group)).fetchone()
    if found is None:
        return Place.NO_WAY.format(f"{server.parent}:{server.id}")
    return _question(tx, found[0], entry, credential)


def of_registration(tx: Tx, id: int) -> Question | str | None:
    """Return the question for what is registered; why nobody can be asked; None where there is no such registration."""
    row = overview.find(tx, id)
    if row is None:
        return None
    entry = STORED[ENTRY.name].get(tx, row.entry_uid)
    question = _question(tx, row.registrar_id, entry_values(entry), None)
    if isinstance(question, Question) and row.sent is not None and row.expires_at > tx.now:
        question.sent = Sent.from_json(row.sent)
    return question


def _question(tx: Tx, registrar_id: int, entry: Values, credential: Credential | None) -> Question | str:
    if is_paused(tx):
        return Place.PAUSED
    settings = registrar_settings(tx, registrar_id)
    assert settings is not None
    user = registering_user(entry)
    fit = (
        [credential] if credential is not None else credentials_for(tx, settings.credentials_uid, {user}).get(user, [])
    )
    return Question(settings, entry, fit)


def binding_key_of(tx: Tx, id: int) -> int:
    """Return the binding key of a registration."""
    (key,) = tx.sqlite.execute("SELECT binding_key FROM registration WHERE id = ?", (id,)).fetchone() or (0,)
    return int(key)


def wanted_by_us(tx: Tx, binding_key: int) -> list[str]:
    """Return the contacts that registrations of a binding key hold and want: none of them may be removed."""
    rows = tx.sqlite.execute(OF_KEY, (binding_key,)).fetchall()
    return [contact.uri for (sent,) in rows for contact in Sent.from_json(sent).contacts]


def is_registered(tx: Tx, server: Key, aor: str, user: str) -> bool:
    """Tell whether an entry of ours registers this AOR there."""
    key = f"{server.parent}:{server.id}"
    known = [explained.one(tx, id) for id in explained.by_aor(tx, aor, user)]
    return any(facts is not None and facts.server == key and facts.status is not Status.DISABLED for facts in known)
