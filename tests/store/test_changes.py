"""Changes of registrations as events: a mass of them is one with a number, none is told twice, and none left out."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sipregistrant.model.status import State
from sipregistrant.store import changes, events

from .support import Site, failed, registered, removed


async def tell(site: Site, muted: Collection[str] = ()) -> list[events.Event]:
    """Do what the watcher does; return the new events."""
    before = (await site.store.read(events.ends))[1]
    found = await site.store.read(changes.look)
    await site.store.write(changes.tell, found, muted)
    return await site.store.read(events.after, before, 1000)


async def settle_all(site: Site, make: Any, **given: Any) -> None:
    rows = (await site.claim(limit=10_000)).rows
    await site.settle(*(make(row, site.clock, **given) for row in rows))


async def test_what_comes_together_is_one_event_with_a_number(site: Site) -> None:
    await site.put_chain(entries=12)
    await settle_all(site, registered)
    (event,) = await tell(site)
    assert event.kind == "registrations.changed"
    assert event.text == "12 registrations at server 1:1 (203.0.113.5:5060) are registered"
    assert event.data["number"] == 12
    assert event.data["server"] == "1:1"
    assert (event.data["before"], event.data["after"]) == ("unregistered", "registered")
    assert len(event.data["registrations"]) == changes.EXAMPLES
    assert event.data["registrations"][0] == {"registration": 1, "table": 1, "entry": 1, "aor": "sip:u1"}
    assert await tell(site) == []


async def test_one_alone_is_told_by_its_name(site: Site) -> None:
    await site.put_chain()
    await settle_all(site, failed, state=State.REJECTED, last_code=403, last_reason="403 Forbidden")
    (refused,) = await tell(site)
    assert refused.text == "sip:u1 at server 1:1 (203.0.113.5:5060) is refused: 403 Forbidden"
    site.clock.advance(3600)
    await settle_all(site, registered)
    (back,) = await tell(site)
    assert back.text == "sip:u1 at server 1:1 (203.0.113.5:5060) is registered again"


async def test_what_fails_says_how_much_of_it_is_still_held(site: Site) -> None:
    await site.put_chain(entries=3)
    await settle_all(site, registered)
    await tell(site)
    site.clock.advance(1800)
    await settle_all(site, failed)
    (event,) = await tell(site)
    assert event.text.startswith(
        "3 registrations at server 1:1 (203.0.113.5:5060) could not be refreshed: no answer; 3 of them"
    )
    assert event.data["held"] == 3
    assert event.data["lapses_at"].endswith("Z")


async def test_answers_are_kept_apart(site: Site) -> None:
    await site.put_chain(entries=4)
    rows = (await site.claim()).rows
    await site.settle(
        registered(rows[0], site.clock), failed(rows[1], site.clock),
        *(failed(row, site.clock, state=State.REJECTED, last_code=403) for row in rows[2:]),
    )  # fmt: skip
    assert [(event.data["code"], event.data["number"]) for event in await tell(site)] == [(200, 1), (0, 1), (403, 2)]


async def test_an_alarm_tells_of_its_server_and_nothing_is_told_of_it_afterwards(site: Site) -> None:
    await site.put_chain(entries=2)
    await settle_all(site, failed)
    assert await tell(site, {"1:1"}) == []
    assert await tell(site) == []


async def test_what_is_taken_away_is_told_and_what_is_deleted_is_not(site: Site) -> None:
    await site.put_chain(entries=2)
    await settle_all(site, registered)
    await tell(site)
    await site.delete("sipregistrantentry", "1:1")
    await site.post("sipsg", "1", customAdminState=0)
    await site.reconcile()
    await settle_all(site, removed)
    (event,) = await tell(site)
    assert (event.data["after"], event.data["number"]) == ("unregistered", 1)
    assert event.text == "sip:u2 at server 1:1 (203.0.113.5:5060) is un-registered"


async def test_a_binding_at_another_place_is_history_and_no_event(site: Site) -> None:
    await site.put_chain()
    await settle_all(site, registered)
    await tell(site)
    site.clock.advance(1800)
    await settle_all(site, registered, is_elsewhere=True)
    found = await site.store.read(changes.look)
    assert (found.lines, found.groups) == (1, [])


async def test_more_than_one_look_takes_is_told_by_the_next(site: Site, monkeypatch: Any) -> None:
    monkeypatch.setattr(changes, "MOST_AT_ONCE", 5)
    await site.put_chain(entries=8)
    await settle_all(site, registered)
    assert [event.data["number"] for event in await tell(site)] == [5]
    assert [event.data["number"] for event in await tell(site)] == [3]
