"""One attempt at a registration, as plays."""

from __future__ import annotations

import pytest

from sipregistrant.sip.authentication import Credential
from sipregistrant.sip.bindings import SentContact
from sipregistrant.sip.digest import Challenge
from sipregistrant.sip.outcome import Kind
from tests.playbook import SECRET, URI, Play, challenge, contact, order

SECOND = "sip:mobile@192.0.2.2"


def stored(nonce: str = "old", *, realm: str = "example.com") -> Challenge:
    """Return a challenge of a former attempt."""
    return Challenge(
        realm=realm, nonce=nonce, opaque=None, algorithm="MD5", sess=False, qop="auth", stale=False, is_proxy=False
    )


# The request


def test_a_register_has_what_rfc_3261_asks_for() -> None:
    play = Play(order()).sends(
        "REGISTER", cseq=1, authorization="", to="<sip:alice@example.com>", max_forwards="70",
        call_id="call-1", contact=f"<{URI}>;q=1;expires=3600", expires="3600", content_length="0",
        via="SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKb1",
    )  # fmt: skip
    assert play.last.uri == "sip:example.com"
    assert play.last.first("from") == "<sip:alice@example.com>;tag=tag-1"


def test_all_contacts_go_in_one_register_each_with_its_q_and_expiry() -> None:
    contacts = [SentContact(URI, 100, 3600), SentContact(SECOND, 50, 600), SentContact("sip:c@192.0.2.3", 5, 60)]
    Play(order(contacts=contacts)).sends(contact=[
        f"<{URI}>;q=1;expires=3600", f"<{SECOND}>;q=0.5;expires=600", "<sip:c@192.0.2.3>;q=0.05;expires=60",
    ])  # fmt: skip


@pytest.mark.parametrize(("q", "text"), [(0, "0"), (1, "0.01"), (10, "0.1"), (33, "0.33"), (99, "0.99"), (100, "1")])
def test_q_is_written_in_its_shortest_form(q: int, text: str) -> None:
    Play(order(contacts=[SentContact(URI, q, 60)])).sends(contact=f"<{URI}>;q={text};expires=60")


def test_a_contact_that_is_gone_is_removed_behind_the_one_that_is_new() -> None:
    play = Play(order(removed=[SECOND])).sends(contact=[f"<{URI}>;q=1;expires=3600", f"<{SECOND}>;expires=0"])
    play.receives(200, contact(expires=3600)).ends(Kind.ACCEPTED, grants={URI: 3600})


# The answer


def test_the_grant_is_the_expiry_of_our_contact() -> None:
    play = Play(order()).sends().receives(200, contact(expires=600), ("Expires", "60"))
    assert play.ends(Kind.ACCEPTED, code=200, grants={URI: 600}).reason is None


def test_without_one_of_its_own_the_expires_header_is_the_grant() -> None:
    Play(order()).sends().receives(200, contact(), ("Expires", "60")).ends(Kind.ACCEPTED, grants={URI: 60})


def test_without_either_the_grant_is_what_we_asked_for() -> None:
    Play(order()).sends().receives(200, contact()).ends(Kind.ACCEPTED, grants={URI: 3600})


def test_each_contact_has_its_own_grant_and_those_of_others_are_none_of_ours() -> None:
    contacts = [SentContact(URI, 100, 3600), SentContact(SECOND, 50, 600)]
    play = Play(order(contacts=contacts)).sends()
    play.receives(200, contact("sip:x@203.0.113.9", 9), contact(SECOND, 300), contact(URI, 1800))
    play.ends(Kind.ACCEPTED, grants={URI: 1800, SECOND: 300})


def test_our_contact_is_found_by_uri_comparison_and_not_by_letters() -> None:
    play = Play(order(contacts=[SentContact("sip:alice@PBX.example.com", 100, 60)])).sends()
    outcome = play.receives(200, contact("sip:%61lice@pbx.EXAMPLE.com", 50)).ends(Kind.ACCEPTED)
    assert [(grant.expires, grant.matched) for grant in outcome.grants] == [(50, "uri")]


def test_a_rewritten_contact_is_ours_when_it_is_the_only_one() -> None:
    outcome = Play(order()).sends().receives(200, contact("sip:alice@203.0.113.9:1024", 55)).ends(Kind.ACCEPTED)
    assert [(grant.uri, grant.expires, grant.matched) for grant in outcome.grants] == [(URI, 55, "only")]


