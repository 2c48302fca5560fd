"""What was registered over a connection is due again when that is gone."""

from __future__ import annotations

import dataclasses

import pytest

from sipregistrant.store import flows

from .support import Clock, Site, registered


async def over(site: Site, clock: Clock, *flow_ids: int) -> None:
    """Register a row over each of these connections; 0 is none."""
    await site.put_chain(len(flow_ids))
    rows = (await site.claim()).rows
    await site.settle(*(
        dataclasses.replace(registered(row, clock), flow_id=flow_id) for row, flow_id in zip(rows, flow_ids, strict=True)
    ))  # fmt: skip
    assert await site.due() == []


async def test_those_of_one_connection_are_due_and_no_others(site: Site, clock: Clock) -> None:
    await over(site, clock, 11, 0, 22, 11)
    assert not await site.store.write(flows.lose_step, 11)
    assert await site.due() == [1, 4]
    assert not await site.store.write(flows.lose_step, 11)


async def test_at_the_start_those_of_all_connections_are_due(site: Site, clock: Clock) -> None:
    await over(site, clock, 11, 0, 22)
    assert not await site.store.write(flows.lose_step, None)
    assert await site.due() == [1, 3]


async def test_at_the_start_the_addresses_that_nats_give_are_not_lost(site: Site, clock: Clock) -> None:
    await over(site, clock, -11, 22)
    assert not await site.store.write(flows.lose_step, None)
    assert await site.due() == [2]


async def test_those_of_an_address_that_is_not_ours_any_more_are_due(site: Site, clock: Clock) -> None:
    await over(site, clock, -11, -22)
    assert not await site.store.write(flows.lose_step, -11)
    assert await site.due() == [1]


async def test_it_is_done_in_steps_that_knock(site: Site, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows, "ROWS_PER_STEP", 2)
    await over(site, clock, 11, 11, 11)
    knocked: list[set[int]] = []
    site.store.on_commit = lambda tx: knocked.append(set(tx.knocks))
    assert await site.store.write(flows.lose_step, 11)
    assert not await site.store.write(flows.lose_step, 11)
    assert await site.due() == [1, 2, 3]
    assert knocked == [{1}, {1}]


async def test_the_last_connection_counts(site: Site, clock: Clock) -> None:
    await over(site, clock, 11)
    clock.advance(3600)
    await site.settle(dataclasses.replace(registered(await site.claim_one(), clock), flow_id=22))
    assert not await site.store.write(flows.lose_step, 11)
    assert await site.due() == []
    assert not await site.store.write(flows.lose_step, 22)
    assert await site.due() == [1]


async def test_what_is_deleted_is_forgotten(site: Site, clock: Clock) -> None:
    await over(site, clock, 11)
    await site.delete("sipregistrantentry", "1:1")
    row = await site.claim_one()
    await site.settle(dataclasses.replace(registered(row, clock), due_at=None, is_over=True))
    assert await site.store.read(lambda tx: tx.sqlite.execute("SELECT count(*) FROM flow").fetchone()) == (0,)


async def test_what_is_deleted_without_an_attempt_is_forgotten_too(site: Site, clock: Clock) -> None:
    await over(site, clock, 11)
    clock.advance(86_400)
    await site.delete("sipregistrantentry", "1:1")
    assert await site.due() == []
    assert await site.store.read(lambda tx: tx.sqlite.execute("SELECT count(*) FROM flow").fetchone()) == (0,)
