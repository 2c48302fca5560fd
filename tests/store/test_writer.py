"""The one thread that writes: group commit, savepoints, and what happens when the disk is full."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, event, func, insert, select, text

from sipregistrant.errors import StoreUnavailable
from sipregistrant.store.schema import USER
from sipregistrant.store.secrets import Vault
from sipregistrant.store.store import Store
from sipregistrant.store.tx import Tx
from sipregistrant.store.writer import Writer

from .support import NOW, Site


class Fault(Exception):
    """Something of the caller's."""


def add(tx: Tx, name: str, padding: int = 0) -> str:
    """Write one row."""
    tx.conn.execute(insert(USER).values(name=name, level="rest", password_hash="x" * padding, changed_at=0))
    return name


def add_and_fail(tx: Tx, name: str) -> None:
    add(tx, name)
    raise Fault(name)


def add_many(tx: Tx, prefix: str, number: int) -> None:
    for n in range(number):
        add(tx, f"{prefix}{n}", padding=2000)


def names(tx: Tx) -> list[str]:
    return list(tx.conn.execute(select(USER.c.name).order_by(USER.c.name)).scalars())


def fill_disk(tx: Tx) -> None:
    """Let the file not grow any more: what SQLite then says is what it says of a full disk."""
    pages = tx.conn.exec_driver_sql("PRAGMA page_count").scalar()
    tx.conn.exec_driver_sql(f"PRAGMA max_page_count={pages}")


def free_disk(tx: Tx) -> None:
    tx.conn.exec_driver_sql("PRAGMA max_page_count=1000000")


class Gate:
    """Holds the writer's thread, so that what is handed over meanwhile waits together."""

    def __init__(self, store: Store) -> None:
        self._open = threading.Event()
        self._reached = threading.Event()
        self._held = asyncio.ensure_future(store.write(self._wait))

    def _wait(self, tx: Tx) -> None:
        self._reached.set()
        assert self._open.wait(10)

    async def reached(self) -> None:
        await asyncio.to_thread(self._reached.wait, 10)

    async def open(self) -> None:
        """Let go. What waits may stand in the gate's own transaction, and share its fate."""
        self._open.set()
        await asyncio.gather(self._held, return_exceptions=True)


def engine_with_foreign_keys(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"isolation_level": None, "check_same_thread": False})
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys=ON"))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


async def together(store: Store, *writes: Callable[[Tx], object]) -> list[object]:
    """Hand over writes so that one transaction has them all; return results and exceptions."""
    gate = Gate(store)
    await gate.reached()
    waiting = [asyncio.ensure_future(store.write(write)) for write in writes]
    await asyncio.sleep(0)
    await gate.open()
    return await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_result_is_that_of_the_function(store: Store) -> None:
    assert await store.write(add, "alice") == "alice"


async def test_what_is_answered_is_seen_by_any_other_connection(site: Site) -> None:
    await site.store.write(add, "alice")
    with site.raw() as connection:
        assert connection.execute("SELECT name FROM user").fetchall() == [("alice",)]


async def test_nothing_is_answered_before_it_is_seen_by_any_other_connection(site: Site) -> None:
    gate = Gate(site.store)
    await gate.reached()
    waiting = asyncio.ensure_future(site.store.write(add, "alice"))
    await asyncio.sleep(0)
    with site.raw() as connection:
        assert connection.execute("SELECT name FROM user").fetchall() == []
    assert not waiting.done()
    await gate.open()
    await waiting


async def test_what_waits_together_is_one_commit(site: Site) -> None:
    site.commits.clear()
    await together(site.store, *(lambda tx, n=n: add(tx, f"u{n}") for n in range(20)))
    assert len(site.commits) <= 3


async def test_a_fault_of_one_changes_nothing_for_the_others(store: Store) -> None:
    results = await together(
        store,
        lambda tx: add(tx, "first"),
        lambda tx: add_and_fail(tx, "bad"),
        lambda tx: add(tx, "last"),
    )
    assert results[0] == "first"
    assert isinstance(results[1], Fault)
    assert results[2] == "last"
    assert await store.read(names) == ["first", "last"]


async def test_a_fault_of_the_database_concerns_only_the_one(store: Store) -> None:
    results = await together(store, lambda tx: add(tx, "a"), lambda tx: add(tx, "a"), lambda tx: add(tx, "b"))
    assert results[0] == "a"
    assert isinstance(results[1], StoreUnavailable)
    assert results[2] == "b"
    assert await store.read(names) == ["a", "b"]


async def test_a_fault_of_one_takes_its_knocks_with_it(site: Site) -> None:
    def knock_and_fail(tx: Tx) -> None:
        tx.knocks.add(7)
        raise Fault

    def knock(tx: Tx) -> None:
        tx.knocks.add(8)

    site.commits.clear()
    await together(site.store, knock_and_fail, knock)
    assert set().union(*(tx.knocks for tx in site.commits)) == {8}