def test_beside_a_contact_of_ours_a_foreign_one_is_not_taken_for_the_one_that_is_missing() -> None:
    contacts = [SentContact(URI, 100, 3600), SentContact(SECOND, 50, 600)]
    play = Play(order(contacts=contacts)).sends().receives(200, contact(expires=60), contact("sip:x@203.0.113.9", 9))
    play.ends(Kind.ACCEPTED, grants={URI: 60})


def test_a_200_with_contacts_of_others_only_is_a_failure() -> None:
    play = Play(order()).sends().receives(200, contact("sip:x@203.0.113.9", 9), contact("sip:y@203.0.113.9", 9))
    play.ends(Kind.REFUSED, code=200, reason="200 without any contact of ours, but 2 of others")


def test_a_200_without_contact_is_a_failure() -> None:
    play = Play(order()).sends().receives(200)
    outcome = play.ends(Kind.REFUSED, code=200, reason="200 without Contact")
    assert outcome.may_have_been_bound, "some bind and do not list it"


def test_a_refusal_has_bound_nothing() -> None:
    assert not Play(order()).sends().receives(403).ends(Kind.REFUSED, code=403).may_have_been_bound


def test_a_grant_of_zero_is_no_grant() -> None:
    Play(order()).sends().receives(200, contact(expires=0)).ends(Kind.REFUSED, code=200)


def test_one_missing_contact_of_two_is_no_failure_and_is_known() -> None:
    contacts = [SentContact(URI, 100, 3600), SentContact(SECOND, 50, 600)]
    Play(order(contacts=contacts)).sends().receives(200, contact(expires=60)).ends(Kind.ACCEPTED, grants={URI: 60})


def test_a_200_whose_contact_cannot_be_read_is_a_failure_that_says_so() -> None:
    play = Play(order()).sends().receives(200, ("Contact", "<sip:"))
    play.ends(Kind.REFUSED, code=200, reason="cannot be read")


@pytest.mark.parametrize("code", [300, 403, 404, 500, 503, 603])
def test_a_refusal_ends_the_attempt_and_is_told_with_its_phrase(code: int) -> None:
    Play(order()).sends().receives(code, reason="Sorry").ends(Kind.REFUSED, code=code, reason=f"{code} Sorry")


def test_control_characters_of_a_reason_phrase_are_dropped() -> None:
    outcome = Play(order()).sends().receives(403, reason="No\x00\x1b[31m" + "x" * 500).ends(Kind.REFUSED)
    assert outcome.reason is not None
    assert outcome.reason.isprintable()
    assert len(outcome.reason) < 150


@pytest.mark.parametrize(("value", "seconds"), [("120", 120), ("18 (on fire);duration=3600", 18), ("soon", 0)])
def test_retry_after_is_read(value: str, seconds: int) -> None:
    outcome = Play(order()).sends().receives(503, ("Retry-After", value)).ends(Kind.REFUSED, code=503)
    assert outcome.retry_after == seconds


# Challenges


def test_a_challenge_is_answered_with_the_next_cseq_and_a_new_branch() -> None:
    play = Play(order()).sends(cseq=1).receives(401, challenge(nonce="n1"))
    play.sends(cseq=2, authorization="n1", via="SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKb2", call_id="call-1")
    outcome = play.receives(200, contact(expires=60)).ends(Kind.ACCEPTED)
    assert outcome.cseq == 2
    assert outcome.challenge is not None
    assert Challenge.decode(outcome.challenge).nonce == "n1"
    assert outcome.nonce_count == 1


def test_endless_challenges_with_fresh_nonces_end_after_two_requests() -> None:
    play = Play(order()).sends().receives(401, challenge(nonce="n1")).sends(authorization="n1")
    play.receives(401, challenge(nonce="n2")).ends(Kind.REFUSED, code=401, reason="user 'alice' was refused for realm")


def test_a_stale_nonce_is_answered_once_more_and_not_twice() -> None:
    play = Play(order()).sends().receives(401, challenge(nonce="n1")).sends(authorization="n1")
    play.receives(401, challenge(nonce="n2", stale=True)).sends(cseq=3, authorization="n2")
    play.receives(401, challenge(nonce="n3", stale=True)).ends(Kind.REFUSED, code=401)


