"""What was claimed and not sent: the real store, in virtual time."""

from __future__ import annotations

import asyncio

from tests.engine.test_maintenance import site_of
from tests.engine.virtual_time import in_virtual_time

ROWS = 40
# FailedRegistrationRetryTimer, by default.
TIMER_SECONDS = 120


@in_virtual_time
async def test_a_refresh_that_is_asked_for_during_silence_goes_out_when_it_ends() -> None:
    async with site_of(ROWS) as site:
        await asyncio.sleep(10)
        assert site.registered == ROWS
        answer = site.network.answer
        site.network.answer = lambda request: []
        for number in range(1, ROWS + 1):
            site.schedule.act(number, "refresh")
        await asyncio.sleep(60)
        # Nearly all have failed, and their timer is far from over; somebody has them refreshed.
        assert site.registered <= 2
        for number in range(1, ROWS + 1):
            site.schedule.act(number, "refresh")
        await asyncio.sleep(20)
        site.network.answer = answer
        await asyncio.sleep(TIMER_SECONDS / 4)
        assert site.registered == ROWS
