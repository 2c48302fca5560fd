"""When to send the next REGISTER: numbers in, seconds out.

The rules are decisions, each forced by somebody's outage (the reasons stand over the constants). `spread` and `phase`
are numbers in [0, 1) that the caller draws or derives: nothing here is random.
"""

from __future__ import annotations

__all__ = [
    "RETRY_SPREAD",
    "SHORTEST_REFRESH_SECONDS",
    "refresh_at",
    "refresh_cycle",
    "refresh_wait",
    "refusal_wait",
    "retry_wait",
    "retry_wait_while_held",
]

# Timer F of RFC 3261 §17.1.2.2: the longest that one attempt can go without an answer.
TRANSACTION_TIMEOUT_SECONDS = 32.0

# No refresh later than this part of the grant, however long that is: a registrar's clock and ours need not agree.
LATEST_REFRESH = 0.9

# What was registered together would be refreshed together for ever. So where there are many each has a place of its own in a
# window as long as this part of the wait, which comes round for ever; of few it is shorter: so many a second are none too many
# for any registrar.
CYCLE = 0.95
REFRESHES_A_SECOND = 1.0

# Retries of one outage are taken apart by this part of their wait.
RETRY_SPREAD = 0.1

# A registrar that locks accounts after some failures keeps one locked that goes on failing every two minutes.
LONGEST_REFUSAL_WAIT_SECONDS = 1800.0

SHORTEST_RETRY_WHILE_HELD_SECONDS = 30.0

# However long a registrar asks us to stay away, it ends: RFC 3261 §20.33 sets no bound, and clients never came back.
LONGEST_RETRY_AFTER_SECONDS = 3600.0

# A grant so short that half of it is nothing must not become a loop.
SHORTEST_REFRESH_SECONDS = 1.0


def refresh_wait(granted: float, retry_timer: float) -> float:
    """Return the seconds from a 200 to the latest moment for the refresh of what it granted.

    Early enough for one attempt that times out, the wait after it, and another whole attempt, before the binding
    lapses; where the grant is too short for that, at half of it.
    """
    reserve = TRANSACTION_TIMEOUT_SECONDS + retry_timer + TRANSACTION_TIMEOUT_SECONDS
    latest = max(granted / 2, min(granted - reserve, LATEST_REFRESH * granted))
    return max(latest, min(SHORTEST_REFRESH_SECONDS, granted))


def refresh_cycle(granted: float, retry_timer: float) -> float:
    """Return the seconds from one refresh to the next of a binding that is one of many."""
    return CYCLE * refresh_wait(granted, retry_timer)


def refresh_at(began: float, granted: float, retry_timer: float, *, phase: float = 0.0, together: int = 1,
               planned: float | None = None) -> float:  # fmt: skip
    """Return the instant of the refresh of what was granted to a REGISTER of `began`, never after the wait is over.

    Of so many bindings `together` each has the place that its `phase` in [0, 1) says. `planned` is the instant that this
    refresh was due at, if it came at its time: the next comes a cycle after that. Any other, after a first registration, a
    change or an outage, is put back to its place. So the load is level, and is so again a cycle after whatever happened.
    """
    at = began + refresh_wait(granted, retry_timer)
    if together > 1 and planned is not None:
        at = planned + refresh_cycle(granted, retry_timer)
    elif together > 1:
        window = min(together / REFRESHES_A_SECOND, refresh_cycle(granted, retry_timer))
        at -= (at - phase * window) % window
    return max(at, began + min(SHORTEST_REFRESH_SECONDS, granted))


def retry_wait(retry_timer: float, retry_after: float, spread: float) -> float:
    """Return the seconds to wait after a failure while nothing is held: never less than the entry's own timer."""
    wait = max(retry_timer, min(retry_after, LONGEST_RETRY_AFTER_SECONDS))
    return wait * (1 + RETRY_SPREAD * spread)


def retry_wait_while_held(retry_timer: float, remaining: float, retry_after: float) -> float:
    """Return the seconds to wait after a failed refresh, so that a held binding is not lost to a long timer."""
    halfway = (remaining - TRANSACTION_TIMEOUT_SECONDS) / 2
    wait = min(retry_timer, max(SHORTEST_RETRY_WHILE_HELD_SECONDS, halfway))
    return max(wait, min(retry_after, LONGEST_RETRY_AFTER_SECONDS))


def refusal_wait(retry_timer: float, failures: int, retry_after: float, spread: float) -> float:
    """Return the seconds to wait after the nth refusal for cause in a row: the timer, then doubled up to half an
    hour.
    """
    doubled = retry_timer * 2 ** min(max(failures - 1, 0), 16)
    wait = max(retry_timer, min(doubled, LONGEST_REFUSAL_WAIT_SECONDS))
    return retry_wait(wait, retry_after, spread)
