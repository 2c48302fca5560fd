"""The non-INVITE client transaction of RFC 3261 §17.1.2, as a table, with time as an argument.

    transaction = ClientTransaction(branch, request, SipTimers(), is_reliable=False)
    transaction.start(now)                    then send `transaction.request`
    transaction.receive(status_code, now)     -> Action
    transaction.handle_timer(now)             -> Action, once `transaction.next_timeout` has passed

The transaction sends nothing: it answers what is to be done. Matching an answer to it (§17.1.3: branch and method; and,
beyond the RFC, our CSeq) is the dispatcher's work, `engine/dispatcher.py`, as is the absorbing of what comes late:
a completed transaction is there only so that repeated answers are known as such.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, auto

from ..errors import InvalidState

__all__ = ["IGNORED", "NEVER", "TRANSITIONS", "Action", "ClientTransaction", "Event", "SipTimers", "State"]


@dataclass(frozen=True, slots=True)
class SipTimers:
    """RFC 3261 §17.1.1.1 and table 4, in seconds."""

    t1: float = 0.5
    """Estimate of the round-trip time."""
    t2: float = 4.0
    """Longest time between two sends of one request."""
    t4: float = 5.0
    """Longest time that a message stays in the network."""

    @property
    def timeout(self) -> float:
        """Timer F: how long a transaction waits for its final answer."""
        return 64 * self.t1


# Integers, because those of `Enum` hash themselves in Python, and these are looked up at every step.
class State(IntEnum):
    """What a transaction waits for. RFC 3261 figure 6."""

    INITIAL = auto()
    TRYING = auto()
    PROCEEDING = auto()
    COMPLETED = auto()
    TERMINATED = auto()


class Event(IntEnum):
    """What can happen to a transaction."""

    STARTED = auto()
    TIMER_E_FIRED = auto()
    TIMER_F_FIRED = auto()
    TIMER_K_FIRED = auto()
    PROVISIONAL_RECEIVED = auto()
    FINAL_RECEIVED = auto()
    TRANSPORT_FAILED = auto()


class Action(IntEnum):
    """What the transaction's owner has to do."""

    NOTHING = auto()
    SEND = auto()
    """Send the request, for the first time or again."""
    PASS_UP = auto()
    """The final answer: judge it."""
    TIME_OUT = auto()
    """There will be none."""
    FAIL = auto()
    """The request did not leave this machine."""


# An enum is asked by its metaclass for each of its members: what every step of a registration needs is asked for once.
SEND, PASS_UP, TERMINATED = Action.SEND, Action.PASS_UP, State.TERMINATED
STARTED, FINAL_RECEIVED = Event.STARTED, Event.FINAL_RECEIVED

TRANSITIONS: dict[State, dict[Event, tuple[State, Action]]] = {
    State.INITIAL: {
        Event.STARTED: (State.TRYING, Action.SEND),
    },
    State.TRYING: {
        Event.TIMER_E_FIRED: (State.TRYING, Action.SEND),
        Event.TIMER_F_FIRED: (State.TERMINATED, Action.TIME_OUT),
        Event.PROVISIONAL_RECEIVED: (State.PROCEEDING, Action.NOTHING),
        Event.FINAL_RECEIVED: (State.COMPLETED, Action.PASS_UP),
        Event.TRANSPORT_FAILED: (State.TERMINATED, Action.FAIL),
    },
    State.PROCEEDING: {
        # §17.1.2.2: a provisional answer does not end the retransmissions, it slows them to T2.
        Event.TIMER_E_FIRED: (State.PROCEEDING, Action.SEND),
        Event.TIMER_F_FIRED: (State.TERMINATED, Action.TIME_OUT),
        Event.PROVISIONAL_RECEIVED: (State.PROCEEDING, Action.NOTHING),
        Event.FINAL_RECEIVED: (State.COMPLETED, Action.PASS_UP),
        Event.TRANSPORT_FAILED: (State.TERMINATED, Action.FAIL),
    },
    State.COMPLETED: {
        Event.PROVISIONAL_RECEIVED: (State.COMPLETED, Action.NOTHING),
        Event.FINAL_RECEIVED: (State.COMPLETED, Action.NOTHING),
        Event.TRANSPORT_FAILED: (State.COMPLETED, Action.NOTHING),
        Event.TIMER_K_FIRED: (State.TERMINATED, Action.NOTHING),
    },
    State.TERMINATED: {},
}

# What may come and means nothing: the network's, which no state can keep from coming.
IGNORED: dict[State, frozenset[Event]] = {
    State.TERMINATED: frozenset({Event.PROVISIONAL_RECEIVED, Event.FINAL_RECEIVED, Event.TRANSPORT_FAILED}),
}

NEVER = float("inf")
"""The instant of what is not to happen."""


class ClientTransaction:
    """One request and all answers to it.

    `next_timeout` is the instant at which `handle_timer` wants to be called, infinite when it does not.
    """

    __slots__ = ("_deadline", "_interval", "_is_reliable", "_resend_at", "_timers", "branch", "next_timeout", "request",
                 "sends", "state")  # fmt: skip

    def __init__(self, branch: str, request: bytes, timers: SipTimers, *, is_reliable: bool) -> None:
        self.branch = branch
        self.request = request
        self.state = State.INITIAL
        self.sends = 0
        self.next_timeout = NEVER
        self._timers = timers
        self._is_reliable = is_reliable
        self._interval = timers.t1
        self._resend_at = NEVER
        self._deadline = NEVER

    def start(self, now: float) -> Action:
        """Begin: the request is to be sent."""
        # Timer E is for unreliable transports only, §17.1.2.2.
        self._resend_at = NEVER if self._is_reliable else now + self._interval
        self._deadline = now + self._timers.timeout
        return self._enter(STARTED)

    def receive(self, status_code: int, now: float) -> Action:
        """Take the status code of an answer that matches this transaction."""
        if status_code >= 200:
            action = self._enter(FINAL_RECEIVED)
            if action is PASS_UP:
                self._resend_at = NEVER
                self._deadline = self.next_timeout = now + (0.0 if self._is_reliable else self._timers.t4)
            return action
        action = self._enter(Event.PROVISIONAL_RECEIVED)
        if self.state is State.PROCEEDING:
            self._interval = self._timers.t2
        return action

    def transport_failed(self) -> Action:
        """Take the news that the request could not be sent."""
        return self._enter(Event.TRANSPORT_FAILED)

    def handle_timer(self, now: float) -> Action:
        """Do what is due at `now`; call it when `next_timeout` has passed."""
        if now >= self._deadline:
            completed = self.state is State.COMPLETED
            return self._enter(Event.TIMER_K_FIRED if completed else Event.TIMER_F_FIRED)
        if now < self._resend_at:
            return Action.NOTHING
        # §17.1.2.2: E doubles up to T2; the next send counts from this one, however late this one is.
        self._interval = min(2 * self._interval, self._timers.t2)
        self._resend_at = now + self._interval
        return self._enter(Event.TIMER_E_FIRED)

    def _enter(self, event: Event) -> Action:
        step = TRANSITIONS[self.state].get(event)
        if step is None:
            if event in IGNORED.get(self.state, ()):
                return Action.NOTHING
            raise InvalidState(self.state.name, event.name)
        self.state, action = step
        if action is SEND:
            self.sends += 1
        if self.state is TERMINATED:
            self.next_timeout = NEVER
        else:
            self.next_timeout = self._resend_at if self._resend_at < self._deadline else self._deadline
        return action
