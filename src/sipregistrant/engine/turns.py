"""One binding, one attempt at a time (design, rule 7): rows of one binding key take turns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..model.schedule import Claimed
from .flight import Registrar

__all__ = ["Turns"]


class Turns:
    """Who is under way, by binding key, and who waits for that. `begin(registrar, row)` is called when a turn has come."""

    def __init__(self, begin: Callable[[Registrar, Claimed], None]) -> None:
        self._begin = begin
        self._waiting: dict[int, list[tuple[Registrar, Claimed]]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self, registrar: Registrar, row: Claimed) -> bool:
        """Take the turn for a row, or have it wait for its own."""
        waiting = self._waiting.get(row.binding_key)
        if waiting is not None:
            waiting.append((registrar, row))
            return False
        self._waiting[row.binding_key] = []
        return True

    def give(self, row: Claimed) -> None:
        """Give the turn to whoever waits for it, when what is under way now has ended."""
        for registrar, waiting in self._waiting.pop(row.binding_key, []):
            asyncio.get_running_loop().call_soon(self._begin, registrar, waiting)

    def drop(self, row: Claimed) -> None:
        """Forget who waits: they stay due, and go out at the next start."""
        self._waiting.pop(row.binding_key, None)
