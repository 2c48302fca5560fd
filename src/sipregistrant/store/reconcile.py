"""Carries a change of configuration to the registrations.

What concerns one entry is done in its own transaction. What concerns many (a server named a table of a million
entries, a group was disabled, a profile changed) is noted on the `registrar` rows, and `step` carries it out a few
hundred rows at a time, its cursor in the database, so that it holds nobody up and goes on after a crash (design, rule
6).

A fan-out has two phases: *apply* walks the entries and makes their rows right; *retire* then walks the rows and takes
leave of those that no entry stands for any more. In this order a new contact is bound before an old one is removed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, delete, insert, select, text, update

from ..model.addressing import SHAPES_REGISTER
from ..model.credentials import AUTHENTICATION_ID
from ..model.registry import RESOURCES, child_of
from ..model.resource import Resource
from ..model.servers import is_on as server_is_on
from . import actions, bulk_steps
from .objects import STORED
from .registrars import APPLY, IDLE, RETIRE, forget_unused, group_is_on, registrar_settings
from .registrations import NOTHING_BEFORE, apply_entries, remember_unanswered, retire, touch
from .schema import OBJECTS, PURGE, REGISTRAR, REGISTRATION
from .tx import Tx

__all__ = ["changed", "created", "deleted", "deleting", "leaving", "many", "step"]

ENTRIES = OBJECTS["sipregistrantentry"]
GROUPS = OBJECTS["sipsg"]
SERVERS = OBJECTS["sipserver"]
SERVER_TABLES = OBJECTS["sipservertable"]
GROUP_ROWS = STORED["sipsg"]
ENTRY_ROWS = STORED["sipregistrantentry"]

# Each well below the 20 ms that one transaction may take.
ROWS_PER_STEP = 250
ROWS_LOOKED_AT = 2000
ROWS_CLEARED = 500

# An entry's own retry timer changes no REGISTER.
SHAPES_NOTHING = frozenset({"FailedRegistrationRetryTimer"})


def created(tx: Tx, resource: Resource, row: Row[Any]) -> None:
    """Carry out what a new object means for registrations."""
    match resource.name:
        case "sipregistrantentry":
            _apply_to_entries(tx, [row], force=False)
        case "sipserver" | "sipsg":
            _sync(tx, resource.name, row.uid, reshape=True)
        case "sipremoteauthentry":
            _touch_users_of_credential(tx, row)


def changed(tx: Tx, resource: Resource, before: Row[Any], after: Row[Any], names: frozenset[str]) -> None:
    """Carry out what a change of the attributes `names` means for registrations."""
    match resource.name:
        case "sipregistrantentry":
            if names - SHAPES_NOTHING:
                _entries_changed(tx, [(before, after)])
        case "sipserver" | "sipsg":
            _sync(tx, resource.name, before.uid, reshape=bool(names & SHAPES_REGISTER[resource.name]))
        case "sipprofile":
            reshape = bool(names & SHAPES_REGISTER[resource.name])
            for group_uid in tx.conn.execute(select(GROUPS.c.uid).where(GROUPS.c.profile_id == before.id)).scalars():
                _sync(tx, "sipsg", group_uid, reshape=reshape)
        case "siptlsprofile" | "providerprofile":
            reshape = bool(names & SHAPES_REGISTER[resource.name])
            named_by = SERVERS.c.tls_profile_id if resource.name == "siptlsprofile" else SERVERS.c.provider_profile_id
            for server_uid in tx.conn.execute(select(SERVERS.c.uid).where(named_by == before.id)).scalars():
                _sync(tx, "sipserver", server_uid, reshape=reshape)
        case "sipremoteauthentry":
            _touch_users_of_credential(tx, before)
            _touch_users_of_credential(tx, after)


def many(tx: Tx, resource: Resource, added: Sequence[Row[Any]], pairs: Sequence[tuple[Row[Any], Row[Any]]]) -> None:
    """Carry out what entries that were added to one table, and changed in it (before, after), mean for registrations."""
    if resource.name == "sipregistrantentry":
        _apply_to_entries(tx, added, force=False)
        _entries_changed(tx, [pair for pair in pairs if _names(resource, *pair) - SHAPES_NOTHING])
        return
    for row in added:
        created(tx, resource, row)
    for before, after in pairs:
        changed(tx, resource, before, after, _names(resource, before, after))


def _names(resource: Resource, before: Row[Any], after: Row[Any]) -> frozenset[str]:
    stored = STORED[resource.name]
    was = stored.values(before)
    return frozenset(name for name, value in stored.values(after).items() if value != was[name])


ROWS_OF_ENTRIES = text("SELECT id, entry_uid FROM registration WHERE entry_uid IN (SELECT value FROM json_each(:uids))")


def _entries_changed(tx: Tx, pairs: Sequence[tuple[Row[Any], Row[Any]]]) -> None:
    was = {before.uid: before for before, _ in pairs}
    own = tx.conn.execute(ROWS_OF_ENTRIES, {"uids": json.dumps(list(was))}).all()
    remember_unanswered(tx, [(row.id, was[row.entry_uid]) for row in own])
    _apply_to_entries(tx, [after for _, after in pairs], force=True, before=was)


def leaving(tx: Tx, resource: Resource, rows: Sequence[Row[Any]]) -> None:
    """Take leave of what entries of one table hold, while they are still there."""
    if resource.name == "sipremoteauthentry":
        for row in rows:
            _touch_users_of_credential(tx, row)
        return
    entries = {row.uid: row for row in rows}
    by_registrar: dict[int, list[tuple[Row[Any], Row[Any]]]] = {}
    for own in tx.conn.execute(REGISTRATIONS_OF, {"uids": json.dumps(list(entries))}):
        by_registrar.setdefault(own.registrar_id, []).append((own, entries[own.entry_uid]))
    for registrar_id, found in by_registrar.items():
        settings = registrar_settings(tx, registrar_id)
        assert settings is not None
        retire(tx, settings, found)


REGISTRATIONS_OF = text("SELECT * FROM registration WHERE entry_uid IN (SELECT value FROM json_each(:uids))")


def deleting(tx: Tx, resource: Resource, row: Row[Any]) -> None:
    """Take leave of what an object holds, while it is still there."""
    if resource.name == "sipregistrantentry":
        leaving(tx, resource, [row])
    elif child_of(resource.name) is not None:
        bulk_steps.forget_table(tx, resource, row.uid)
        tx.conn.execute(insert(PURGE).values(resource=resource.name, parent_uid=row.uid))
        tx.fan_out = True


def deleted(tx: Tx, resource: Resource, row: Row[Any]) -> None:
    """Carry out what it means that an object is gone."""
    match resource.name:
        case "sipserver" | "sipsg":
            _sync(tx, resource.name, row.uid, reshape=True)
        case "sipremoteauthentry":
            _touch_users_of_credential(tx, row)


def step(tx: Tx) -> bool:
    """Do a small part of what is noted; tell whether there is more."""
    row = tx.conn.execute(select(REGISTRAR).where(REGISTRAR.c.phase != IDLE).limit(1)).first()
    if row is None:
        return actions.step(tx) or bulk_steps.step(tx, leaving, many) or _purge_step(tx)
    if row.phase == APPLY:
        _apply_step(tx, row)
    else:
        _retire_step(tx, row)
    return True


REGISTRARS_OF_TABLE = text("SELECT id, is_on FROM registrar WHERE registrant_table_uid = :uid")


def _apply_to_entries(tx: Tx, entries: Sequence[Row[Any]], *, force: bool,
                      before: Mapping[int, Row[Any]] = NOTHING_BEFORE) -> None:  # fmt: skip
    """Make the rows of some entries of one table right, at each registrar that the table is registered at."""
    if not entries:
        return
    for registrar in tx.conn.execute(REGISTRARS_OF_TABLE, {"uid": entries[0].parent_uid}).all():
        settings = registrar_settings(tx, registrar.id)
        if settings is not None:
            apply_entries(tx, settings, entries, is_on=bool(registrar.is_on), force=force, before=before)


def _sync(tx: Tx, changed_resource: str, uid: int, *, reshape: bool) -> None:
    """Make the `registrar` rows of one group or one server what the configuration says.

    `reshape` tells that every REGISTER there may look different now, so that all rows are gone through.
    """
    tx.registrars_changed = True
    tx.groups_changed = tx.groups_changed or changed_resource == "sipsg"
    own = REGISTRAR.c.sipsg_uid if changed_resource == "sipsg" else REGISTRAR.c.sipserver_uid
    rows = tx.conn.execute(select(REGISTRAR).where(own == uid))
    there = {(row.sipsg_uid, row.sipserver_uid, row.flow): row for row in rows}
    for key, wanted in _wanted(tx, changed_resource, uid).items():
        row = there.pop(key, None)
        if row is None:
            place = dict(zip(("sipsg_uid", "sipserver_uid", "flow"), key, strict=True))
            tx.conn.execute(insert(REGISTRAR).values(**place, **wanted, rev=1, phase=APPLY, cursor=0))
            tx.fan_out = True
        else:
            _note(tx, row, wanted, reshape=reshape)
    for row in there.values():
        if row.registrant_table_uid is not None:
            _note(tx, row, {"registrant_table_uid": None, "is_on": 0}, reshape=True)


def _note(tx: Tx, row: Row[Any], wanted: dict[str, int | None], *, reshape: bool) -> None:
    """Note on a registrar what is wanted of it now, and whether its rows must be gone through."""
    if reshape or any(row._mapping[name] != value for name, value in wanted.items()):
        wanted = wanted | {"phase": APPLY if wanted["registrant_table_uid"] else RETIRE, "cursor": 0}
        tx.fan_out = True
    tx.conn.execute(update(REGISTRAR).where(REGISTRAR.c.id == row.id).values(**wanted, rev=row.rev + 1))
    tx.knocks.add(row.id)


def _wanted(tx: Tx, changed_resource: str, uid: int) -> dict[tuple[int, int, int], dict[str, int | None]]:
    """Return (group, server, flow) -> columns of `registrar` for one group or one server.

    Who registers where: every signaling group, its server table, each server with a registrant table, each entry of
    that; over each flow of the server (RFC 5626), over the first one where there are none.
    """
    authorization = OBJECTS["sipremoteauthtable"]
    tables = OBJECTS["sipcontactregistrant"]
    query = (
        select(
            SERVERS.c.uid.label("server_uid"),
            GROUPS.c.uid.label("group_uid"),
            tables.c.uid.label("table_uid"),
            authorization.c.uid.label("credentials_uid"),
            SERVERS.c.outbound_flows,
            SERVERS.c.admin_state,
        )
        .select_from(GROUPS)
        .join(SERVER_TABLES, SERVER_TABLES.c.id == GROUPS.c.server_cluster_id)
        .join(SERVERS, SERVERS.c.parent_uid == SERVER_TABLES.c.uid)
        .join(tables, tables.c.id == SERVERS.c.contact_registrant_table_id)
        .outerjoin(authorization, authorization.c.id == SERVERS.c.remote_authorization_table_id)
        .where((GROUPS if changed_resource == "sipsg" else SERVERS).c.uid == uid)
    )
    is_on: dict[int, int] = {}
    wanted: dict[tuple[int, int, int], dict[str, int | None]] = {}
    for row in tx.conn.execute(query).all():
        if row.group_uid not in is_on:
            is_on[row.group_uid] = int(group_is_on(GROUP_ROWS.values(GROUP_ROWS.get(tx, row.group_uid))))
        columns = {
            "registrant_table_uid": row.table_uid,
            "credentials_uid": row.credentials_uid,
            "is_on": int(is_on[row.group_uid] and server_is_on(row.admin_state)),
        }
        wanted |= {(row.group_uid, row.server_uid, flow): columns for flow in range(row.outbound_flows or 1)}
    return wanted


def _apply_step(tx: Tx, registrar: Row[Any]) -> None:
    # By id, which an index gives in this order: by uid, each step would read and sort all that are left. An entry that is
    # made meanwhile below the cursor has its rows made in its own transaction.
    rows = ENTRY_ROWS.page(tx, registrar.registrant_table_uid, registrar.cursor, ROWS_PER_STEP)
    settings = registrar_settings(tx, registrar.id)
    if settings is not None:
        apply_entries(tx, settings, rows, is_on=bool(registrar.is_on), force=True)
    if len(rows) < ROWS_PER_STEP:
        _move(tx, registrar.id, RETIRE, 0)
    else:
        _move(tx, registrar.id, APPLY, rows[-1].id)


# In a window of ids, so that a step which finds nobody leaving has an end; in most, nobody is.
LAST_OF_WINDOW = text("""
SELECT max(id) FROM
  (SELECT id FROM registration WHERE registrar_id = :id AND id > :after ORDER BY id LIMIT :window)
