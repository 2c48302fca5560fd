"""What a function of the store is given: the open transaction and what belongs to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from ..model.standing import Standing
from .secrets import Vault

__all__ = ["SERVICE", "Key", "Tx", "to_ms"]

SERVICE = "service"
"""Who does what nobody has asked for."""


@dataclass(frozen=True, slots=True)
class Key:
    """The id of an object, with that of its table where it hangs in one."""

    id: int
    parent: int | None = None

    def __str__(self) -> str:
        """Return the id as the wire shows it: `3`, or `3:1` for entry 1 of table 3."""
        return str(self.id) if self.parent is None else f"{self.parent}:{self.id}"


@dataclass(slots=True)
class Tx:
    """One open transaction.

    `now` is the schedule time of its beginning in milliseconds: everything in one transaction happens at one moment.
    `own_address` is what the operator said our address is ("" when nothing). `group_faults` says which signaling
    group (uid) has no socket, and why; `standings` how each server (uid) answers. `knocks` are the registrars (rows of
    `registrar`) that have something new to do once this is committed; `fan_out` tells that some of it is for the
    reconciler, `registrars_changed` that a registrar is new, is not any more, or is another one.
    """

    conn: Connection
    vault: Vault
    now: int
    own_address: str = ""
    group_faults: Mapping[int, str] = field(default_factory=dict)
    standings: Mapping[int, Standing] = field(default_factory=dict)
    knocks: set[int] = field(default_factory=set)
    fan_out: bool = False
    groups_changed: bool = False
    registrars_changed: bool = False
    has_events: bool = False
    """There is something new to tell."""
    who: str = SERVICE
    """On whose behalf it is, for the audit log."""

    @property
    def sqlite(self) -> sqlite3.Connection:
        """The driver's own connection, for claim and settle: of a statement through SQLAlchemy half is SQLAlchemy."""
        connection = self.conn.connection.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        return connection


def to_ms(seconds: float) -> int:
    """Return an instant or a length of the engine, in seconds, as the store keeps it."""
    return round(seconds * 1000)
