"""What each metric stands at, as plain numbers: `gather` asks the parts that count.

It runs in a thread of its own while the event loop goes on counting: it reads integers and copies of tables, so that a
figure may be newer than its neighbour and none is wrong.
"""

from __future__ import annotations

import platform
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from .. import __version__
from ..engine.engine import Engine
from ..engine.lag import LoopLag
from ..engine.tally import Tally
from ..model.histogram import Histogram
from ..model.schedule import Class
from ..model.standing import Standing
from ..sip.message import REASON_PHRASES
from ..sip.outcome import Kind
from ..sip.transaction import NEVER
from ..store.measured import Measured
from ..store.store import Store
from .catalogue import MOST_TARGETS, OTHER

__all__ = ["Sample", "Sources", "gather", "no_alarms"]

Sample = tuple[str, tuple[str, ...], float | Histogram]
"""The metric, the values of its labels, and what it stands at."""

CLASSES = {Class.HELD: "refresh", Class.NEW: "first", Class.UNREGISTER: "unregister", Class.FAILING: "retry"}


def no_alarms() -> Iterable[tuple[str, str]]:
    """Return the alarms that stand where nobody raises any."""
    return ()


@dataclass(frozen=True, slots=True)
class Sources:
    """Who counts. `now` gives schedule time in seconds; `alarms` the alarms that stand, as (alarm, severity)."""

    engine: Engine
    store: Store
    lag: LoopLag
    now: Callable[[], float]
    alarms: Callable[[], Iterable[tuple[str, str]]] = no_alarms


def gather(sources: Sources, seen: Measured | None) -> Iterator[Sample]:
    """Give all samples; `seen` is None where the database cannot be read."""
    yield "build", (__version__, platform.python_version(), sqlite3.sqlite_version), 1
    for kind, number in Counter(sources.alarms()).items():
        yield "alarm", kind, number
    yield from _of_servers(sources.engine, seen)
    if seen is not None:
        yield from _of_database(seen)
    yield from _of_targets(sources.engine, sources.now())
    yield from _of_engine(sources.engine)
    yield from _of_wire(sources.engine)
    yield from _of_store(sources, seen)
    yield "loop_lag_seconds", (), sources.lag.seconds


def _of_database(seen: Measured) -> Iterator[Sample]:
    yield "paused", (), int(seen.is_paused)
    for uid, one in seen.by_server.items():
        server = seen.servers.get(uid, OTHER)
        for state, number in one.counts.items():
            yield "registrations", (server, state.name.lower()), number
        if one.first_lapse_at is not None and one.first_due_at is not None:
            yield "soonest_lapse_seconds", (server,), (one.first_lapse_at - seen.at) / 1000
            yield "most_overdue_seconds", (server,), max(0, seen.at - one.first_due_at) / 1000
        yield "overdue_registrations", (server,), one.overdue


def _of_servers(engine: Engine, seen: Measured | None) -> Iterator[Sample]:
    """Give what was counted of servers; those without a label of their own are one."""
    servers = {} if seen is None else seen.servers
    rest: list[Tally] = []
    for uid, tally in engine.figures.tallies().items():
        if uid in servers:
            yield from _of_tallies(servers[uid], [tally])
        else:
            rest.append(tally)
    if rest and seen is not None:
        yield from _of_tallies(OTHER, rest)
    for uid, server in servers.items():
        if seen is not None and uid in seen.enabled and (standing := engine.standings.get(uid)) is not None:
            yield from _of_standing(server, standing)


def _of_standing(server: str, standing: Standing) -> Iterator[Sample]:
    if standing.is_up is not None:
        yield "server_up", (server,), int(standing.is_up)
    if (held_back := standing.held_back) is not None:
        yield "server_held_back", (server, held_back[0].name.lower()), 1


def _of_tallies(server: str, tallies: list[Tally]) -> Iterator[Sample]:
    codes: dict[str, int] = {}
    outcomes = [0] * (max(Kind) + 1)
    seconds = Histogram(tallies[0].answer_seconds.bounds)
    for tally in tallies:
        for code, number in list(tally.codes.items()):
            shown = str(code) if code in REASON_PHRASES else f"{code // 100}xx"
            codes[shown] = codes.get(shown, 0) + number
        outcomes = [one + other for one, other in zip(outcomes, tally.outcomes, strict=True)]
        seconds.counts = [one + other for one, other in zip(seconds.counts, tally.answer_seconds.counts, strict=True)]
        seconds.total += tally.answer_seconds.total
    for name, number in codes.items():
        yield "answers", (server, name), number
    for kind in Kind:
        if outcomes[kind]:
            yield "attempts", (server, kind.name.lower()), outcomes[kind]
    if codes:
        yield "answer_seconds", (server,), seconds


def _of_targets(engine: Engine, now: float) -> Iterator[Sample]:
    for target, pacing in list(engine.figures.targets().items())[:MOST_TARGETS]:
        label = (str(target),)
        yield "target_window", label, pacing.size
        yield "target_in_flight", label, pacing.taken
        yield "target_late", label, pacing.late
        if pacing.rate.per_second < NEVER:
            yield "target_rate_limit", label, pacing.rate.per_second
        yield "target_breaker_open", label, int(pacing.breaker.is_open)
        yield "target_paused_seconds", label, max(0.0, pacing.paused_until - now)


def _of_engine(engine: Engine) -> Iterator[Sample]:
    figures, counters = engine.figures, engine.counters
    for klass, lag in zip(Class, figures.lags, strict=True):
        yield "due_lag_seconds", (CLASSES[klass],), lag
    queues = figures.queues()
    yield "attempts_in_flight", (), engine.in_flight
    yield "claimed", (), queues.claimed
    yield "claimed_ahead", (), queues.ahead
    yield "registrars_waiting", (), queues.waiting
    yield "unsettled", (), queues.unsettled
    yield "settled", (), counters["settled"]
    yield "settle_seconds", (), figures.settle_seconds
    yield "internal_errors", (), counters["crashed"]
    yield "healed", (), counters["healed"]
    yield "udp_flows", (), queues.kept_flows


def _of_wire(engine: Engine) -> Iterator[Sample]:
    counters = engine.counters
    yield "requests_sent", ("register",), counters["sent"]
    for kind in ("options", "resent"):
        yield "requests_sent", (kind,), counters[kind]
    for kind in ("answers", "repeated_answers", "foreign_answers", "requests", "invites", "garbage"):
        yield "messages_received", (kind,), counters[kind]
    for transport, number in engine.streams.by_transport().items():
        yield "connections", (transport,), number
    yield "connections_lost", (), engine.streams.losses
    yield "dns_questions", (), engine.figures.names_asked
    yield "dns_failures", (), engine.figures.names_failed


def _of_store(sources: Sources, seen: Measured | None) -> Iterator[Sample]:
    writer = sources.store.writer
    yield "store_up", (), int(seen is not None and not sources.engine.figures.is_store_failing)
    yield "store_waiting", (), len(writer)
    yield "store_transaction_seconds", (), writer.seconds
    yield "store_failures", (), writer.failed
    if seen is not None:
        for name, size in seen.file_bytes.items():
            yield "store_file_bytes", (name,), size
        yield "store_free_bytes", (), seen.free_bytes
