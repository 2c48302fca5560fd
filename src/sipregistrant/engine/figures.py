"""What the engine tells those who measure it. Everything here may be asked from another thread: it looks at copies."""

from __future__ import annotations

from dataclasses import dataclass

from ..model.histogram import Histogram
from ..sip.targets import Target
from .claims import Claims
from .departure import Departures
from .pacing import Pacing
from .settler import Settler
from .tally import Tally
from .transport.keep_alives import KeepAlives

__all__ = ["Figures", "Queues"]


@dataclass(frozen=True, slots=True)
class Queues:
    """How much is under way, and waits."""

    claimed: int
    """Registrations claimed and not yet settled on disk."""
    ahead: int
    """Those among them that wait for room at their target."""
    waiting: int
    """Registrars that are due and have no room."""
    unsettled: int
    """Outcomes that are not on disk yet."""
    kept_flows: int
    """UDP flows that are kept open (RFC 5626)."""


class Figures:
    """A view of the engine's parts; it counts nothing itself."""

    def __init__(self, claims: Claims, settler: Settler, departures: Departures, keep_alives: KeepAlives) -> None:
        self._claims = claims
        self._settler = settler
        self._departures = departures
        self._keep_alives = keep_alives

    @property
    def lags(self) -> list[Histogram]:
        """How long after its due moment each attempt was sent, by `Class`."""
        return self._departures.lags

    @property
    def settle_seconds(self) -> Histogram:
        """How long it took until outcomes were on disk."""
        return self._settler.seconds

    @property
    def is_store_failing(self) -> bool:
        """Tell whether the last outcomes could not be written."""
        return bool(self._settler.fault)

    @property
    def is_claiming(self) -> bool:
        """Tell whether the engine runs, and claims what is due."""
        return self._settler.is_running and not self._claims.is_stopped

    @property
    def names_asked(self) -> int:
        """How many questions name servers were asked."""
        return self._claims.resolver.asked

    @property
    def names_failed(self) -> int:
        """How many of them nobody answered."""
        return self._claims.resolver.failed

    def queues(self) -> Queues:
        """Return how much is under way now."""
        registrars = list(self._claims.registrars.values())
        return Queues(
            sum(len(registrar.in_flight) for registrar in registrars),
            sum(len(registrar.ready) for registrar in registrars),
            len(self._claims.waiting), len(self._settler), len(self._keep_alives),
        )  # fmt: skip

    def tallies(self) -> dict[int, Tally]:
        """Return what was counted of each server, by its uid."""
        return {uid: memory.tally for uid, memory in list(self._claims.servers.items())}

    def targets(self) -> dict[Target, Pacing]:
        """Return the targets that registrars have now, and how much may go there."""
        found: dict[Target, Pacing] = {}
        for reach in self._claims.reaches:
            for one in reach.targets:
                if (pacing := self._claims.pacings.get(one.target)) is not None:
                    found[one.target] = pacing
        return found
