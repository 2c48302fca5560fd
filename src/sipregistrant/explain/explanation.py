"""The explanation of one registration: what is so since when, what was sent and came back, what is held until when, what happens
next, why, and what to change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..model.servers import DISABLED, DRAIN, MAINTENANCE
from ..model.standing import HeldBack, Standing
from ..model.status import Status
from .answers import of_code
from .cause import Cause, Heals
from .faults import of_reason
from .words import ago, duration, instant, until

__all__ = ["Contact", "Explanation", "Facts", "explain"]


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact as it was sent, with the expiry (s) that was granted; None where the registrar did not take it."""

    uri: str
    granted: int | None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of a registration. Instants are milliseconds of schedule time, 0 for none.

    `registrar` is `transport:host:port`; `server` the server as `TABLE:ID`, "" where it is gone; `code` the last answer, 0 for
    none, `reason` why it was no success, "" where it was.
    """

    aor: str
    status: Status
    server: str
    registrar: str
    since: int
    attempted_at: int
    due_at: int
    expires_at: int
    maybe_held_until: int
    failures: int
    code: int
    reason: str
    contacts: tuple[Contact, ...] = ()
    standing: Standing = field(default_factory=Standing)
    admin_state: int = 1
    """Of the server, as `AdminState`."""
    stays_off: bool = False
    """Un-registered by action, until action register."""
    is_paused: bool = False
    """The whole service is."""
    is_group_off: bool = False
    """The signaling group is disabled or drained."""
    is_pending: bool = False
    """A change of table, server or group has not come to it yet."""
    is_ours_gone: bool = False
    """Its entry was deleted: only the un-REGISTER is left."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Sentences. `parts` are named, in their order; `cause` is a key of the table of outcomes."""

    headline: str
    parts: Mapping[str, str]
    cause: str
    advice: tuple[str, ...] = field(default=())

    @property
    def text(self) -> str:
        """Return it as paragraphs."""
        paragraphs = [self.headline, *self.parts.values()]
        if self.advice:
            paragraphs.append("\n".join(("What to do:", *(f"- {one}" for one in self.advice))))
        return "\n\n".join(paragraphs)


def explain(facts: Facts, now: int) -> Explanation:
    """Explain a registration at `now` (ms)."""
    cause = cause_of(facts, now)
    parts = {
        "sent": _sent(facts, now),
        "why": _why(facts, cause),
        "others": _others(facts, cause),
        "held": _held(facts, now),
        "next": _next(facts, now),
    }
    advice = _advice(facts, cause, now)
    return Explanation(_headline(facts, now), {name: text for name, text in parts.items() if text}, cause.key, advice)


NOTHING_YET = Cause("nothing_yet", "not tried yet", "No REGISTER has been answered yet.", (), (), Heals.ITSELF)
NOT_WANTED = Cause("not_wanted", "not wanted", "It is not meant to be registered.", (), (), Heals.GOOD)
OVERDUE = Cause("overdue", "overdue", "Its refresh is due and has not been sent.", (), (), Heals.ITSELF)
DONE = of_code(200)


def cause_of(facts: Facts, now: int) -> Cause:
    """Return the line of the table of outcomes that says why it is as it is."""
    if facts.status is Status.DISABLED:
        return of_reason(facts.reason) or NOT_WANTED
    if facts.reason:
        return of_reason(facts.reason) or (of_code(facts.code) if facts.code else NOTHING_YET)
    if facts.status in (Status.DEGRADED, Status.FAILING) and 0 < facts.due_at <= now:
        return OVERDUE
    return of_code(facts.code) if facts.code else NOTHING_YET


def _headline(facts: Facts, now: int) -> str:
    for_so_long = f"since {instant(facts.since)}, for {duration(now - facts.since)}" if facts.since else ""
    return HEADLINES[facts.status](facts, for_so_long)


def _of_degraded(facts: Facts, since: str) -> str:
    what = "its last refresh failed" if facts.reason else "its refresh is overdue"
    return f"{facts.aor} is still registered at {_where(facts)}, but {what}."


def _of_failing(facts: Facts, since: str) -> str:
    if not facts.reason:
        return (
            f"{facts.aor} is not registered at {_where(facts)} any more: it has lapsed at {instant(facts.expires_at)}."
        )
    tried = f"; {facts.failures:,} attempts have failed in a row" if facts.failures > 1 else ""
    return f"{facts.aor} is not registered at {_where(facts)}: it fails {since}{tried}."


HEADLINES: Mapping[Status, Callable[[Facts, str], str]] = {
    Status.REGISTERED: lambda facts, since: f"{facts.aor} is registered at {_where(facts)}, {since}.",
    Status.DEGRADED: _of_degraded,
    Status.FAILING: _of_failing,
    Status.REJECTED: lambda facts, since: f"{facts.aor} is refused by {_where(facts)}, {since}.",
    Status.REGISTERING: lambda facts, since: f"{facts.aor} has not been registered at {_where(facts)} yet.",
    Status.UNREGISTERING: lambda facts, since: (
        f"{facts.aor} is not wanted at {_where(facts)} any more, and is not gone from there yet."
    ),
    Status.DISABLED: lambda facts, since: f"{facts.aor} is not registered at {_where(facts)}, and is not meant to be.",
}


