"""Whose credentials answer a challenge, how often, and which digests are too weak."""

from __future__ import annotations

import hashlib

import pytest

from sipregistrant.sip.auth_params import parse_auth_params
from sipregistrant.sip.authentication import Credential
from sipregistrant.sip.digest import Challenge, verify
from sipregistrant.sip.outcome import Kind
from tests.playbook import Play, challenge, contact, order

OLD = Credential("example.com", "alice", "old", "1")
NEW = Credential("example.com", "alice", "new", "2")
ANY = Credential("", "anybody", "any", "3")


def ahead(nonce: str = "n0") -> Challenge:
    return Challenge("example.com", nonce, None, "MD5", False, "auth", False, False)


def hash_of(algorithm: str) -> str:
    return hashlib.new(algorithm, b"alice:example.com:secret", usedforsecurity=False).hexdigest()


def user_of(play: Play) -> str:
    return (play.last.first("authorization") or "").partition('username="')[2].partition('"')[0]


# The second credential


def test_where_the_first_is_refused_the_second_is_tried() -> None:
    play = Play(order(), [OLD, NEW]).sends().receives(401, challenge(nonce="n1")).sends(authorization="n1")
    play.receives(401, challenge(nonce="n2")).sends(authorization="n2").receives(200, contact())
    outcome = play.ends(Kind.ACCEPTED, code=200)
    assert '"credential":"2"' in outcome.learned
    assert not outcome.are_credentials_refused


def test_a_third_is_never_tried() -> None:
    play = Play(order(), [OLD, NEW, ANY]).sends().receives(401, challenge(nonce="n1")).sends()
    play.receives(401, challenge(nonce="n2")).sends().receives(401, challenge(nonce="n3"))
    outcome = play.ends(Kind.REFUSED, code=401, reason="user 'alice' was refused")
    assert outcome.are_credentials_refused


def test_that_the_first_was_taken_needs_no_word() -> None:
    play = Play(order(), [OLD, NEW]).sends().receives(401, challenge()).sends().receives(200, contact())
    assert "credential" not in play.ends(Kind.ACCEPTED).learned


def test_the_one_that_worked_last_is_tried_first() -> None:
    play = Play(order(), [OLD, ANY], preferred="3").sends().receives(401, challenge()).sends()
    assert user_of(play) == "anybody"
    outcome = play.receives(200, contact()).ends(Kind.ACCEPTED)
    assert '"credential":"3"' in outcome.learned


def test_when_the_first_works_again_it_is_the_one() -> None:
    play = Play(order(), [OLD, NEW], preferred="2").sends().receives(401, challenge(nonce="n1")).sends()
    play.receives(401, challenge(nonce="n2")).sends().receives(200, contact())
    assert "credential" not in play.ends(Kind.ACCEPTED).learned


def test_a_preferred_one_that_is_gone_means_nothing() -> None:
    play = Play(order(), [OLD], preferred="9").sends().receives(401, challenge()).sends()
    assert user_of(play) == "alice"


# Sent ahead


def test_it_is_known_whether_what_was_sent_ahead_was_taken() -> None:
    taken = Play(order(), [OLD], ahead=ahead()).sends(authorization="n0").receives(200, contact()).ends(Kind.ACCEPTED)
    assert taken.was_ahead_accepted is True
    asked = Play(order(), [OLD], ahead=ahead()).sends(authorization="n0").receives(401, challenge(nonce="n1"))
    assert asked.sends(authorization="n1").receives(200, contact()).ends(Kind.ACCEPTED).was_ahead_accepted is False
    assert Play(order()).sends().receives(200, contact()).ends(Kind.ACCEPTED).was_ahead_accepted is None


def test_silence_says_nothing_of_what_was_sent_ahead() -> None:
    play = Play(order(), [OLD], ahead=ahead()).sends()
    for _ in range(12):
        if play.attempt.outcome is None:
            play.at(play.attempt.next_timeout)
            play._out.clear()
    assert play.ends(Kind.TIMED_OUT).was_ahead_accepted is None


# No weaker digest


@pytest.mark.parametrize(("shown", "offered", "is_answered"), [
    (0, "MD5", True), (1, "SHA-256", True), (1, "SHA-512-256", True), (1, "MD5", False), (2, "SHA-256", False),
])  # fmt: skip
def test_no_weaker_digest_than_a_realm_has_shown_is_answered(shown: int, offered: str, is_answered: bool) -> None:
    play = Play(order(), [OLD], least={"example.com": shown}).sends().receives(401, challenge(algorithm=offered))
    if is_answered:
        play.sends()
    else:
        play.ends(Kind.REFUSED, code=401, reason="forget-security")


def test_another_realm_has_nothing_to_do_with_it() -> None:
    play = Play(order(), [ANY], least={"other.example": 2}).sends().receives(401, challenge(algorithm="MD5"))
    play.sends()


@pytest.mark.parametrize(("algorithm", "strength"), [("MD5", 0), ("SHA-256", 1), ("SHA-512-256", 2)])
def test_the_strength_that_was_accepted_is_told(algorithm: str, strength: int) -> None:
    play = Play(order(), [OLD]).sends().receives(401, challenge(algorithm=algorithm)).sends().receives(200, contact())
    assert play.ends(Kind.ACCEPTED).security == ("example.com", strength)


def test_without_a_challenge_there_is_no_strength() -> None:
    assert Play(order()).sends().receives(200, contact()).ends(Kind.ACCEPTED).security is None


