"""Name servers, and what they were asked and said on the way to a registrar."""

from __future__ import annotations

from collections.abc import Callable

from ...model.probing import Step
from ..naming.names import Answer, Names

__all__ = ["OverheardNames"]

MOST_STEPS = 20


class OverheardNames:
    """Asks somebody else, and notes each question as a step."""

    def __init__(self, names: Names, steps: list[Step], now: Callable[[], float]) -> None:
        self._names = names
        self._steps = steps
        self._now = now

    async def ask(self, name: str, kind: str) -> Answer:
        """As `Names` has it."""
        begun = self._now()
        try:
            answer = await self._names.ask(name, kind)
        except OSError as error:
            self._note(Step("dns", False, f"{kind} {name}: {error.strerror or error}", self._now() - begun))
            raise
        records = [str(record) for record in answer.records]
        said = ", ".join(records) or "none"
        text = f"{kind} {name}: {said} (for {answer.seconds:g} s)"
        # That there are no SRV records, or no IPv6 address, is no fault.
        self._note(
            Step(
                "dns", True if records else None, text, self._now() - begun, {"records": records, "ttl": answer.seconds}
            )
        )
        return answer

    def _note(self, step: Step) -> None:
        if len(self._steps) < MOST_STEPS:
            self._steps.append(step)
