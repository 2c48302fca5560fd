"""The people and programs that may log in."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update

from ..errors import ObjectExists, ObjectMissing, ValueRefused
from ..model.attributes import has_control_characters
from ..model.resource import SECRET_MASK
from . import audit
from .schema import USER
from .tx import Tx

__all__ = ["LEVELS", "LONGEST_NAME", "User", "add", "find", "list_users", "remove", "set_password"]

LEVELS = ("rest", "admin", "readonly")

# The longest that the login of the wire API takes ("Resource - login").
LONGEST_NAME = 256


@dataclass(frozen=True, slots=True)
class User:
    """One user. `changed` is the instant (ms of schedule time) of the last change of the password."""

    name: str
    level: str
    password_hash: str
    changed: int


def find(tx: Tx, name: str) -> User | None:
    """Return the user, or None."""
    row = tx.conn.execute(select(USER).where(USER.c.name == name)).first()
    return None if row is None else User(row.name, row.level, row.password_hash, row.changed_at)


def list_users(tx: Tx) -> list[User]:
    """Return all users by name."""
    rows = tx.conn.execute(select(USER).order_by(USER.c.name))
    return [User(row.name, row.level, row.password_hash, row.changed_at) for row in rows]


def add(tx: Tx, name: str, level: str, password_hash: str) -> None:
    """Add a user; `ObjectExists` where there is one of that name, `ValueRefused` for a name or level that cannot be."""
    if not name or len(name) > LONGEST_NAME or has_control_characters(name):
        raise ValueRefused("bad", "name", f"1 to {LONGEST_NAME} characters, no control characters")
    if level not in LEVELS:
        raise ValueRefused("bad", "level", "one of " + ", ".join(LEVELS))
    if find(tx, name) is not None:
        raise ObjectExists("user", name)
    tx.conn.execute(insert(USER).values(name=name, level=level, password_hash=password_hash, changed_at=tx.now))
    audit.note(tx, "create", "user", name, None, {"level": level})


def set_password(tx: Tx, name: str, password_hash: str) -> None:
    """Change the password; `ObjectMissing` where there is no such user."""
    changed = update(USER).where(USER.c.name == name).values(password_hash=password_hash, changed_at=tx.now)
    if tx.conn.execute(changed).rowcount == 0:
        raise ObjectMissing("user", name)
    audit.note(tx, "change", "user", name, {"password": SECRET_MASK}, {"password": SECRET_MASK})


def remove(tx: Tx, name: str) -> None:
    """Remove a user; `ObjectMissing` where there is none."""
    if tx.conn.execute(delete(USER).where(USER.c.name == name)).rowcount == 0:
        raise ObjectMissing("user", name)
    audit.note(tx, "delete", "user", name)
