"""How a registrar is reached: the targets behind its name, each with a pacing of its own, and which of them a row takes.

Each row has its own order among the targets (`sip/targets.py`). It takes the first that is not silent and does not ask to be
left alone; one that ended in silence or with 503 goes on with the next in its order (RFC 3263 §4.3), with a new branch as any
attempt has. Where all are silent, or there is but one, the breaker lets a probe through now and then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..model.schedule import Claimed
from ..sip.outcome import Kind, Outcome
from ..sip.targets import Target, Weighted, in_order
from ..sip.transaction import NEVER
from .naming.targets import Unreachable
from .pacing import Pacing

__all__ = ["PacingOf", "Reach", "hops"]

FAILED = frozenset({Kind.TIMED_OUT, Kind.NOT_SENT})
HOPS = frozenset({0, 503})
"""The codes after which the next target is tried: no answer at all, or a server that cannot (RFC 3263 §4.3)."""

MOST_REMEMBERED = 1024

PacingOf = Callable[[Target], Pacing]


def tries_in_vain(row: Claimed) -> int:
    """Return how many targets a row has tried one after the other, in vain."""
    return row.failures if row.last_code in HOPS else 0


def hops(row: Claimed, outcome: Outcome, targets: int) -> bool:
    """Tell whether a row goes on with its next target at once: it has not tried all of them yet."""
    has_failed = outcome.kind in FAILED or (outcome.kind is Kind.REFUSED and outcome.code in HOPS)
    return targets > 1 and has_failed and (tries_in_vain(row) + 1) % targets != 0


class Reach:
    """The targets of a registrar as they are known now. `fault` tells why there are none."""

    __slots__ = ("_flow", "_orders", "_pacing_of", "_stays", "fault", "pacings", "targets")

    def __init__(self, targets: Sequence[Weighted], pacing_of: PacingOf, fallback: Pacing, *, stays: bool = False,
                 fault: Unreachable | None = None, flow: int | None = None) -> None:  # fmt: skip
        """`fallback` paces while no target is known. `stays` has rows stay with the target that answered last. `flow` is which
        of several flows takes this way (RFC 5626): each begins with another target, as far as there are.
        """
        self._flow = flow
        self.targets = targets
        self.fault = fault
        self._pacing_of = pacing_of
        self._stays = stays
        self._orders: dict[int, list[Target]] = {}
        self.pacings = list(dict.fromkeys(pacing_of(one.target) for one in targets)) or [fallback]

    @property
    def has_choice(self) -> bool:
        return len(self.pacings) > 1

    def __contains__(self, pacing: Pacing) -> bool:
        return pacing in self.pacings

    # What may go now

    def room(self, now: float) -> int:
        """Return how many more attempts may start now; a probe of a silent target counts only where all are silent."""
        return sum([pacing.room(now) for pacing in self._awake() if pacing.paused_until <= now])

    def _awake(self) -> list[Pacing]:
        if len(self.pacings) == 1:
            return self.pacings
        return [pacing for pacing in self.pacings if not pacing.breaker.is_open] or self.pacings

    def promise(self, number: int, now: float) -> list[tuple[Pacing, int]]:
        """Take slots for so many attempts that are about to be claimed: others that go to the same targets must not count on
        them. They are given back by `keep`.
        """
        promised = []
        for pacing in self.pacings:
            some = number if len(self.pacings) == 1 else min(number, pacing.room(now))
            pacing.taken += some
            number -= some
            promised.append((pacing, some))
        return promised

    def worth(self) -> int:
        """Return for how many attempts a claim is worth its transaction."""
        return min([pacing.worth() for pacing in self.pacings])

    def next_at(self, now: float) -> float:
        """Return when there is room again by the clock; infinite where it takes an attempt that ends."""
        return min([max(pacing.next_at(now), pacing.paused_until) for pacing in self._awake()])

    @property
    def size(self) -> int:
        """How many attempts may be in flight."""
        return sum([pacing.size for pacing in self.pacings])

    @property
    def soon(self) -> int:
        """How many attempts may start within the next second, as far as the rates go."""
        return sum([pacing.soon for pacing in self.pacings])

    @property
    def paused_until(self) -> float:
        """The instant until which all targets want to be left alone."""
        return min([pacing.paused_until for pacing in self.pacings])

    @property
    def silent_since(self) -> float:
        """The instant since which no target answers; infinite where one does."""
        return max([pacing.breaker.since if pacing.breaker.is_open else NEVER for pacing in self.pacings])

    @property
    def is_silent(self) -> bool:
        return self.silent_since < NEVER

    # Where a row goes

    def pick(self, row: Claimed, now: float) -> tuple[Target | Unreachable, Pacing] | None:
        """Return where a row goes now, and the pacing that it takes a slot of; None while there is no room."""
        target, pacing = self.targets[0].target if self.targets else None, self.pacings[0]
        if (self.has_choice or row.is_removal) and (target := self._choose(row, now)) is not None:
            pacing = self._pacing_of(target)
        if pacing.paused_until > now or not pacing.room(now):
            return None
        if target is not None:
            return target, pacing
        # Without a fault, the targets are about to be known.
        return None if self.fault is None else (self.fault, pacing)

    def _order_of(self, row: Claimed) -> list[Target]:
        """Return the order of a row; those that wait for room ask again and again."""
        order = self._orders.get(row.id)
        if order is None:
            if len(self._orders) >= MOST_REMEMBERED:
                self._orders.clear()
            # The flows of an AOR have one order, and each another place in it.
            order = in_order(row.id if self._flow is None else row.binding_key, self.targets)
            at = (self._flow or 0) % (len(order) or 1)
            order = self._orders[row.id] = order[at:] + order[:at]
        return order

    def _choose(self, row: Claimed, now: float) -> Target | None:
        order = self._order_of(row)
        if row.sent is not None and (self._stays or row.is_removal):
            bound_at = Target(row.sent.host, row.sent.port, row.sent.transport)
            # What was bound there is removed there, wherever the server has moved since.
            if bound_at in order:
                order = [bound_at, *[target for target in order if target != bound_at]]
            elif row.is_removal:
                order = [bound_at]
        if not order:
            return None
        at = tries_in_vain(row) % len(order)
        order = order[at:] + order[:at]
        for target in order:
            pacing = self._pacing_of(target)
            if pacing.paused_until <= now and (not pacing.breaker.is_open or pacing.breaker.room(now)):
                return target
        # All are silent: the next probe goes to the one that comes first.
        return min(order, key=lambda target: self._pacing_of(target).breaker.probe_at)
