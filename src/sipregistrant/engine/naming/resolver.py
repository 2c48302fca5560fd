"""What is known of names: each question asked once, used for as long as the answer says, and while nobody answers, longer.

Nobody waits long for what is known already: where an answer has run out, the next one is waited for a moment, and while
no name server answers the last good one counts, however old it is (RFC 8767). That a name has gone is an answer as well.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import structlog

from ...sip.uri import is_ip_address
from ..tasks import spawn
from .names import Answer, Names, Pointer, Service

__all__ = ["Resolver"]

log = structlog.get_logger()

SHORTEST_USE_SECONDS = 5.0
LONGEST_USE_SECONDS = 86_400.0
LONGEST_WAIT_FOR_BETTER_SECONDS = 2.0

# While nobody answers, it is asked again so often.
RETRY_SECONDS = 10.0


class Question(NamedTuple):
    """A name, and what is asked of it."""

    name: str
    kind: str


class Known:
    """What is known of one question."""

    __slots__ = ("asked", "fault", "records", "until")

    def __init__(self) -> None:
        self.records: Sequence[Any] | None = None
        self.fault: OSError | None = None
        self.until = float("-inf")
        self.asked: asyncio.Task[None] | None = None


class Resolver:
    """Addresses and services by name."""

    def __init__(self, now: Callable[[], float], names: Names) -> None:
        self._now = now
        self._names = names
        self._known: dict[Question, Known] = {}
        self.asked = self.failed = 0
        """How many questions were asked, and how many of them nobody answered."""

    async def addresses(self, host: str, *, prefer_ipv6: bool = False) -> list[str]:
        """Return the addresses of a host, without brackets, of the preferred family, else of the other.

        Raises `OSError` with the reason where there are none.
        """
        bare = host.strip("[]")
        if is_ip_address(bare):
            # As the kernel writes it: answers are compared with it.
            return [str(ipaddress.ip_address(bare))]
        for kind in ("AAAA", "A") if prefer_ipv6 else ("A", "AAAA"):
            if found := await self._ask(Question(host, kind)):
                return [str(ipaddress.ip_address(address)) for address in found]
        raise OSError(0, "the name servers know none")

    async def services(self, name: str) -> Sequence[Service]:
        """Return the SRV records of a name, none where there are none. Raises `OSError` where nobody can tell."""
        return await self._ask(Question(name, "SRV"))

    async def pointers(self, name: str) -> Sequence[Pointer]:
        """Return the NAPTR records of a name, none where there are none. Raises `OSError` where nobody can tell."""
        return await self._ask(Question(name, "NAPTR"))

    async def _ask(self, question: Question) -> Sequence[Any]:
        known = self._known.setdefault(question, Known())
        if self._now() >= known.until:
            if known.asked is None:
                known.asked = spawn(self._look_up(question, known), "resolver")
            # What is known already is worth no long wait; the look-up goes on.
            wait = None if known.records is None else LONGEST_WAIT_FOR_BETTER_SECONDS
            await asyncio.wait({known.asked}, timeout=wait)
        if known.records is None:
            raise known.fault or OSError(0, "no answer of the name server")
        return known.records

    async def _look_up(self, question: Question, known: Known) -> None:
        self.asked += 1
        try:
            answer = await self._names.ask(*question)
        except OSError as error:
            self.failed += 1
            if known.fault is None:
                hint = "nothing is known of it" if known.records is None else "what was known of it is used"
                log.warning("name.unanswered", name=question.name, kind=question.kind,
                            reason=error.strerror or str(error), hint=hint)  # fmt: skip
            known.fault = error
            known.until = self._now() + RETRY_SECONDS
        else:
            self._take(question, known, answer)
        finally:
            known.asked = None

    def _take(self, question: Question, known: Known, answer: Answer) -> None:
        if known.records is not None and sorted(known.records) != sorted(answer.records):
            log.info(
                "name.changed", name=question.name, kind=question.kind, records=[str(one) for one in answer.records]
            )
        known.records, known.fault = answer.records, None
        known.until = self._now() + min(max(answer.seconds, SHORTEST_USE_SECONDS), LONGEST_USE_SECONDS)
