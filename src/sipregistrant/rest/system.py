"""`/rest/system`: which box this is, in the words of programs that ask for it before anything else.

    GET /rest/system                          NodeName, version, uptime
    GET /rest/system/historicalstatistics     a list of one
    GET /rest/system/historicalstatistics/1   rt_CPUUptime, in seconds

Names: observed. It is read only; rebooting, backup and restore of a box are nothing for a registrant. Monitoring that
compares versions is told the version that the operator says (`RestSettings.system_version`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from starlette.requests import Request

from ..access.origin import READING_METHODS
from ..model.attributes import Value
from .codes import ID_INVALID, METHOD_UNSUPPORTED, OBJECT_MISSING, RESOURCE_UNKNOWN, WireRefusal
from .envelope import Block, Listing, Member
from .queries import parse_query
from .settings import RestSettings

__all__ = ["NAME", "System"]

NAME = "system"
STATISTICS = "historicalstatistics"


class System:
    """Answers requests on the system."""

    def __init__(self, settings: RestSettings, *, clock: Callable[[], float]) -> None:
        """`clock` gives monotonic seconds; the system counts as up from now."""
        self._settings = settings
        self._clock = clock
        self._started_at = clock()

    def carry_out(self, request: Request, segments: Sequence[str], href: str) -> Block | Listing:
        """Return what the reply shows; raises `WireRefusal`. `segments` are those behind `/rest`."""
        _, *below = segments
        if (below and below[0] != STATISTICS) or len(below) > 2:
            raise WireRefusal(RESOURCE_UNKNOWN)
        name = STATISTICS if below else NAME
        if request.method not in READING_METHODS:
            raise WireRefusal(METHOD_UNSUPPORTED.about(name), allow=", ".join(sorted(READING_METHODS)))
        query = parse_query(request.scope["query_string"].decode("latin-1"), name)
        if not below:
            return Block(NAME, "", href, query.select(self._values()))
        uptime = {"rt_CPUUptime": self._uptime()}
        if len(below) == 2:
            _check_is_first(below[1])
            return Block(STATISTICS, "1", href, query.select(uptime))
        block = Block(STATISTICS, "1", f"{href}/1", query.select(uptime))
        return Listing(STATISTICS, 1, _only(block if query.details else Member(STATISTICS, "1", f"{href}/1")))

    def _values(self) -> Mapping[str, Value]:
        return {
            "NodeName": self._settings.node_name,
            "rt_CPUUptime": self._uptime(),
            "rt_Software_Base_BuildNumber": self._settings.system_build,
            "rt_Software_Base_Version": self._settings.system_version,
        }

    def _uptime(self) -> int:
        return int(self._clock() - self._started_at)


def _check_is_first(id: str) -> None:
    if not (id.isascii() and id.isdigit()):
        raise WireRefusal(ID_INVALID.about(STATISTICS))
    if id != "1":
        raise WireRefusal(OBJECT_MISSING.about(id, STATISTICS))


async def _only(member: Block | Member) -> AsyncIterator[Block | Member]:
    yield member
