"""Looks at how things stand, every second: raises and clears alarms, makes events of what has changed, wakes who listens."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable, Collection
from pathlib import Path

import structlog

from ..errors import StoreUnavailable
from ..model.alarms import RULES, AlarmKind, Condition, Severity
from ..store import alarms, changes, instance, watched
from ..store.store import Store
from ..store.tx import Tx
from .alarms import Alarms, News
from .conditions import Machine, conditions

__all__ = ["Watcher"]

log = structlog.get_logger()

LOOK_EVERY_SECONDS = 5.0
TELL_EVERY_SECONDS = 1.0
LONGEST_BETWEEN_TELLING_SECONDS = 60.0

MANY_CHANGES = 1000
"""Where a look at the history finds more, the next one is later: of a mass of changes a number is told, not each thousand."""

WRITE_EVERY_SECONDS = 30.0
"""So often a write is tried where there is nothing to write: a disk that is full is noticed before somebody needs it."""

MUTING = (AlarmKind.SILENT, AlarmKind.REFUSES)
"""While one of these stands, it tells of the server's registrations."""

ABOUT_SERVERS = (AlarmKind.SILENT, AlarmKind.REFUSES, AlarmKind.LAPSED, AlarmKind.OVERDUE)
LEVELS = {
    Severity.CRITICAL: logging.CRITICAL, Severity.ERROR: logging.ERROR, Severity.WARNING: logging.WARNING,
    Severity.INFO: logging.INFO,
}  # fmt: skip


class Watcher:
    """One service's eye."""

    def __init__(self, store: Store, data_dir: Path, unsettled: Callable[[], tuple[int, str]]) -> None:
        """`unsettled` returns how many outcomes wait to be written, and why they cannot be ("" where they can)."""
        self._store = store
        self._data_dir = data_dir
        self._unsettled = unsettled
        self._alarms = Alarms()
        # What the database did not take.
        self._untold: list[News] = []
        self._write_fault = ""
        self._wrote_at = self._looked_at = self._told_at = float("-inf")
        self._between = TELL_EVERY_SECONDS

    @property
    def standing(self) -> Collection[tuple[AlarmKind, str]]:
        """Return what stands: kind and subject of each."""
        return self._alarms.standing

    async def run(self) -> None:
        """Look until cancelled."""
        await self.begin()
        while True:
            try:
                await self.turn(asyncio.get_running_loop().time())
            except StoreUnavailable as error:
                self._write_fault = str(error)
            except Exception:
                log.exception("watch.crashed")
                await asyncio.sleep(LONGEST_BETWEEN_TELLING_SECONDS)
            await asyncio.sleep(TELL_EVERY_SECONDS)

    async def begin(self) -> None:
        """Take up the alarms that stand."""
        while True:
            try:
                standing = await self._store.read(alarms.standing)
                break
            except StoreUnavailable:
                await asyncio.sleep(LOOK_EVERY_SECONDS)
        self._alarms = Alarms(((alarm.kind, alarm.subject), alarm.number, alarm.text) for alarm in standing)

    async def turn(self, now: float) -> None:
        """Do what is due at `now` (s, any clock): alarms first, so that what they tell of is not told again."""
        if now - self._looked_at >= LOOK_EVERY_SECONDS:
            self._looked_at = now
            await self._look(now)
        if now - self._told_at >= self._between:
            self._told_at = now
            await self._tell(now)

    # Alarms

    async def _look(self, now: float) -> None:
        await self._try_to_write(now)
        try:
            seen = await self._store.read(watched.look)
        except StoreUnavailable as error:
            seen, self._write_fault = None, str(error)
        waiting, fault = self._unsettled()
        machine = Machine(_free_bytes(self._data_dir), self._write_fault or fault, waiting)
        at = self._store.now()
        news = self._alarms.look(conditions(seen, machine, self._alarms.standing, at), at)
        self._log(news)
        if news:
            self._untold.append(news)
        while self._untold:
            await self._keep(self._untold[0])
            del self._untold[0]

    async def _try_to_write(self, now: float) -> None:
        if now - self._wrote_at < WRITE_EVERY_SECONDS and not self._write_fault:
            return
        try:
            await self._store.write(instance.try_to_write)
            self._write_fault, self._wrote_at = "", now
        except StoreUnavailable as error:
            self._write_fault = str(error)

    def _log(self, news: News) -> None:
        for condition, since in news.raised:
            severity = RULES[condition.kind].severity
            log.log(LEVELS[severity], "alarm.raised", alarm=condition.kind.value, subject=condition.subject,
                    severity=int(severity), text=condition.text, number=condition.number, hint=RULES[condition.kind].advice,
                    since_ms=since)  # fmt: skip
        for (kind, subject), since in news.cleared:
            log.info("alarm.cleared", alarm=kind.value, subject=subject, severity=int(Severity.INFO), since_ms=since)

    async def _keep(self, news: News) -> None:
        by_name = {(alarm.kind, alarm.subject): alarm for alarm in await self._store.read(alarms.standing)}
        over = []
        for name, at in news.cleared:
            if (alarm := by_name.get(name)) is not None:
                became = await self._store.read(alarms.aftermath, alarm) if alarm.kind in ABOUT_SERVERS else None
                over.append((alarm, at, became))
        await self._store.write(_keep, news.raised, news.updated, over)

    # Changes

    async def _tell(self, now: float) -> None:
        found = await self._store.read(changes.look)
        if not found.lines:
            self._between = TELL_EVERY_SECONDS
            return
        if found.lines > MANY_CHANGES and self._looked_at < now:
            # An alarm may be about to tell of it.
            self._looked_at = now
            await self._look(now)
        muted = {subject for kind, subject in self._alarms.standing if kind in MUTING}
        is_mass = found.lines > MANY_CHANGES
        await self._store.write(changes.tell, found, muted)
        while found.has_more:
            found = await self._store.read(changes.look)
            await self._store.write(changes.tell, found, muted)
        self._between = min(2 * self._between, LONGEST_BETWEEN_TELLING_SECONDS) if is_mass else TELL_EVERY_SECONDS


def _keep(tx: Tx, raised: list[tuple[Condition, int]], updated: list[Condition],
          over: list[tuple[alarms.Alarm, int, alarms.Aftermath | None]]) -> None:  # fmt: skip
    for condition, at in raised:
        alarms.raise_alarm(tx, condition, at)
    for condition in updated:
        alarms.update(tx, condition)
    for alarm, at, became in over:
        alarms.clear(tx, alarm, at, _is_over(alarm, became), became)


def _is_over(alarm: alarms.Alarm, became: alarms.Aftermath | None) -> str:
    what = f"over: {alarm.text}" if became is None else (
        f"server {alarm.subject}: {OVER[alarm.kind]}; {became.registered:,} registered, {became.not_registered:,} not; "
        f"{became.changed_meanwhile:,} had changed meanwhile"
    )  # fmt: skip
    return what


OVER = {
    AlarmKind.SILENT: "it answers again, and all that waited for it was tried",
    AlarmKind.REFUSES: "it does not refuse so many any more",
    AlarmKind.LAPSED: "what had lapsed is registered again, or not wanted any more",
    AlarmKind.OVERDUE: "refreshes are in time again",
}


def _free_bytes(directory: Path) -> int:
    return shutil.disk_usage(directory).free
