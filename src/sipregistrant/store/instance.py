"""What concerns the whole instance: its clock, its address, taking leave of all registrars at once, and a pause."""

from __future__ import annotations

from sqlalchemy import exists, select, text, update

from ..errors import ConfigurationError, SipParseError
from ..model.schedule import Class
from ..model.servers import MAINTENANCE
from ..sip.uri import split_host_port
from . import audit
from .registrars import APPLY
from .registrations import touch
from .schema import INSTANCE, OBJECTS, REGISTRAR, REGISTRATION
from .tx import Tx

__all__ = [
    "arrive_step",
    "has_left",
    "is_leaving",
    "is_paused",
    "leave_step",
    "mark_left",
    "pause",
    "resume",
    "save_clock",
    "take_address",
    "try_to_write",
]

R = REGISTRATION.c
SERVERS = OBJECTS["sipserver"]

# Nothing is sent to a server in maintenance, also not to take leave of it.
RESTING = (
    select(REGISTRAR.c.id)
    .join(SERVERS, SERVERS.c.uid == REGISTRAR.c.sipserver_uid)
    .where(SERVERS.c.admin_state == MAINTENANCE)
)

# Well below the 20 ms that one transaction may take.
ROWS_PER_STEP = 500


def save_clock(tx: Tx, boot_id: str, clock_offset_ms: int) -> None:
    """Keep the clock for the next start of this boot, so that a wall clock that jumped does not move the schedule."""
    tx.conn.execute(update(INSTANCE).values(boot_id=boot_id, clock_offset_ms=clock_offset_ms))


def try_to_write(tx: Tx) -> None:
    """Change a page and change it back: what is written as it was before reaches no disk, and would find no fault of it."""
    probe = {"resource": "health", "parent_uid": 0}
    tx.conn.execute(text("INSERT INTO purge (resource, parent_uid) VALUES (:resource, :parent_uid)"), probe)
    tx.conn.execute(text("DELETE FROM purge WHERE resource = :resource"), probe)


def take_address(tx: Tx, own_address: str) -> None:
    """Take up what the operator says our address is; where that has changed, every REGISTER looks different now.

    Raises `ConfigurationError` where no URI could hold it: nothing could be registered from there.
    """
    try:
        if own_address and split_host_port(own_address)[1] is not None:
            raise ConfigurationError("--advertise", "an address without a port is wanted")
    except SipParseError as error:
        raise ConfigurationError("--advertise", str(error)) from None
    if tx.conn.execute(select(INSTANCE.c.own_address)).scalar_one() == own_address:
        return
    tx.conn.execute(update(INSTANCE).values(own_address=own_address))
    tx.conn.execute(
        update(REGISTRAR)
        .where(REGISTRAR.c.registrant_table_uid.is_not(None))
        .values(phase=APPLY, cursor=0, rev=REGISTRAR.c.rev + 1)
    )
    tx.fan_out = True


def is_paused(tx: Tx) -> bool:
    """Tell whether nothing is to be sent."""
    return bool(tx.conn.execute(select(INSTANCE.c.is_paused)).scalar_one())


def pause(tx: Tx) -> None:
    """Send nothing from now on, over restarts too, until `resume`; what is in flight comes to its end."""
    if not is_paused(tx):
        tx.conn.execute(update(INSTANCE).values(is_paused=1))
        tx.registrars_changed = True
        audit.note(tx, "pause", "service", "")


def resume(tx: Tx) -> None:
    """Send again what is due."""
    if is_paused(tx):
        tx.conn.execute(update(INSTANCE).values(is_paused=0))
        tx.registrars_changed = True
        tx.knocks.update(tx.conn.execute(select(REGISTRAR.c.id)).scalars())
        audit.note(tx, "resume", "service", "")


def has_left(tx: Tx) -> bool:
    """Tell whether the last stop un-registered everything."""
    return bool(tx.conn.execute(select(INSTANCE.c.has_left)).scalar_one())


def mark_left(tx: Tx, left: bool) -> None:
    """Note that everything is (to be) un-registered, or that all is as configured again."""
    tx.conn.execute(update(INSTANCE).values(has_left=int(left)))


def leave_step(tx: Tx, after: int) -> int | None:
    """Un-register some rows behind `after`; return the last one's id, None when there is none left."""
    ids = tx.conn.execute(
        select(R.id).where(R.id > after, R.desired == 1, R.registrar_id.not_in(RESTING)).order_by(R.id).limit(ROWS_PER_STEP)
    ).scalars().all()  # fmt: skip
    if not ids:
        return None
    touch(tx, ids, desired=False)
    return int(ids[-1])


def arrive_step(tx: Tx, after: int) -> int | None:
    """Want some rows behind `after` again that `leave_step` took leave of; return as it does."""
    ids = tx.conn.execute(
        select(R.id)
        .join(REGISTRAR, REGISTRAR.c.id == R.registrar_id)
        .where(R.id > after, R.desired == 0, R.entry_uid.is_not(None), REGISTRAR.c.is_on == 1)
        .order_by(R.id)
        .limit(ROWS_PER_STEP)
    ).scalars().all()  # fmt: skip
    if not ids:
        return None
    touch(tx, ids, desired=True)
    return int(ids[-1])


def is_leaving(tx: Tx) -> bool:
    """Tell whether any un-REGISTER is still to be done."""
    waiting = exists().where(R.registrar_id == REGISTRAR.c.id, R.klass == int(Class.UNREGISTER), R.due_at.is_not(None))
    return (
        tx.conn.execute(select(REGISTRAR.c.id).where(waiting, REGISTRAR.c.id.not_in(RESTING)).limit(1)).first()
        is not None
    )
