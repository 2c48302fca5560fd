"""The history of states."""

from __future__ import annotations

from sipregistrant.model.status import State
from sipregistrant.store import history

from .support import Site

NEWEST = 2**62


async def test_each_change_of_state_is_kept_with_its_reason(site: Site) -> None:
    await site.put_chain()
    await site.register()
    (row,) = await site.rows()
    (change,) = await site.store.read(history.of, row.id, NEWEST, 10)
    assert (change.before, change.after, change.code, change.reason) == (State.UNREGISTERED, State.REGISTERED, 200, "")
    assert change.at == row.attempted_at


async def test_a_refresh_that_changes_nothing_is_not(site: Site) -> None:
    await site.put_chain()
    await site.register()
    await site.post("sipregistrantentry", "1:1", AorTtl=60)
    await site.register()
    (row,) = await site.rows()
    assert len(await site.store.read(history.of, row.id, NEWEST, 10)) == 1


async def test_pages_go_back_in_time(site: Site) -> None:
    await site.put_chain()
    (row,) = await site.rows()

    def remember(tx: object) -> None:
        for number in range(5):
            tx.sqlite.execute(  # type: ignore[attr-defined]
                "INSERT INTO history (registration_id, at, old_state, state, code, reason) VALUES (?, ?, 1, 2, 408, ?)",
                (row.id, number, f"reason {number}"),
            )

    await site.store.write(remember)
    page = await site.store.read(history.of, row.id, NEWEST, 3)
    assert [change.reason for change in page] == ["reason 4", "reason 3", "reason 2"]
    assert [change.at for change in await site.store.read(history.of, row.id, page[-1].id, 3)] == [1, 0]
