"""What alarms look at."""

from __future__ import annotations

from sipregistrant.model.standing import Standing
from sipregistrant.model.status import State
from sipregistrant.store import watched

from .support import NOW, Site, failed


async def look(site: Site, **standing: object) -> watched.Watched:
    """Look at the only server, which stands so."""
    site.store.standings = {1: Standing(**standing)}  # type: ignore[arg-type]
    (server,) = (await site.store.read(watched.look)).servers
    return server


async def test_a_server_that_is_well(site: Site) -> None:
    await site.put_chain(entries=3)
    await site.register()
    server = await look(site, is_up=True, since=NOW / 1000)
    assert (server.key, server.host, server.total, server.is_on) == ("1:1", "203.0.113.5:5060", 3, True)
    assert server.counts == {State.REGISTERED: 3}
    assert (server.lapsed, server.overdue, server.untried) == (0, 0, 0)


async def test_what_could_not_be_refreshed_is_counted_when_it_is_about_to_lapse(site: Site) -> None:
    await site.put_chain(entries=3)
    await site.register()
    site.clock.advance(1800)
    first, *_ = (await site.claim()).rows
    await site.settle(failed(first, site.clock))
    assert (await look(site, is_up=True)).lapsed == 0
    site.clock.advance(1800 - 100)
    server = await look(site, is_up=True)
    # The other two were not even tried: overdue, and as good as lapsed.
    assert server.lapsed == 3
    assert server.lapses_at == NOW + 3600_000
    site.clock.advance(200)
    assert (await look(site, is_up=True)).lapsed == 3


async def test_what_never_worked_has_not_lapsed(site: Site) -> None:
    await site.put_chain(entries=2)
    rows = (await site.claim()).rows
    await site.settle(
        *(failed(row, site.clock, state=State.REJECTED, last_code=403, last_reason="403 no") for row in rows)
    )
    server = await look(site, is_up=True)
    assert server.lapsed == 0
    assert server.refusal == "403 no"


async def test_refreshes_that_are_late(site: Site) -> None:
    await site.put_chain(entries=2)
    await site.register()
    site.clock.advance(1800 + 50)
    assert (await look(site, is_up=True)).overdue == 0
    site.clock.advance(20)
    assert (await look(site, is_up=True)).overdue == 2


async def test_what_waits_for_a_server_that_answers_again(site: Site) -> None:
    await site.put_chain(entries=3)
    await site.register()
    site.clock.advance(1800)
    first, second, _ = (await site.claim()).rows
    await site.settle(failed(first, site.clock), failed(second, site.clock))
    assert (await look(site, is_up=False)).untried == 0
    site.clock.advance(60)
    since = site.clock.seconds
    assert (await look(site, is_up=True, since=since)).untried == 3
    site.clock.advance(120)
    assert len(await site.register()) == 3
    assert (await look(site, is_up=True, since=since)).untried == 0


async def test_of_a_silent_server_the_first_to_lapse_is_told(site: Site) -> None:
    await site.put_chain(entries=2)
    await site.register()
    assert (await look(site, is_up=False)).next_expiry == NOW + 3600_000


async def test_a_server_that_is_disabled_is_not_on(site: Site) -> None:
    await site.put_chain()
    await site.post("sipserver", "1:1", AdminState=0)
    await site.reconcile()
    assert not (await look(site)).is_on


async def test_groups_without_a_socket_and_webhooks_that_fail(site: Site) -> None:
    site.store.group_faults = {1: "in use"}
    seen = await site.store.read(watched.look)
    assert (seen.group_faults, seen.is_paused, seen.failing_webhooks) == ({1: "in use"}, False, [])
