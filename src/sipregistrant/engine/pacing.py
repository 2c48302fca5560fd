"""How much may go to one target, and when: attempts in flight, REGISTERs a second, and nothing but probes while it is silent.

The registrar's own answers set the pace. A window, as TCP has one, starts small at each start of the process, doubles
from answer to answer, is halved by a loss and narrowed where answers take longer and longer. A rate is none until the
registrar is overloaded by its own word; then it is half of what was sent, and grows step by step. Above both stand the
limits that the operator sets, and the breaker (`breaker.py`).
"""

from __future__ import annotations

from ..sip.transaction import NEVER
from .breaker import Breaker

__all__ = ["Pacing", "Rate", "Window"]

FIRST_WINDOW = 20

# A receive buffer of Linux's default size holds some 160 datagrams of this kind: more at once only fills it until it
# drops.
LARGEST_WINDOW = 128
SMALLEST_WINDOW = 2

# Losses within one round are one loss: the window is halved once for all of them. Fewer than this share of the answers
# is no loss of the way: a registrar may be silent to an AOR that it does not like.
ROUND_SECONDS = 0.5
LOST_SHARE = 0.05

# An attempt that has waited so long while others were answered keeps nobody waiting: its slot is given back; while nobody was
# answered after five seconds, so that a registrar that is silent to two AORs alone is asked for a third. So many of them there
# may be, each for half a minute.
LATE_SECONDS = 1.5
LATE_SECONDS_WITHOUT_ANSWERS = 5.0
MOST_LATE = 1000

# T1 of RFC 3261 §17.1.1.1: what took longer was sent again, and nobody knows which of the two was answered.
LONGEST_CERTAIN_SECONDS = 0.5

# Answers that take so much longer than the quickest ones stood in a queue. The window grows no further then; at twice
# that it narrows, before anything is sent again.
QUEUED_SECONDS = 0.1
SLOWER_BY = 0.125

# The quickest answer is looked for anew so often: a route may change.
BASE_EVERY_SECONDS = 300.0

# Of the answers, that say overload, within a second: one AOR that makes a registrar stumble is no overload.
FEWEST_OVERLOADED = 2
OVERLOADED_SHARE = 0.02
OVERLOADED = frozenset({500, 502, 503, 504})
"""Answers of a registrar that cannot cope (RFC 3261 §21.5): the others of 5xx are about the request."""

SECOND = 1.0
SLOWEST_RATE = 1.0
FASTER_BY = 0.05

# What may go at once, in seconds of the rate: as level as the ticks of the claims allow.
BURST_SECONDS = 0.1


class Window:
    """How many attempts may be in flight, as the answers have it."""

    __slots__ = ("_answers", "_base", "_base_at", "_before", "_ceiling", "_delay", "_losses", "_narrowed_at", "_round_at",
                 "_size")  # fmt: skip

    def __init__(self) -> None:
        self._size = float(FIRST_WINDOW)
        self._ceiling = float(LARGEST_WINDOW)
        self._narrowed_at = self._round_at = float("-inf")
        # Of the round that is under way, and the answers of the one before: a loss shows half a second later.
        self._answers = self._losses = self._before = 0
        self._base = self._delay = 0.0
        self._base_at = float("-inf")

    @property
    def size(self) -> int:
        return int(self._size)

    def answered(self, waited: float, now: float) -> None:
        """Take an answer that came `waited` seconds after its request was first sent.

        Widen by one up to where the last loss was, slowly from there; not while answers queue up, and narrow where they
        do more and more.
        """
        if now - self._round_at >= ROUND_SECONDS:
            self._turn(now)
        self._answers += 1
        if waited < LONGEST_CERTAIN_SECONDS:
            if waited < self._base or now - self._base_at > BASE_EVERY_SECONDS:
                self._base, self._base_at, self._delay = waited, now, waited
            self._delay += (waited - self._delay) / 8
            queued = self._delay - self._base
            if queued > QUEUED_SECONDS:
                if queued > 2 * QUEUED_SECONDS:
                    self._narrow(now, 1 - SLOWER_BY)
                return
        if self._size < self._ceiling:
            self._size += 1
        elif self._size < LARGEST_WINDOW:
            self._size += 1 / self._size

    def lost(self, now: float) -> None:
        """Halve: something was sent again, or never answered."""
        if now - self._round_at >= ROUND_SECONDS:
            self._turn(now)
        self._losses += 1
        if self._losses >= LOST_SHARE * (self._answers + self._before):
            self._narrow(now, 0.5)

    def begin_again(self) -> None:
        """Start small, as towards a target that nothing is known of."""
        self._size, self._ceiling = min(self._size, float(FIRST_WINDOW)), float(LARGEST_WINDOW)

    def _turn(self, now: float) -> None:
        is_next = now - self._round_at < 2 * ROUND_SECONDS
        self._before, self._answers, self._losses = self._answers if is_next else 0, 0, 0
        self._round_at = now

    def _narrow(self, now: float, factor: float) -> None:
        if now - self._narrowed_at >= ROUND_SECONDS:
            self._narrowed_at = now
            self._size = self._ceiling = max(float(SMALLEST_WINDOW), self._size * factor)


