"""Logs what has become of registrations: a line for each change of state, and no flood where many change at once.

Of one server ten changes a second have lines of their own, of all servers together fifty; the others of that second are one
line for each server, with their number, and beyond twenty servers one line for the rest. What fails again as it did before is
told at DEBUG alone. The history in the database has every change.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping

import structlog

from ..model.schedule import Settled
from ..model.status import State
from .flight import Registrar

__all__ = ["ChangeLog"]

log = structlog.get_logger()

WINDOW_SECONDS = 1.0
MOST_OF_SERVER = 10
MOST_OF_ALL = 50
MOST_SUMMARIES = 20

GOOD = frozenset({State.REGISTERED, State.UNREGISTERED})


class ChangeLog:
    """Takes outcomes that are on disk, while their registrars are among `registrars`."""

    def __init__(self, registrars: Mapping[int, Registrar]) -> None:
        self._registrars = registrars
        self._timer: asyncio.TimerHandle | None = None
        # Of the second that is under way: lines by server, and what has none, by server and state.
        self._lines: Counter[str] = Counter()
        self._untold: dict[str, Counter[int]] = {}

    def note(self, settled: Settled) -> None:
        """Tell of a change of state, or of a failure."""
        registrar = self._registrars.get(settled.registrar_id)
        server = "" if registrar is None else registrar.name
        if settled.state == settled.old_state:
            log.debug("registration.failed_again", registration=settled.id, server=server, failures=settled.failures,
                      code=settled.last_code, reason=settled.last_reason)  # fmt: skip
            return
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(WINDOW_SECONDS, self._end_window)
        if self._lines[server] < MOST_OF_SERVER and self._lines.total() < MOST_OF_ALL:
            self._lines[server] += 1
            _tell(settled, server)
        else:
            self._untold.setdefault(server, Counter())[settled.state] += 1

    def close(self) -> None:
        """Tell what is left to tell."""
        if self._timer is not None:
            self._timer.cancel()
            self._end_window()

    def _end_window(self) -> None:
        self._timer = None
        untold, self._untold = self._untold, {}
        self._lines.clear()
        ordered = sorted(untold.items(), key=lambda one: -one[1].total())
        for server, states in ordered[:MOST_SUMMARIES]:
            log.warning("registrations.changed", server=server, number=states.total(), now=_in_words(states))
        rest: Counter[int] = Counter()
        for _, states in ordered[MOST_SUMMARIES:]:
            rest.update(states)
        if rest:
            log.warning("registrations.changed", servers=len(ordered) - MOST_SUMMARIES, number=rest.total(),
                        now=_in_words(rest))  # fmt: skip


def _tell(settled: Settled, server: str) -> None:
    about = {"registration": settled.id, "aor": settled.aor, "server": server, "was": _word(settled.old_state),
             "now": _word(settled.state), "code": settled.last_code}  # fmt: skip
    if settled.state in GOOD:
        log.info("registration.changed", **about)
    else:
        log.warning("registration.failed", **about, reason=settled.last_reason)


def _in_words(states: Counter[int]) -> dict[str, int]:
    return {_word(state): number for state, number in states.items()}


def _word(state: int) -> str:
    return State(state).name.lower()
