"""The real store for plays in virtual time: its SQL on a database in memory, in the one thread of the play.

    schedule = StoredSchedule(clock)
    schedule.write(config.create, RESOURCES["sipserver"], Key(1, 1), form)

The store is that of the simulation: a commit takes the virtual time that the play gives it. What the operator does goes the way
that a request of the API goes, and the reconciler is run to its end after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import select

from sipregistrant.model.attributes import Value
from sipregistrant.model.registry import RESOURCES
from sipregistrant.model.schedule import Claim, Claimed, Settled
from sipregistrant.simulation.database import MemorySchedule
from sipregistrant.store import actions, config, reconcile, schedule
from sipregistrant.store.claim import read_rows
from sipregistrant.store.schema import REGISTRATION
from sipregistrant.store.tx import Key, Tx
from tests.engine.listed import REGISTRAR

__all__ = ["StoredSchedule"]

P = ParamSpec("P")
T = TypeVar("T")

ENTRY = RESOURCES["sipregistrantentry"]
CREDENTIAL = RESOURCES["sipremoteauthentry"]


class StoredSchedule(MemorySchedule):
    """The schedule of a store, and the words of an operator: one server, one table, entries of the users u1, u2, …"""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self.claim_fault: Exception | None = None
        self.settle_fault: Callable[[Sequence[Settled]], Exception | None] = lambda outcomes: None
        self.settled: list[Settled] = []
        # The registrar of each row in flight.
        self._in_flight: dict[int, int] = {}

    def write(self, function: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function of the store in a transaction, then all fan-outs; knock where there is something to do."""

        def carried_out(tx: Tx) -> T:
            result = function(tx, *args, **kwargs)
            for _ in range(100):
                if not tx.fan_out or not reconcile.step(tx):
                    break
            return result

        return super().write(carried_out)

    # The words of an operator

    def make(self, entries: int, password: str, form: Mapping[str, str | int], *, uri: Callable[[int], str],
             servers: int = 1, server: Mapping[str, Value] | None = None, second_password: str = "") -> None:  # fmt: skip
        """Make servers that are one registrar, credentials, and a table of entries. `uri` gives an entry its contact."""
        self.write(config.create, RESOURCES["sipremoteauthtable"], Key(1), {})
        self.write(config.create, RESOURCES["sipcontactregistrant"], Key(1), {})
        given = {"Host": REGISTRAR[0], "DomainName": "example.com", "ContactRegistrantTableID": "1", "Monitor": "0",
                 "RemoteAuthorizationTableID": "1",
                 **{name: str(value) for name, value in (server or {}).items()}}  # fmt: skip
        for number in range(1, entries + 1):
            self.write(config.create, CREDENTIAL, Key(number, 1), {"User": f"u{number}", "EncryptedPassword": password})
            if second_password:
                second = {"User": f"u{number}", "EncryptedPassword": second_password}
                self.write(config.create, CREDENTIAL, Key(100 + number, 1), second)
            self.put(number, uri(number), form)
        for number in range(1, servers + 1):
            self.write(config.create, RESOURCES["sipserver"], Key(number, 1), given)
        self.reconcile()

    def put(self, number: int, uri: str, form: Mapping[str, str | int]) -> None:
        """PUT an entry; the second one has the AOR of the first, with a contact of its own."""
        aor = 1 if number == 2 else number
        given = {"AOR": f"sip:u{aor}@example.com", "AorType": 3, "URI1": uri, **form}
        self.write(config.create, ENTRY, Key(number, 1), {name: str(value) for name, value in given.items()})

    def exists(self, number: int) -> bool:
        return bool(self.write(config.exists, ENTRY, Key(number, 1)))

    def post(self, number: int, **form: str | int) -> None:
        self.write(config.change, ENTRY, Key(number, 1), {name: str(value) for name, value in form.items()})

    def set_admin_state(self, number: int, state: int) -> None:
        """Enable, disable, drain or rest one of the servers."""
        self.write(config.change, RESOURCES["sipserver"], Key(number, 1), {"AdminState": str(state)})

    def delete(self, number: int) -> None:
        self.write(config.delete, ENTRY, Key(number, 1))

    def act(self, number: int, word: str) -> None:
        self.write(actions.act, ENTRY, Key(number, 1), word)

    def set_password(self, number: int, password: str) -> None:
        self.write(config.change, CREDENTIAL, Key(number, 1), {"EncryptedPassword": password})

    # What there is

    @property
    def rows(self) -> dict[int, Claimed]:
        """All rows; one that is parked is due in an infinite time."""
        with self._connection.begin():
            tx = self._begun()
            due = dict(self._connection.execute(select(REGISTRATION.c.id, REGISTRATION.c.due_at)).all())
            self._connection.exec_driver_sql("UPDATE registration SET due_at = 0 WHERE due_at IS NULL")
            found = {row.id: row for row in read_rows(tx, list(due), None)}
            parked = [id for id, at in due.items() if at is None]
            for id in parked:
                found[id].due_at = float("inf")
                self._connection.exec_driver_sql("UPDATE registration SET due_at = NULL WHERE id = ?", (id,))
        return found

    # The schedule

    async def claim(self, registrar_id: int, *, known_rev: int, limit: int, in_flight: Sequence[int],
                    may_stagger: bool, refused_since: float) -> Claim:  # fmt: skip
        await asyncio.sleep(self.commit_seconds)
        if self.claim_fault is not None:
            raise self.claim_fault
        claim = self.write(schedule.claim, registrar_id, known_rev, limit, in_flight, may_stagger, refused_since)
        # What the engine does not name any more it has given back.
        self._in_flight = {id: of for id, of in self._in_flight.items() if id in in_flight or of != registrar_id}
        assert not any(row.id in self._in_flight for row in claim.rows), "claimed while in flight"
        self._in_flight.update((row.id, registrar_id) for row in claim.rows)
        return claim

    async def settle(self, outcomes: Sequence[Settled]) -> Sequence[int]:
        await asyncio.sleep(self.commit_seconds)
        if (fault := self.settle_fault(outcomes)) is not None:
            raise fault
        again = self.write(schedule.settle, outcomes)
        self.settled += outcomes
        for settled in outcomes:
            self._in_flight.pop(settled.id, None)
        return again
