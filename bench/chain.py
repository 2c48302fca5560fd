"""What is measured with: a user of the wire API, servers with their credential, and tables of as many entries as are wanted."""

from __future__ import annotations

from sqlalchemy import text
from tests import service
from tests.kamailio import Kamailio

from sipregistrant.model.registry import RESOURCES
from sipregistrant.store import config, reconcile, users
from sipregistrant.store.passwords import hash_password_now
from sipregistrant.store.schema import OBJECTS
from sipregistrant.store.tx import Key, Tx

__all__ = ["USER", "add_user", "attach", "copy_first_entry", "load", "put_server", "put_table"]

USER = "trunk"
"""Who answers the challenges, for all AORs."""

NAMES = [column.name for column in OBJECTS["sipregistrantentry"].columns if column.name != "uid"]
OWN = {"id": "n", "position": "n", "aor": "'sip:' || :user || n", "from_user": ":user || n"}
COPIES = (
    "WITH RECURSIVE numbers (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < :number) "
    f"INSERT INTO sipregistrantentry ({', '.join(NAMES)}) SELECT {', '.join(OWN.get(name, name) for name in NAMES)} "
    "FROM numbers, sipregistrantentry WHERE sipregistrantentry.id = 1 AND parent_uid = "
    "(SELECT uid FROM sipcontactregistrant WHERE id = :table)"
)


def add_user(tx: Tx) -> None:
    """Let a client of the wire API in."""
    users.add(tx, service.USER, "rest", hash_password_now(service.PASSWORD))


def copy_first_entry(tx: Tx, table: int, number: int, user: str = "user") -> None:
    """Make `number` entries of the one that a table has: `user1`, `user2`, …"""
    if number > 1:
        tx.conn.execute(text(COPIES), {"table": table, "number": number, "user": user})


def load(tx: Tx, registrar: Kamailio, aors: int, sip_port: int, ttl: int = 3600, **server: int | str) -> None:
    """Create all but the server's naming of the table; `server` are further attributes of that."""
    # What the first start would write, and go through all entries again for it.
    config.change(tx, RESOURCES["sipsg"], Key(1), {"ListenPort_1": str(sip_port)})
    _put(tx, "sipremoteauthtable", 1)
    _put(
        tx, "sipremoteauthentry", 1, 1, User=USER, EncryptedPassword=registrar.password, FromURIUserMatch=1,
        MatchRegex=".*",
    )  # fmt: skip
    put_table(tx, 1, aors, ttl=ttl)
    put_server(tx, 1, registrar.host, registrar.port, registrar.realm, **server)


def put_table(tx: Tx, id: int, number: int, *, user: str = "user", ttl: int = 3600) -> None:
    """Create a table with so many entries."""
    _put(tx, "sipcontactregistrant", id)
    _put(tx, "sipregistrantentry", 1, id, AorType=2, AOR=f"sip:{user}1", AorTtl=ttl, FailedRegistrationRetryTimer=30)
    copy_first_entry(tx, id, number, user)


def put_server(tx: Tx, id: int, host: str, port: int, domain: str, **further: int | str) -> None:
    """Create a server of the first signaling group; `attach` gives it the table of its id."""
    values: dict[str, str | int] = {
        "Port": port,
        "Protocol": 1,
        "Monitor": 0,
        "RemoteAuthorizationTableID": 1,
        **further,
    }
    _put(tx, "sipserver", id, 1, Host=host, DomainName=domain, **values)


def attach(tx: Tx, *servers: int) -> None:
    """Name in each server (the first where none is said) the table of its id, and carry that out."""
    for id in servers or (1,):
        config.change(tx, RESOURCES["sipserver"], Key(id, 1), {"ContactRegistrantTableID": str(id)})
    while reconcile.step(tx):
        pass


def _put(tx: Tx, resource: str, id: int, parent: int | None = None, /, **form: str | int) -> None:
    config.create(tx, RESOURCES[resource], Key(id, parent), {name: str(value) for name, value in form.items()})
