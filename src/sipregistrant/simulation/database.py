"""The store without a disk: its SQL on a database in memory, in the one thread of the simulation.

No writer thread either: a commit takes the virtual time that it is given.
"""

from __future__ import annotations

import asyncio
import functools
import sqlite3
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import StaticPool

from ..model.schedule import Claim, Claimed, Monitored, Settled
from ..store import reconcile, schedule
from ..store.flows import lose_step
from ..store.secrets import Vault
from ..store.store import DATABASE, Store
from ..store.tx import Tx

__all__ = ["MemorySchedule"]

P = ParamSpec("P")
T = TypeVar("T")


@functools.cache
def _first_start() -> tuple[bytes, Vault]:
    """Return a database as a first start leaves it, and the vault of its secrets."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "var"
        Store.once(path, lambda boot_id, offset: lambda: 1, lambda tx: None)
        file = sqlite3.connect(path / DATABASE)
        file.execute("PRAGMA journal_mode=DELETE")  # a database in memory has no WAL
        image = file.serialize()
        file.close()
        return image, Vault(path / "key")


def _connect() -> Connection:
    def open() -> sqlite3.Connection:
        opened = sqlite3.connect(":memory:", check_same_thread=False)
        opened.deserialize(_first_start()[0])
        return opened

    engine = create_engine("sqlite://", creator=open, poolclass=StaticPool)

    @event.listens_for(engine, "connect")
    def on_connect(connection: sqlite3.Connection, record: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine.connect()


class MemorySchedule:
    """The schedule of a store in memory: `model.schedule.Schedule`. `clock` tells the schedule's time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.commit_seconds = 0.0
        self.knocked: Callable[[Sequence[int]], None] = lambda registrar_ids: None
        self._connection = _connect()

    @property
    def now(self) -> float:
        return self.clock()

    def close(self) -> None:
        """Forget the database."""
        self._connection.close()
        self._connection.engine.dispose()

    def write(self, function: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function of the store in a transaction; knock where there is something to do."""
        with self._connection.begin():
            tx = self._begun()
            result = function(tx, *args, **kwargs)
        if tx.knocks:
            self.knocked(sorted(tx.knocks))
        return result

    def reconcile(self) -> None:
        """Carry out what is noted, a step a transaction."""
        while self.write(reconcile.step):
            pass

    def _begun(self) -> Tx:
        return Tx(self._connection, _first_start()[1], int(self.now * 1000))

    async def claim(self, registrar_id: int, *, known_rev: int, limit: int, in_flight: Sequence[int],
                    may_stagger: bool, refused_since: float) -> Claim:  # fmt: skip
        """See the protocol."""
        await asyncio.sleep(self.commit_seconds)
        return self.write(schedule.claim, registrar_id, known_rev, limit, in_flight, may_stagger, refused_since)

    async def settle(self, outcomes: Sequence[Settled]) -> Sequence[int]:
        """See the protocol."""
        await asyncio.sleep(self.commit_seconds)
        return self.write(schedule.settle, outcomes)

    async def give_back(self, rows: Sequence[Claimed]) -> None:
        """See the protocol."""
        self.write(schedule.give_back, rows)

    async def lose_flow(self, flow_id: int) -> None:
        """See the protocol."""
        while self.write(lose_step, flow_id):
            pass

    async def heads(self) -> list[tuple[int, float]]:
        """See the protocol."""
        return self.write(schedule.heads)

    async def monitored(self, known: Mapping[int, int]) -> Monitored:
        """See the protocol."""
        return self.write(schedule.monitored, known)
