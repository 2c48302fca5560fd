"""What is shown of registrations: the `rt_` attributes of the wire API. Status is a query; nothing here asks the
engine.

An entry has a registration at each server that its table is registered at; what is shown is the *worst* of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

from sqlalchemy import Row, func, select, text

from ..model.addressing import TRANSPORTS, contact_ttl
from ..model.groups import DRAIN, GROUP
from ..model.registrants import CONTACTS, ENTRY
from ..model.resource import Resource
from ..model.schedule import Sent
from ..model.status import SEVERITY, State, Status, status
from .config import check_parent
from .registrars import entry_values, group_is_on, values_of
from .schema import BOUND, OBJECTS, REGISTRAR, REGISTRAR_COUNT, REGISTRATION
from .tx import Key, Tx

__all__ = ["Runtime", "overall", "runtime", "runtime_all"]

Runtime = dict[str, str | int]

R = REGISTRATION.c
ENTRIES = OBJECTS["sipregistrantentry"]
TABLES = OBJECTS["sipcontactregistrant"]
SERVERS = OBJECTS["sipserver"]
GROUPS = OBJECTS["sipsg"]

FAILED = (State.RETRY_WAIT, State.REJECTED)
SG_TYPE_SIP = 1


class SgStatus(IntEnum):
    """Values of rt_Status of a signaling group (observed)."""

    UP = 0
    DOWN = 1
    UP_DRAINING = 2
    UP_DRAINED = 3


def runtime(tx: Tx, resource: Resource, key: Key) -> Runtime:
    """Return the `rt_` attributes of one object, values ready to print."""
    return runtime_all(tx, resource, key.parent, key.id).get(key.id, {})


def runtime_all(tx: Tx, resource: Resource, parent: int | None, id: int | None = None) -> dict[int, Runtime]:
    """Return the `rt_` attributes of all objects (of one table; or of one id) by id."""
    match resource.name:
        case "sipregistrantentry":
            return _of_entries(tx, parent, id)
        case "sipcontactregistrant":
            return _of_tables(tx, id)
        case "sipsg":
            return _of_groups(tx, id)
        case _:
            return {}


def overall(tx: Tx) -> dict[State, int]:
    """Return how many registrations there are by what their last attempt left."""
    query = select(REGISTRAR_COUNT.c.state, func.sum(REGISTRAR_COUNT.c.registrations)).group_by(REGISTRAR_COUNT.c.state)
    return {State(state): int(number) for state, number in tx.conn.execute(query).all() if number}


@dataclass(slots=True)
class _Shown:
    """One registration of an entry, and how it stands now."""

    row: Row[Any]
    status: Status

    @property
    def severity(self) -> int:
        return SEVERITY[self.status]


def _of_entries(tx: Tx, parent: int | None, id: int | None) -> dict[int, Runtime]:
    entries = select(ENTRIES).where(ENTRIES.c.parent_uid == check_parent(tx, ENTRY, parent))
    registrations = (
        select(REGISTRATION, BOUND.c.sent, ENTRIES.c.id.label("entry_id"), SERVERS.c.host, SERVERS.c.port,
               SERVERS.c.protocol)
        .join(ENTRIES, ENTRIES.c.uid == R.entry_uid)
        .join(REGISTRAR, REGISTRAR.c.id == R.registrar_id)
        .outerjoin(SERVERS, SERVERS.c.uid == REGISTRAR.c.sipserver_uid)
        .outerjoin(BOUND, BOUND.c.registration_id == R.id)
        .where(ENTRIES.c.parent_uid == check_parent(tx, ENTRY, parent))
    )  # fmt: skip
    if id is not None:
        entries = entries.where(ENTRIES.c.id == id)
        registrations = registrations.where(ENTRIES.c.id == id)
    by_entry: dict[int, list[_Shown]] = {}
    for row in tx.conn.execute(registrations):
        by_entry.setdefault(row.entry_id, []).append(_Shown(row, _status(row, tx.now)))
    return {entry.id: _of_entry(entry, by_entry.get(entry.id, []), tx.now) for entry in tx.conn.execute(entries)}


def _status(row: Row[Any], now: int) -> Status:
    return status(desired=row.desired, state=row.state, expires_at=row.expires_at,
                  maybe_held_until=row.maybe_held_until, due_at=row.due_at, now=now)  # fmt: skip


def _of_entry(entry: Row[Any], registrations: list[_Shown], now: int) -> Runtime:
    values = entry_values(entry)
    numbers = range(1, CONTACTS + 1)
    # Without any URI there is one contact all the same, of the AOR's user, and the first TTL is for it.
    used = [n for n in numbers if values[f"URI{n}"]] or [1]
    shown: Runtime = {f"rt_TTL{n}": contact_ttl(values, n) if n in used else "" for n in numbers}
    shown["rt_Registrations"] = len(registrations)
    shown["rt_Registered"] = sum(one.status in (Status.REGISTERED, Status.DEGRADED) for one in registrations)
    return shown | _worst_of(registrations, now)


def _worst_of(registrations: Iterable[_Shown], now: int) -> Runtime:
    """Show the worst registration; of equally bad ones the one that lapses first."""
    worst = max(registrations, key=lambda one: (one.severity, -one.row.expires_at), default=None)
    if worst is None:
        return {"rt_RegistrationState": "no server", "rt_Registrar": "", "rt_Contacts": "", "rt_Expires": 0,
                "rt_LastCode": 0, "rt_LastReason": "no enabled signaling group has a server with this table",
                "rt_LastAttempt": "", "rt_NextAttempt": "", "rt_Failures": 0}  # fmt: skip
    row = worst.row
    sent = None if row.sent is None else Sent.from_json(row.sent)
    is_held = row.expires_at > now
    return {
        "rt_RegistrationState": worst.status.value,
        "rt_Registrar": _address(row, sent),
        "rt_Contacts": _contacts(sent) if sent is not None and is_held else "",
        "rt_Expires": (row.expires_at - now) // 1000 if is_held else 0,
        "rt_LastCode": row.last_code,
        "rt_LastReason": row.last_reason or ("" if row.last_code == 0 else "OK"),
        "rt_LastAttempt": _instant(row.attempted_at),
        "rt_NextAttempt": _instant(row.due_at),
        "rt_Failures": row.failures,
    }


def _address(row: Row[Any], sent: Sent | None) -> str:
    """Return `transport:host:port` of the registrar: where it was spoken to, else where it is configured to be."""
    if sent is not None:
        host = f"[{sent.host}]" if ":" in sent.host else sent.host
        return f"{sent.transport}:{host}:{sent.port}"
    return "" if row.host is None else f"{TRANSPORTS[row.protocol]}:{row.host}:{row.port}"


def _contacts(sent: Sent) -> str:
    """Return the contacts that the registrar confirmed, in the shape of a Contact header."""
    return ", ".join(
        f"<{contact.uri}>;q={contact.q / 100:g};expires={contact.granted}"
        for contact in sent.contacts
        if contact.granted
    )


def _instant(at: int | None) -> str:
    """Return an instant of schedule time as UTC, to the second."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""