def test_a_refresh_sends_authorization_ahead_with_the_next_nonce_count() -> None:
    play = Play(order(), ahead=stored(), nonce_count=4).sends(cseq=1, authorization="old")
    assert "nc=00000005" in (play.last.first("authorization") or "")
    assert play.receives(200, contact(expires=60)).ends(Kind.ACCEPTED).nonce_count == 5


def test_a_new_nonce_for_what_was_sent_ahead_is_answered_also_without_stale() -> None:
    play = Play(order(), ahead=stored()).sends(authorization="old").receives(401, challenge(nonce="n2"))
    play.sends(authorization="n2").receives(200, contact(expires=60)).ends(Kind.ACCEPTED)


def test_the_second_refusal_after_a_request_sent_ahead_is_a_failure() -> None:
    play = Play(order(), ahead=stored()).sends(authorization="old").receives(401, challenge(nonce="n2"))
    play.sends(authorization="n2").receives(401, challenge(nonce="n3")).ends(Kind.REFUSED, code=401)


def test_proxy_and_registrar_are_both_answered_from_then_on() -> None:
    play = Play(order()).sends().receives(407, challenge("proxy", "p1", proxy=True))
    play.sends(cseq=2)
    assert 'nonce="p1"' in (play.last.first("proxy-authorization") or "")
    play.receives(401, challenge("example.com", "n1")).sends(cseq=3)
    assert 'nonce="p1"' in (play.last.first("proxy-authorization") or "")
    assert "nc=00000002" in (play.last.first("proxy-authorization") or "")
    assert 'nonce="n1"' in (play.last.first("authorization") or "")
    play.receives(200, contact(expires=60)).ends(Kind.ACCEPTED)


def test_the_strongest_algorithm_is_taken_in_whatever_order_they_come() -> None:
    offers = [challenge(nonce="weak"), challenge(nonce="strong", algorithm="SHA-256")]
    for offered in (offers, offers[::-1]):
        Play(order()).sends().receives(401, *offered).sends(authorization="strong")


def test_an_unknown_algorithm_is_skipped_for_one_that_we_know() -> None:
    play = Play(order()).sends().receives(401, challenge(nonce="x", algorithm="WHIRLPOOL"), challenge(nonce="n1"))
    play.sends(authorization="n1")


def test_a_challenge_that_nobody_can_answer_is_a_failure_that_says_why() -> None:
    play = Play(order()).sends().receives(401, challenge(algorithm="WHIRLPOOL"))
    assert play.ends(Kind.REFUSED, code=401).reason


def test_nextnonce_is_what_the_next_refresh_sends_ahead() -> None:
    play = Play(order()).sends().receives(401, challenge(nonce="n1")).sends()
    outcome = play.receives(200, contact(expires=60), ("Authentication-Info", 'nextnonce="n2"')).ends(Kind.ACCEPTED)
    assert outcome.challenge is not None
    assert (Challenge.decode(outcome.challenge).nonce, outcome.nonce_count) == ("n2", 0)


# Credentials


def test_a_credential_of_the_realm_comes_before_one_of_any_realm() -> None:
    credentials = [Credential("", "anybody", "1"), Credential("example.com", "somebody", "2")]
    play = Play(order(), credentials).sends().receives(401, challenge("example.com")).sends()
    assert 'username="somebody"' in (play.last.first("authorization") or "")


def test_of_equal_credentials_the_first_is_taken() -> None:
    credentials = [Credential("", "first", "1"), Credential("", "second", "2")]
    play = Play(order(), credentials).sends().receives(401, challenge()).sends()
    assert 'username="first"' in (play.last.first("authorization") or "")


def test_no_credential_is_a_failure_that_names_realm_and_user() -> None:
    play = Play(order(), [Credential("other", "x", "y")]).sends().receives(401, challenge("example.com"))
    play.ends(Kind.REFUSED, code=401, reason="no credential for user 'alice' and realm 'example.com'")


def test_a_password_stands_in_no_representation() -> None:
    assert "secret" not in repr(SECRET)


# 423


def test_min_expires_is_adopted_once_for_header_and_contacts() -> None:
    play = Play(order(contacts=[SentContact(URI, 100, 60)], expires=60)).sends()
    play.receives(423, ("Min-Expires", "300")).sends(cseq=2, expires="300", contact=f"<{URI}>;q=1;expires=300")
    assert play.receives(200, contact(expires=300)).ends(Kind.ACCEPTED).min_expires == 300


