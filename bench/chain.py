"""What is measured with: a server, its credential, and a table of as many entries as are wanted."""

from __future__ import annotations

from sqlalchemy import text
from tests.kamailio import Kamailio

from sipregistrant.model.registry import RESOURCES
from sipregistrant.store import config, reconcile
from sipregistrant.store.schema import OBJECTS
from sipregistrant.store.tx import Key, Tx

__all__ = ["USER", "attach", "copy_first_entry", "load"]

USER = "trunk"
"""Who answers the challenges, for all AORs."""

NAMES = [column.name for column in OBJECTS["sipregistrantentry"].columns if column.name != "uid"]
OWN = {"id": "n", "position": "n", "aor": "'sip:user' || n", "from_user": "'user' || n"}
COPIES = (
    "WITH RECURSIVE numbers (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < :number) "
    f"INSERT INTO sipregistrantentry ({', '.join(NAMES)}) SELECT {', '.join(OWN.get(name, name) for name in NAMES)} "
    "FROM numbers, sipregistrantentry WHERE sipregistrantentry.id = 1 AND parent_uid = "
    "(SELECT uid FROM sipcontactregistrant WHERE id = :table)"
)


def copy_first_entry(tx: Tx, table: int, number: int) -> None:
    """Make `number` entries of the one that a table has: `user1`, `user2`, …"""
    if number > 1:
        tx.conn.execute(text(COPIES), {"table": table, "number": number})


def load(tx: Tx, registrar: Kamailio, aors: int, sip_port: int, ttl: int = 3600) -> None:
    """Create all but the server's naming of the table."""

    def put(resource: str, id: int, parent: int | None = None, **form: str | int) -> None:
        config.create(tx, RESOURCES[resource], Key(id, parent), {name: str(value) for name, value in form.items()})

    # What the first start would write, and go through all entries again for it.
    config.change(tx, RESOURCES["sipsg"], Key(1), {"ListenPort_1": str(sip_port)})
    put("sipremoteauthtable", 1)
    put(
        "sipremoteauthentry", 1, 1, User=USER, EncryptedPassword=registrar.password, FromURIUserMatch=1, MatchRegex=".*"
    )
    put("sipcontactregistrant", 1)
    put("sipregistrantentry", 1, 1, AorType=2, AOR="sip:user1", AorTtl=ttl, FailedRegistrationRetryTimer=30)
    copy_first_entry(tx, 1, aors)
    put("sipserver", 1, 1, Host=registrar.host, DomainName=registrar.realm, Port=registrar.port, Protocol=1,
        RemoteAuthorizationTableID=1)  # fmt: skip


def attach(tx: Tx) -> None:
    """Name the table in the server, and carry that out."""
    config.change(tx, RESOURCES["sipserver"], Key(1, 1), {"ContactRegistrantTableID": "1"})
    while reconcile.step(tx):
        pass
