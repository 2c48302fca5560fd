"""The address that a registrar sees us at, for contacts that are to name it (RFC 3581; ContactAsSeen of the profile).

A NAT gives each socket of ours another address outside, and the registrar tells it: `received` and `rport` in the Via of each
answer. What it is, is known of a flow to a target after the first answer, mostly a challenge; until then a row goes on with
what its own last 200 said. When the NAT has given another address, what was bound with the one of before cannot be called any
more: it is registered again, as when a connection ends (design, rule 9).
"""

from __future__ import annotations

import secrets
from typing import NamedTuple

from ...sip.targets import Target
from .flows import Flow

__all__ = ["ASTRAY", "SHORTEST_STAY_SECONDS", "Seen", "SeenAddresses"]

# A NAT that gives each request another port is not followed with each: everything would be registered again for ever. After so
# many short stays one after the other an address is kept for as long as a stay has to be.
SHORTEST_STAY_SECONDS = 30.0
MOST_SHORT_STAYS = 3

# Of each flow to each target; more than this are forgotten, and learned again.
MOST_REMEMBERED = 4096

ASTRAY = -1
"""The flow of what was bound with an address that is not the one we are seen at."""


class Seen(NamedTuple):
    """An address, `host:port` or "" for our own, and what rows remember it by: negative, unlike a connection; 0 for one that
    nobody has confirmed since the start.
    """

    address: str
    id: int = 0
    since: float = 0.0
    short_stays: int = 0
    """How many came before it, one after the other, that did not last."""


class SeenAddresses:
    """What is known of all flows."""

    def __init__(self) -> None:
        self._known: dict[tuple[Flow, Target], Seen] = {}

    def of(self, flow: Flow, target: Target, before: str) -> Seen:
        """Return where a target sees a flow; what was `before` while that is not known."""
        return self._known.get((flow, target)) or Seen(before)

    def note(self, flow: Flow, target: Target, address: str, now: float) -> Seen | None:
        """Take the address of an answer. Return what was known, where that is not true any more."""
        known = self._known.get((flow, target))
        short_stays = 0
        if known is not None:
            short_stays = known.short_stays + 1 if now - known.since < SHORTEST_STAY_SECONDS else 0
            if known.address == address or short_stays > MOST_SHORT_STAYS:
                return None
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[flow, target] = Seen(address, -secrets.randbits(62) - 2, now, short_stays)
        return known
