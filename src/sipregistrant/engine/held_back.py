"""Why nothing goes to a registrar although something is due there.

Because it asked for a pause, refuses everybody or is silent, which the engine has learned itself; or because the operator has
taken its server out for maintenance (`AdminState` 3), which the store knows: it hands out no rows and does not name the
registrar among those that have something to do, so that nobody asks for it until the next change of the configuration.
"""

from __future__ import annotations

from ..model.schedule import RegistrarSettings
from ..model.servers import ADMIN_STATE, MAINTENANCE
from ..model.standing import HeldBack
from .flight import Registrar

__all__ = ["Rests", "closed_until", "why_held_back"]


class Rests:
    """The registrars whose server is in maintenance, and those that have not had a REGISTER since."""

    def __init__(self) -> None:
        self._ids: set[int] = set()

    def __contains__(self, registrar: Registrar) -> bool:
        return _is_in_maintenance(registrar.settings)

    def note(self, registrar: Registrar) -> None:
        """Take note of what the settings say."""
        if registrar in self:
            self._ids.add(registrar.id)

    def end(self, registrar: Registrar) -> None:
        """Begin small with the targets of a registrar that comes back, as after an outage: whatever was learned of them, they
        are not what they were.
        """
        if registrar.id in self._ids:
            self._ids.discard(registrar.id)
            for pacing in registrar.reach.pacings:
                pacing.begin_again()


def _is_in_maintenance(settings: RegistrarSettings | None) -> bool:
    return settings is not None and settings.server.get(ADMIN_STATE) == MAINTENANCE


def closed_until(registrar: Registrar) -> float:
    """Return until when nothing goes to a registrar: it asked for a pause, or refuses everybody."""
    return max(registrar.reach.paused_until, registrar.server.guard.closed_until)


def why_held_back(registrar: Registrar, now: float) -> tuple[HeldBack, float] | None:
    """Return why what is due waits, as far as the engine has learned it, and the instant that belongs to it."""
    reach, guard = registrar.reach, registrar.server.guard
    if reach.is_silent:
        return HeldBack.SILENT, reach.silent_since
    if (until := reach.paused_until) > now:
        backs_off = any([pacing.backs_off_until == until for pacing in reach.pacings])
        return HeldBack.RECONNECTS if backs_off else HeldBack.PAUSED, until
    return (HeldBack.REFUSES_ALL, guard.closed_until) if guard.is_closed else None
