"""Whatever operators and engine do in whatever order: what is counted, bound and buried is that of the rows.

Rule 13 (counts kept by settle), rule 7 (one row for one entry at one registrar) and rule 1 (a settled row that is not
what is wanted is due), as one property over random operations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from sipregistrant.errors import Refusal
from sipregistrant.model.registry import RESOURCES
from sipregistrant.model.schedule import Claimed
from sipregistrant.store import config, reconcile, schedule
from sipregistrant.store.schema import (
    BOUND,
    OBJECTS,
    PURGE,
    REGISTRAR,
    REGISTRAR_COUNT,
    REGISTRATION,
    TOMBSTONE,
)
from sipregistrant.store.store import Store
from sipregistrant.store.tx import Key, Tx

from .support import SERVER, Clock, failed, registered, removed

IDS = st.integers(1, 3)
TABLES = st.integers(0, 2)
OPERATIONS = st.one_of(
    st.tuples(st.just("put"), IDS, IDS),
    st.tuples(st.just("delete"), IDS, IDS),
    st.tuples(st.just("aor"), IDS, IDS),
    st.tuples(st.just("ttl"), IDS, st.integers(60, 70)),
    st.tuples(st.just("table"), TABLES, IDS),
    st.tuples(st.just("switch"), st.integers(0, 1), IDS),
    st.tuples(st.just("domain"), IDS, IDS),
    st.tuples(st.just("server"), st.integers(0, 1), IDS),
    st.tuples(st.just("password"), IDS, IDS),
    st.tuples(st.just("step"), IDS, IDS),
    st.tuples(st.just("claim"), IDS, IDS),
    st.tuples(st.just("settle"), st.integers(0, 2), IDS),
    st.tuples(st.just("wait"), st.sampled_from([1, 120, 1800, 4000]), IDS),
)


class World:
    """An operator, a reconciler and an engine, in one transaction that is never committed."""

    def __init__(self, tx: Tx) -> None:
        self.tx = tx
        self.clock = Clock()
        tx.now = self.clock.ms
        self.in_flight: dict[int, Claimed] = {}
        self.operate(config.create, "sipremoteauthtable", Key(1), {})
        for table in (1, 2):
            self.operate(config.create, "sipcontactregistrant", Key(table), {})
        self.operate(config.create, "sipserver", Key(1, 1), SERVER)

    def operate(self, function: Callable[..., object], resource: str, key: Key,
                form: Mapping[str, str | int] | None = None) -> None:  # fmt: skip
        """Do as an operator says; what is refused is refused."""
        text = [{name: str(value) for name, value in form.items()}] if form is not None else []
        savepoint = self.tx.conn.begin_nested()
        try:
            function(self.tx, RESOURCES[resource], key, *text)
        except Refusal:
            savepoint.rollback()
        else:
            savepoint.commit()

    def do(self, verb: str, a: int, b: int) -> None:
        entry = Key(a, 1 + b % 2)
        match verb:
            case "put":
                self.operate(config.create, "sipregistrantentry", entry, {"AOR": f"sip:u{b}", "AorType": 2})
            case "delete":
                self.operate(config.delete, "sipregistrantentry", entry)
            case "aor":
                self.operate(config.change, "sipregistrantentry", entry, {"AOR": f"sip:u{b}"})
            case "ttl":
                self.operate(config.change, "sipregistrantentry", Key(a, 1), {"AorTtl": b})
            case "table":
                self.operate(config.change, "sipserver", Key(1, 1), {"ContactRegistrantTableID": a})
            case "switch":
                self.operate(config.change, "sipsg", Key(1), {"customAdminState": a})
            case "domain":
                self.operate(config.change, "sipserver", Key(1, 1), {"DomainName": f"d{a}.example"})
            case "server" if a:
                self.operate(config.create, "sipserver", Key(1, 1), SERVER)
            case "server":
                self.operate(config.delete, "sipserver", Key(1, 1))
            case "password":
                form = {"User": f"u{a}", "EncryptedPassword": "x"}
                self.operate(config.create, "sipremoteauthentry", Key(a, 1), form)
            case "step":
                reconcile.step(self.tx)
            case "claim":
                self.claim(limit=a)
            case "settle":
                self.settle(a)
            case "wait":
                self.clock.advance(a)
                self.tx.now = self.clock.ms

    def claim(self, limit: int) -> None:
        for id in self.tx.conn.execute(select(REGISTRAR.c.id)).scalars().all():
            flying = [row.id for row in self.in_flight.values() if row.registrar_id == id]
            for row in schedule.claim(self.tx, id, -1, limit, flying).rows:
                assert row.id not in self.in_flight
                assert row.entry is None or row.entry["AOR"] is not None
                self.in_flight[row.id] = row

    def settle(self, kind: int) -> None:
        outcomes = []
        for row in self.in_flight.values():
            if not row.desired:
                outcomes.append(failed(row, self.clock) if kind == 0 else removed(row, self.clock))
            else:
                outcomes.append(failed(row, self.clock) if kind == 0 else registered(row, self.clock))
        self.in_flight.clear()
        schedule.settle(self.tx, outcomes)

    def check(self) -> None:
        """Compare what is kept beside the rows with the rows."""
        conn = self.tx.conn
        rows = conn.execute(select(REGISTRATION)).all()
        entries = {row.uid: row for row in conn.execute(select(OBJECTS["sipregistrantentry"]))}
        kept = conn.execute(select(REGISTRAR_COUNT).where(REGISTRAR_COUNT.c.registrations != 0)).all()
        counted = Counter((row.registrar_id, row.state) for row in rows if row.entry_uid is not None)
        assert {(row.registrar_id, row.state): row.registrations for row in kept} == dict(counted)
        assert all(row.entry_uid is None or row.entry_uid in entries for row in rows)
        ids = {row.id for row in rows}
        buried = {row.registration_id for row in conn.execute(select(TOMBSTONE))}
        assert buried == {row.id for row in rows if row.entry_uid is None}
        assert {row.registration_id for row in conn.execute(select(BOUND))} <= ids
        assert {row.registrar_id for row in rows} <= set(conn.execute(select(REGISTRAR.c.id)).scalars())
        for row in rows:
            if row.id not in self.in_flight and row.wanted_rev != row.applied_rev and row.due_at is not None:
                assert row.due_at <= self.tx.now

    def come_to_rest(self) -> None:
        """Reconcile and settle until nothing is to be done; then the rows are those of the configuration."""
        while reconcile.step(self.tx):
            pass
        for _ in range(4):
            self.claim(100)
            self.settle(1)
        self.check()
        conn = self.tx.conn
        server = conn.execute(select(OBJECTS["sipserver"])).first()
        group = conn.execute(select(OBJECTS["sipsg"])).one()
        table = server.contact_registrant_table_id if server is not None and group.custom_admin_state == 1 else 0
        tables = {row.id: row.uid for row in conn.execute(select(OBJECTS["sipcontactregistrant"]))}
        entries = conn.execute(select(OBJECTS["sipregistrantentry"])).all()
        wanted = {entry.uid for entry in entries if entry.parent_uid == tables.get(table)}
        rows = conn.execute(select(REGISTRATION)).all()
        assert sorted(row.entry_uid for row in rows if row.desired) == sorted(wanted)
        assert all(row.due_at is None or row.due_at > self.tx.now for row in rows)
        assert conn.execute(select(PURGE)).all() == []


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "var"


def test_rule_13_counts_kept_by_settle_are_those_of_the_rows_whatever_happens(directory: Path) -> None:
    class Enough(Exception):
        pass

    def try_all(tx: Tx) -> None:
        @settings(max_examples=60, deadline=None, database=None, derandomize=True)
        @given(st.lists(OPERATIONS, max_size=25))
        def check(operations: list[tuple[str, int, int]]) -> None:
            savepoint = tx.conn.begin_nested()
            try:
                world = World(tx)
                for operation in operations:
                    world.do(*operation)
                    world.check()
                world.come_to_rest()
            finally:
                savepoint.rollback()

        check()
        raise Enough

    with pytest.raises(Enough):
        Store.once(directory, Clock(), try_all)
