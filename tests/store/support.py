"""What the tests of the store share: a store in a directory of its own, a clock that is moved by hand, and the words of
an operator and of an engine.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Row, Table, select, text

from sipregistrant.model.registry import RESOURCES
from sipregistrant.model.resource import Values
from sipregistrant.model.schedule import Claim, Claimed, Class, Sent, SentContact, Settled
from sipregistrant.model.status import State
from sipregistrant.store import config, reconcile, runtime, schedule, state
from sipregistrant.store.schema import OBJECTS, REGISTRATION
from sipregistrant.store.store import DATABASE, Store
from sipregistrant.store.tx import Key, Tx

__all__ = ["NOW", "Clock", "Site", "failed", "registered", "removed"]

NOW = 1_800_000_000_000

SERVER: dict[str, str | int] = {
    "Host": "203.0.113.5", "DomainName": "example.com", "ContactRegistrantTableID": 1, "RemoteAuthorizationTableID": 1,
}  # fmt: skip


class Clock:
    """Schedule time in milliseconds that stands still until a test moves it."""

    def __init__(self) -> None:
        self.ms = NOW
        self.saved: tuple[str, int] | None = None
        """What the last run kept, as the store handed it over at its last start."""

    def __call__(self, boot_id: str, offset_ms: int) -> Callable[[], int]:
        self.saved = (boot_id, offset_ms)
        return lambda: self.ms

    @property
    def seconds(self) -> float:
        return self.ms / 1000

    def advance(self, seconds: float) -> None:
        self.ms += round(seconds * 1000)


class Site:
    """One data directory with the store that is open on it."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self.directory = directory
        self.clock = clock
        self.store: Store
        self.commits: list[Tx] = []

    async def open(self, own_address: str = "") -> None:
        """Open the store; `commits` then grows with each commit."""
        self.store = await Store.open(self.directory, self.clock, own_address=own_address)
        self.store.on_commit = self.commits.append

    async def reopen(self) -> None:
        """Close the store and open it again, as a restart does."""
        await self.store.close()
        await self.open()

    @property
    def database(self) -> Path:
        return self.directory / DATABASE

    @contextmanager
    def raw(self) -> Iterator[sqlite3.Connection]:
        """Read the file with a connection that the store knows nothing of."""
        with closing(sqlite3.connect(f"{self.database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            yield connection

    @contextmanager
    def raw_writer(self) -> Iterator[sqlite3.Connection]:
        """Write to the file with a connection that the store knows nothing of."""
        with closing(sqlite3.connect(self.database, isolation_level=None)) as connection:
            yield connection

    # The words of an operator; keys as the wire writes them: `3`, `3:1`.

    async def put(self, resource: str, id: str, **form: str | int) -> None:
        least: dict[str, str | int] = {"Description": "group", "MediaConfigID": 1} if resource == "sipsg" else {}
        await self.store.write(config.create, RESOURCES[resource], key(id), _form(least | form))

    async def post(self, resource: str, id: str, **form: str | int) -> None:
        await self.store.write(config.change, RESOURCES[resource], key(id), _form(form))

    async def delete(self, resource: str, id: str) -> None:
        await self.store.write(config.delete, RESOURCES[resource], key(id))

    async def get(self, resource: str, id: str) -> Values:
        return await self.store.read(config.get, RESOURCES[resource], key(id))

    async def ids(self, resource: str, parent: int | None = None) -> list[int]:
        return await self.store.read(state.ids, RESOURCES[resource], parent, 0, 100_000)

    async def runtime(self, resource: str, id: str) -> runtime.Runtime:
        return await self.store.read(runtime.runtime, RESOURCES[resource], key(id))

    async def put_all(self, *objects: tuple[str, str, Mapping[str, str | int]]) -> None:
        """PUT several objects in one transaction."""

        def create_all(tx: Tx) -> None:
            for resource, id, form in objects:
                config.create(tx, RESOURCES[resource], key(id), _form(form))

        await self.store.write(create_all)

    async def put_table(self, entries: int = 1, table: str = "1", **form: str | int) -> None:
        """PUT a registrant table with entries of the AORs sip:u1, sip:u2, … at the server's domain."""
        await self.put_all(*_table(entries, table, form))

    async def put_copies(self, number: int) -> None:
        """Make many more entries like the first one at once, of the AORs sip:u2, sip:u3, …, as an import would."""
        await self.store.write(_copy_first_entry, number)

    async def put_server(self, id: str = "1:1", **form: str | int) -> None:
        """PUT a server that table 1 registers at, with the credentials of table 1."""
        await self.put_all(("sipserver", id, SERVER | form))

    async def put_chain(self, entries: int = 1, **form: str | int) -> None:
        """PUT all that makes entries register: credentials for each user, a table, its entries and a server."""
        credentials = [
            ("sipremoteauthentry", f"1:{n}", {"User": f"u{n}", "EncryptedPassword": f"secret-of-u{n}"})
            for n in range(1, entries + 1)
        ]
        await self.put_all(
            ("sipremoteauthtable", "1", {}), *credentials, *_table(entries, "1", form), ("sipserver", "1:1", SERVER)
        )
        await self.reconcile()

    async def reconcile(self, most: int = 100) -> int:
        """Carry out all fan-outs; return how many steps it took."""
        for steps in range(most):
            if not await self.store.write(reconcile.step):
                return steps
        raise AssertionError(f"not done after {most} steps")

    # The words of an engine.

    async def claim(self, registrar_id: int = 1, *, limit: int = 100, known_rev: int = -1,
                    in_flight: Collection[int] = ()) -> Claim:  # fmt: skip
        return await self.store.write(schedule.claim, registrar_id, known_rev, limit, in_flight)

    async def claim_one(self, registrar_id: int = 1) -> Claimed:
        """Claim the only row that is due."""
        (row,) = (await self.claim(registrar_id)).rows
        return row

    async def settle(self, *outcomes: Settled) -> Sequence[int]:
        return await self.store.write_first(schedule.settle, outcomes)

    async def register(self, registrar_id: int = 1, **changes: Any) -> list[int]:
        """Claim all rows that are due and settle them as registered; return their ids."""
        rows = (await self.claim(registrar_id, limit=100_000)).rows
        await self.settle(*(registered(row, self.clock, **changes) for row in rows))
        return [row.id for row in rows]

    # What there is.

    async def all(self, table: Table) -> list[Row[Any]]:
        return await self.store.read(lambda tx: list(tx.conn.execute(select(table))))

    async def rows(self) -> list[Row[Any]]:
        """Return all rows of `registration` in the order of their making."""
        return await self.store.read(lambda tx: list(tx.conn.execute(select(REGISTRATION).order_by(REGISTRATION.c.id))))

    async def row(self, id: int = 1) -> Row[Any]:
        return next(row for row in await self.rows() if row.id == id)

    async def due(self) -> list[int]:
        """Return the ids of the rows that are due now."""
        return [row.id for row in await self.rows() if row.due_at is not None and row.due_at <= self.clock.ms]


def key(id: str) -> Key:
    """Read an id as the wire writes it."""
    parent, colon, child = id.partition(":")
    return Key(int(child), int(parent)) if colon else Key(int(id))


def _table(entries: int, table: str, form: Mapping[str, str | int]) -> list[tuple[str, str, Mapping[str, str | int]]]:
    known = [
        ("sipregistrantentry", f"{table}:{n}", {"AOR": f"sip:u{n}", "AorType": 2, **form})
        for n in range(1, entries + 1)
    ]
    return [("sipcontactregistrant", table, {}), *known]


def _form(form: Mapping[str, str | int]) -> dict[str, str]:
    return {name: str(value) for name, value in form.items()}


def _copy_first_entry(tx: Tx, number: int) -> None:
    names = [column.name for column in OBJECTS["sipregistrantentry"].columns if column.name != "uid"]
    own = {"id": "id + n", "aor": "'sip:u' || (id + n)", "from_user": "'u' || (id + n)", "position": "position + n"}
    tx.conn.execute(text(
        f"WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {number}) "
        f"INSERT INTO sipregistrantentry ({', '.join(names)}) "
        f"SELECT {', '.join(own.get(name, name) for name in names)} FROM sipregistrantentry, numbers WHERE uid = 1"
    ))  # fmt: skip


def registered(
    row: Claimed, clock: Clock, *, granted: int = 3600, contacts: Sequence[str] = (), **changes: Any
) -> Settled:
    """Return what is settled when the registrar granted what was asked: due again at half of it."""
    uris = contacts or [f"sip:{row.id}@192.0.2.10"]
    domain = "sip:example.com"
    sent = Sent(f"sip:u@{row.id}.example", f"sip:u@{row.id}.example", domain, "203.0.113.5", 5060, "udp",
                [SentContact(uri, 100, granted, granted, "uri") for uri in uris])  # fmt: skip
    now = clock.seconds
    made = Settled(
        id=row.id, wanted_rev=row.wanted_rev, klass=Class.HELD, due_at=now + granted / 2, state=State.REGISTERED,
        cseq=row.cseq + 2, generation=row.generation, expires_at=now + granted, maybe_held_until=now + granted,
        attempted_at=now, since_at=now, failures=0, last_code=200, last_reason=None, challenge="nonce",
        nonce_count=1, registrar_id=row.registrar_id, old_state=row.state, sent=sent,
    )  # fmt: skip
    return replace(made, **changes)


def failed(row: Claimed, clock: Clock, *, wait: float = 120.0, **changes: Any) -> Settled:
    """Return what is settled when nothing came back: the next try after a wait."""
    now = clock.seconds
    made = Settled(
        id=row.id, wanted_rev=row.wanted_rev, klass=Class.HELD if row.expires_at > now else Class.FAILING,
        due_at=now + wait, state=State.RETRY_WAIT, cseq=row.cseq + 1, generation=row.generation,
        expires_at=row.expires_at, maybe_held_until=row.maybe_held_until, attempted_at=now, since_at=now,
        failures=row.failures + 1, last_code=0, last_reason="no answer", challenge=row.challenge,
        nonce_count=row.nonce_count, registrar_id=row.registrar_id, old_state=row.state,
    )  # fmt: skip
    return replace(made, **changes)


def removed(row: Claimed, clock: Clock, **changes: Any) -> Settled:
    """Return what is settled when an un-REGISTER was answered: nothing is held, nothing is to be done."""
    now = clock.seconds
    made = Settled(
        id=row.id, wanted_rev=row.wanted_rev, klass=Class.UNREGISTER, due_at=None, state=State.UNREGISTERED,
        cseq=row.cseq + 1, generation=row.generation, expires_at=0.0, maybe_held_until=0.0, attempted_at=now,
        since_at=now, failures=0, last_code=200, last_reason=None, challenge=None, nonce_count=0,
        registrar_id=row.registrar_id, old_state=row.state, is_over=True,
    )  # fmt: skip
    return replace(made, **changes)
