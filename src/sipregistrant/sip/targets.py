"""The order in which the targets of a server are tried: RFC 3263 §4.2 and §4.3, RFC 2782.

A server's name stands for several targets. Each registration has an order of its own among them, always the same: first
those of the best priority, among these by weight. So the load is spread by weight, no registration wanders from one to
another while nothing changes, and one that comes or goes moves only its own share. `processing_order()` of dnspython draws
one order for each look-up: all registrations would go to one target until the next.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Target", "Weighted", "in_order"]

# RFC 2782: targets of weight 0 beside others have a very small chance.
SMALLEST_WEIGHT = 0.01


class Target(NamedTuple):
    """Where requests go: an IP address without brackets, a port, and `udp`, `tcp`, `tls`, `ws` or `wss`."""

    host: str
    port: int
    transport: str = "udp"

    def __str__(self) -> str:
        return f"{self.transport}:{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


class Weighted(NamedTuple):
    """A target among others: the lowest priority comes first, the weight shares the load of one priority."""

    target: Target
    priority: int = 0
    weight: int = 0


def in_order(registration_id: int, targets: Sequence[Weighted]) -> list[Target]:
    """Return the order in which a registration tries its targets."""
    if len(targets) == 1:
        return [targets[0].target]
    return [one.target for one in sorted(targets, key=lambda one: (one.priority, _score(registration_id, one)))]


def _score(registration_id: int, one: Weighted) -> float:
    """Return an exponential variate with the weight as its rate: to sort by it is to draw by weight without putting back."""
    digest = hashlib.blake2b(f"{registration_id} {one.target}".encode(), digest_size=7).digest()
    share = (int.from_bytes(digest, "big") + 1) / (2**56 + 1)
    return -math.log(share) / max(one.weight, SMALLEST_WEIGHT)
