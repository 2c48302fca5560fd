"""What is not as it should be: pure functions of one look.

Whether an alarm stands already matters to some of them: what was raised because a server was silent is over only when what
waited for it was tried, and a process that has just begun knows of no server whether it answers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ..model.alarms import AlarmKind, Condition
from ..model.standing import HeldBack
from ..model.status import State
from ..store.watched import Look, Watched
from ..store.words import instant, plural

__all__ = ["Machine", "conditions"]

# Where the breaker has not opened: a server with a handful of registrations is asked seldom.
SILENT_FOR_SECONDS = 10.0

FEWEST_REFUSED = 10
MOST_REFUSED = 0.05
MOST_LAPSED = 0.001
MOST_OVERDUE = 0.001

LEAST_FREE_BYTES = 512 * 1024 * 1024
WEBHOOK_FAILS_FOR_MS = 300_000


@dataclass(frozen=True, slots=True)
class Machine:
    """What is not in the database. `database_fault` says why it cannot be written, "" where it can; `waiting` is how many
    outcomes wait for that.
    """

    free_bytes: int
    database_fault: str = ""
    waiting: int = 0


def conditions(
    seen: Look | None, machine: Machine, standing: Collection[tuple[AlarmKind, str]], now: int
) -> list[Condition]:
    """Return what is not as it should be at `now` (ms); `seen` is None where the database could not even be read."""
    found = list(_of_machine(machine))
    if seen is None:
        return found
    for server in seen.servers:
        if server.is_on and not seen.is_paused:
            found += _of_server(server, standing, now)
    for group, fault in seen.group_faults.items():
        found.append(Condition(AlarmKind.GROUP, str(group), 0, f"signaling group {group} has no socket: {fault}"))
    if seen.is_paused:
        found.append(Condition(AlarmKind.PAUSED, "", 0, "the service is paused: nothing is sent, and bindings lapse"))
    for name, since, error in seen.failing_webhooks:
        if now - since >= WEBHOOK_FAILS_FOR_MS:
            text = f"webhook {name} has taken no event since {instant(since)}: {error}"
            found.append(Condition(AlarmKind.WEBHOOK, name, 0, text))
    return found


def _of_machine(machine: Machine) -> Iterator[Condition]:
    if machine.database_fault:
        waits = f"; {plural(machine.waiting, 'outcome')} of attempts wait to be written" if machine.waiting else ""
        yield Condition(
            AlarmKind.DATABASE, "", machine.waiting, f"the database cannot be written: {machine.database_fault}{waits}"
        )
    if machine.free_bytes < LEAST_FREE_BYTES:
        free = machine.free_bytes // 1_000_000
        yield Condition(AlarmKind.DISK, "", 0, f"only {free:,} MB are free where the data directory is")


def _of_server(server: Watched, standing: Collection[tuple[AlarmKind, str]], now: int) -> Iterator[Condition]:
    name = f"server {server.key} ({server.host})"
    is_silent = False
    if silence := _silence(server, name, is_known=(AlarmKind.SILENT, server.key) in standing, now=now):
        is_silent = True
        yield Condition(AlarmKind.SILENT, server.key, server.total, silence)
    refused = server.counts.get(State.REJECTED, 0)
    refuses_all = server.standing.held_back is not None and server.standing.held_back[0] is HeldBack.REFUSES_ALL
    if refuses_all or (refused > FEWEST_REFUSED and refused > MOST_REFUSED * server.total):
        why = f"; the last answer: {server.refusal}" if server.refusal else ""
        tried = "; one AOR a minute is tried until one is accepted" if refuses_all else ""
        text = f"{name} refuses {refused:,} of {plural(server.total, 'registration')}{why}{tried}"
        yield Condition(AlarmKind.REFUSES, server.key, refused, text)
    if server.lapsed > MOST_LAPSED * server.total:
        when = f"the first has lapsed at {instant(server.lapses_at)}" if server.lapses_at <= now else (
            f"the first lapses at {instant(server.lapses_at)}"
        )  # fmt: skip
        text = f"{plural(server.lapsed, 'registration')} at {name} could not be refreshed, and cannot be called: {when}"
        yield Condition(AlarmKind.LAPSED, server.key, server.lapsed, text)
    if not is_silent and server.standing.held_back is None and server.overdue > MOST_OVERDUE * server.total:
        text = f"{plural(server.overdue, 'registration')} at {name} were not refreshed within a minute of their time"
        yield Condition(AlarmKind.OVERDUE, server.key, server.overdue, text)


def _silence(server: Watched, name: str, *, is_known: bool, now: int) -> str:
    """Return what is to be said of a server that does not answer, or whose registrations are not back yet; "" for nothing."""
    seen = server.standing
    is_broken = seen.held_back is not None and seen.held_back[0] is HeldBack.SILENT
    if seen.is_up is False and (is_broken or is_known or now / 1000 - seen.since >= SILENT_FOR_SECONDS):
        held = f"; the first lapses at {instant(server.next_expiry)}" if server.next_expiry else ""
        return f"{name} answers nobody since {instant(round(seen.since * 1000))}: {plural(server.total, 'registration')}{held}"
    if not is_known:
        return ""
    if seen.is_up is None:
        return f"{name} did not answer before this start, and was not heard of since: {plural(server.total, 'registration')}"
    if server.untried:
        since = instant(round(seen.since * 1000))
        all_of_them = plural(server.total, "registration")
        return f"{name} answers again since {since}; {server.untried:,} of {all_of_them} not tried again yet"
    return ""