def test_a_second_423_that_wants_still_more_is_a_failure() -> None:
    play = Play(order(expires=60)).sends().receives(423, ("Min-Expires", "300")).sends()
    play.receives(423, ("Min-Expires", "360")).ends(Kind.REFUSED, code=423, reason="Min-Expires is 360")


def test_a_second_423_is_a_failure() -> None:
    play = Play(order(expires=60)).sends().receives(423, ("Min-Expires", "7200")).sends()
    play.receives(423, ("Min-Expires", "7200")).ends(Kind.REFUSED, code=423, reason="Min-Expires is 7200")


@pytest.mark.parametrize(
    "header", [(), (("Min-Expires", "never"),), (("Min-Expires", "4000000"),), (("Min-Expires", "10"),)]
)
def test_a_423_that_helps_nobody_is_a_failure(header: tuple[tuple[str, str], ...]) -> None:
    Play(order()).sends().receives(423, *header).ends(Kind.REFUSED, code=423)


def test_what_a_423_wanted_before_is_asked_for_at_once() -> None:
    Play(order(expires=60), min_expires=300).sends(expires="300")


# Un-REGISTER


def test_an_un_register_names_its_contacts_with_expiry_zero() -> None:
    play = Play(order(contacts=[], removed=[URI, SECOND]))
    play.sends(contact=[f"<{URI}>;expires=0", f"<{SECOND}>;expires=0"], expires="0")
    play.receives(200).ends(Kind.REMOVED, code=200)


def test_an_un_register_answers_its_challenge() -> None:
    play = Play(order(contacts=[], removed=[URI])).sends().receives(407, challenge(proxy=True)).sends(cseq=2)
    play.receives(200, contact("sip:x@203.0.113.9", 100)).ends(Kind.REMOVED)


def test_a_200_that_still_lists_our_contact_has_removed_nothing() -> None:
    play = Play(order(contacts=[], removed=[URI])).sends().receives(200, contact(expires=99))
    play.ends(Kind.REFUSED, code=200, reason="is still registered")


# Time


def test_silence_ends_after_32_seconds_and_may_have_bound() -> None:
    play = Play(order()).sends()
    for at in (0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5):
        play.at(at).sends(cseq=1)
    outcome = play.at(32.0).ends(Kind.TIMED_OUT, code=0, reason="no answer from udp:198.51.100.1:5060 within 32 s")
    assert outcome.may_have_been_bound


def test_an_un_register_that_is_not_answered_has_bound_nothing() -> None:
    play = Play(order(contacts=[], removed=[URI]), is_reliable=True).sends()
    assert not play.at(32.0).ends(Kind.TIMED_OUT).may_have_been_bound


def test_a_late_first_answer_still_counts() -> None:
    play = Play(order(), is_reliable=True).sends().at(31.0)
    play.receives(200, contact(expires=60)).ends(Kind.ACCEPTED)


def test_a_provisional_answer_changes_nothing() -> None:
    Play(order()).sends().receives(100).goes_on().receives(200, contact(expires=60)).ends(Kind.ACCEPTED)


def test_the_second_request_has_a_transaction_of_its_own() -> None:
    play = Play(order(), is_reliable=True).sends().at(31.0).receives(401, challenge()).sends()
    play.at(62.0).goes_on().at(63.0).ends(Kind.TIMED_OUT)


def test_a_request_that_could_not_be_sent_is_a_failure_that_says_why() -> None:
    Play(order()).sends().fails_to_send("no route to host").ends(Kind.NOT_SENT, code=0, reason="no route to host")


def test_what_could_not_be_sent_again_may_have_been_bound_by_the_first_send() -> None:
    play = Play(order()).sends().at(0.5).sends()
    assert play.fails_to_send("no route to host").ends(Kind.NOT_SENT).may_have_been_bound
    assert not Play(order()).sends().fails_to_send("no route to host").ends(Kind.NOT_SENT).may_have_been_bound


def test_a_nonce_count_that_was_not_answered_is_used_up() -> None:
    play = Play(order(), ahead=stored(), nonce_count=4, is_reliable=True).sends(authorization="old")
    assert play.at(32.0).ends(Kind.TIMED_OUT).nonce_count == 5