def _of_groups(tx: Tx, id: int | None) -> dict[int, Runtime]:
    query = select(GROUPS) if id is None else select(GROUPS).where(GROUPS.c.id == id)
    return {row.id: _of_group(tx, row) for row in tx.conn.execute(query)}


def _of_group(tx: Tx, row: Row[Any]) -> Runtime:
    """Tell whether a group is up: enabled, and with a socket."""
    group = values_of(GROUP, row)
    status, reason = SgStatus.UP, ""
    if row.uid in tx.group_faults:
        status, reason = SgStatus.DOWN, tx.group_faults[row.uid]
    elif group["customAdminState"] == DRAIN:
        is_draining = tx.conn.execute(UNREGISTERING, {"group_uid": row.uid}).first() is not None
        status = SgStatus.UP_DRAINING if is_draining else SgStatus.UP_DRAINED
    elif not group_is_on(group):
        status, reason = SgStatus.DOWN, "disabled"
    return {"rt_Status": int(status), "rt_StatusReason": reason, "rt_Type": SG_TYPE_SIP,
            "rt_NumberOfChannels": row.channels}  # fmt: skip


UNREGISTERING = text("""
SELECT 1 FROM registrar WHERE sipsg_uid = :group_uid AND EXISTS
  (SELECT 1 FROM registration WHERE registrar_id = registrar.id AND class = 2 AND due_at IS NOT NULL)
""")


def _of_tables(tx: Tx, id: int | None) -> dict[int, Runtime]:
    query = (
        select(TABLES.c.id, REGISTRAR_COUNT.c.state, func.sum(REGISTRAR_COUNT.c.registrations).label("number"))
        .outerjoin(REGISTRAR, REGISTRAR.c.registrant_table_uid == TABLES.c.uid)
        .outerjoin(REGISTRAR_COUNT, REGISTRAR_COUNT.c.registrar_id == REGISTRAR.c.id)
        .group_by(TABLES.c.id, REGISTRAR_COUNT.c.state)
    )
    found: dict[int, Runtime] = {}
    for row in tx.conn.execute(query if id is None else query.where(TABLES.c.id == id)):
        shown = found.setdefault(row.id, {"rt_Registered": 0, "rt_Failed": 0})
        if row.state == State.REGISTERED:
            shown["rt_Registered"] = int(row.number)
        elif row.state in FAILED:
            shown["rt_Failed"] = int(shown["rt_Failed"]) + int(row.number)
    return found
