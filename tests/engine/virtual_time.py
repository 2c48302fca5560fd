"""Time that passes only when there is nothing to do: hours of the engine in milliseconds, and always the same.

    @in_virtual_time
    async def test_…() -> None:
        await asyncio.sleep(3600)      # at once

The loop is that of the simulation.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

from sipregistrant.simulation.loop import VirtualTimeLoop

__all__ = ["VirtualTimeLoop", "in_virtual_time", "virtual_loop"]

P = ParamSpec("P")


def virtual_loop() -> VirtualTimeLoop:
    """Return the loop that a test runs on."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    return loop


def in_virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an asynchronous test on a loop of its own whose time is virtual; a fault of a callback fails it."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        loop = VirtualTimeLoop()
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(test(*args, **kwargs))
        assert not loop.faults

    return run
