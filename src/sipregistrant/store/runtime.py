"""What is shown of registrations: the `rt_` attributes of the wire API. Status is a query; nothing here asks the
engine.

An entry has a registration at each server that its table is registered at; what is shown is the *worst* of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from sqlalchemy import Row, func, select, text

from ..model.addressing import TRANSPORTS, WEB_SOCKETS, contact_ttl
from ..model.attributes import WORD_BREAK
from ..model.groups import DRAIN as GROUP_DRAINS
from ..model.groups import ENABLED, GROUP
from ..model.registrants import CONTACTS, ENTRY
from ..model.resource import Resource
from ..model.schedule import Sent
from ..model.servers import DISABLED, DRAIN, MAINTENANCE, UDP
from ..model.standing import UNKNOWN
from ..model.status import SEVERITY, State, Status, status
from ..sip.learned import Learned
from .bulk_steps import is_pending
from .instance import is_paused
from .objects import require, values_of
from .registrars import entry_values, group_is_on
from .schema import REGISTRAR_COUNT
from .tx import Key, Tx
from .words import instant

__all__ = ["Runtime", "address_of", "overall", "reason_of", "runtime", "runtime_of", "word_of"]

Runtime = dict[str, str | int]

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
    return runtime_of(tx, resource, [require(tx, resource, key)])[key.id]


def runtime_of(tx: Tx, resource: Resource, rows: Sequence[Row[Any]]) -> dict[int, Runtime]:
    """Return the `rt_` attributes of objects by id; the rows are of one table."""
    match resource.name:
        case "sipregistrantentry":
            return _of_entries(tx, rows)
        case "sipcontactregistrant":
            return {row.id: _of_table(tx, row) for row in rows}
        case "sipserver":
            return {row.id: _of_server(tx, row) for row in rows}
        case "sipsg":
            return {row.id: _of_group(tx, row) for row in rows}
        case _:
            return {row.id: {} for row in rows}


def word_of(name: str) -> str:
    """Return what JSON calls an `rt_` attribute: `rt_ServerStatus` is `server_status`."""
    return WORD_BREAK.sub("_", name.removeprefix("rt_")).lower()


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


REGISTRATIONS_OF = text("""
SELECT registration.*, bound.sent, bound.learned, registrar.sipserver_uid, sipserver.host, sipserver.port, sipserver.protocol,
       sipserver.web_socket_path, sipserver.admin_state
