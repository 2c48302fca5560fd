"""What each registrar will get, as the schedule stands."""

from __future__ import annotations

import pytest

from sipregistrant.store.forecast import loads

from .support import Clock, Site, failed, registered


async def test_nobody_gets_anything_where_there_is_nothing_to_do(site: Site) -> None:
    assert await site.store.read(loads) == []


async def test_what_is_new_is_due_and_is_challenged(site: Site) -> None:
    await site.put_chain(3)
    (load,) = await site.store.read(loads)
    assert (load.server, load.registrations, load.due, load.limit) == ("203.0.113.5:5060", 3, 3, 0)
    assert load.per_minute[0] == pytest.approx(6 / 60)
    assert load.level == pytest.approx(3 / (3240 * 0.95))


async def test_what_is_held_is_refreshed_when_it_is_due_with_the_nonce_sent_ahead(site: Site, clock: Clock) -> None:
    await site.put_chain(1)
    await site.settle(registered(await site.claim_one(), clock, challenge="c"))
    (load,) = await site.store.read(loads)
    assert load.due == 0
    assert [(minute, round(rate * 60, 3)) for minute, rate in enumerate(load.per_minute) if rate] == [(30, 1)]
    await site.post("sipserver", "1:1", AuthorizationOnRefresh=0)
    (load,) = await site.store.read(loads)
    assert load.level == pytest.approx(2 / (3240 * 0.95), rel=0.01)


async def test_what_fails_comes_again_after_its_timer_and_what_is_deleted_once(site: Site, clock: Clock) -> None:
    await site.put_chain(2)
    first, second = (await site.claim()).rows
    await site.settle(failed(first, clock, wait=120), registered(second, clock))
    (load,) = await site.store.read(loads)
    assert load.per_minute[2] == load.per_minute[4] == pytest.approx(2 / 60)
    await site.delete("sipregistrantentry", f"1:{second.id}")
    (load,) = await site.store.read(loads)
    assert (load.registrations, load.due) == (1, 1)


async def test_the_limit_of_a_server_holds_and_servers_without_one_may_be_left_out(site: Site) -> None:
    await site.put_chain(50)
    assert await site.store.read(loads, only_limited=True) == []
    await site.post("sipserver", "1:1", MaxRegistersPerSecond=1)
    await site.reconcile()
    (load,) = await site.store.read(loads, only_limited=True)
    assert load.per_minute[:3] == pytest.approx((1, 40 / 60, 0))
    assert load.verdict == "fits"
