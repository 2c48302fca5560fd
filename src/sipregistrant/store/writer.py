"""The one thread that writes to SQLite.

Whoever wants to write hands over a plain function; the thread runs all that are waiting in one transaction, each in a
savepoint of its own, and tells the callers after the commit is on disk (`synchronous=FULL`). So a fault of one
changes nothing for the others, what is answered is durable, and a hundred waiting requests cost one fsync.

Exactly one connection may write and checkpoint: SQLite before 3.51.3 can lose commits in WAL mode with two.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..errors import StoreUnavailable
from ..model.histogram import Histogram
from .tx import Tx

__all__ = ["Writer"]

T = TypeVar("T")

# No transaction holds the thread longer: settles wait behind it (design, section 2, "Store").
LONGEST_TRANSACTION_SECONDS = 0.020

TRANSACTION_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class Job:
    """One function waiting to run, and where its result goes."""

    __slots__ = ("arguments", "error", "function", "future", "result")

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...], future: asyncio.Future[Any]) -> None:
        self.function = function
        self.arguments = arguments
        self.future = future
        self.result: Any = None
        self.error: BaseException | None = None

    def deliver(self) -> None:
        """Resolve the future; on the event loop. The caller may have gone meanwhile."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class Writer:
    """Runs writing functions in a thread of its own, grouped into few commits."""

    def __init__(self, connection: Connection, make_tx: Callable[[Connection], Tx],
                 committed: Callable[[Tx], None]) -> None:  # fmt: skip
        """`committed` is called on the event loop after each commit, with what the transaction noted."""
        self._connection = connection
        self._make_tx = make_tx
        self._committed = committed
        self._loop = asyncio.get_running_loop()
        self._urgent: deque[Job] = deque()
        self._waiting: deque[Job] = deque()
        self._condition = threading.Condition()
        self._is_closing = False
        self.seconds = Histogram(TRANSACTION_SECONDS)
        """How long transactions took, their commits included."""
        self.failed = 0
        """How many of them the database did not take."""
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        """Return how many functions wait."""
        return len(self._urgent) + len(self._waiting)

    def submit(self, function: Callable[..., T], *arguments: Any, urgent: bool = False) -> asyncio.Future[T]:
        """Hand over `function(tx, *arguments)`; its result comes after the commit.

        Urgent functions (settles) run before all others that wait.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        if self._is_closing:
            future.set_exception(StoreUnavailable("it is closing"))
            return future
        job = Job(function, arguments, future)
        with self._condition:
            (self._urgent if urgent else self._waiting).append(job)
            self._condition.notify()
        return future

    async def close(self) -> None:
        """Finish what waits, then end the thread."""
        with self._condition:
            self._is_closing = True
            self._condition.notify()
        await asyncio.to_thread(self._thread.join)
        self._connection.close()

    def _run(self) -> None:
        while self._wait_for_jobs():
            began_at = time.perf_counter()
            done, tx = self._transact()
            self.seconds.observe(time.perf_counter() - began_at)
            self.failed += tx is None
            self._loop.call_soon_threadsafe(self._deliver, done, tx)

    def _wait_for_jobs(self) -> bool:
        with self._condition:
            while not self._urgent and not self._waiting:
                if self._is_closing:
                    return False
                self._condition.wait()
        return True

    def _next(self) -> Job | None:
        if self._urgent:
            return self._urgent.popleft()
        return self._waiting.popleft() if self._waiting else None

    def _transact(self) -> tuple[list[Job], Tx | None]:
        """Run waiting jobs in one transaction until its time is up; return them, and what it noted."""
        done: list[Job] = []
        tx: Tx | None = None
        try:
            with self._connection.begin():
                tx = self._make_tx(self._connection)
                until = time.perf_counter() + LONGEST_TRANSACTION_SECONDS
                while (job := self._next()) is not None:
                    done.append(job)
                    self._run_job(job, tx)
                    if time.perf_counter() >= until:
                        break
        except (SQLAlchemyError, sqlite3.Error, StoreUnavailable) as error:
            # BEGIN or COMMIT failed, or the whole was rolled back: nothing of this transaction is on disk.
            if not done and (job := self._next()) is not None:
                done.append(job)
            for job in done:
                job.error = StoreUnavailable(_cause(error))
            # Where COMMIT was refused SQLite leaves the transaction open, and SQLAlchemy takes it for ended.
            with suppress(sqlite3.Error):
                self._connection.connection.rollback()
            return done, None
        return done, tx

    def _run_job(self, job: Job, tx: Tx) -> None:
        knocks = tx.knocks.copy()
        try:
            with self._connection.begin_nested():
                job.result = job.function(tx, *job.arguments)
        except (DBAPIError, sqlite3.Error) as error:
            job.error = StoreUnavailable(_cause(error))
            if not self._is_in_transaction:
                # Out of space in the middle of a statement, SQLite rolls back all, not the savepoint alone.
                raise job.error from None
        except BaseException as error:
            job.error = error
        if job.error is not None:
            tx.knocks = knocks

    @property
    def _is_in_transaction(self) -> bool:
        return bool(getattr(self._connection.connection.dbapi_connection, "in_transaction", True))

    def _deliver(self, done: list[Job], tx: Tx | None) -> None:
        try:
            if tx is not None:
                self._committed(tx)
        finally:
            for job in done:
                job.deliver()


def _cause(error: BaseException) -> str:
    """Return what the database said first: the rollback after it may fail too, and says less."""
    if isinstance(error, StoreUnavailable):
        return error.cause
    first, earlier = error, error.__context__
    while earlier is not None:
        is_told = isinstance(earlier, DBAPIError | sqlite3.Error)
        first, earlier = earlier if is_told else first, earlier.__context__
    return str(first.orig) if isinstance(first, DBAPIError) else str(first)
