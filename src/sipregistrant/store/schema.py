"""The tables.

One table for each resource, its columns derived from the attribute table; and the tables of the schedule, of which
`registration` is the hot one: a row of it is all there is of a registration that is not in flight.

Instants (`_at`, `_until`) are milliseconds of schedule time since the Unix epoch (`engine/clock.py`); integers,
because they travel as JSON in claim and settle. Lengths of time are seconds.

Every object has a `uid` that is never used again. Children name their parent by it, so that an object made anew at a
deleted object's id has none of its remains, however long the clearing of them takes.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from ..model.attributes import OURS, Attribute, Kind
from ..model.registry import RESOURCES
from ..model.resource import Resource

__all__ = [
    "ALARM",
    "API_TOKEN",
    "AUDIT",
    "BOUND",
    "BULK",
    "BULK_AHEAD",
    "EVENT",
    "FLOW",
    "HISTORY",
    "INSTANCE",
    "METADATA",
    "OBJECTS",
    "PURGE",
    "REGISTRAR",
    "REGISTRAR_COUNT",
    "REGISTRATION",
    "SECURITY",
    "TOMBSTONE",
    "USER",
    "WEBHOOK",
]

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite gives a table its own row number only to a column declared INTEGER.
ROW_ID = BigInteger().with_variant(Integer, "sqlite")


def _column_of(attribute: Attribute) -> Column[int] | Column[str] | Column[bytes]:
    if attribute.kind is Kind.SECRET:
        return Column(attribute.column, LargeBinary, nullable=False)
    # What no box has came later: what is in a database of before gets the default.
    server_default = text(f"'{attribute.when_absent()}'") if attribute.source == OURS else None
    if attribute.is_number:
        nullable = attribute.default is None and not attribute.required
        return Column(attribute.column, BigInteger, nullable=nullable, server_default=server_default)
    return Column(attribute.column, Text, nullable=False, server_default=server_default)


# Columns that no attribute declares, by resource.
DERIVED: dict[str, tuple[str, ...]] = {
    # The user of the AOR, unescaped: what a credential is chosen by, and found by when one changes.
    "sipregistrantentry": ("from_user",),
}

LOOKED_UP_BY: dict[str, tuple[str, ...]] = {
    "sipregistrantentry": ("parent_uid", "from_user"),
    "sipremoteauthentry": ("parent_uid", "from_uri_user_match", "user"),
    "sipserver": ("contact_registrant_table_id",),
    "sipsg": ("server_cluster_id",),
}


def _table_of(resource: Resource) -> Table:
    place = (
        [Column("parent_uid", BigInteger, nullable=False), Column("id", Integer, nullable=False),
         Column("position", Integer, nullable=False), UniqueConstraint("parent_uid", "id"),
         Index(None, "parent_uid", "position")]
        if resource.parent
        else [Column("id", Integer, nullable=False), UniqueConstraint("id")]
    )  # fmt: skip
    looked_up_by = LOOKED_UP_BY.get(resource.name)
    return Table(
        resource.name,
        METADATA,
        Column("uid", ROW_ID, primary_key=True, autoincrement=True),
        *place,
        *(_column_of(attribute) for attribute in resource.stored),
        *(Column(name, Text, nullable=False) for name in DERIVED.get(resource.name, ())),
        *([Index(None, *looked_up_by)] if looked_up_by else []),
        sqlite_autoincrement=True,
    )


OBJECTS: dict[str, Table] = {name: _table_of(resource) for name, resource in RESOURCES.items()}
"""The table of each resource, by the resource's name."""

INSTANCE = Table(
    "instance",
    METADATA,
    Column("one", Integer, primary_key=True, comment="always 1: there is one row"),
    Column("identity_key", LargeBinary, nullable=False, comment="what Call-IDs and tags are derived from"),
    Column("key_check", LargeBinary, nullable=False, comment="a sealed word: tells whether the key file fits"),
    Column("boot_id", Text, nullable=False, comment="the boot of the machine that clock_offset_ms belongs to"),
    Column("clock_offset_ms", BigInteger, nullable=False, comment="schedule time minus boot time"),
    Column("own_address", Text, nullable=False, comment="--advertise as of the last start"),
    Column("has_left", Integer, nullable=False, comment="1: un-registered at the last stop, to register again"),
    Column(
        "is_paused", Integer, nullable=False, server_default="0", comment="1: nothing is sent until somebody says so"
    ),
    Column(
        "history_told",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="up to this id history has become events",
    ),
)

USER = Table(
    "user",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("level", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
)

API_TOKEN = Table(
    "api_token",
    METADATA,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False, comment="SHA-256 of the token"),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    UniqueConstraint("name"),
    UniqueConstraint("digest"),
    sqlite_autoincrement=True,
)

AUDIT = Table(
    "audit",
    METADATA,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("before", Text, comment="JSON: what was; null: nothing"),
    Column("after", Text, comment="JSON: what is from then on; null: nothing"),
    comment="who changed what, from what to what; the oldest are forgotten",
    sqlite_autoincrement=True,
)