FROM registration JOIN registrar ON registrar.id = registration.registrar_id
LEFT JOIN sipserver ON sipserver.uid = registrar.sipserver_uid
LEFT JOIN bound ON bound.registration_id = registration.id
WHERE registration.entry_uid IN (SELECT value FROM json_each(:uids))
""")

PENDING = {
    column: text(f"SELECT 1 FROM registrar WHERE {column} = :uid AND (phase <> 0 OR action <> 0) LIMIT 1")
    for column in ("registrant_table_uid", "sipserver_uid", "sipsg_uid")
}


OFF = text("SELECT 1 FROM registrar WHERE registrant_table_uid = :uid AND is_on = 0 LIMIT 1")


def _is_pending(tx: Tx, column: str, uid: int) -> bool:
    """Tell whether a change is still being carried out in steps (`reconcile.py`)."""
    return tx.conn.execute(PENDING[column], {"uid": uid}).first() is not None


def _of_entries(tx: Tx, entries: Sequence[Row[Any]]) -> dict[int, Runtime]:
    if not entries:
        return {}
    by_entry: dict[int, list[_Shown]] = {}
    for row in tx.conn.execute(REGISTRATIONS_OF, {"uids": json.dumps([entry.uid for entry in entries])}):
        by_entry.setdefault(row.entry_uid, []).append(_Shown(row, _status(row, tx.now)))
    without = NO_SERVER
    if len(by_entry) < len(entries):
        uid = entries[0].parent_uid
        if _is_pending(tx, "registrant_table_uid", uid):
            without = PENDING_ENTRY
        elif tx.conn.execute(OFF, {"uid": uid}).first() is not None:
            without = OFF_ENTRY
    return {entry.id: _of_entry(entry, by_entry.get(entry.uid, []), without, tx) for entry in entries}


def _status(row: Row[Any], now: int) -> Status:
    return status(desired=row.desired, state=row.state, expires_at=row.expires_at,
                  maybe_held_until=row.maybe_held_until, due_at=row.due_at, now=now)  # fmt: skip


def _shown_of(learned: Learned) -> Runtime:
    """Show what the registrar told beside the bindings."""
    return {
        "rt_ServiceRoute": ", ".join(learned.service_route),
        "rt_Path": ", ".join(learned.path),
        "rt_AssociatedURIs": ", ".join(learned.associated_uris),
        "rt_GRUU": learned.public_gruu,
        "rt_PublicAddress": learned.public_address,
        "rt_Credential": learned.credential,
    }


NOTHING_LEARNED = _shown_of(Learned())

NOTHING_YET: Runtime = {
    "rt_Registrar": "", "rt_Contacts": "", "rt_Expires": 0, "rt_LastCode": 0, "rt_LastAttempt": "",
    "rt_NextAttempt": "", "rt_Failures": 0, **NOTHING_LEARNED,
}  # fmt: skip
NO_SERVER: Runtime = NOTHING_YET | {
    "rt_RegistrationState": "no server", "rt_LastReason": "no enabled signaling group has a server with this table"
}  # fmt: skip
PENDING_ENTRY: Runtime = NOTHING_YET | {
    "rt_RegistrationState": "pending", "rt_LastReason": "a change of configuration has not come to this entry yet"
}  # fmt: skip


OFF_ENTRY: Runtime = NOTHING_YET | {
    "rt_RegistrationState": "disabled", "rt_LastReason": "the signaling group, or the server, that uses this table is off"
}  # fmt: skip


def _of_entry(entry: Row[Any], registrations: list[_Shown], without: Runtime, tx: Tx) -> Runtime:
    """Return what is shown of an entry; `without` is what it shows where it has no registration."""
    values = entry_values(entry)
    numbers = range(1, CONTACTS + 1)
    # Without any URI there is one contact all the same, of the AOR's user, and the first TTL is for it.
    used = [n for n in numbers if values[f"URI{n}"]] or [1]
    shown: Runtime = {f"rt_TTL{n}": contact_ttl(values, n) if n in used else "" for n in numbers}
    shown["rt_Registrations"] = len(registrations)
    shown["rt_Registered"] = sum(one.status in (Status.REGISTERED, Status.DEGRADED) for one in registrations)
    return shown | (_worst_of(registrations, tx) if registrations else without)


def _worst_of(registrations: Sequence[_Shown], tx: Tx) -> Runtime:
    """Show the worst registration; of equally bad ones the one that lapses first."""
    worst = max(registrations, key=lambda one: (one.severity, -one.row.expires_at))
    row, now = worst.row, tx.now
    sent = None if row.sent is None else Sent.from_json(row.sent)
    is_held = row.expires_at > now
    return {
        "rt_RegistrationState": worst.status.value,
        "rt_Registrar": address_of(row, sent),
        "rt_Contacts": _contacts(sent) if sent is not None and is_held else "",
        "rt_Expires": (row.expires_at - now) // 1000 if is_held else 0,
        "rt_LastCode": row.last_code,
        "rt_LastReason": reason_of(row, worst.status, tx),
        "rt_LastAttempt": instant(row.attempted_at),
        "rt_NextAttempt": instant(row.due_at),
        "rt_Failures": row.failures,
        **(_shown_of(Learned.from_json(row.learned)) if row.learned and is_held else NOTHING_LEARNED),
    }


WAITS_FOR_ALL = "waits: the service is paused"
WAITS_FOR_SERVER = "waits: the server is in maintenance"
STAYS_OFF = "un-registered by action; action register registers it again"


def reason_of(row: Row[Any], status: Status, tx: Tx) -> str:
    """Say what the last attempt came to, and why the next one, if it is due, has to wait."""
    if row.stays_off and status is Status.DISABLED:
        return STAYS_OFF
    reason = str(row.last_reason or ("" if row.last_code == 0 else "OK"))
    if row.due_at is None or row.due_at >= tx.now:
        return reason
    standing = tx.standings.get(row.sipserver_uid, UNKNOWN)
    if is_paused(tx):
        waits = WAITS_FOR_ALL
    elif row.admin_state == MAINTENANCE:
        waits = WAITS_FOR_SERVER
    elif standing.held_back is not None:
        why, at = standing.held_back
        waits = "waits: " + why.value.format(instant(int(at * 1000)), standing.fault)
    else:
        return reason
    return f"{reason}; {waits}" if row.last_reason else waits


def address_of(row: Row[Any], sent: Sent | None) -> str:
    """Return `transport:host:port` of the registrar: where it was spoken to, else where it is configured to be."""
    if sent is not None:
        host = f"[{sent.host}]" if ":" in sent.host else sent.host
        return f"{sent.transport}:{host}:{sent.port}"
    if row.host is None:
        return ""
    transport = TRANSPORTS[row.protocol]
    if row.web_socket_path:
        transport = WEB_SOCKETS.get(row.protocol, transport)
    return f"{transport}:{row.host}:{row.port}"


def _contacts(sent: Sent) -> str:
    """Return the contacts that the registrar confirmed, in the shape of a Contact header."""
    return ", ".join(
        f"<{contact.uri}>;q={contact.q / 100:g};expires={contact.granted}"
        for contact in sent.contacts
        if contact.granted
    )


def _of_group(tx: Tx, row: Row[Any]) -> Runtime:
    """Tell whether a group is up: enabled, and with a socket."""
    group = values_of(GROUP, row)
    status, reason = SgStatus.UP, ""
    if row.uid in tx.group_faults:
        status, reason = SgStatus.DOWN, tx.group_faults[row.uid]
    elif group["customAdminState"] == GROUP_DRAINS:
        is_draining = tx.conn.execute(UNREGISTERING["sipsg_uid"], {"uid": row.uid}).first() is not None
        status = SgStatus.UP_DRAINING if is_draining else SgStatus.UP_DRAINED
    elif not group_is_on(group):
        off = "customAdminState" if group["customAdminState"] != ENABLED else "ConfigIEState"
        status, reason = SgStatus.DOWN, f"disabled: {off} is {group[off]}"
    elif group["Protocol_1"] not in (None, UDP):
        reason = "Protocol_1 asks for another transport; this version listens on UDP only"
    return {"rt_Status": int(status), "rt_StatusReason": reason, "rt_Type": SG_TYPE_SIP,
            "rt_NumberOfChannels": row.channels, "rt_Pending": int(_is_pending(tx, "sipsg_uid", row.uid))}  # fmt: skip


UNREGISTERING = {
    column: text(f"""
