"""The bell."""

from __future__ import annotations

import asyncio

from sipregistrant.watch.bell import Bell

LONG = 60.0


async def test_everybody_who_waits_is_woken() -> None:
    bell = Bell()
    waiting = [asyncio.ensure_future(bell.wait(LONG, 0)) for _ in range(3)]
    await asyncio.sleep(0)
    bell.ring()
    await asyncio.gather(*waiting)


async def test_nobody_waits_longer_than_said() -> None:
    await Bell().wait(0.001, 0)


async def test_a_ring_during_the_look_is_not_missed() -> None:
    bell = Bell()
    heard = bell.rings
    bell.ring()
    await bell.wait(LONG, heard)


async def test_a_ring_of_before_wakes_nobody() -> None:
    bell = Bell()
    bell.ring()
    waiting = asyncio.ensure_future(bell.wait(LONG, bell.rings))
    await asyncio.sleep(0)
    assert not waiting.done()
    bell.close()
    await waiting


async def test_once_closed_nobody_waits() -> None:
    bell = Bell()
    bell.close()
    await bell.wait(LONG, bell.rings)
    assert bell.is_closed
