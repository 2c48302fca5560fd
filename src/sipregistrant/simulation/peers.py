"""What others do, as policies: models of three ways to plan REGISTERs, not of any product.

Each AOR has a timer, a transaction (RFC 3261 §17.1.2: sent again after 0.5, 1.5, 3.5, 7.5 s, … and given up after 32 s) and no
memory over a restart; each REGISTER is challenged, for no nonce is kept. They differ in when the first one goes out, when a
binding is refreshed, and when a failure is tried again.
"""

from __future__ import annotations

import heapq
import math
import random
from array import array
from collections.abc import Callable
from dataclasses import dataclass

from .registrar import Answer, ModelRegistrar
from .report import Run
from .scenario import Scenario

__all__ = ["POLICIES", "Policy", "all_at_once", "fixed_interval", "play_policy", "random_delay"]

T1_SECONDS = 0.5
T2_SECONDS = 4.0
TIMEOUT_SECONDS = 32.0

MOST_A_SECOND = 10_000.0
"""So many requests one process gets out."""

# What those in reference use by default: Asterisk's refresh, retry_interval and max_random_initial_delay; Kamailio's
# reg_timer_interval, reg_retry_interval (set, for by default there is none) and its margin before the expiry.
BEFORE_EXPIRY_SECONDS = 10.0
RETRY_SECONDS = 60.0
FIRST_WITHIN_SECONDS = 10.0
SCAN_SECONDS = 5.0
SCAN_RETRY_SECONDS = 30.0
SCAN_MARGIN_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Policy:
    """When the first REGISTER after a start goes out, the refresh of what is granted, and another try: instants."""

    name: str
    first: Callable[[float, random.Random], float]
    refresh: Callable[[float, float], float]
    retry: Callable[[float], float]


def _before_expiry(now: float, granted: float) -> float:
    return now + max(granted - BEFORE_EXPIRY_SECONDS, granted / 2)


def _at_scan(at: float) -> float:
    """Return the first look at all timers at or after an instant."""
    return math.ceil(at / SCAN_SECONDS) * SCAN_SECONDS


def all_at_once() -> Policy:
    """Every AOR at the start, then a timer each."""
    return Policy("all at once", lambda start, draw: start, _before_expiry, lambda now: now + RETRY_SECONDS)


def fixed_interval() -> Policy:
    """One timer looks at all AORs every five seconds and sends what is due by then."""
    margin = SCAN_SECONDS + SCAN_MARGIN_SECONDS
    return Policy(
        "fixed interval",
        lambda start, draw: _at_scan(start),
        lambda now, granted: _at_scan(now + max(granted - margin, granted / 2)),
        lambda now: _at_scan(now + SCAN_RETRY_SECONDS),
    )


def random_delay(within: float = FIRST_WITHIN_SECONDS) -> Policy:
    """Each AOR waits a random time at the start, up to `within` seconds, then has a timer of its own."""
    return Policy(
        "random delay",
        lambda start, draw: start + within * draw.random(),
        _before_expiry,
        lambda now: now + RETRY_SECONDS,
    )


POLICIES = (all_at_once, fixed_interval, random_delay)


def play_policy(scenario: Scenario, policy: Policy) -> Run:
    """Play a scenario with one of them."""
    registrar = ModelRegistrar(scenario)
    run = Run(policy.name, scenario, registrar)
    _Player(scenario, policy, registrar, run).play()
    return run


# What happens next to an AOR.
BEGIN, SEND, AGAIN, ANSWERED = range(4)


class _Player:
    """All AORs of one process, on one heap of what happens next: (when, AOR, its transaction, what, answer)."""

    def __init__(self, scenario: Scenario, policy: Policy, registrar: ModelRegistrar, run: Run) -> None:
        self.scenario = scenario
        self.policy = policy
        self.registrar = registrar
        self.run = run
        self.draw = random.Random(f"{policy.name} {scenario.seed}")
        self.heap: list[tuple[float, int, int, int, Answer | None]] = []
        number = scenario.aors + 1
        self.transaction = array("L", bytes(8 * number))
        self.sent_at = array("d", bytes(8 * number))
        # The nonce that this transaction answers; 0 for none.
        self.issued = array("d", bytes(8 * number))
        self.free_at = 0.0

    def play(self) -> None:
        """Play it to its end."""
        scenario = self.scenario
        self._start(0.0)
        if scenario.restart is not None:
            self._run_until(scenario.restart.begin)
            self.heap.clear()
            self._start(scenario.restart.end)
        self._run_until(scenario.seconds)

    def _start(self, at: float) -> None:
        self.free_at = at
        for number in range(1, self.scenario.aors + 1):
            self.transaction[number] += 1
            self.heap.append((self.policy.first(at, self.draw), number, self.transaction[number], BEGIN, None))
        heapq.heapify(self.heap)

    def _run_until(self, end: float) -> None:
        heap, transaction = self.heap, self.transaction
        while heap and heap[0][0] < end:
            now, number, of, what, answer = heapq.heappop(heap)
            if transaction[number] != of:
                continue
            if what == BEGIN:
                self._begin(number, now, 0.0)
            elif what == SEND:
                self._send_first(number, now)
            elif what == AGAIN:
                self._again(number, now)
            else:
                assert answer is not None
                self._answered(number, now, answer)

    def _begin(self, number: int, now: float, issued: float) -> None:
        """Send a REGISTER as soon as the process comes to it."""
        self.issued[number] = issued
        at = max(now, self.free_at)
        self.free_at = at + 1 / MOST_A_SECOND
        if at > now:
            self._push(at, number, SEND)
        else:
            self._send_first(number, now)

    def _send_first(self, number: int, now: float) -> None:
        self.sent_at[number] = now
        self._send(number, now)
        self._push(now + T1_SECONDS, number, AGAIN)

    def _again(self, number: int, now: float) -> None:
        waited = now - self.sent_at[number]
        if waited >= TIMEOUT_SECONDS - 0.001:
            self.run.timed_out += 1
            self._wait(number, self.policy.retry(now))
            return
        self.run.sent_again += 1
        self._send(number, now)
        self._push(
            min(now + min(waited + T1_SECONDS, T2_SECONDS), self.sent_at[number] + TIMEOUT_SECONDS), number, AGAIN
        )

    def _send(self, number: int, now: float) -> None:
        passes, back = self._way(), self._way()
        if passes is None:
            return
        answer = self.registrar.receive(number, now + passes, self.issued[number] or None, self.scenario.ttl)
        if answer is not None and back is not None:
            heapq.heappush(self.heap, (answer.at + back, number, self.transaction[number], ANSWERED, answer))

    def _way(self) -> float | None:
        scenario = self.scenario
        if scenario.loss and self.draw.random() < scenario.loss:
            return None
        return scenario.delay + scenario.jitter * self.draw.random()

    def _answered(self, number: int, now: float, answer: Answer) -> None:
        self.transaction[number] += 1
        if answer.code == 401 and (not self.issued[number] or answer.is_stale):
            self._begin(number, now, answer.at)
        elif answer.code == 200:
            self._wait(number, self.policy.refresh(now, answer.value))
        else:
            self._wait(number, self.policy.retry(now))

    def _wait(self, number: int, at: float) -> None:
        self.transaction[number] += 1
        self.issued[number] = 0.0
        self._push(at, number, BEGIN)

    def _push(self, at: float, number: int, what: int) -> None:
        heapq.heappush(self.heap, (at, number, self.transaction[number], what, None))
