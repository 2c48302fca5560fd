"""What the engine remembers of a server while it runs: how it answers, whether it refuses everybody, how long its nonces
last. Nothing of it is kept over a restart: it is learned again.
"""

from __future__ import annotations

from collections import deque

import structlog

from ..model.standing import Standing

__all__ = ["NonceLife", "RefusalGuard", "ServerMemory"]

log = structlog.get_logger()

REFUSALS_WITHIN_SECONDS = 60.0
PROBE_EVERY_SECONDS = 60.0

# Of the AORs that were good; and never for a handful: a few lines whose passwords were changed are no outage.
MOST_REFUSED = 0.05
FEWEST_REFUSED = 10

# A nonce that was refused too early once may have been forgotten by a registrar that restarted: now and then one is
# tried again.
TRY_NONCE_EVERY = 16

# Refreshes come at nearly the same age each time: what was refused then will be refused a moment earlier, too.
NEARLY_AS_OLD = 0.9


class RefusalGuard:
    """Tells a registrar that refuses everybody from AORs that are wrong.

    When more than 5 % of the AORs that were good are refused within a minute, their passwords are not to blame, and to try
    them all would get the sender banned: one is tried a minute, until one is accepted.
    """

    def __init__(self) -> None:
        self._refused: deque[float] = deque()
        self.closed_until = 0.0
        """The instant of the next probe while the guard is closed, else 0."""

    @property
    def is_closed(self) -> bool:
        return self.closed_until > 0

    def refused(self, now: float, good: int, server: str) -> None:
        """Note that an AOR that was good is refused; `good` is how many such there are at the registrar."""
        most = max(FEWEST_REFUSED, int(MOST_REFUSED * good))
        self._refused.append(now)
        while self._refused and (self._refused[0] < now - REFUSALS_WITHIN_SECONDS or len(self._refused) > most + 1):
            self._refused.popleft()
        if len(self._refused) > most and not self.is_closed:
            self.closed_until = now + PROBE_EVERY_SECONDS
            log.error("server.refuses_all", server=server, refused=len(self._refused), registered=good,
                      hint="one AOR is tried a minute until one is accepted")  # fmt: skip

    def accepted(self, server: str) -> None:
        """Note that an AOR is accepted: the guard opens."""
        if self.is_closed:
            self.closed_until = 0.0
            self._refused.clear()
            log.info("server.accepts_again", server=server)

    def limit(self, room: int, now: float) -> int:
        """Return how many rows may be claimed now: all that there is room for, or one probe."""
        if not self.is_closed:
            return room
        self.closed_until = now + PROBE_EVERY_SECONDS
        return 1


class NonceLife:
    """Learns how old a nonce of a server may be, so that no refresh is sent with one that is refused anyway."""

    def __init__(self) -> None:
        self._shortest_refused = float("inf")
        self._skipped = 0

    def may_send_ahead(self, age: float) -> bool:
        """Tell whether a nonce of this age (seconds) is worth a try."""
        if age < self._shortest_refused:
            return True
        self._skipped += 1
        return self._skipped % TRY_NONCE_EVERY == 0

    def used(self, age: float, *, was_accepted: bool) -> None:
        """Note what became of one that was tried."""
        if not was_accepted:
            self._shortest_refused = min(self._shortest_refused, age * NEARLY_AS_OLD)
        elif age >= self._shortest_refused:
            self._shortest_refused = float("inf")


class ServerMemory:
    """All of it, of one server."""

    __slots__ = ("guard", "nonces", "standing")

    def __init__(self) -> None:
        self.standing = Standing()
        self.guard = RefusalGuard()
        self.nonces = NonceLife()
