"""The open store: one directory, one lock, one writer thread, readers of their own.

    store = await Store.open(directory, clock)
    await store.write(config.create, resource, key, form)
    values = await store.read(config.get, resource, key)

`Store.once` does the same for a command that runs while no service does.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, QueuePool

from ..errors import KeyUnusable, StoreInUse, StoreUnavailable
from ..model.registry import RESOURCES
from ..model.standing import Standing
from .migrate import migrate
from .schema import INSTANCE, OBJECTS
from .secrets import Vault
from .tx import SERVICE, Tx
from .writer import Writer

__all__ = ["DATABASE", "Clock", "Store"]

P = ParamSpec("P")
T = TypeVar("T")

Clock = Callable[[str, int], Callable[[], int]]
"""Makes the clock of the store from the boot id and offset (ms) that the last run kept ("" and 0 at the first)."""

DATABASE = "sipregistrant.db"
READERS = 4
WRITER_CACHE_KB = 32_768
KEY_CHECK = "sipregistrant"
KEY_CHECK_PLACE = "instance:1:key_check"


class Store:
    """One data directory, open for the life of a service."""

    def __init__(self, directory: Path, lock: int, vault: Vault, now: Callable[[], int], own_address: str) -> None:
        """Use `open`; this is for it alone."""
        self.directory = directory
        self.identity_key = b""
        self.now = now
        self.own_address = own_address
        self.group_faults: Mapping[int, str] = {}
        self.standings: Mapping[int, Standing] = {}
        self.on_commit: Callable[[Tx], None] = lambda tx: None
        self._lock = lock
        self._vault = vault
        self._readers = _engine(directory, read_only=True)
        self._reader_threads = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._writer_engine = _engine(directory)
        self._writer = Writer(self._writer_engine.connect(), self._make_tx, lambda tx: self.on_commit(tx))

    @classmethod
    async def open(cls, directory: Path, clock: Clock, *, own_address: str = "") -> Store:
        """Lock the directory, make or migrate what is in it, and return the store.

        Raises `StoreInUse`, `KeyUnusable`, `StoreUnavailable`.
        """
        lock, vault = await asyncio.to_thread(_prepare, directory)
        try:
            saved = await asyncio.to_thread(_read_instance, directory)
        except BaseException:
            os.close(lock)
            raise
        store = cls(directory, lock, vault, clock(saved.boot_id, saved.clock_offset_ms), own_address)
        store.identity_key = saved.identity_key
        return store

    @property
    def writer(self) -> Writer:
        """The one thread that writes, for those who measure it."""
        return self._writer

    async def read(self, function: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function(tx, …)` on a consistent snapshot, in a reader's thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reader_threads, lambda: self._run_reader(function, *args, **kwargs))

    async def write(self, function: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function(tx, …)` in a transaction; return when it is on disk, or raise what it raised."""
        return await self._writer.submit(lambda tx: function(tx, *args, **kwargs))

    async def write_as(self, who: str, function: Callable[Concatenate[Tx, P], T], *args: P.args,
                       **kwargs: P.kwargs) -> T:  # fmt: skip
        """Do as `write`, on somebody's behalf: the audit log says so."""

        def run(tx: Tx) -> T:
            tx.who = who
            try:
                return function(tx, *args, **kwargs)
            finally:
                tx.who = SERVICE  # the transaction is shared with others

        return await self._writer.submit(run)

    async def write_first(self, function: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do as `write`, before all writes that wait: for settles."""
        return await self._writer.submit(lambda tx: function(tx, *args, **kwargs), urgent=True)

    async def close(self) -> None:
        """Finish what waits and give the directory free."""
        await self._writer.close()
        self._reader_threads.shutdown()
        self._readers.dispose()
        self._writer_engine.dispose()
        os.close(self._lock)

    @staticmethod
    def once(directory: Path, clock: Clock, function: Callable[Concatenate[Tx, P], T],
             *args: P.args, **kwargs: P.kwargs) -> T:  # fmt: skip
        """Run one function in a transaction of its own, with the directory locked only for that long."""
        lock, vault = _prepare(directory)
        try:
            saved = _read_instance(directory)
            now = clock(saved.boot_id, saved.clock_offset_ms)()
            with _opened(directory) as connection:
                return function(Tx(connection, vault, now), *args, **kwargs)
        finally:
            os.close(lock)

    def _make_tx(self, connection: Connection) -> Tx:
        return Tx(connection, self._vault, self.now(), self.own_address, self.group_faults, self.standings)

    def _run_reader(self, function: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            with self._readers.connect() as connection:
                return function(self._make_tx(connection), *args, **kwargs)
        except DBAPIError as error:
            raise StoreUnavailable(str(error.orig)) from None


class _Instance:
    def __init__(self, boot_id: str, clock_offset_ms: int, identity_key: bytes) -> None:
        self.boot_id = boot_id
        self.clock_offset_ms = clock_offset_ms
        self.identity_key = identity_key


def _engine(directory: Path, *, read_only: bool = False) -> Engine:
    """Return an engine on the database file. Transactions are begun by us: the driver's own rules begin them late."""
    path = directory / DATABASE

    def connect() -> sqlite3.Connection:
        if read_only:
            return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
        return sqlite3.connect(path, check_same_thread=False)

    pool: dict[str, Any] = {"poolclass": QueuePool, "pool_size": READERS} if read_only else {"poolclass": NullPool}
    engine = create_engine("sqlite://", creator=connect, hide_parameters=True, **pool)

    @event.listens_for(engine, "connect")
    def on_connect(connection: sqlite3.Connection, record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA busy_timeout=5000")
        connection.execute("PRAGMA temp_store=MEMORY")
        if not read_only:
            # Two megabytes, as SQLite has it, are read again and again once there are a million rows.
            connection.execute(f"PRAGMA cache_size=-{WRITER_CACHE_KB}")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _prepare(directory: Path) -> tuple[int, Vault]:
    """Lock the directory and bring what is in it to today's shape. Return the lock's descriptor and the vault."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreUnavailable(f"{directory}: {error.strerror}") from None
    try:
        _take(lock, directory)
        key = directory / "key"
        if (directory / DATABASE).exists() and not key.exists():
            raise KeyUnusable(str(key), "is missing; a new one would not open the secrets of this database")
        vault = Vault(key)
        with _opened(directory) as connection:
            migrate(connection)
            _make_first_objects(connection, vault)
        return lock, vault
    except BaseException:
        os.close(lock)
        raise


def _take(lock: int, directory: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise StoreInUse(str(directory)) from None


@contextmanager
def _opened(directory: Path) -> Iterator[Connection]:
    engine = _engine(directory)
    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        raise StoreUnavailable(str(error.orig)) from None
    finally:
        engine.dispose()
    (directory / DATABASE).chmod(0o600)


def _make_first_objects(connection: Connection, vault: Vault) -> None:
    """Make what a new database has: its identity and the factory objects. Check that the key fits an old one."""
    key_check = connection.execute(select(INSTANCE.c.key_check)).scalar()
    if key_check is not None:
        if vault.open(key_check, KEY_CHECK_PLACE) != KEY_CHECK:
            raise KeyUnusable(str(vault.path), "does not fit this database")
        return
    connection.execute(insert(INSTANCE).values(
        one=1, identity_key=secrets.token_bytes(32), key_check=vault.seal(KEY_CHECK, KEY_CHECK_PLACE),
        boot_id="", clock_offset_ms=0, own_address="", has_left=0,
    ))  # fmt: skip
    for resource in RESOURCES.values():
        for id, given in resource.factory.items():
            values = {a.column: given[a.name] if a.name in given else a.when_absent() for a in resource.stored}
            connection.execute(insert(OBJECTS[resource.name]).values(id=id, **values))


def _read_instance(directory: Path) -> _Instance:
    with _opened(directory) as connection:
        row = connection.execute(select(INSTANCE)).one()
        return _Instance(row.boot_id, row.clock_offset_ms, row.identity_key)
