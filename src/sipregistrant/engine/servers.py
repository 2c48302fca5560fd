"""What the engine remembers of a server while it runs: how it answers, whether it refuses everybody, how long its nonces
last. Nothing of it is kept over a restart: it is learned again.
"""

from __future__ import annotations

from collections import deque

import structlog

from ..model.standing import Standing
from .tally import Tally

__all__ = ["NonceLife", "RefusalGuard", "ServerMemory"]

log = structlog.get_logger()

REFUSALS_WITHIN_SECONDS = 60.0
PROBE_EVERY_SECONDS = 60.0

# Of the AORs that were good; and never for a handful: a few lines whose passwords were changed are no outage.
MOST_REFUSED = 0.05
FEWEST_REFUSED = 10
BUCKETS = 10

# A nonce that was refused too early once may have been forgotten by a registrar that restarted: now and then one is
# tried again.
TRY_NONCE_EVERY = 16

WRITE_SECURITY_EVERY_SECONDS = 86400.0

# Refreshes come at nearly the same age each time: what was refused then will be refused a moment earlier, too.
NEARLY_AS_OLD = 0.9


class RefusalGuard:
    """Tells a registrar that refuses everybody from AORs that are wrong.

    When of the AORs that were good more than ten are refused within a minute, and that is more than 5 % of all of them or
    more than half of those that were tried, their passwords are not to blame, and to try them all would get the sender
    banned: one is tried a minute, until one is accepted. Half of those that were tried, because in a minute less than 2 %
    are refreshed where an hour was granted.
    """

    def __init__(self) -> None:
        # By tenths of the minute: (which, tried, refused).
        self._counts: deque[tuple[int, int, int]] = deque(maxlen=BUCKETS)
        self.closed_until = 0.0
        """The instant of the next probe while the guard is closed, else 0."""
        self._closed_at = 0.0
        self._refused_since = 0.0
        self._revived: set[int] = set()

    @property
    def is_closed(self) -> bool:
        return self.closed_until > 0

    def attempted(self, now: float, good: int, server: str, *, is_refused: bool) -> None:
        """Note what became of an AOR that was good; `good` is how many such there are at the registrar."""
        bucket = int(now / REFUSALS_WITHIN_SECONDS * BUCKETS)
        tried, refused = 0, 0
        if self._counts and self._counts[-1][0] == bucket:
            _, tried, refused = self._counts.pop()
        self._counts.append((bucket, tried + 1, refused + is_refused))
        if is_refused and not self.is_closed:
            self._close_if_all_are(now, bucket, good, server)

    def accepted(self, server: str) -> bool:
        """Note that an AOR is accepted: the guard opens. Tell whether it was closed."""
        if not self.is_closed:
            return False
        self.closed_until = 0.0
        self._counts.clear()
        self._refused_since = self._closed_at - REFUSALS_WITHIN_SECONDS
        self._revived.clear()
        log.info("server.accepts_again", server=server)
        return True

    def _close_if_all_are(self, now: float, bucket: int, good: int, server: str) -> None:
        recent = [counts for counts in self._counts if counts[0] > bucket - BUCKETS]
        tried, refused = sum(counts[1] for counts in recent), sum(counts[2] for counts in recent)
        if refused > FEWEST_REFUSED and (refused > MOST_REFUSED * good or refused > tried / 2):
            self._closed_at = now
            self.closed_until = now + PROBE_EVERY_SECONDS
            log.error("server.refuses_all", server=server, refused=refused, tried=tried, registered=good,
                      hint="one AOR is tried a minute until one is accepted")  # fmt: skip

    def refused_since(self, registrar_id: int) -> float:
        """Return since when rows of a registrar were refused through no fault of theirs, once after the guard has opened;
        else 0.
        """
        if self.is_closed or registrar_id in self._revived:
            return 0.0
        self._revived.add(registrar_id)
        return self._refused_since

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

    __slots__ = ("_security", "guard", "lacks_outbound_until", "nonces", "standing", "tally")

    def __init__(self) -> None:
        self.standing = Standing()
        self.tally = Tally()
        self.guard = RefusalGuard()
        self.nonces = NonceLife()
        self.lacks_outbound_until = 0.0
        """The instant until which no flows are asked for: somebody on the way cannot keep them."""
        self._security: dict[str, tuple[int, float]] = {}

    def answered(self, code: int, waited: float, now: float) -> None:
        """Take a final answer to a REGISTER that came `waited` seconds after that was first sent."""
        self.standing.answered(now)
        self.tally.answered(code, waited)

    def is_news(self, realm: str, strength: int, now: float) -> bool:
        """Tell whether the strength of a realm's digest is to be written: where it is stronger, and once a day."""
        known, written_at = self._security.get(realm, (0, 0.0))
        if strength < max(known, 1) or (strength == known and now - written_at < WRITE_SECURITY_EVERY_SECONDS):
            return False
        self._security[realm] = strength, now
        return True