""")
LEAVING = text("""
SELECT registration.* FROM registration JOIN sipregistrantentry AS entry ON entry.uid = registration.entry_uid
WHERE registration.registrar_id = :id AND registration.id > :after AND registration.id <= :last
  AND entry.parent_uid IS NOT :table_uid
ORDER BY registration.id LIMIT :most
""")
ENTRIES_OF = text(
    f"SELECT {ENTRY_ROWS.listed} FROM sipregistrantentry WHERE uid IN (SELECT value FROM json_each(:uids))"
)


def _retire_step(tx: Tx, registrar: Row[Any]) -> None:
    """Retire the rows whose entry is not in the registrar's table (any more)."""
    place = {"id": registrar.id, "after": registrar.cursor, "window": ROWS_LOOKED_AT}
    last = tx.conn.execute(LAST_OF_WINDOW, place).scalar()
    if last is None:
        _move(tx, registrar.id, IDLE, 0)
        forget_unused(tx)
        return
    wanted = {"last": last, "table_uid": registrar.registrant_table_uid, "most": ROWS_PER_STEP}
    rows = tx.conn.execute(LEAVING, place | wanted).all()
    uids = json.dumps([row.entry_uid for row in rows])
    entries = {entry.uid: entry for entry in tx.conn.execute(ENTRIES_OF, {"uids": uids})}
    settings = registrar_settings(tx, registrar.id)
    assert settings is not None
    retire(tx, settings, [(row, entries[row.entry_uid]) for row in rows])
    _move(tx, registrar.id, RETIRE, last if len(rows) < ROWS_PER_STEP else rows[-1].id)