class Rate:
    """How many REGISTERs a second may be sent: a bucket of tokens. `per_second` is infinite while nothing bounds it."""

    __slots__ = ("_answers", "_before", "_ceiling", "_limit", "_overloaded", "_second", "_sent", "_slowed_at", "_tokens",
                 "_tokens_at", "per_second")  # fmt: skip

    def __init__(self) -> None:
        self.per_second = NEVER
        self._limit = NEVER
        # Up to here it doubles each second; it is half of what was too much.
        self._ceiling = NEVER
        self._slowed_at = float("-inf")
        self._tokens = 0.0
        self._tokens_at = 0.0
        # Of the second that is under way: when it began, what was sent, what was answered; of the one before: REGISTERs a
        # second.
        self._before = 0.0
        self._second = float("-inf")
        self._sent = self._answers = self._overloaded = 0

    @property
    def burst(self) -> float:
        """How many tokens there are at most."""
        return max(1.0, self.per_second * BURST_SECONDS)

    def limit(self, per_second: float) -> None:
        """Never send faster than this; infinite for no limit."""
        self._limit = per_second
        self.per_second = min(self.per_second, per_second) if self._ceiling < NEVER else per_second

    def allowed(self, now: float) -> float:
        """Return how many tokens there are: infinite while nothing bounds the rate, below zero where more was sent."""
        if self.per_second == NEVER:
            return NEVER
        self._fill(now)
        return self._tokens

    def next_at(self, wanted: float, now: float) -> float:
        """Return the instant at which there will be so many tokens."""
        return now + max(0.0, min(wanted, self.burst) - self.allowed(now)) / self.per_second

    def sent(self, now: float) -> None:
        """Count a request, whatever it is: the registrar has the work of each."""
        if now - self._second >= SECOND:
            self._turn(now)
        self._sent += 1
        if self.per_second < NEVER:
            self._fill(now)
            self._tokens -= 1

    def answered(self, now: float, *, is_overloaded: bool) -> None:
        """Take what an answer says of how the registrar copes."""
        if now - self._second >= SECOND:
            self._turn(now)
        self._answers += 1
        if is_overloaded:
            self._overloaded += 1
            if self._overloaded >= max(FEWEST_OVERLOADED, OVERLOADED_SHARE * self._answers):
                self.slow_down(now)

    def slow_down(self, now: float) -> None:
        """Send half as much as was sent of late; once a second."""
        if now - self._slowed_at < SECOND:
            return
        sent = max(self._before, self._sent / max(now - self._second, SECOND / 10))
        rate = max(SLOWEST_RATE, min(self.per_second, sent) / 2)
        # Where one slowing follows the other, the first one knows best where it began.
        if now - self._slowed_at > 2 * SECOND or self._ceiling == NEVER:
            self._ceiling = rate
        self._slowed_at = now
        self._set(rate, now)

    def begin_again(self) -> None:
        """Forget what was learned: the operator's limit alone holds."""
        self.per_second, self._ceiling = self._limit, NEVER

    def _turn(self, now: float) -> None:
        """Begin a new second; go faster after one that used its rate without a word of overload."""
        is_used = self._sent >= self.per_second / 2 and not self._overloaded
        if self._ceiling < NEVER and is_used and now - self._slowed_at >= SECOND:
            doubled = min(2 * self.per_second, max(self._ceiling, self.per_second))
            self._set(max(doubled, self.per_second * (1 + FASTER_BY)), now)
        self._before = self._sent / max(now - self._second, SECOND)
        self._second, self._sent, self._answers, self._overloaded = now, 0, 0, 0

    def _set(self, per_second: float, now: float) -> None:
        if self.per_second < NEVER:
            self._fill(now)
        else:
            self._tokens, self._tokens_at = 0.0, now
        self.per_second = min(per_second, self._limit)

    def _fill(self, now: float) -> None:
        filled = self._tokens + max(0.0, now - self._tokens_at) * self.per_second
        self._tokens, self._tokens_at = min(filled, self.burst), now