PURGE = Table(
    "purge",
    METADATA,
    Column("resource", Text, primary_key=True),
    Column("parent_uid", BigInteger, primary_key=True, autoincrement=False),
    comment="deleted tables whose entries are still to be cleared away, a step at a time",
)

REGISTRAR = Table(
    "registrar",
    METADATA,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("sipsg_uid", BigInteger, nullable=False),
    Column("sipserver_uid", BigInteger, nullable=False),
    Column("registrant_table_uid", BigInteger, comment="whose entries register here; null: nobody's, any more"),
    Column(
        "credentials_uid", BigInteger, comment="the server's remote authorization table, also when the server is gone"
    ),
    Column("is_on", Integer, nullable=False, comment="0: un-register (disabled, drained)"),
    Column("rev", BigInteger, nullable=False, comment="bumped by every change of what is sent here, or where"),
    Column("phase", Integer, nullable=False, comment="of the fan-out under way: 0 none, 1 apply, 2 retire"),
    Column("cursor", BigInteger, nullable=False, comment="how far the phase has come: id of an entry, or of a row"),
    Column(
        "action", Integer, nullable=False, server_default="0", comment="asked for and under way; 0 none (actions.py)"
    ),
    Column(
        "action_cursor", BigInteger, nullable=False, server_default="0", comment="how far the action has come: an id"
    ),
    Column(
        "flow",
        Integer,
        nullable=False,
        server_default="0",
        comment="which of the flows of RFC 5626, from 0; 0 too where there are none",
    ),
    UniqueConstraint("sipsg_uid", "sipserver_uid", "flow"),
    Index(None, "registrant_table_uid"),
    Index(None, "credentials_uid"),
    comment="a server as one signaling group reaches it: what the schedule queues for",
    sqlite_autoincrement=True,
)

REGISTRATION = Table(
    "registration",
    METADATA,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("registrar_id", BigInteger, nullable=False),
    Column("entry_uid", BigInteger, comment="null: a tombstone; the entry is gone, the binding not yet"),
    Column("binding_key", BigInteger, nullable=False, comment="hash of registrar domain and canonical AOR"),
    Column("desired", Integer, nullable=False, comment="1 register, 0 un-register"),
    Column("class", Integer, nullable=False, key="klass", comment="0 held, 1 new or lapsed, 2 un-REGISTER, 3 failing"),
    Column("due_at", BigInteger, comment="null: nothing is to be done"),
    Column("state", Integer, nullable=False, comment="model/status.py"),
    Column("wanted_rev", BigInteger, nullable=False),
    Column("applied_rev", BigInteger, nullable=False),
    Column("cseq", BigInteger, nullable=False, comment="the last one used"),
    Column("generation", Integer, nullable=False, comment="of the Call-ID"),
    Column("expires_at", BigInteger, nullable=False, comment="the binding is held until then; 0 never was"),
    Column("maybe_held_until", BigInteger, nullable=False, comment="a 200 that never reached us may hold it"),
    Column("attempted_at", BigInteger, nullable=False, comment="end of the last attempt; 0 none yet"),
    Column("since_at", BigInteger, nullable=False, comment="when state became what it is"),
    Column("failures", Integer, nullable=False, comment="in a row"),
    Column("last_code", Integer, nullable=False, comment="of the last answer; 0 none"),
    Column("last_reason", Text, comment="why the last attempt was no success; null: it was"),
    Column("challenge", Text, comment="sip.digest.Challenge.encode; what a refresh sends ahead"),
    Column("nonce_count", BigInteger, nullable=False),
    Column(
        "stays_off",
        Integer,
        nullable=False,
        server_default="0",
        comment="1: un-registered by action, until action register",
    ),
    Column("clears", Integer, nullable=False, server_default="0", comment="1: un-registered once before it registers"),
    UniqueConstraint("entry_uid", "registrar_id"),
    Index(None, "registrar_id"),
    Index(None, "binding_key"),
    sqlite_autoincrement=True,
)

_due: ColumnElement[bool] = REGISTRATION.c.due_at.is_not(None)
Index("ix_registration_due", REGISTRATION.c.registrar_id, REGISTRATION.c.klass, REGISTRATION.c.due_at,
      sqlite_where=_due, postgresql_where=_due)  # fmt: skip
_unhealthy: ColumnElement[bool] = REGISTRATION.c.failures > 0
Index("ix_registration_unhealthy", REGISTRATION.c.registrar_id, REGISTRATION.c.last_code,
      sqlite_where=_unhealthy, postgresql_where=_unhealthy)  # fmt: skip

BOUND = Table(
    "bound",
    METADATA,
    Column("registration_id", ROW_ID, primary_key=True, autoincrement=False),
    Column("sent", Text, comment="JSON: model.schedule.Sent; null: see entry"),
    Column("entry", Text, comment="JSON: the entry as it was when a REGISTER may have got through unanswered"),
    Column("min_expires", BigInteger, nullable=False, comment="what a 423 asked for; 0 none"),
    Column("learned", Text, comment="JSON: sip.learned.Learned; null or empty: nothing"),
    comment="what the registrar holds, or may hold; written only when it changes",
)