def _move(tx: Tx, registrar_id: int, phase: int, cursor: int) -> None:
    tx.conn.execute(update(REGISTRAR).where(REGISTRAR.c.id == registrar_id).values(phase=phase, cursor=cursor))


CLEAR = {
    name: text(
        f"DELETE FROM {name} WHERE uid IN (SELECT uid FROM {name} WHERE parent_uid = :parent_uid ORDER BY id LIMIT :most)"
    )
    for name, resource in RESOURCES.items()
    if resource.parent
}


def _purge_step(tx: Tx) -> bool:
    """Clear away some entries of a deleted table; tell whether there may be more.

    Only when no fan-out is under way: their rows take leave first, with what the entries say.
    """
    waiting = tx.conn.execute(select(PURGE).limit(1)).first()
    if waiting is None:
        return False
    child = child_of(waiting.resource)
    assert child is not None
    some = {"parent_uid": waiting.parent_uid, "most": ROWS_CLEARED}
    cleared = tx.conn.execute(CLEAR[child.name], some).rowcount
    if cleared < ROWS_CLEARED:
        this = (PURGE.c.resource == waiting.resource) & (PURGE.c.parent_uid == waiting.parent_uid)
        tx.conn.execute(delete(PURGE).where(this))
    return True


def _touch_users_of_credential(tx: Tx, credential: Row[Any]) -> None:
    """Make the rows due that this credential is for: another password acts at once.

    One that is chosen by a regular expression may be for any row of the servers that use its table: all are gone
    through. So they are where its user is that of more rows than one transaction may touch.
    """
    registrars = select(REGISTRAR).where(REGISTRAR.c.credentials_uid == credential.parent_uid)
    for registrar in tx.conn.execute(registrars).all():
        if credential.from_uri_user_match != AUTHENTICATION_ID:
            _note(tx, registrar, {"registrant_table_uid": registrar.registrant_table_uid}, reshape=True)
            continue
        ids = tx.conn.execute(
            select(REGISTRATION.c.id)
            .join(ENTRIES, ENTRIES.c.uid == REGISTRATION.c.entry_uid)
            .where(ENTRIES.c.parent_uid == registrar.registrant_table_uid, ENTRIES.c.from_user == credential.user)
            .where(REGISTRATION.c.registrar_id == registrar.id)
            .limit(ROWS_PER_STEP + 1)
        ).scalars().all()  # fmt: skip
        if len(ids) > ROWS_PER_STEP:
            _note(tx, registrar, {"registrant_table_uid": registrar.registrant_table_uid}, reshape=True)
        else:
            touch(tx, ids)