SELECT 1 FROM registrar WHERE {column} = :uid AND EXISTS
  (SELECT 1 FROM registration WHERE registrar_id = registrar.id AND class = 2 AND due_at IS NOT NULL)
""")
    for column in ("sipsg_uid", "sipserver_uid")
}


COUNTS_OF_TABLE = text("""
SELECT state, sum(registrations) FROM registrar_count JOIN registrar ON registrar.id = registrar_count.registrar_id
WHERE registrar.registrant_table_uid = :uid GROUP BY state
""")


def _of_table(tx: Tx, row: Row[Any]) -> Runtime:
    counts = {state: number for state, number in tx.conn.execute(COUNTS_OF_TABLE, {"uid": row.uid})}
    return {
        "rt_Registered": counts.get(State.REGISTERED, 0),
        "rt_Failed": sum(counts.get(state, 0) for state in FAILED),
        "rt_Pending": int(_is_pending(tx, "registrant_table_uid", row.uid) or is_pending(tx, ENTRY, row.uid)),
    }


def _of_server(tx: Tx, row: Row[Any]) -> Runtime:
    """Tell how a server answers: what the engine has seen of it since its start (observed names, spelled so)."""
    seen = tx.standings.get(row.uid, UNKNOWN)
    # In maintenance nobody asks it.
    seconds = max(0, int(tx.now / 1000 - seen.since)) if row.admin_state != MAINTENANCE else 0
    return {
        "rt_ServerStatus": _word_of_server(tx, row, seen.word),
        "rt_UpTime": seconds if seen.is_up else 0,
        "rt_DownTime": seconds if seen.is_up is False else 0,
        "rt_Transactions": seen.transactions,
        "rt_TransactionFalures": seen.failures,
        "rt_Pending": int(_is_pending(tx, "sipserver_uid", row.uid)),
    }


def _word_of_server(tx: Tx, row: Row[Any], seen: str) -> str:
    """Return what the operator has made of a server (AdminState), else what was `seen` of it."""
    if row.admin_state == MAINTENANCE:
        return "Maintenance"
    if row.admin_state == DRAIN:
        is_draining = tx.conn.execute(UNREGISTERING["sipserver_uid"], {"uid": row.uid}).first() is not None
        return "Draining" if is_draining else "Drained"
    return "Disabled" if row.admin_state == DISABLED else seen
