"""Alarms in the database: once each, and as events."""

from __future__ import annotations

from sipregistrant.model.alarms import AlarmKind, Condition
from sipregistrant.store import alarms, events

from .support import NOW, Site, failed

SILENT = Condition(AlarmKind.SILENT, "1:1", 3, "server 1:1 answers nobody")


async def test_an_alarm_is_raised_once(site: Site) -> None:
    await site.store.write(alarms.raise_alarm, SILENT, NOW - 5000)
    await site.store.write(alarms.raise_alarm, SILENT, NOW)
    (alarm,) = await site.store.read(alarms.standing)
    assert (alarm.kind, alarm.subject, alarm.raised_at, alarm.cleared_at) == (AlarmKind.SILENT, "1:1", NOW - 5000, None)
    (event,) = await site.store.read(events.after, 0, 10)
    assert (event.kind, event.text) == ("alarm.raised", SILENT.text)
    assert event.data["severity"] == "critical"
    assert event.data["alarm"] == alarm.id
    assert event.data["number"] == 3
    assert "one AOR is tried" in event.data["advice"]


async def test_how_it_looks_now_is_no_event(site: Site) -> None:
    await site.store.write(alarms.raise_alarm, SILENT, NOW)
    await site.store.write(alarms.update, Condition(AlarmKind.SILENT, "1:1", 9, "still"))
    (alarm,) = await site.store.read(alarms.standing)
    assert (alarm.number, alarm.text) == (9, "still")
    assert len(await site.store.read(events.after, 0, 10)) == 1


async def test_it_is_cleared_once_with_what_became_of_the_server(site: Site) -> None:
    await site.put_chain(entries=3)
    await site.register()
    await site.store.write(alarms.raise_alarm, SILENT, NOW)
    site.clock.advance(1800)
    rows = (await site.claim()).rows
    await site.settle(*(failed(row, site.clock) for row in rows[:2]))
    (alarm,) = await site.store.read(alarms.standing)
    became = await site.store.read(alarms.aftermath, alarm)
    assert became == alarms.Aftermath(registered=1, not_registered=2, changed_meanwhile=2)
    for _ in range(2):
        await site.store.write(alarms.clear, alarm, NOW + 1, "over", became)
    assert await site.store.read(alarms.standing) == []
    (cleared,) = [event for event in await site.store.read(events.after, 0, 10) if event.kind == "alarm.cleared"]
    assert cleared.text == "over"
    assert cleared.data["changed_meanwhile"] == 2
    assert [alarm.cleared_at for alarm in await site.store.read(alarms.page, 2**62, 10)] == [NOW + 1]


async def test_it_can_be_raised_again(site: Site) -> None:
    for _ in range(2):
        await site.store.write(alarms.raise_alarm, SILENT, NOW)
        (alarm,) = await site.store.read(alarms.standing)
        await site.store.write(alarms.clear, alarm, NOW, "over")
    assert len(await site.store.read(alarms.page, 2**62, 10)) == 2
