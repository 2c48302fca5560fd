"""Tasks have a name, somebody who holds them, and somebody who hears of their end."""

from __future__ import annotations

import asyncio
import gc
import weakref

from structlog.testing import capture_logs

from sipregistrant.engine.tasks import cancel_all, spawn
from tests.engine.virtual_time import in_virtual_time


async def fail() -> None:
    raise ValueError("our own mistake")


@in_virtual_time
async def test_a_task_that_fails_is_logged_with_its_name_and_trace() -> None:
    with capture_logs() as logs:
        spawn(fail(), "failing")
        await asyncio.sleep(0.1)
    (line,) = logs
    assert (line["event"], line["log_level"], line["task"]) == ("task.failed", "error", "failing")
    assert isinstance(line["exc_info"], ValueError)


@in_virtual_time
async def test_a_task_that_ends_well_or_is_cancelled_is_not_logged() -> None:
    with capture_logs() as logs:
        ended, cancelled = spawn(asyncio.sleep(0), "ended"), spawn(asyncio.sleep(1000), "cancelled")
        await ended
        await cancel_all(cancelled)
    assert cancelled.cancelled()
    assert not logs


@in_virtual_time
async def test_a_task_that_nobody_holds_lives_to_its_end() -> None:
    waits_for: list[weakref.ref[asyncio.Future[None]]] = []
    ended = []

    async def work() -> None:
        future = asyncio.get_running_loop().create_future()
        waits_for.append(weakref.ref(future))
        await future
        ended.append(True)

    # The task and what it waits for know only each other: without somebody who holds the task, both are garbage.
    spawn(work(), "work")
    await asyncio.sleep(1)
    gc.collect()
    future = waits_for[0]()
    assert future is not None
    future.set_result(None)
    await asyncio.sleep(1)
    assert ended == [True]


@in_virtual_time
async def test_cancel_all_waits_until_they_have_ended() -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            await asyncio.sleep(1)
            ended.append(True)

    task = spawn(work(), "work")
    await asyncio.sleep(0)
    await cancel_all(task, None)
    assert ended == [True]


@in_virtual_time
async def test_cancel_all_takes_what_is_there_already_ended() -> None:
    with capture_logs():
        task = spawn(fail(), "failing")
        await asyncio.sleep(0.1)
        await cancel_all(task)
    await cancel_all()