async def test_settles_go_before_all_that_waits(store: Store) -> None:
    order: list[str] = []
    gate = Gate(store)
    await gate.reached()
    waiting = [
        asyncio.ensure_future(store.write(lambda tx: order.append("first"))),
        asyncio.ensure_future(store.write(lambda tx: order.append("second"))),
        asyncio.ensure_future(store.write_first(lambda tx: order.append("settle"))),
    ]
    await asyncio.sleep(0)
    await gate.open()
    await asyncio.gather(*waiting)
    assert order == ["settle", "first", "second"]


async def test_a_caller_that_has_gone_stops_nobody(store: Store) -> None:
    gate = Gate(store)
    await gate.reached()
    gone = asyncio.ensure_future(store.write(add, "gone"))
    await asyncio.sleep(0)
    gone.cancel()
    await gate.open()
    assert await store.write(add, "next") == "next"


async def test_a_commit_is_told_before_its_writers_are_answered(site: Site) -> None:
    site.commits.clear()
    await site.store.write(add, "alice")
    assert len(site.commits) == 1


async def test_a_listener_that_fails_keeps_no_writer_from_its_answer(site: Site) -> None:
    def fail(tx: Tx) -> None:
        raise Fault

    heard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: heard.append(context["exception"]))
    site.store.on_commit = fail
    assert await site.store.write(add, "alice") == "alice"
    assert [type(fault) for fault in heard] == [Fault]


async def test_all_writers_of_one_transaction_have_one_moment(site: Site) -> None:
    moments = await together(site.store, lambda tx: tx.now, lambda tx: tx.now)
    assert moments[0] == moments[1]


# A full disk


async def test_a_full_disk_is_unavailable_and_changes_nothing(store: Store) -> None:
    await store.write(add, "before")
    await store.write(fill_disk)
    with pytest.raises(StoreUnavailable):
        await store.write(add_many, "u", 100)
    assert await store.read(names) == ["before"]


async def test_a_full_disk_loses_nothing_that_was_answered(store: Store) -> None:
    await store.write(fill_disk)
    writes = [lambda tx, n=n: add(tx, f"u{n:02}", padding=3000) for n in range(20)]
    results = await together(store, *writes)
    assert any(isinstance(result, StoreUnavailable) for result in results)
    assert await store.read(names) == [result for result in results if isinstance(result, str)]


async def test_after_a_full_disk_writing_goes_on(store: Store) -> None:
    await store.write(fill_disk)
    await together(store, *(lambda tx, n=n: add(tx, f"u{n}", padding=3000) for n in range(20)))
    await store.write(free_disk)
    before = await store.read(names)
    assert await store.write(add, "after", 3000) == "after"
    assert await store.read(names) == ["after", *before]


def run(tx: Tx, statement: str) -> object:
    result = tx.conn.exec_driver_sql(statement)
    return result.scalar() if result.returns_rows else None


async def test_a_commit_that_fails_is_unavailable_for_all_and_changes_nothing(tmp_path: Path) -> None:
    # A deferred foreign key that points nowhere is found out by COMMIT, and by COMMIT alone.
    engine = engine_with_foreign_keys(tmp_path / "db")
    connection = engine.connect()
    vault = Vault(tmp_path / "key")
    writer = Writer(connection, lambda connection: Tx(connection, vault, NOW), lambda tx: None)
    make = "CREATE TABLE row (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES row (id) DEFERRABLE INITIALLY DEFERRED)"
    await writer.submit(run, make)
    results = await asyncio.gather(
        *(writer.submit(run, f"INSERT INTO row VALUES ({id}, {parent})") for id, parent in [(1, 1), (2, 99), (3, 3)]),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [StoreUnavailable] * 3
    assert "FOREIGN KEY" in str(results[0])
    assert await writer.submit(run, "SELECT count(*) FROM row") == 0
    assert await writer.submit(run, "INSERT INTO row VALUES (4, 4) RETURNING id") == 4
    await writer.close()
    engine.dispose()


async def test_a_file_that_is_locked_is_unavailable_and_writing_goes_on(site: Site, store: Store) -> None:
    await store.write(lambda tx: tx.conn.exec_driver_sql("PRAGMA busy_timeout=1"))
    with site.raw_writer() as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable):
            await store.write(add, "alice")
        other.execute("ROLLBACK")
    assert await store.write(add, "alice") == "alice"


# The end


async def test_closing_finishes_what_waits(site: Site) -> None:
    waiting = [asyncio.ensure_future(site.store.write(add, f"u{n}")) for n in range(10)]
    await asyncio.sleep(0)
    await site.reopen()
    assert [task.result() for task in waiting] == [f"u{n}" for n in range(10)]
    assert await site.store.read(lambda tx: tx.conn.execute(select(func.count()).select_from(USER)).scalar()) == 10


async def test_a_store_that_is_closing_takes_no_more(site: Site) -> None:
    closed = site.store
    await site.reopen()
    with pytest.raises(StoreUnavailable):
        await closed.write(add, "late")


async def test_commits_are_synced_to_the_disk(store: Store) -> None:
    full = 2
    assert await store.write(lambda tx: tx.conn.execute(text("PRAGMA synchronous")).scalar()) == full
    assert await store.write(lambda tx: tx.conn.execute(text("PRAGMA journal_mode")).scalar()) == "wal"