FLOW = Table(
    "flow",
    METADATA,
    Column("registration_id", ROW_ID, primary_key=True, autoincrement=False),
    Column("flow", BigInteger, nullable=False, comment="the connection, by a number of its own"),
    Index(None, "flow"),
    comment="what was registered over a connection: due again when that is gone; nothing of UDP is here",
)

TOMBSTONE = Table(
    "tombstone",
    METADATA,
    Column("registration_id", ROW_ID, primary_key=True, autoincrement=False),
    Column("was", Text, nullable=False, comment="id of the deleted entry, for people"),
    Column("credentials", LargeBinary, nullable=False, comment="sealed JSON: what answers the un-REGISTER's challenge"),
    comment="what an un-REGISTER needs when its entry is gone",
)

HISTORY = Table(
    "history",
    METADATA,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("registration_id", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("old_state", Integer, nullable=False),
    Column("state", Integer, nullable=False),
    Column("code", Integer, nullable=False),
    Column("reason", Text),
    Index(None, "registration_id"),
    comment="each change of a registration's state; the oldest are forgotten",
    sqlite_autoincrement=True,
)

EVENT = Table(
    "event",
    METADATA,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("kind", Text, nullable=False, comment="model/events.py"),
    Column("text", Text, nullable=False, comment="a sentence"),
    Column("data", Text, nullable=False, comment="JSON: the same for programs"),
    comment="what people and programs are told, in its order; the oldest are forgotten",
    sqlite_autoincrement=True,
)

ALARM = Table(
    "alarm",
    METADATA,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False, comment="model/alarms.py"),
    Column(
        "subject", Text, nullable=False, comment="what it is about: a server as TABLE:ID, a group; empty: the service"
    ),
    Column("raised_at", BigInteger, nullable=False),
    Column("cleared_at", BigInteger, comment="null: it stands"),
    Column("number", BigInteger, nullable=False, comment="how many registrations it is about"),
    Column("text", Text, nullable=False, comment="a sentence, as of the last look"),
    Column("history_id", BigInteger, nullable=False, comment="the last of history when it was raised"),
    comment="what is not as it should be, and was not",
    sqlite_autoincrement=True,
)
_stands: ColumnElement[bool] = ALARM.c.cleared_at.is_(None)
Index("uq_alarm_standing", ALARM.c.kind, ALARM.c.subject, unique=True, sqlite_where=_stands, postgresql_where=_stands)

WEBHOOK = Table(
    "webhook",
    METADATA,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("kinds", Text, nullable=False, comment="JSON: the kinds of event that are sent; an empty list: all"),
    Column("is_enabled", Integer, nullable=False),
    Column("secret", LargeBinary, nullable=False, comment="sealed: what its messages are signed with"),
    Column("sent_id", BigInteger, nullable=False, comment="the last event that was taken, or is none of its kinds"),
    Column("failures", Integer, nullable=False, comment="in a row"),
    Column("failing_since", BigInteger, nullable=False, comment="0: the last one was taken"),
    Column("next_at", BigInteger, nullable=False, comment="not before; 0: at once"),
    Column("last_status", Integer, nullable=False, comment="of the last answer; 0 none"),
    Column("last_error", Text, nullable=False),
    UniqueConstraint("name"),
    comment="who is sent the events, and how far that has come",
    sqlite_autoincrement=True,
)

SECURITY = Table(
    "security",
    METADATA,
    Column("sipserver_uid", BigInteger, primary_key=True, autoincrement=False),
    Column("realm", Text, primary_key=True),
    Column("strength", Integer, nullable=False, comment="of the strongest digest accepted: 1 SHA-256, 2 SHA-512-256"),
    Column("until_at", BigInteger, nullable=False, comment="weaker ones are not answered before"),
    comment="what nobody may talk us out of",
)

REGISTRAR_COUNT = Table(
    "registrar_count",
    METADATA,
    Column("registrar_id", BigInteger, primary_key=True, autoincrement=False),
    Column("state", Integer, primary_key=True, autoincrement=False),
    Column("registrations", BigInteger, nullable=False),
    comment="kept by settle in the same transaction, so that nobody has to count a million rows",
)

BULK = Table(
    "bulk",
    METADATA,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("resource", Text, nullable=False),
    Column("parent_uid", BigInteger, nullable=False),
    Column("cursor", BigInteger, comment="the last line carried out; null: being read"),
    UniqueConstraint("resource", "parent_uid"),
    sqlite_autoincrement=True,
    comment="imports: what they change is in a file of their own, bulk-ID.db",
)

BULK_AHEAD = Table(
    "bulk_ahead",
    METADATA,
    Column("bulk_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Integer, primary_key=True, autoincrement=False),
    comment="entries that somebody has written since an import of their table began",
)
