"""A schedule under watch: what each outcome leaves in its row is held against the rules of `sip/backoff.py`.

What is wrong is noted in `RoughNetwork.broken`: the engine would take what is raised here for a mistake of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sipregistrant.engine.settling import SLOW_TRY_SECONDS, UNREGISTER_RETRY_SECONDS
from sipregistrant.model.schedule import Claim, Claimed, Class, Monitored, Settled
from sipregistrant.model.status import State
from sipregistrant.sip.backoff import (
    LONGEST_REFUSAL_WAIT_SECONDS,
    LONGEST_RETRY_AFTER_SECONDS,
    RETRY_SPREAD,
    SHORTEST_REFRESH_SECONDS,
    SHORTEST_RETRY_WHILE_HELD_SECONDS,
)
from sipregistrant.sip.fields import parse_retry_after
from sipregistrant.sip.identifiers import dialog_names
from tests.engine.listed import ListSchedule
from tests.engine.rough import TIMEOUT_SECONDS, RoughNetwork
from tests.engine.stored import StoredSchedule

__all__ = ["KEY", "WatchedSchedule"]

KEY = b"key"


class WatchedSchedule:
    """A schedule, with an eye on each outcome."""

    def __init__(self, schedule: ListSchedule | StoredSchedule, network: RoughNetwork, most_requests: int, *,
                 gives_up: bool = False) -> None:  # fmt: skip
        """`gives_up`: credentials that were refused are not tried again for an hour (RetryNonStaleNonce 0)."""
        self._most_requests = most_requests
        self._gives_up = gives_up
        self.within = schedule
        self.network = network
        self.taken_at: dict[int, float] = {}
        self._registrar_of: dict[int, int] = {}
        self._requests_before: dict[int, int] = {}

    @property
    def now(self) -> float:
        return self.within.now

    async def heads(self) -> list[tuple[int, float]]:
        return await self.within.heads()

    async def monitored(self, known: Mapping[int, int]) -> Monitored:
        return await self.within.monitored(known)

    async def give_back(self, rows: Sequence[Claimed]) -> None:
        await self.within.give_back(rows)

    async def lose_flow(self, flow_id: int) -> None:
        await self.within.lose_flow(flow_id)

    async def claim(self, registrar_id: int, *, in_flight: Sequence[int], **others: Any) -> Claim:
        claim = await self.within.claim(registrar_id, in_flight=in_flight, **others)
        # What the engine does not name any more it has given back.
        for id in [id for id, of in self._registrar_of.items() if of == registrar_id and id not in in_flight]:
            self.taken_at.pop(id, None)
        for row in claim.rows:
            self.taken_at[row.id] = self.now
            self._registrar_of[row.id] = registrar_id
            self._requests_before[row.id] = self.requests_of(row.id, row.generation)
        return claim

    async def settle(self, outcomes: Sequence[Settled]) -> Sequence[int]:
        rows = self.within.rows
        before = {settled.id: rows.get(settled.id) for settled in outcomes}
        again = await self.within.settle(outcomes)
        for settled in outcomes:
            self.taken_at.pop(settled.id, None)
            if (row := before[settled.id]) is not None:
                try:
                    self._check(row, settled)
                except AssertionError as error:
                    # The engine would take it for one of its own mistakes.
                    self.network.broken.append(f"{settled}: {error}")
        return again

    def requests_of(self, id: int, generation: int) -> int:
        """Return how many requests of a row have gone out."""
        return self.network.requests.get(dialog_names(KEY, id, generation)[0], 0)

    def process_died(self) -> None:
        self.within._in_flight.clear()
        self.taken_at.clear()

    def _check(self, row: Claimed, settled: Settled) -> None:
        requests = self.requests_of(row.id, settled.generation) - self._requests_before[row.id]
        assert requests <= self._most_requests, f"{requests} requests in one attempt of {row.id}"
        if settled.wanted_rev != row.wanted_rev:
            return  # it is due at once whatever the outcome says
        wait = (settled.due_at or 0.0) - settled.attempted_at
        if not row.desired:
            self._check_removal(row, settled, wait)
        elif row.clears and settled.state == State.UNREGISTERED:
            assert settled.klass is Class.NEW
            assert wait == 0, "cleared, and not bound at once"
        elif settled.state == State.REGISTERED:
            assert settled.klass is Class.HELD
            # Where the answer came later than what it granted lasts, there is nothing left to be before.
            left = max(settled.expires_at - settled.attempted_at, SHORTEST_REFRESH_SECONDS)
            assert 0 < wait <= left, "not due before it lapses"
            assert settled.expires_at <= settled.maybe_held_until
        else:
            self._check_failure(row, settled, wait)

    def _check_removal(self, row: Claimed, settled: Settled, wait: float) -> None:
        assert settled.is_over == (settled.due_at is None)
        lapses_in = max(row.expires_at, row.maybe_held_until) - settled.attempted_at
        if settled.is_over:
            is_left = (settled.last_reason or "").startswith("left to lapse")
            assert not is_left or lapses_in <= 0, "left before it lapses"
            return
        least = min(_timer(row), lapses_in)
        most = max(LONGEST_RETRY_AFTER_SECONDS, LONGEST_REFUSAL_WAIT_SECONDS) * (1 + RETRY_SPREAD)
        assert least <= wait + 0.001, f"tries again after {wait}, not {least}"
        assert wait <= min(most, lapses_in) + 0.001, f"tries again after {wait} only"

    def _check_failure(self, row: Claimed, settled: Settled, wait: float) -> None:
        assert settled.state in (State.RETRY_WAIT, State.REJECTED)
        timer, remaining = _timer(row), row.expires_at - settled.attempted_at
        least = timer
        if settled.state == State.REJECTED:
            least = max(timer, min(LONGEST_REFUSAL_WAIT_SECONDS, timer * 2 ** (settled.failures - 1)))
        elif remaining > 0:
            least = min(timer, max(SHORTEST_RETRY_WHILE_HELD_SECONDS, (remaining - TIMEOUT_SECONDS) / 2))
        if self._gives_up and "was refused for realm" in (settled.last_reason or ""):
            least = SLOW_TRY_SECONDS
        least = max(least, min(self._retry_after(row, settled), LONGEST_RETRY_AFTER_SECONDS))
        most = least * (1 + RETRY_SPREAD)
        assert least - 0.002 <= wait <= most + 0.002, f"waits {wait}, not {least} to {most}"

    def _retry_after(self, row: Claimed, settled: Settled) -> float:
        if settled.last_code == 0:
            return 0.0
        final = self.network.finals[dialog_names(KEY, row.id, settled.generation)[0]]
        assert final.status_code == settled.last_code
        return float(parse_retry_after(final.first("retry-after") or "0"))


def _timer(row: Claimed) -> float:
    return UNREGISTER_RETRY_SECONDS if row.entry is None else float(row.entry["FailedRegistrationRetryTimer"] or 0)
