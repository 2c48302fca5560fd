"""Registrations as operators look at them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from sipregistrant.model.status import OVERDUE_MS, State, Status, status
from sipregistrant.store import overview
from sipregistrant.store.overview import Filter, Page
from sipregistrant.store.tx import Key, Tx

from .support import Site

NOW = 1_800_000_000_000
MOMENTS = st.sampled_from([0, NOW - OVERDUE_MS - 1, NOW - OVERDUE_MS, NOW - 1, NOW, NOW + 1])


@given(
    desired=st.sampled_from([0, 1]), state=st.sampled_from([int(state) for state in State]), expires_at=MOMENTS,
    maybe_held_until=MOMENTS, due_at=st.none() | MOMENTS,
)  # fmt: skip
def test_the_database_tells_the_same_state_as_the_function(
    desired: int, state: int, expires_at: int, maybe_held_until: int, due_at: int | None
) -> None:
    row: dict[str, Any] = {
        "desired": desired,
        "state": state,
        "expires_at": expires_at,
        "maybe_held_until": maybe_held_until,
        "due_at": due_at,
    }
    columns = ", ".join(f":{name} AS {name}" for name in row)
    with ENGINE.connect() as connection:
        told = connection.execute(text(f"SELECT {overview.STATUS} FROM (SELECT {columns}) AS r"), {**row, "now": NOW})
        assert Status(told.scalar_one()) == status(**row, now=NOW)


ENGINE = create_engine("sqlite://")


async def all_ids(site: Site, which: Filter, most: int = 1000) -> list[int]:
    """Go through all pages."""
    found: list[int] = []
    after: int | None = 0
    while after is not None:
        page: Page = await site.store.read(overview.page, which, after, most)
        assert len(page.rows) <= most
        found += [row.entry_id for row in page.rows]
        after = page.next_after
    return found


async def fitting(site: Site, which: Filter) -> list[int]:
    return sorted(await all_ids(site, which))


async def test_pages_go_on_until_the_last_row(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await site.put_chain(7)
    for window in (1, 2, 3, 100):
        monkeypatch.setattr(overview, "WINDOW", window)
        for most in (1, 3, 100):
            assert await all_ids(site, Filter(), most) == [1, 2, 3, 4, 5, 6, 7], (window, most)
            assert await all_ids(site, Filter(table=1, entry=5), most) == [5]


async def test_each_part_of_a_filter_counts(site: Site) -> None:
    await site.put_chain(3)
    await site.register()
    await site.post("sipregistrantentry", "1:2", AOR="sip:Other@example.com", AorType=3)
    empty = Filter()
    assert empty.is_empty
    assert await fitting(site, replace(empty, text="OTHER@")) == [2]
    assert await fitting(site, replace(empty, table=1)) == [1, 2, 3]
    assert await fitting(site, replace(empty, table=2)) == []
    assert await fitting(site, replace(empty, server=Key(1, 1))) == [1, 2, 3]
    assert await fitting(site, replace(empty, server=Key(2, 1))) == []
    assert await fitting(site, replace(empty, group=1)) == [1, 2, 3]
    assert await fitting(site, replace(empty, group=2)) == []
    assert await fitting(site, replace(empty, states=[Status.REGISTERED])) == [1, 3]
    assert await fitting(site, replace(empty, states=[Status.REGISTERED, Status.REGISTERING])) == [1, 2, 3]
    assert await fitting(site, replace(empty, last_code=200)) == [1, 3]
    assert await fitting(site, replace(empty, last_code=403)) == []
    assert await fitting(site, replace(empty, is_overdue=True)) == []
    assert await fitting(site, replace(empty, is_overdue=False)) == [1, 2, 3]
    site.clock.advance(7200)
    assert await fitting(site, replace(empty, is_overdue=True)) == [1, 2, 3]


async def test_what_is_deleted_is_gone_though_its_tombstone_is_there(site: Site) -> None:
    await site.put_chain(2)
    await site.register()
    (row, _) = await site.rows()
    await site.delete("sipregistrantentry", "1:1")
    assert await all_ids(site, Filter()) == [2]
    assert await site.store.read(overview.find, row.id) is None


async def test_counts_are_by_server(site: Site) -> None:
    await site.put_chain(3)
    await site.register()
    assert await site.store.read(overview.counts) == {(1, 1): {State.REGISTERED: 3}}


async def test_a_page_looks_at_so_many_rows_and_no_more(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await site.put_chain(9)
    monkeypatch.setattr(overview, "WINDOW", 3)
    page = await site.store.read(overview.page, Filter(text="nobody"), 0, 100)
    assert (page.rows, page.next_after) == ([], 3)

    def plan(tx: Tx) -> str:
        where, _ = overview._conditions(Filter(text="x"))
        query = f"EXPLAIN QUERY PLAN {overview.SHOWN} WHERE {' AND '.join(where)} AND r.id > 0 AND r.id < 9 ORDER BY r.id LIMIT 3"
        return "\n".join(str(row[-1]) for row in tx.conn.execute(text(query), {"now": 0, "text": "x"}))

    first, *others = (await site.store.read(plan)).splitlines()
    assert first == "SEARCH r USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"
    assert not [line for line in others if line.startswith("SCAN") or "TEMP B-TREE" in line]
