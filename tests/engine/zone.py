"""What name servers know in these tests.

    zone = Zone({"sip.example.com": ["198.51.100.1"], "_sip._udp.example.com": [Service(10, 0, 5060, "sip.example.com")]})

A name that maps to None is never answered; one that is not there is not known. `asked` notes each question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from sipregistrant.engine.naming.names import NOTHING_SECONDS, Answer, Pointer

__all__ = ["Zone"]


class Zone:
    """A zone that can be changed, and whose servers can be taken away."""

    def __init__(self, records: Mapping[str, Sequence[Any] | None] | None = None, *, seconds: float = 60.0) -> None:
        self.records = dict(records or {})
        self.seconds = seconds
        self.is_down = False
        self.asked: list[tuple[str, str]] = []

    async def ask(self, name: str, kind: str) -> Answer:
        """See `engine.names.Names`."""
        self.asked.append((name, kind))
        await asyncio.sleep(0.01)
        if self.is_down:
            raise OSError(0, "the name servers failed")
        found = self.records.get(name, ())
        if found is None:
            await asyncio.sleep(10)
            raise OSError(0, "no answer of the name server within 10 s")
        fitting = [one for one in found if _kind(one) == kind]
        return Answer(fitting, self.seconds if fitting else NOTHING_SECONDS)


def _kind(record: Any) -> str:
    if isinstance(record, Pointer):
        return "NAPTR"
    if not isinstance(record, str):
        return "SRV"
    return "AAAA" if ":" in record else "A"
