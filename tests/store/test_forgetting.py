"""The oldest of what is kept about the past is forgotten."""

from __future__ import annotations

from sqlalchemy import text

from sipregistrant.store.forgetting import DAY_MS, KEPT, ROWS_PER_STEP, Kept, forget_step
from sipregistrant.store.store import Store
from sipregistrant.store.tx import Tx

HISTORY = Kept("history", 10 * DAY_MS, 100)


def remember(tx: Tx, *days_ago: float) -> None:
    for days in days_ago:
        at = tx.now - int(days * DAY_MS)
        tx.sqlite.execute(
            "INSERT INTO history (registration_id, at, old_state, state, code) VALUES (1, ?, 0, 1, 200)", (at,)
        )


def left(tx: Tx) -> int:
    return int(tx.conn.execute(text("SELECT count(*) FROM history")).scalar_one())


async def test_what_is_too_old_goes(store: Store) -> None:
    await store.write(remember, 30, 11, 9, 1)
    assert not await store.write(forget_step, HISTORY)
    assert await store.read(left) == 2


async def test_of_too_many_the_oldest_go(store: Store) -> None:
    await store.write(remember, *[1.0] * 150)
    await store.write(forget_step, HISTORY)
    assert await store.read(left) == 100


async def test_many_go_in_steps(store: Store) -> None:
    await store.write(remember, *[30.0] * (ROWS_PER_STEP + 10))
    assert await store.write(forget_step, HISTORY)
    assert await store.read(left) == 10
    assert not await store.write(forget_step, HISTORY)
    assert await store.read(left) == 0


async def test_nothing_is_left_alone_and_every_table_is_there(store: Store) -> None:
    for kept in KEPT:
        assert not await store.write(forget_step, kept)
