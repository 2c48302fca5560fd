"""The watcher on a real store, turn by turn in virtual time: what the operator of an outage is told, and nothing twice."""

from __future__ import annotations

import pytest

from sipregistrant.errors import StoreUnavailable
from sipregistrant.model.standing import HeldBack, Standing
from sipregistrant.model.status import State
from sipregistrant.store import alarms, events, instance
from sipregistrant.watch import watcher
from sipregistrant.watch.watcher import Watcher

from ..store.support import Site, failed, registered


class Watch:
    """A watcher, and a clock for its turns that goes with the site's."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.fault = ""
        self.standing = Standing(is_up=True, since=site.clock.seconds)
        site.store.standings = {1: self.standing}
        self.watcher = Watcher(site.store, site.directory, lambda: (7 if self.fault else 0, self.fault))
        self.seen = 0

    async def go_on(self, seconds: float) -> list[str]:
        """Let time pass, a second a turn; return the kinds of the events that were told."""
        for _ in range(round(seconds)):
            self.site.clock.advance(1)
            await self.watcher.turn(self.site.clock.seconds)
        return [event.kind for event in await self.news()]

    async def news(self) -> list[events.Event]:
        found = await self.site.store.read(events.after, self.seen, 1000)
        self.seen = max([self.seen, *(event.id for event in found)])
        return found

    async def settle(self, make: object, number: int = 1000, **given: object) -> None:
        rows = (await self.site.claim(limit=number)).rows
        await self.site.settle(*(make(row, self.site.clock, **given) for row in rows))  # type: ignore[operator]


@pytest.fixture
async def watch(site: Site) -> Watch:
    await site.put_chain(entries=40)
    return Watch(site)


async def test_an_outage_is_one_alarm_and_its_end_another_word(watch: Watch) -> None:
    site = watch.site
    await watch.settle(registered)
    assert await watch.go_on(3) == ["registrations.changed"]
    site.clock.advance(1800)
    # The registrar dies: twenty AORs are not answered, and the breaker opens.
    await watch.settle(failed, 20)
    watch.standing.failed(site.clock.seconds, site.clock.seconds)
    watch.standing.held_back = HeldBack.SILENT, site.clock.seconds
    assert await watch.go_on(10) == ["alarm.raised"]
    (alarm,) = await site.store.read(alarms.standing)
    assert (alarm.number, alarm.subject) == (40, "1:1")
    # A probe now and then fails, and nobody is told again.
    for _ in range(3):
        await watch.settle(failed, 1)
        assert await watch.go_on(20) == []
    # It is back.
    site.clock.advance(1)
    watch.standing.held_back = None
    watch.standing.answered(site.clock.seconds)
    assert await watch.go_on(10) == []
    (alarm,) = await site.store.read(alarms.standing)
    assert "not tried again yet" in alarm.text
    site.clock.advance(120)
    await watch.settle(registered)
    assert await watch.go_on(30) == ["alarm.cleared"]
    last = (await site.store.read(events.before, 2**62, 1))[0]
    assert last.text == (
        "server 1:1: it answers again, and all that waited for it was tried; 40 registered, 0 not; 23 had changed meanwhile"
    )


async def test_fifty_thousand_changes_are_a_few_events(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "MANY_CHANGES", 10)
    await watch.settle(failed, 20, state=State.REGISTERED, failures=0)
    assert await watch.go_on(1) == ["registrations.changed"]
    await watch.settle(failed, 20, state=State.REGISTERED, failures=0)
    # The next look is later each time, so that the number of a mass is told, not each part of it.
    assert await watch.go_on(1) == []
    assert await watch.go_on(1) == ["registrations.changed"]
    assert await watch.go_on(5) == []


async def test_what_stood_at_a_restart_is_not_told_again(watch: Watch) -> None:
    await watch.settle(registered)
    await watch.go_on(1)
    watch.standing.is_up, watch.standing.since = False, watch.site.clock.seconds - 100
    assert await watch.go_on(6) == ["alarm.raised"]
    again = Watch(watch.site)
    again.seen = watch.seen
    again.standing.is_up = None
    await again.watcher.begin()
    assert await again.go_on(30) == []
    again.standing.answered(watch.site.clock.seconds)
    assert await again.go_on(30) == ["alarm.cleared"]


async def test_a_database_that_cannot_be_written_is_told_when_it_can(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = watch.site.store.write
    is_full = True

    async def write(function: object, *given: object, **named: object) -> object:
        if is_full:
            raise StoreUnavailable("database or disk is full")
        return await real(function, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(watch.site.store, "write", write)
    for _ in range(3):
        watch.site.clock.advance(10)
        with pytest.raises(StoreUnavailable):
            await watch.watcher.turn(watch.site.clock.seconds)
    is_full = False
    assert await watch.go_on(40) == ["alarm.raised", "alarm.cleared"]


async def test_outcomes_that_cannot_be_settled_are_a_fault_of_the_database(watch: Watch) -> None:
    watch.fault = "disk I/O error"
    await watch.go_on(1)
    (alarm,) = await watch.site.store.read(alarms.standing)
    assert alarm.text == "the database cannot be written: disk I/O error; 7 outcomes of attempts wait to be written"
    watch.fault = ""
    await watch.go_on(20)
    assert await watch.site.store.read(alarms.standing) == []


async def test_a_pause_stands_until_it_is_over(watch: Watch) -> None:
    await watch.site.store.write(instance.pause)
    assert await watch.go_on(6) == ["alarm.raised"]
    await watch.site.store.write(instance.resume)
    assert await watch.go_on(20) == ["alarm.cleared"]


async def test_a_disk_that_fills_up(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "_free_bytes", lambda directory: 1_000_000)
    assert await watch.go_on(6) == ["alarm.raised"]
