"""Failed logins are answered late, so that guessing takes too long; a right password is never refused.

What is counted is a user name as one peer tries it: who guesses a name elsewhere does not slow down its owner here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable

__all__ = ["FREE_FAILURES", "LONGEST_DELAY_SECONDS", "Throttle"]

FREE_FAILURES = 5
LONGEST_DELAY_SECONDS = 5.0
FORGOTTEN_AFTER_SECONDS = 600.0

# About 5 MB at most. A peer that tries more names than this meets argon2 for each of them.
MOST_COUNTED = 10_000
LONGEST_COUNTED_NAME = 256


class Throttle:
    """Counts failures of (user name, peer) and holds back what they are answered."""

    def __init__(self, *, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        """`clock` gives monotonic seconds; `sleep` waits that many."""
        self._clock = clock
        self._sleep = sleep
        self._failures: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._failures)

    async def failed(self, user: str, peer: str) -> None:
        """Count a failure and wait as long as its answer is to be held back."""
        key = _key(user, peer)
        failures = self._recent(key) + 1
        self._failures[key] = failures, self._clock()
        self._failures.move_to_end(key)
        while len(self._failures) > MOST_COUNTED:
            self._failures.popitem(last=False)
        await self._wait(failures)

    async def succeeded(self, user: str, peer: str) -> None:
        """Forget the failures.

        Wait as a failure would: else whoever guesses could hang up on each answer that is not there at once.
        """
        key = _key(user, peer)
        failures = self._recent(key)
        self._failures.pop(key, None)
        await self._wait(failures)

    def _recent(self, key: tuple[str, str]) -> int:
        failures, at = self._failures.get(key, (0, 0.0))
        return failures if self._clock() - at < FORGOTTEN_AFTER_SECONDS else 0

    async def _wait(self, failures: int) -> None:
        if failures > FREE_FAILURES:
            await self._sleep(min(float(failures - FREE_FAILURES), LONGEST_DELAY_SECONDS))


def _key(user: str, peer: str) -> tuple[str, str]:
    return user[:LONGEST_COUNTED_NAME], peer
