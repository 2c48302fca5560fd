"""What the end of one attempt says of its server and its target, for all others that go there."""

from __future__ import annotations

import structlog

from ..model.schedule import Claimed, Sent
from ..model.status import State
from ..sip.outcome import Disposition, Kind, Outcome
from ..sip.targets import Target
from ..sip.transaction import NEVER
from .flight import Registrar
from .pacing import Pacing

__all__ = ["learn"]

log = structlog.get_logger()

# However long a registrar wants to be left alone: a mistyped Retry-After must not be an outage of an hour.
LONGEST_PAUSE_SECONDS = 600.0

# Who cannot keep flows is asked again then: somebody may have put in a proxy that can.
WITHOUT_OUTBOUND_SECONDS = 86400.0


def learn(registrar: Registrar, pacing: Pacing, row: Claimed, outcome: Outcome, tried: Sent | None,
          now: float) -> bool:  # fmt: skip
    """Note what an outcome means beyond its row. Tell whether a server accepts again that refused everybody."""
    server = registrar.server
    server.tally.outcomes[outcome.kind] += 1
    if outcome.was_ahead_accepted is not None:
        server.nonces.used(now - row.attempted_at, was_accepted=outcome.was_ahead_accepted)
    if row.desired and _was_good(row, now):
        is_refused = outcome.disposition is Disposition.REFUSED
        server.guard.attempted(now, registrar.good, registrar.name, is_refused=is_refused)
    has_opened = server.guard.is_closed and outcome.kind is Kind.ACCEPTED and server.guard.accepted(registrar.name)
    if outcome.security is not None and not server.is_news(*outcome.security, now):
        outcome.security = None
    if outcome.lacks_outbound:
        if server.lacks_outbound_until <= now:
            log.warning("server.lacks_outbound", server=registrar.name,
                        hint="it answered 439: its AORs are registered without flows (RFC 5626) for a day")  # fmt: skip
        server.lacks_outbound_until = now + WITHOUT_OUTBOUND_SECONDS
    if outcome.kind is Kind.TIMED_OUT or outcome.kind is Kind.NOT_SENT:
        has_choice = registrar.reach.has_choice
        since = outcome.sent_at if has_choice and outcome.sent_at else NEVER
        if pacing.was_silent(row.id, now, was_sent=outcome.kind is Kind.TIMED_OUT, since=since):
            hint = "the others go to other targets" if has_choice else "the others wait"
            log.error("target.silent", server=registrar.name, target=_place(tried),
                      hint=f"one AOR is tried now and then until it answers; {hint}")  # fmt: skip
    elif outcome.code:
        pacing.was_answered(row.id, now)
    if outcome.code == 503 and outcome.retry_after:
        # §21.5.4: the server cannot take requests now, whose ever they are.
        seconds = min(outcome.retry_after, LONGEST_PAUSE_SECONDS)
        if pacing.paused_until <= now:
            log.warning(
                "target.paused",
                server=registrar.name,
                target=_place(tried),
                seconds=seconds,
                hint="it answered 503 with Retry-After",
            )
        pacing.pause(now + seconds, now)
    return has_opened


def _place(tried: Sent | None) -> str:
    """Return where an attempt went, "" for nowhere."""
    return "" if tried is None else str(Target(tried.host, tried.port, tried.transport))


def _was_good(row: Claimed, now: float) -> bool:
    return row.state == State.REGISTERED or row.expires_at > now
