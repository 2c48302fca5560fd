"""What an outcome leaves in its row: each kind of outcome, where a binding is held, maybe held or not, wanted or not.

The timer of the entries is 120 s, the grant 3600 s.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sipregistrant.engine.settling import INTERNAL_ERROR, make_bare, settlement
from sipregistrant.model.schedule import Claimed, Class, Sent, SentContact, Settled
from sipregistrant.model.status import State
from sipregistrant.sip.outcome import Grant, Kind, Outcome
from tests.engine.listed import entry, make_row

NOW = 2_000_000_000.0
URI = "sip:u1@192.0.2.1:5070"
MOBILE = "sip:u1@203.0.113.7"


def tried(*uris: str, asked: int = 3600, granted: int | None = None, matched: str = "") -> Sent:
    contacts = [SentContact(uri, 100, asked, granted, matched) for uri in uris or (URI,)]
    return Sent("sip:u1@example.com", "sip:u1@example.com", "sip:example.com", "198.51.100.1", 5060, "udp", contacts)


def accepted(*grants: tuple[str, int], **changes: Any) -> Outcome:
    granted = [Grant(uri, expires, "uri") for uri, expires in grants or [(URI, 3600)]]
    return Outcome(Kind.ACCEPTED, 200, None, 42, grants=granted, **changes)


def refused(code: int, **changes: Any) -> Outcome:
    return Outcome(Kind.REFUSED, code, f"{code} Sorry", 42, **changes)


TIMED_OUT = Outcome(Kind.TIMED_OUT, 0, "no answer", 42, may_have_been_bound=True)
NOT_SENT = Outcome(Kind.NOT_SENT, 0, "no route", 42)
CRASHED = Outcome(Kind.CRASHED, 0, INTERNAL_ERROR, 42)
REMOVED = Outcome(Kind.REMOVED, 200, None, 42)

# What a registrar has of a row, in seconds from now.
HELD: dict[str, Any] = {
    "expires_at": NOW + 300,
    "maybe_held_until": NOW + 300,
    "state": State.REGISTERED,
    "klass": Class.HELD,
}
MAYBE: dict[str, Any] = {
    "expires_at": 0.0,
    "maybe_held_until": NOW + 300,
    "state": State.RETRY_WAIT,
    "klass": Class.FAILING,
}
NOTHING: dict[str, Any] = {"expires_at": 0.0, "maybe_held_until": 0.0, "state": State.UNREGISTERED, "klass": Class.NEW}


def settle(
    row: Claimed,
    outcome: Outcome,
    sent: Sent | None = None,
    *,
    phase: float = 0.0,
    spread: float = 0.0,
    together: int = 0,
) -> Settled:
    return settlement(row, outcome, tried=sent, generation=3, now=NOW, phase=phase, spread=spread, together=together)


# The table: outcome, what is held, wanted -> state, class, wait


WANTED = [
    (accepted(), NOTHING, State.REGISTERED, Class.HELD, 3240),
    (accepted(), MAYBE, State.REGISTERED, Class.HELD, 3240),
    (accepted(), HELD, State.REGISTERED, Class.HELD, 3240),
    (TIMED_OUT, NOTHING, State.RETRY_WAIT, Class.FAILING, 120),
    (TIMED_OUT, MAYBE, State.RETRY_WAIT, Class.FAILING, 120),
    (TIMED_OUT, HELD, State.RETRY_WAIT, Class.HELD, 120),
    (NOT_SENT, NOTHING, State.RETRY_WAIT, Class.FAILING, 120),
    (NOT_SENT, MAYBE, State.RETRY_WAIT, Class.FAILING, 120),
    (NOT_SENT, HELD, State.RETRY_WAIT, Class.HELD, 120),
    (refused(503), NOTHING, State.RETRY_WAIT, Class.FAILING, 120),
    (refused(503), HELD, State.RETRY_WAIT, Class.HELD, 120),
    (refused(200), NOTHING, State.RETRY_WAIT, Class.FAILING, 120),
    (refused(200), HELD, State.RETRY_WAIT, Class.HELD, 120),
    (refused(302), NOTHING, State.RETRY_WAIT, Class.FAILING, 120),
    (refused(403), NOTHING, State.REJECTED, Class.FAILING, 120),
    (refused(401), MAYBE, State.REJECTED, Class.FAILING, 120),
    (refused(404), HELD, State.REJECTED, Class.HELD, 120),
    (refused(407), HELD, State.REJECTED, Class.HELD, 120),
    (CRASHED, NOTHING, State.RETRY_WAIT, Class.FAILING, 3600),
    (CRASHED, MAYBE, State.RETRY_WAIT, Class.FAILING, 3600),
    (CRASHED, HELD, State.RETRY_WAIT, Class.FAILING, 3600),
]


@pytest.mark.parametrize(("outcome", "held", "state", "klass", "wait"), WANTED)
def test_a_row_that_is_wanted(outcome: Outcome, held: dict[str, Any], state: State, klass: Class, wait: float) -> None:
    settled = settle(make_row(**held), outcome, tried())
    assert (settled.state, settled.klass) == (state, klass)
    assert settled.due_at == pytest.approx(NOW + wait)
    assert not settled.is_over


UNWANTED = [
    (REMOVED, HELD, True, None),
    (REMOVED, MAYBE, True, None),
    (REMOVED, NOTHING, True, None),
    (refused(404), HELD, True, None),
    (TIMED_OUT, HELD, False, 120),
    (TIMED_OUT, MAYBE, False, 120),
    (TIMED_OUT, NOTHING, True, None),
    (NOT_SENT, HELD, False, 120),
    (NOT_SENT, NOTHING, True, None),
    (refused(200), HELD, False, 120),
    (refused(503), MAYBE, False, 120),
    (refused(503), NOTHING, True, None),
    (refused(403), HELD, False, 120),
    (CRASHED, HELD, False, 3600),
    (CRASHED, MAYBE, False, 3600),
]


@pytest.mark.parametrize(("outcome", "held", "is_over", "wait"), UNWANTED)
def test_a_row_that_is_no_longer_wanted(
    outcome: Outcome, held: dict[str, Any], is_over: bool, wait: float | None
) -> None:
    settled = settle(make_row(desired=False, **held), outcome, tried())
    assert settled.is_over == is_over
    assert settled.state == (State.UNREGISTERED if is_over else State.UNREGISTERING)
    assert settled.klass == Class.UNREGISTER
    assert settled.due_at == (None if wait is None else NOW + wait)
    if is_over:
        assert (settled.expires_at, settled.maybe_held_until, settled.challenge) == (0.0, 0.0, None)


# In every case


@pytest.mark.parametrize("outcome", [accepted(), TIMED_OUT, refused(503), refused(403), CRASHED])
def test_what_the_attempt_did_is_written(outcome: Outcome) -> None:
    settled = settle(make_row(7, registrar_id=9, wanted_rev=5, failures=2), outcome, tried())
    assert (settled.id, settled.registrar_id, settled.wanted_rev, settled.generation) == (7, 9, 5, 3)
    assert (settled.cseq, settled.last_code, settled.last_reason) == (42, outcome.code, outcome.reason)
    assert settled.attempted_at == NOW
    assert settled.failures == (0 if outcome.kind is Kind.ACCEPTED else 3)


def test_since_is_when_the_state_came_about() -> None:
    row = make_row(**HELD, since_at=NOW - 500)
    assert settle(row, accepted(), tried()).since_at == NOW - 500
    assert settle(row, TIMED_OUT, tried()).since_at == NOW


# Registered


def test_a_binding_is_held_as_long_as_the_contact_that_lapses_first() -> None:
    settled = settle(make_row(), accepted((URI, 600), (MOBILE, 3600)), tried(URI, MOBILE))
    assert settled.expires_at == NOW + 600
    assert settled.maybe_held_until == NOW + 3600
    assert settled.due_at == NOW + 600 - (32 + 120 + 32)


@pytest.mark.parametrize(("granted", "wait"), [
    (86400, 77760), (3600, 3240), (1840, 1656), (1000, 816), (368, 184), (300, 150), (60, 30), (10, 5), (1, 1),
])  # fmt: skip
def test_a_refresh_leaves_time_for_an_attempt_that_fails_and_another(granted: int, wait: float) -> None:
    assert settle(make_row(), accepted((URI, granted)), tried()).due_at == pytest.approx(NOW + wait)


CYCLE = 0.95 * 3240


def place(settled: Settled) -> float:
    """Return where in the window of a million the next refresh stands."""
    assert settled.due_at is not None
    return settled.due_at % CYCLE / CYCLE


def test_what_is_registered_with_many_others_is_refreshed_at_its_place_among_them() -> None:
    for phase in (0.1, 0.5, 0.9):
        settled = settle(make_row(), accepted(), tried(), phase=phase, together=10**6)
        assert place(settled) == pytest.approx(phase, abs=1e-6)
        assert settled.due_at is not None
        assert NOW + 162 <= settled.due_at <= NOW + 3240


@pytest.mark.parametrize(
    ("changes", "is_kept"),
    [
        ({}, True),
        ({"due_at": NOW - 100}, True),
        ({"due_at": NOW - 120}, False),  # an outage
        ({"expires_at": NOW - 1}, False),
        ({"wanted_rev": 2}, False),
        ({"failures": 1}, False),
    ],
)
def test_a_refresh_at_its_time_keeps_its_place_and_another_is_put_back_to_its_own(
    changes: dict[str, Any], is_kept: bool
) -> None:
    values = {"due_at": NOW, "expires_at": NOW + 360, "wanted_rev": 1, "applied_rev": 1, **changes}
    settled = settle(make_row(**values), accepted(), tried(), phase=0.5, together=10**6)
    if is_kept:
        assert settled.due_at == pytest.approx(values["due_at"] + CYCLE)
    else:
        assert place(settled) == pytest.approx(0.5, abs=1e-6)


def test_what_was_granted_is_remembered_contact_by_contact() -> None:
    settled = settle(make_row(), accepted((URI, 600), (MOBILE, 300)), tried(URI, MOBILE))
    assert settled.sent is not None
    assert [(c.uri, c.granted, c.matched) for c in settled.sent.contacts] == [(URI, 600, "uri"), (MOBILE, 300, "uri")]


def test_what_is_bound_is_not_written_again_while_it_stays_as_it_is() -> None:
    row = make_row(sent=tried(granted=3600, matched="uri"))
    assert settle(row, accepted(), tried()).sent is None
    assert settle(row, accepted((URI, 1800)), tried()).sent is not None


def test_a_contact_that_the_registrar_left_out_is_named_and_asked_for_again_after_the_timer() -> None:
    settled = settle(make_row(), accepted(), tried(URI, MOBILE))
    assert settled.last_reason == f"200 without {MOBILE}"
    assert settled.due_at == NOW + 120
    assert settled.state == State.REGISTERED


def test_the_nonce_is_kept_for_the_refresh() -> None:
    settled = settle(make_row(challenge="old", nonce_count=7), accepted(challenge="new", nonce_count=1), tried())
    assert (settled.challenge, settled.nonce_count) == ("new", 1)


# Failures


@pytest.mark.parametrize(("spread", "wait"), [(0.0, 120), (0.5, 126), (0.999, 131.988)])
def test_while_nothing_is_held_a_failure_waits_the_timer_and_up_to_a_tenth_more(spread: float, wait: float) -> None:
    assert settle(make_row(), TIMED_OUT, tried(), spread=spread).due_at == pytest.approx(NOW + wait)


@pytest.mark.parametrize(("remaining", "timer", "wait"), [
    (300, 120, 120), (232, 120, 100), (132, 120, 50), (60, 120, 30), (10, 120, 30), (10000, 86400, 4984), (300, 30, 30),
])  # fmt: skip
def test_while_a_binding_is_held_a_failure_does_not_lose_it_to_a_long_timer(remaining: float, timer: int,
                                                                           wait: float) -> None:  # fmt: skip
    row = make_row(expires_at=NOW + remaining, entry=entry(FailedRegistrationRetryTimer=timer))
    for outcome in (TIMED_OUT, NOT_SENT, refused(503)):
        assert settle(row, outcome, tried(), spread=0.9).due_at == NOW + wait


def test_a_failed_refresh_says_nothing_of_how_long_the_binding_is_held() -> None:
    settled = settle(make_row(**HELD), refused(503), tried())
    assert (settled.expires_at, settled.maybe_held_until) == (NOW + 300, NOW + 300)


@pytest.mark.parametrize(
    ("failures", "wait"), [(0, 120), (1, 240), (2, 480), (3, 960), (4, 1800), (50, 1800), (10**6, 1800)]
)
def test_refusals_for_cause_double_the_wait_up_to_half_an_hour(failures: int, wait: float) -> None:
    assert settle(make_row(failures=failures), refused(403), tried()).due_at == NOW + wait


def test_a_timer_longer_than_half_an_hour_is_never_shortened() -> None:
    row = make_row(failures=9, entry=entry(FailedRegistrationRetryTimer=86400))
    assert settle(row, refused(401), tried()).due_at == NOW + 86400


@pytest.mark.parametrize(("retry_after", "wait"), [(60, 120), (600, 600), (10**6, 3600)])
def test_retry_after_makes_a_wait_longer_but_not_endless(retry_after: int, wait: float) -> None:
    assert settle(make_row(), refused(480, retry_after=retry_after), tried()).due_at == NOW + wait


def test_a_refusal_forgets_the_nonce_and_a_failure_of_the_moment_does_not() -> None:
    row = make_row(challenge="old", nonce_count=7)
    assert settle(row, refused(403), tried()).challenge is None
    assert settle(row, refused(503), tried()).challenge == "old"


@pytest.mark.parametrize("outcome", [accepted(min_expires=7200), refused(503, min_expires=7200)])
def test_min_expires_is_kept_whatever_came_of_it(outcome: Outcome) -> None:
    assert settle(make_row(), outcome, tried()).min_expires == 7200
    assert settle(make_row(min_expires=7200), outcome, tried()).min_expires is None


# Maybe held (rule 8)


@pytest.mark.parametrize("held", [NOTHING, MAYBE])
def test_what_was_sent_and_not_answered_is_maybe_held(held: dict[str, Any]) -> None:
    settled = settle(make_row(**held), TIMED_OUT, tried())
    assert settled.maybe_held_until == NOW + 3600
    assert settled.expires_at == 0.0
    assert settled.sent is not None
    assert [contact.uri for contact in settled.sent.contacts] == [URI]


def test_what_was_held_before_is_not_forgotten_over_what_may_be() -> None:
    row = make_row(**HELD, sent=tried(URI, granted=300, matched="uri"))
    settled = settle(row, TIMED_OUT, tried(MOBILE))
    assert settled.sent is not None
    assert [(contact.uri, contact.granted) for contact in settled.sent.contacts] == [(URI, 300), (MOBILE, None)]


def test_an_unanswered_refresh_of_the_same_contacts_writes_nothing_new() -> None:
    row = make_row(**HELD, sent=tried(granted=300))
    assert settle(row, TIMED_OUT, tried()).sent is None


def test_it_may_be_held_as_long_as_a_423_made_us_ask_for() -> None:
    outcome = replace(TIMED_OUT, min_expires=7200)
    assert settle(make_row(), outcome, tried()).maybe_held_until == NOW + 7200


@pytest.mark.parametrize("outcome", [NOT_SENT, refused(403), refused(503), CRASHED])
def test_what_was_refused_or_never_left_is_not_maybe_held(outcome: Outcome) -> None:
    settled = settle(make_row(), outcome, tried())
    assert (settled.maybe_held_until, settled.sent) == (0.0, None)


def test_a_crash_after_the_register_went_out_leaves_it_maybe_held() -> None:
    settled = settle(make_row(), replace(CRASHED, may_have_been_bound=True), tried())
    assert settled.maybe_held_until == NOW + 3600
    assert settled.sent is not None


def test_an_unanswered_unregister_binds_nothing() -> None:
    row = make_row(desired=False, **HELD)
    settled = settle(row, replace(TIMED_OUT, may_have_been_bound=False), tried())
    assert (settled.maybe_held_until, settled.sent) == (NOW + 300, None)


# Un-REGISTER


def test_an_unregister_is_not_tried_beyond_the_end_of_the_binding() -> None:
    settled = settle(make_row(desired=False, expires_at=NOW + 50, state=State.REGISTERED), TIMED_OUT, tried())
    assert settled.due_at == NOW + 50


def test_an_unregister_without_entry_has_a_timer_of_its_own() -> None:
    settled = settle(make_row(desired=False, entry=None, **HELD), TIMED_OUT, tried())
    assert settled.due_at == NOW + 120


def test_an_unregister_waits_the_timer_of_its_entry() -> None:
    row = make_row(desired=False, entry=entry(FailedRegistrationRetryTimer=30), **HELD)
    assert settle(row, TIMED_OUT, tried()).due_at == NOW + 30


def test_refused_credentials_of_an_unregister_are_not_tried_ever_so_often() -> None:
    row = make_row(desired=False, expires_at=NOW + 10000, failures=3, state=State.UNREGISTERING)
    assert settle(row, refused(401), tried()).due_at == NOW + 960


def test_what_could_not_be_unregistered_in_time_is_said_to_be_left_to_lapse() -> None:
    settled = settle(make_row(desired=False, **NOTHING), TIMED_OUT, tried())
    assert settled.last_reason == "left to lapse: no answer"


def test_an_unregister_that_went_well_leaves_no_reason() -> None:
    assert settle(make_row(desired=False, **HELD), REMOVED).last_reason is None


# Poison (rule 12)


def test_a_bare_outcome_says_as_little_as_possible_a_long_time_off() -> None:
    bare = settle(make_row(), accepted(challenge="c", nonce_count=1, min_expires=60), tried())
    assert make_bare(bare)
    assert (bare.due_at, bare.last_reason) == (NOW + 3600, INTERNAL_ERROR)
    assert (bare.challenge, bare.nonce_count, bare.sent, bare.min_expires, bare.is_over) == (None, 0, None, None, False)
    assert not make_bare(bare)


def test_a_grant_counts_from_the_first_send_of_what_was_answered_not_from_a_late_answer() -> None:
    uri = "sip:u1@192.0.2.1:5070"
    settled = settle(make_row(), accepted((uri, 600), sent_at=NOW - 30), tried(uri))
    assert settled.expires_at == NOW - 30 + 600
    assert settled.maybe_held_until == NOW + 600
    assert settled.due_at is not None
    assert NOW < settled.due_at <= NOW - 30 + 600 - 32
