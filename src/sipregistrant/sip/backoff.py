"""When to send the next REGISTER: numbers in, seconds out.

The rules are decisions, each forced by somebody's outage (the reasons stand over the constants). `spread` and `phase`
are numbers in [0, 1) that the caller draws or derives: nothing here is random.
"""

from __future__ import annotations

__all__ = [
    "RETRY_SPREAD",
    "SHORTEST_REFRESH_SECONDS",
    "refresh_wait",
    "refusal_wait",
    "retry_wait",
    "retry_wait_while_held",
]

# Timer F of RFC 3261 §17.1.2.2: the longest that one attempt can go without an answer.
TRANSACTION_TIMEOUT_SECONDS = 32.0

# No refresh later than this part of the grant, however long that is: a registrar's clock and ours need not agree.
LATEST_REFRESH = 0.9

# What was registered together would be refreshed together for ever. The first refreshes are taken apart, always forward: never
# later than the rule allows. So many a second are none too many for any registrar; of more than fit into this part of the wait
# there are more. From then on each comes in the distance that the rule says, and what was taken apart stays so.
REFRESHES_A_SECOND = 1.0
REFRESH_SPREAD = 0.95

# Retries of one outage are taken apart by this part of their wait.
RETRY_SPREAD = 0.1

# A registrar that locks accounts after some failures keeps one locked that goes on failing every two minutes.
LONGEST_REFUSAL_WAIT_SECONDS = 1800.0

SHORTEST_RETRY_WHILE_HELD_SECONDS = 30.0

# However long a registrar asks us to stay away, it ends: RFC 3261 §20.33 sets no bound, and clients never came back.
LONGEST_RETRY_AFTER_SECONDS = 3600.0

# A grant so short that half of it is nothing must not become a loop.
SHORTEST_REFRESH_SECONDS = 1.0


def refresh_wait(granted: float, retry_timer: float, phase: float = 0.0, together: int = 0) -> float:
    """Return the seconds from a 200 to the refresh of what it granted.

    Early enough for one attempt that times out, the wait after it, and another whole attempt, before the binding
    lapses; where the grant is too short for that, at half of it. Where so many are granted `together`, the `phase` of this
    one says how far it is taken forward.
    """
    reserve = TRANSACTION_TIMEOUT_SECONDS + retry_timer + TRANSACTION_TIMEOUT_SECONDS
    latest = max(granted / 2, min(granted - reserve, LATEST_REFRESH * granted))
    window = min(together / REFRESHES_A_SECOND, REFRESH_SPREAD * latest)
    return max(latest - window * phase, min(SHORTEST_REFRESH_SECONDS, granted))


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
