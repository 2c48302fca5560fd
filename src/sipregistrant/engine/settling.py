"""What an outcome leaves in its row: the next due moment, the class, the state. A pure function, as a table of cases.

Its counterpart is `store/schedule.py`, which writes it, unless the configuration changed meanwhile: then the row is
due at once.
"""

from __future__ import annotations

from dataclasses import replace

from ..model.schedule import Claimed, Class, Sent, Settled
from ..model.status import State
from ..model.transitions import WAY_ON, Result, Wish
from ..sip.backoff import (
    RETRY_SPREAD,
    SHORTEST_REFRESH_SECONDS,
    refresh_at,
    refusal_wait,
    retry_wait,
    retry_wait_while_held,
)
from ..sip.learned import Learned
from ..sip.outcome import Disposition, Kind, Outcome

__all__ = ["INTERNAL_ERROR", "make_bare", "settlement"]

# Wait of an un-REGISTER that has no entry any more to say one.
UNREGISTER_RETRY_SECONDS = 120.0

# A row that made our own code fail: far enough off that it hurts nobody, near enough to heal after an upgrade (rule
# 12).
POISON_WAIT_SECONDS = 3600.0

# Never for good: somebody may have corrected the password at the registrar, where we hear nothing of it.
SLOW_TRY_SECONDS = 3600.0

# A refresh that begins so much later than it was due, as a part of the grant, has waited with others: its time is not its own
# any more.
LATE_SECONDS = 2.0
LATE_PART = 0.03

# An enum is asked by its metaclass for each of its members: what every settlement needs is asked for once.
REGISTER, ACCEPTED, FAILING = Wish.REGISTER, Result.ACCEPTED, Class.FAILING
KIND_ACCEPTED = Kind.ACCEPTED
GOOD = frozenset({Kind.ACCEPTED, Kind.REMOVED})

INTERNAL_ERROR = "internal error; the log has its trace"


def settlement(claimed: Claimed, outcome: Outcome, tried: Sent | None, generation: int, now: float, phase: float,
               spread: float, together: int = 1, gives_up_nonces: bool = False, hops: bool = False) -> Settled:  # fmt: skip
    """Return what is to be written for an attempt that ended at `now`.

    `tried` is what the REGISTER said, with the contacts it bound; None where none was built. `phase` in [0, 1) spreads
    refreshes where there are so many `together` at the registrar, `spread` in [0, 1) retries. `gives_up_nonces`: credentials
    that were refused are tried again only after an hour (RetryNonStaleNonce 0). `hops`: there is another target to try at once.
    """
    settled = _unchanged(claimed, outcome, generation, now)
    wish, result = _wish_of(claimed), _result_of(claimed, outcome, tried, now)
    settled.state, settled.klass = WAY_ON[wish, result]
    if settled.klass is FAILING and result is not Result.CRASHED and claimed.expires_at > now:
        settled.klass = Class.HELD
    if result is ACCEPTED:
        assert tried is not None
        _settle_success(settled, claimed, outcome, tried, now, phase, together)
    else:
        _settle_other(settled, claimed, outcome, wish, result, tried, now, spread, gives_up_nonces)
        if hops and result is Result.FAILED:
            settled.due_at = now
    if settled.state != claimed.state:
        settled.since_at = now
        settled.aor = _aor_of(claimed)
    return settled


def _settle_other(settled: Settled, claimed: Claimed, outcome: Outcome, wish: Wish, result: Result, tried: Sent | None,
                  now: float, spread: float, gives_up_nonces: bool) -> None:  # fmt: skip
    match wish, result:
        case _, Result.CRASHED:
            settled.due_at = now + POISON_WAIT_SECONDS
            if outcome.may_have_been_bound and tried is not None:
                _remember_unanswered(settled, claimed, outcome, tried, now)
        case Wish.UNREGISTER, Result.REMOVED | Result.LAPSED:
            _settle_end(settled, outcome, result)
        case Wish.UNREGISTER, _:
            settled.due_at = _next_removal(settled, claimed, outcome, now, spread)
        case Wish.CLEAR, Result.REMOVED:
            settled.expires_at = settled.maybe_held_until = 0.0
        case _:
            _settle_failure(settled, claimed, outcome, tried, now, spread)
            if gives_up_nonces and outcome.are_credentials_refused:
                settled.due_at = now + SLOW_TRY_SECONDS * (1 + RETRY_SPREAD * spread)


