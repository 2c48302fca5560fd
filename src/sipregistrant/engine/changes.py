"""Logs what has become of registrations: a line for each change of state, and no flood where many change at once.

Of one server ten changes a second have lines of their own, of all servers together fifty; the others of that second are one
line for each server, with their number, and beyond twenty servers one line for the rest. What fails again as it did before is
told at DEBUG alone. The history in the database has every change.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from logging import INFO, WARNING

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


class _Untold:
    """What has no line of its own: how many of a server have changed to which state."""

    __slots__ = ("numbers", "server")

    def __init__(self, server: str) -> None:
        self.server = server
        self.numbers = [0] * len(State)


class ChangeLog:
    """Takes outcomes that are on disk, while their registrars are among `registrars`."""

    def __init__(self, registrars: Mapping[int, Registrar]) -> None:
        self._registrars = registrars
        self._timer: asyncio.TimerHandle | None = None
        # Of the second that is under way, by registrar: how many lines, and what has none.
        self._lines: Counter[int] = Counter()
        self._untold: dict[int, _Untold] = {}

    def note(self, settled: Settled) -> None:
        """Tell of a change of state, or of a failure."""
        registrar_id = settled.registrar_id
        if settled.state == settled.old_state:
            log.debug("registration.failed_again", registration=settled.id, server=self._server(registrar_id),
                      failures=settled.failures, code=settled.last_code, reason=settled.last_reason)  # fmt: skip
            return
        # First what is frequent: a million that change at once must not feel it.
        untold = self._untold.get(registrar_id)
        if untold is not None:
            untold.numbers[settled.state] += 1
            return
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(WINDOW_SECONDS, self._end_window)
        if self._lines[registrar_id] < MOST_OF_SERVER and self._lines.total() < MOST_OF_ALL:
            self._lines[registrar_id] += 1
            _tell(settled, self._server(registrar_id))
        else:
            untold = self._untold[registrar_id] = _Untold(self._server(registrar_id))
            untold.numbers[settled.state] += 1

    def close(self) -> None:
        """Tell what is left to tell."""
        if self._timer is not None:
            self._timer.cancel()
            self._end_window()

    def _server(self, registrar_id: int) -> str:
        registrar = self._registrars.get(registrar_id)
        return "" if registrar is None else registrar.name

    def _end_window(self) -> None:
        self._timer = None
        untold, self._untold = self._untold, {}
        self._lines.clear()
        ordered = sorted(untold.values(), key=lambda one: -sum(one.numbers))
        for one in ordered[:MOST_SUMMARIES]:
            _tell_number(one.numbers, server=one.server)
        if rest := ordered[MOST_SUMMARIES:]:
            numbers = [sum(of_state) for of_state in zip(*(one.numbers for one in rest), strict=True)]
            _tell_number(numbers, servers=len(rest))


def _tell(settled: Settled, server: str) -> None:
    about = {"registration": settled.id, "aor": settled.aor, "server": server, "was": _word(settled.old_state),
             "now": _word(settled.state), "code": settled.last_code}  # fmt: skip
    if settled.state in GOOD:
        log.info("registration.changed", **about)
    else:
        log.warning("registration.failed", **about, reason=settled.last_reason)


def _tell_number(numbers: Sequence[int], **where: str | int) -> None:
    is_bad = any(number for state, number in enumerate(numbers) if state not in GOOD)
    log.log(WARNING if is_bad else INFO, "registrations.changed", **where, number=sum(numbers), now=_in_words(numbers))


def _in_words(numbers: Sequence[int]) -> dict[str, int]:
    return {_word(state): number for state, number in enumerate(numbers) if number}


def _word(state: int) -> str:
    return State(state).name.lower()