def test_what_was_sent_ahead_for_another_realm_is_not_sent_again() -> None:
    play = Play(order(), [ANY], ahead=Challenge("old.example", "n0", None, "MD5", False, "auth", False, False))
    play.sends(authorization="n0").receives(401, challenge(nonce="n1")).sends(authorization="n1")
    assert len(play.last.all("authorization")) == 1


def test_what_was_sent_ahead_for_a_registrar_stays_when_a_proxy_asks() -> None:
    play = Play(order(), [OLD, ANY], ahead=ahead()).sends(authorization="n0")
    play.receives(407, challenge(realm="proxy", nonce="n1", proxy=True)).sends()
    assert len(play.last.all("authorization")) == 1
    assert len(play.last.all("proxy-authorization")) == 1


# An HA1 in place of the password

# Of alice, example.com and "secret".
MD5 = Credential("example.com", "alice", hash_of("md5"), "1", "MD5")
SHA_256 = Credential("example.com", "alice", hash_of("sha256"), "2", "SHA-256")
BOTH_ASKED = [challenge(nonce="weak"), challenge(nonce="strong", algorithm="SHA-256")]


def answers(play: Play) -> str:
    """Tell the algorithm that the last request answers with, where the answer is that of the password."""
    params = parse_auth_params(play.last.first("authorization") or "")[1]
    assert verify(params, password="secret", method="REGISTER")
    return params["algorithm"]


@pytest.mark.parametrize(("credential", "algorithm"), [(MD5, "MD5"), (SHA_256, "SHA-256")])
@pytest.mark.parametrize("sess", ["", "-sess"])
def test_an_ha1_answers_for_its_algorithm(credential: Credential, algorithm: str, sess: str) -> None:
    play = Play(order(), [credential]).sends().receives(401, challenge(algorithm=algorithm + sess)).sends()
    assert answers(play) == algorithm + sess
    play.receives(200, contact()).ends(Kind.ACCEPTED)


@pytest.mark.parametrize(("credential", "algorithm"), [(MD5, "MD5"), (SHA_256, "SHA-256")])
def test_of_several_challenges_it_answers_the_one_that_it_can(credential: Credential, algorithm: str) -> None:
    play = Play(order(), [credential]).sends().receives(401, *BOTH_ASKED).sends()
    assert answers(play) == algorithm


@pytest.mark.parametrize(
    ("credential", "asked", "reason"),
    [(MD5, "SHA-256", "asks for SHA-256, but the HA1 of user 'alice' is of MD5"),
     (SHA_256, "MD5", "asks for MD5, but the HA1 of user 'alice' is of SHA-256"),
     (SHA_256, "SHA-512-256", "asks for SHA-512-256, but the HA1 of user 'alice' is of SHA-256")],
)  # fmt: skip
def test_what_it_cannot_answer_is_told_in_words(credential: Credential, asked: str, reason: str) -> None:
    play = Play(order(), [credential]).sends().receives(401, challenge(algorithm=asked))
    outcome = play.ends(Kind.REFUSED, code=401, reason=reason)
    assert not outcome.are_credentials_refused


def test_an_ha1_of_another_realm_answers_nothing() -> None:
    play = Play(order(), [MD5]).sends().receives(401, challenge(realm="other"))
    play.ends(Kind.REFUSED, code=401, reason="no credential for user 'alice' and realm 'other'")


def test_of_two_ha1_the_first_in_order_that_can_answer_is_taken() -> None:
    assert answers(Play(order(), [MD5, SHA_256]).sends().receives(401, *BOTH_ASKED).sends()) == "MD5"
    assert answers(Play(order(), [SHA_256, MD5]).sends().receives(401, *BOTH_ASKED).sends()) == "SHA-256"
    play = Play(order(), [MD5, SHA_256]).sends().receives(401, challenge(algorithm="SHA-256")).sends()
    assert answers(play) == "SHA-256"
    assert '"credential":"2"' in play.receives(200, contact()).ends(Kind.ACCEPTED).learned


def test_where_an_ha1_is_refused_the_second_credential_answers_what_is_strongest_for_it() -> None:
    password = Credential("", "alice", "secret", "3")
    play = Play(order(), [MD5, password]).sends().receives(401, *BOTH_ASKED).sends()
    assert answers(play) == "MD5"
    play.receives(401, *BOTH_ASKED).sends()
    assert answers(play) == "SHA-256"
    play.receives(401, *BOTH_ASKED).ends(Kind.REFUSED, code=401, reason="user 'alice' was refused")


def test_after_a_stale_nonce_the_same_ha1_answers_again() -> None:
    stale = [challenge(nonce="n2", stale=True), challenge(nonce="n3", stale=True, algorithm="SHA-256")]
    play = Play(order(), [MD5]).sends().receives(401, *BOTH_ASKED).sends().receives(401, *stale).sends()
    assert answers(play) == "MD5"
    play.receives(401, *BOTH_ASKED).ends(Kind.REFUSED, code=401, reason="was refused")


def test_what_an_ha1_cannot_answer_is_not_sent_ahead() -> None:
    strong = ahead()._replace(algorithm="SHA-256")
    assert Play(order(), [MD5], ahead=strong).sends().last.first("authorization") is None
    assert Play(order(), [SHA_256], ahead=strong).sends().last.first("authorization") is not None


def test_an_ha1_that_is_weaker_than_what_was_used_before_is_not_used() -> None:
    play = Play(order(), [MD5], least={"example.com": 1}).sends().receives(401, *BOTH_ASKED)
    play.ends(Kind.REFUSED, code=401, reason="MD5, where SHA-256 was used before; action forget-security")
