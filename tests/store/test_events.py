"""Events: in their order, by kind, and none lost to what a peer may write into a reason."""

from __future__ import annotations

from sipregistrant.model.events import EventKind
from sipregistrant.store import events

from .support import NOW, Site

STARTED, RAISED = EventKind.SERVICE_STARTED, EventKind.ALARM_RAISED
NEWEST = 2**62


async def test_events_are_read_in_both_directions(site: Site) -> None:
    for number in range(1, 6):
        await site.store.write(events.append, STARTED, f"event {number}", {"number": number}, number)
    assert [event.text for event in await site.store.read(events.after, 2, 2)] == ["event 3", "event 4"]
    assert [event.at for event in await site.store.read(events.before, NEWEST, 2)] == [5, 4]
    assert await site.store.read(events.ends) == (1, 5)


async def test_kinds_choose(site: Site) -> None:
    await site.store.write(events.append, STARTED, "one", {})
    await site.store.write(events.append, RAISED, "two", {"alarm": 1})
    (event,) = await site.store.read(events.after, 0, 10, [RAISED])
    assert event == events.Event(2, NOW, "alarm.raised", "two", {"alarm": 1})
    assert await site.store.read(events.before, NEWEST, 10, [EventKind.ALARM_CLEARED]) == []


async def test_there_is_nothing_at_first(site: Site) -> None:
    assert await site.store.read(events.ends) == (0, 0)


async def test_whoever_listens_is_woken_by_the_commit(site: Site) -> None:
    await site.store.write(events.append, STARTED, "one", {})
    assert site.commits[-1].has_events


async def test_what_is_no_unicode_can_be_read_again(site: Site) -> None:
    await site.store.write(events.append, STARTED, "a \udcff b", {"reason": "c \udcff d"})
    (event,) = await site.store.read(events.after, 0, 10)
    assert (event.text, event.data) == ("a ? b", {"reason": "c ? d"})