def _where(facts: Facts) -> str:
    server = f"server {facts.server}" if facts.server else "a server that was deleted"
    return f"{server} ({facts.registrar})" if facts.registrar else server


def _sent(facts: Facts, now: int) -> str:
    if not facts.attempted_at:
        return "Nothing has been sent for it yet."
    when = ago(facts.attempted_at, now)
    if not facts.reason:
        return f"The last request, to {facts.registrar}, was answered {facts.code} at {when}." if facts.code else (
            f"The last attempt ended at {when}."
        )  # fmt: skip
    if not facts.code:
        return f"The last attempt, to {facts.registrar}, ended without an answer at {when}: {facts.reason}."
    said = facts.reason if facts.reason.startswith(str(facts.code)) else f"{facts.code}: {facts.reason}"
    return f"The last request, to {facts.registrar}, was answered at {when}: {said}."


def _why(facts: Facts, cause: Cause) -> str:
    if cause in (DONE, NOT_WANTED, NOTHING_YET, OVERDUE) or not facts.reason:
        return ""
    likely = f" Likely: {'; or '.join(cause.causes)}." if cause.causes else ""
    heals = "" if cause.heals == Heals.GOOD else f" It {cause.heals}."
    return f"{cause.meaning}{likely}{heals}"


def _others(facts: Facts, cause: Cause) -> str:
    """Tell whether it is this AOR alone."""
    seen = facts.standing
    if not facts.reason or facts.code:
        return ""
    if seen.is_up is False:
        return f"The server has answered nobody since {instant(round(seen.since * 1000))}: it is not this AOR alone."
    if seen.is_up and cause.key == "silence":
        return f"The server answers others, at last at {instant(round(seen.answered_at * 1000))}: it is silent to this AOR."
    return ""


def _held(facts: Facts, now: int) -> str:
    if facts.expires_at > now:
        granted = [contact for contact in facts.contacts if contact.granted]
        what = "; ".join(contact.uri for contact in granted) or "our contacts"
        missing = [contact.uri for contact in facts.contacts if contact.granted is None]
        but = f" It has not taken {'; '.join(missing)}." if missing else ""
        return f"The registrar holds {what}, until {until(facts.expires_at, now)}, unless it is refreshed.{but}"
    if facts.maybe_held_until > now:
        return (
            f"The registrar may hold our contacts until {until(facts.maybe_held_until, now)}: the last REGISTER may have "
            f"arrived, "
            "although its answer did not."
        )
    if facts.status in (Status.FAILING, Status.REJECTED):
        return "The registrar holds nothing of it: who calls this AOR does not reach us."
    return ""


def _next(facts: Facts, now: int) -> str:
    if facts.status is Status.DISABLED:
        return _why_off(facts)
    if facts.is_pending:
        return "A change of its table, server or group is carried out in steps, and has not come to it yet."
    if not facts.due_at:
        return "Nothing is planned for it."
    what = "un-REGISTER" if facts.status is Status.UNREGISTERING else "refresh" if facts.expires_at > now else "attempt"
    if facts.due_at > now:
        return f"The next {what} is at {until(facts.due_at, now)}."
    waits = _waits(facts)
    since = f"The next {what} is due since {instant(facts.due_at)}"
    return f"{since}, and waits: {waits}" if waits else f"{since}, and is sent in its turn."


def _why_off(facts: Facts) -> str:
    if facts.stays_off:
        return "It was un-registered by action, and stays so until `register`."
    if facts.is_group_off:
        return "Its signaling group is disabled or drained; when that is enabled, it is registered again."
    if facts.admin_state in (DISABLED, DRAIN):
        return "Its server is disabled or drained (AdminState); when that is enabled, it is registered again."
    return "Nothing is planned for it."


def _waits(facts: Facts) -> str:
    if facts.is_paused:
        return "the service is paused, and nothing is sent until `sipregistrant resume`."
    if facts.admin_state == MAINTENANCE:
        return "the server is in maintenance (AdminState), and nothing is sent to it until that ends."
    if facts.standing.held_back is None:
        return ""
    why, at = facts.standing.held_back
    return WAITS[why].format(instant(round(at * 1000)), facts.standing.fault)


WAITS: Mapping[HeldBack, str] = {
    HeldBack.SILENT: "the registrar has not answered anybody since {0}. One AOR is tried now and then; when one is answered, "
    "all go out, "
    "in the order in which they lapse.",
    HeldBack.PAUSED: "the registrar asked to be left alone until {0} (503 with Retry-After).",
    HeldBack.RECONNECTS: "{1}; the next connection is tried at {0}.",
    HeldBack.REFUSES_ALL: "the registrar refuses everybody, so one AOR a minute is tried, to do no harm to the others; the "
    "next at {0}.",
}


def _advice(facts: Facts, cause: Cause, now: int) -> tuple[str, ...]:
    if facts.is_paused and 0 < facts.due_at <= now:
        return ("`sipregistrant resume`, unless another service registers the same AORs",)
    if facts.status in (Status.REGISTERED, Status.DISABLED, Status.UNREGISTERING) and cause.key != "accepted.partly":
        return ()
    if facts.admin_state == MAINTENANCE:
        return (
            f"`sipregistrant server set {facts.server.replace(':', ' ')} admin_state=enabled` ends the maintenance",
        )
    return cause.advice
