"""Registrars: each server as each signaling group reaches it, and the configuration that its registrations share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, delete, exists, select

from ..model import addressing, profiles, registrants, servers
from ..model import groups as model_groups
from ..model.addressing import OwnAddress
from ..model.resource import Resource, Values
from ..model.schedule import RegistrarSettings
from .schema import OBJECTS, REGISTRAR, REGISTRAR_COUNT, REGISTRATION
from .tx import Tx

__all__ = [
    "APPLY",
    "IDLE",
    "RETIRE",
    "entry_values",
    "forget_unused",
    "group_is_on",
    "groups",
    "key_of_entry",
    "registrar_settings",
    "values_of",
]

IDLE, APPLY, RETIRE = range(3)
"""The phases of a registrar's fan-out (`reconcile.py`)."""


def values_of(resource: Resource, row: Row[Any] | None) -> Values:
    """Return the values of a row by documented name, or the defaults where there is no row any more."""
    if row is None:
        return {a.name: a.default if a.default is not None else None if a.is_number else "" for a in resource.stored}
    stored = row._mapping
    return {attribute.name: stored[attribute.column] for attribute in resource.stored}


def entry_values(row: Row[Any]) -> Values:
    """Return the values of a registrant entry."""
    return values_of(registrants.ENTRY, row)


def group_is_on(group: Values) -> bool:
    """Tell whether a group registers: only when it is enabled, by the new name and by the older one."""
    return group["customAdminState"] == model_groups.ENABLED and group["ConfigIEState"] != 0


def registrar_settings(tx: Tx, registrar_id: int) -> RegistrarSettings | None:
    """Return what all registrations at a registrar share, or None where there is no such registrar.

    Where the group or the server is gone, what is left of it are defaults: enough to take leave of the registrar with
    what the registrations themselves remember.
    """
    row = tx.conn.execute(select(REGISTRAR).where(REGISTRAR.c.id == registrar_id)).first()
    if row is None:
        return None
    group_table, server_table, profile_table = OBJECTS["sipsg"], OBJECTS["sipserver"], OBJECTS["sipprofile"]
    group_row = tx.conn.execute(select(group_table).where(group_table.c.uid == row.sipsg_uid)).first()
    server_row = tx.conn.execute(select(server_table).where(server_table.c.uid == row.sipserver_uid)).first()
    group = values_of(model_groups.GROUP, group_row)
    profile_query = select(profile_table).where(profile_table.c.id == group["ProfileID"])
    server = values_of(servers.ENTRY, server_row)
    return RegistrarSettings(
        id=registrar_id,
        rev=row.rev,
        group_uid=row.sipsg_uid,
        group=group,
        profile=values_of(profiles.PROFILE, tx.conn.execute(profile_query).first()),
        server=server,
        credentials_uid=row.credentials_uid,
        is_gone=group_row is None or server_row is None,
    )


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


def key_of_entry(tx: Tx, entry: Values, settings: RegistrarSettings) -> int:
    """Return the binding key of an entry at a registrar.

    A group whose address nobody has said stands in the key under a name of its own: its sockets may move, its AORs do
    not.
    """
    own = OwnAddress(tx.own_address or f"group-{settings.group_uid}.invalid", 0, fqdn=tx.own_address)
    return addressing.binding_key(entry, settings.server, settings.profile, own)


def groups(tx: Tx) -> list[tuple[int, int, Values]]:
    """Return (uid, id, values) of each signaling group, in the order of their ids."""
    table = OBJECTS["sipsg"]
    rows = tx.conn.execute(select(table).order_by(table.c.id))
    return [(row.uid, row.id, values_of(model_groups.GROUP, row)) for row in rows]
