"""Registrars: each server as each signaling group reaches it, and the configuration that its registrations share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Row, delete, exists, select, text

from ..model import groups as model_groups
from ..model import provider_profiles, registrants, servers, tls_profiles
from ..model.addressing import Addressing, OwnAddress
from ..model.resource import Values
from ..model.schedule import RegistrarSettings
from ..sip.behaviour import USUAL, Behaviour
from .objects import STORED, values_of
from .schema import OBJECTS, REGISTRAR, REGISTRAR_COUNT, REGISTRATION
from .tx import Tx

__all__ = [
    "APPLY",
    "IDLE",
    "RESTS",
    "RETIRE",
    "entry_values",
    "forget_unused",
    "group_is_on",
    "groups",
    "has_one_contact",
    "keys_of_entries",
    "registrar_settings",
]

IDLE, APPLY, RETIRE = range(3)
"""The phases of a registrar's fan-out (`reconcile.py`)."""

RESTS = (
    "((SELECT is_paused FROM instance) = 1 OR "
    f"registrar.sipserver_uid IN (SELECT uid FROM sipserver WHERE admin_state = {servers.MAINTENANCE:d}))"
)
"""The servers that nothing is sent to."""


def entry_values(row: Row[Any]) -> Values:
    """Return the values of a registrant entry."""
    return values_of(registrants.ENTRY, row)


def has_one_contact(row: Row[Any]) -> bool:
    """Tell whether an entry registers one contact: that of a URIn, or the one of its own at our address."""
    return registrants.contacts_of(entry_values(row)) == 1


def group_is_on(group: Values) -> bool:
    """Tell whether a group registers: only when it is enabled, by the new name and by the older one."""
    return group["customAdminState"] == model_groups.ENABLED and group["ConfigIEState"] != 0


def registrar_settings(tx: Tx, registrar_id: int) -> RegistrarSettings | None:
    """Return what all registrations at a registrar share, or None where there is no such registrar.

    Where the group or the server is gone, what is left of it are defaults: enough to take leave of the registrar with
    what the registrations themselves remember.
    """
    row = tx.conn.execute(SETTINGS, {"id": registrar_id}).first()
    if row is None:
        return None
    values: list[Values] = []
    is_there: list[bool] = []
    first = len(REGISTRAR.columns)
    for table in (GROUP_ROWS, SERVER_ROWS, PROFILE_ROWS):
        part = row[first : first + table.width]
        is_there.append(part[0] is not None)
        values.append(table.values(part) if is_there[-1] else table.defaults())
        first += table.width
    group, server, profile = values
    return RegistrarSettings(
        id=registrar_id,
        rev=row.rev,
        group_uid=row.sipsg_uid,
        server_uid=row.sipserver_uid,
        group=group,
        profile=profile,
        server=server,
        credentials_uid=row.credentials_uid,
        is_gone=not all(is_there[:2]),
        tls=_tls_profile(tx, server),
        flow=row.flow,
        behaviour=_behaviour(tx, server),
        security={
            realm: strength
            for realm, strength in tx.conn.execute(SECURITY_OF, {"uid": row.sipserver_uid, "now": tx.now})
        },
    )


def _tls_profile(tx: Tx, server: Values) -> Values | None:
    profile_id = int(server["TLSProfileID"] or 0)
    row = STORED["siptlsprofile"].find(tx, None, profile_id) if profile_id else None
    return None if row is None else values_of(tls_profiles.PROFILE, row)


def _behaviour(tx: Tx, server: Values) -> Behaviour:
    profile_id = int(server[provider_profiles.PROVIDER_PROFILE] or 0)
    row = STORED["providerprofile"].find(tx, None, profile_id) if profile_id else None
    return USUAL if row is None else provider_profiles.behaviour_of(values_of(provider_profiles.PROFILE, row))


SECURITY_OF = text("SELECT realm, strength FROM security WHERE sipserver_uid = :uid AND until_at > :now")


GROUP_ROWS, SERVER_ROWS, PROFILE_ROWS = STORED["sipsg"], STORED["sipserver"], STORED["sipprofile"]

SETTINGS = text(f"""
SELECT registrar.*, {GROUP_ROWS.listed}, {SERVER_ROWS.listed}, {PROFILE_ROWS.listed}
FROM registrar LEFT JOIN sipsg ON sipsg.uid = registrar.sipsg_uid
LEFT JOIN sipserver ON sipserver.uid = registrar.sipserver_uid
LEFT JOIN sipprofile ON sipprofile.id = coalesce(sipsg.profile_id, {GROUP_ROWS.defaults()["ProfileID"]})
WHERE registrar.id = :id
""")


def forget_unused(tx: Tx) -> None:
    """Delete the registrars that no entry registers at any more, once nothing is left to un-register there."""
    has_rows = exists().where(REGISTRATION.c.registrar_id == REGISTRAR.c.id)
    gone = tx.conn.execute(
        delete(REGISTRAR)
        .where(REGISTRAR.c.registrant_table_uid.is_(None), REGISTRAR.c.phase == IDLE, ~has_rows)
        .returning(REGISTRAR.c.id)
    ).scalars().all()  # fmt: skip
    if gone:
        tx.conn.execute(delete(REGISTRAR_COUNT).where(REGISTRAR_COUNT.c.registrar_id.in_(gone)))


def keys_of_entries(tx: Tx, settings: RegistrarSettings) -> Callable[[Row[Any]], int]:
    """Return what tells the binding key of an entry's row at a registrar.

    A group whose address nobody has said stands in the key under a name of its own: its sockets may move, its AORs do
    not.
    """
    host = str(settings.group[model_groups.PUBLIC_ADDRESS] or tx.own_address)
    own = OwnAddress(host or f"group-{settings.group_uid}.invalid", 0, fqdn=tx.own_address)
    key_of = Addressing(settings.server, settings.profile, own).binding_key
    return lambda row: key_of({"AOR": row.aor, "AorType": row.aor_type})


def groups(tx: Tx) -> list[tuple[int, int, Values]]:
    """Return (uid, id, values) of each signaling group, in the order of their ids."""
    table = OBJECTS["sipsg"]
    rows = tx.conn.execute(select(table).order_by(table.c.id))
    return [(row.uid, row.id, values_of(model_groups.GROUP, row)) for row in rows]