class Pacing:
    """All of it, of one target (host, port, transport): servers that are one registrar share it.

    A slot (`taken`) is taken at the start of an attempt and given back when it ends.
    """

    __slots__ = (
        "_limits",
        "_most",
        "answered_at",
        "backs_off_until",
        "breaker",
        "late",
        "paused_until",
        "rate",
        "taken",
        "window",
    )

    def __init__(self) -> None:
        self.window = Window()
        self.rate = Rate()
        self.breaker = Breaker()
        self.taken = 0
        self.answered_at = float("-inf")
        """When the last final answer came."""
        self.late = 0
        """How many attempts have given back their slots, and are not over yet."""
        self.paused_until = 0.0
        """The instant until which the target is left alone: it wants to be, or no connection may be opened."""
        self.backs_off_until = 0.0
        self._limits: dict[int, tuple[float, float]] = {}
        self._most = NEVER

    def limit(self, registrar_id: int, per_second: int, in_flight: int) -> None:
        """Take the operator's limits, 0 for none, as one of the servers of this target has them; the strictest holds."""
        self._limits[registrar_id] = per_second or NEVER, in_flight or NEVER
        self.rate.limit(min(rate for rate, _ in self._limits.values()))
        self._most = min(most for _, most in self._limits.values())

    def room(self, now: float) -> int:
        """Return how many more attempts may start now."""
        if self.breaker.is_open:
            return self.breaker.room(now)
        return max(0, int(min(self.size - self.taken, self.rate.allowed(now))))

    @property
    def size(self) -> int:
        """How many attempts may be in flight."""
        return int(min(self.window.size, self._most))

    def worth(self) -> int:
        """Return for how many attempts a claim is worth its transaction."""
        if self.breaker.is_open or not self.taken:
            return 1
        return max(1, int(min(self.size // 4, self.rate.burst)))

    def next_at(self, now: float) -> float:
        """Return when there is room again by the clock; infinite where it takes an attempt that ends."""
        if self.breaker.is_open:
            return self.breaker.probe_at
        if self.size <= self.taken or self.rate.per_second == NEVER:
            return NEVER
        return self.rate.next_at(self.worth(), now)

    @property
    def soon(self) -> int:
        """How many attempts may start within the next second, as far as the rate goes."""
        return int(min(self.rate.per_second, 1_000_000))

    def pause(self, until: float, now: float) -> None:
        """Start nothing before `until`, and small then; a shorter pause does not end a longer one."""
        self.paused_until = max(self.paused_until, until)
        self.window.begin_again()
        self.rate.slow_down(now)

    def hold(self, until: float) -> None:
        """Start nothing before `until`, when the next connection may be opened; nothing is known of how it copes."""
        self.backs_off_until = until
        self.paused_until = max(self.paused_until, until)

    def started(self) -> None:
        """Take a slot."""
        self.taken += 1

    def sent(self, now: float) -> None:
        """Count a new request."""
        self.rate.sent(now)
        if self.breaker.is_open:
            self.breaker.probe_sent(now)

    def ended(self, *, is_late: bool) -> None:
        """Give the slot of an attempt back."""
        if is_late:
            self.late -= 1
        else:
            self.taken -= 1

    def answered(self, code: int, waited: float, now: float) -> bool:
        """Take a final answer that came `waited` seconds after its request was first sent. Tell whether the target was
        silent before.
        """
        self.answered_at = now
        is_overloaded = code in OVERLOADED
        self.rate.answered(now, is_overloaded=is_overloaded)
        if not is_overloaded:
            self.window.answered(waited, now)
        return self.breaker.is_open and self.heard(now)

    def heard(self, now: float) -> bool:
        """Take an answer to anything: the target is there. Tell whether it was silent before."""
        self.answered_at = now
        if not self.breaker.is_open:
            return False
        self.breaker.close()
        self.begin_again()
        return True

    def begin_again(self) -> None:
        """Start small, as towards a target that nothing is known of."""
        self.window.begin_again()
        self.rate.begin_again()

    def lost(self, waited: float, answered_at: float, now: float, *, is_late: bool) -> bool:
        """Note that a request, first sent `waited` seconds ago, was sent again or never answered; the target has answered
        others at `answered_at`. Tell whether the attempt, if it was not before, is late from now on: its slot is given back.
        """
        if is_late:
            return False
        self.window.lost(now)
        longest = LATE_SECONDS if answered_at > now - waited else LATE_SECONDS_WITHOUT_ANSWERS
        is_late = waited >= longest and self.late < MOST_LATE
        if is_late:
            self.taken -= 1
            self.late += 1
        return is_late

    def was_silent(self, row_id: int, now: float, *, was_sent: bool, since: float = NEVER) -> bool:
        """Note an attempt that ended without an answer, or could not even be sent. Tell whether the target is taken for
        silent from now on: where there are others to go to, as soon as it has answered nobody `since` this was sent.
        """
        has_opened = self.breaker.ended(row_id, now, was_silent=True)
        if since > self.answered_at and since < NEVER:
            has_opened = self.breaker.open(now, others=True) or has_opened
        if self.breaker.is_open and not was_sent:
            self.breaker.probe_sent(now)
        return has_opened

    def was_answered(self, row_id: int, now: float) -> None:
        """Note an attempt that ended with an answer."""
        self.breaker.ended(row_id, now, was_silent=False)