def _wish_of(claimed: Claimed) -> Wish:
    if not claimed.desired:
        return Wish.UNREGISTER
    return Wish.CLEAR if claimed.clears else REGISTER


def _result_of(claimed: Claimed, outcome: Outcome, tried: Sent | None, now: float) -> Result:
    if outcome.kind is KIND_ACCEPTED and tried is not None and not claimed.is_removal:
        return ACCEPTED
    if outcome.kind is Kind.CRASHED:
        return Result.CRASHED
    if claimed.is_removal and (outcome.kind is Kind.REMOVED or outcome.code == 404):
        return Result.REMOVED
    if not claimed.desired and max(claimed.expires_at, claimed.maybe_held_until) <= now:
        return Result.LAPSED
    if outcome.kind is Kind.ACCEPTED and tried is not None:
        return Result.ACCEPTED
    return Result.REFUSED if outcome.disposition is Disposition.REFUSED else Result.FAILED


def make_bare(settled: Settled) -> bool:
    """Leave as little as possible of an outcome that the schedule could not take; False where so little was left
    already.
    """
    if settled.last_reason == INTERNAL_ERROR and settled.challenge is None and settled.sent is None:
        return False
    settled.due_at = settled.attempted_at + POISON_WAIT_SECONDS
    settled.last_reason = INTERNAL_ERROR
    settled.challenge, settled.nonce_count = None, 0
    settled.sent = settled.min_expires = settled.learned = settled.security = None
    settled.is_over = False
    return True


def _unchanged(claimed: Claimed, outcome: Outcome, generation: int, now: float) -> Settled:
    # By position, in the order of the fields: by name it would take three times as long (measured).
    return Settled(
        claimed.id, claimed.wanted_rev, claimed.klass, now, claimed.state, outcome.cseq, generation, claimed.expires_at,
        claimed.maybe_held_until, now, claimed.since_at, 0 if outcome.kind in GOOD else claimed.failures + 1, outcome.code,
        outcome.reason, claimed.challenge, claimed.nonce_count, claimed.registrar_id, claimed.state,
    )  # fmt: skip


def _settle_success(
    settled: Settled, claimed: Claimed, outcome: Outcome, tried: Sent, now: float, phase: float, together: int
) -> None:
    """Registered: due again before the contact lapses that lapses first."""
    grants = {grant.uri: grant for grant in outcome.grants}
    missing: list[str] = []
    for contact in tried.contacts:
        grant = grants.get(contact.uri)
        if grant is None:
            contact.granted, contact.matched = None, ""
            missing.append(contact.uri)
        else:
            contact.granted, contact.matched = grant.expires, grant.matched
    expiries = [grant.expires for grant in outcome.grants]
    earliest = min(expiries)
    # The registrar counts from when it was asked, at the earliest from our first send; its answer may be half a minute late.
    began = outcome.sent_at or now
    settled.expires_at = began + earliest
    settled.maybe_held_until = now + max(expiries)
    soonest = now + min(SHORTEST_REFRESH_SECONDS, earliest)
    settled.due_at = max(soonest, refresh_at(
        began, earliest, _timer(claimed), phase=phase, together=together, planned=_planned(claimed, began, earliest)
    ))  # fmt: skip
    if missing:
        settled.last_reason = f"200 without {', '.join(missing)}"
        settled.due_at = min(settled.due_at, now + _timer(claimed))
    settled.challenge = outcome.challenge
    settled.nonce_count = outcome.nonce_count
    if tried != claimed.sent:
        settled.sent = tried
        settled.is_elsewhere = claimed.sent is not None and _place(tried) != _place(claimed.sent)
    if outcome.learned != claimed.learned:
        settled.learned = outcome.learned
        settled.is_elsewhere = settled.is_elsewhere or _lasting(outcome.learned) != _lasting(claimed.learned)
    settled.security = outcome.security
    if outcome.min_expires != claimed.min_expires:
        settled.min_expires = outcome.min_expires


def _place(sent: Sent) -> tuple[object, ...]:
    """Return what whoever calls an AOR has to know: where it is registered, and as what."""
    return sent.transport, sent.host, sent.port, [contact.uri for contact in sent.contacts]


def _lasting(learned: str | None) -> Learned:
    """Return what was learned without the temporary GRUU, which is another with each refresh (RFC 5627 §3.2)."""
    return replace(Learned.from_json(learned), temporary_gruu="")


def _planned(claimed: Claimed, began: float, granted: float) -> float | None:
    """Return the instant that a refresh at its own time was due at; None for a first registration, a change of the
    configuration, what failed before, and what had to wait with many others.
    """
    is_planned = claimed.expires_at > began and claimed.wanted_rev == claimed.applied_rev and not claimed.failures
    is_late = began - claimed.due_at > max(LATE_SECONDS, LATE_PART * granted)
    return claimed.due_at if is_planned and not is_late else None


def _settle_failure(settled: Settled, claimed: Claimed, outcome: Outcome, tried: Sent | None, now: float,
                    spread: float) -> None:  # fmt: skip
    is_refused = settled.state is State.REJECTED
    is_held = claimed.expires_at > now
    timer = _timer(claimed)
    if is_refused:
        wait = refusal_wait(timer, settled.failures, outcome.retry_after, spread)
    elif is_held:
        wait = retry_wait_while_held(timer, claimed.expires_at - now, outcome.retry_after)
    else:
        wait = retry_wait(timer, outcome.retry_after, spread)
    settled.due_at = now + wait
    if is_refused:
        # The nonce may be what was refused: the next attempt asks for a fresh one.
        settled.challenge, settled.nonce_count = None, 0
    else:
        settled.nonce_count = max(claimed.nonce_count, outcome.nonce_count)
    if outcome.may_have_been_bound and tried is not None:
        _remember_unanswered(settled, claimed, outcome, tried, now)
    if outcome.min_expires != claimed.min_expires:
        settled.min_expires = outcome.min_expires


def _remember_unanswered(settled: Settled, claimed: Claimed, outcome: Outcome, tried: Sent, now: float) -> None:
    """The 200 may have been lost: what was sent may be bound, beside what was (design, rule 8)."""
    asked = max((contact.asked for contact in tried.contacts), default=0)
    asked = max(asked, outcome.min_expires)
    settled.maybe_held_until = max(settled.maybe_held_until, now + asked)
    known = claimed.sent.contacts if claimed.sent is not None else []
    there = {contact.uri for contact in known}
    contacts = [*known, *(contact for contact in tried.contacts if contact.uri not in there)]
    if len(contacts) != len(known):
        tried.contacts = [replace(contact) for contact in contacts]
        settled.sent = tried


def _settle_end(settled: Settled, outcome: Outcome, result: Result) -> None:
    """Un-registered, or left to lapse: nothing is held, nothing is to be done."""
    settled.is_over = True
    settled.due_at = None
    settled.expires_at = settled.maybe_held_until = 0.0
    settled.challenge, settled.nonce_count = None, 0
    settled.failures = 0
    if result is Result.LAPSED:
        settled.last_reason = "left to lapse: " + (outcome.reason or "not un-registered in time")


def _next_removal(settled: Settled, claimed: Claimed, outcome: Outcome, now: float, spread: float) -> float:
    """Return when the un-REGISTER is tried again: at the latest when the binding has lapsed by itself."""
    if outcome.disposition is Disposition.REFUSED:
        wait = refusal_wait(_timer(claimed), settled.failures, outcome.retry_after, spread)
    else:
        wait = retry_wait(_timer(claimed), outcome.retry_after, spread)
    return min(now + wait, max(claimed.expires_at, claimed.maybe_held_until))


def _aor_of(claimed: Claimed) -> str:
    if claimed.entry is not None:
        return str(claimed.entry.get("AOR", ""))  # a row that spoils an attempt must not spoil its settling
    return "" if claimed.sent is None else claimed.sent.aor


def _timer(claimed: Claimed) -> float:
    if claimed.entry is None:
        return UNREGISTER_RETRY_SECONDS
    return float(claimed.entry["FailedRegistrationRetryTimer"] or UNREGISTER_RETRY_SECONDS)
