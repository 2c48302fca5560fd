"""Digest authentication: published vectors, and what is made of challenges (RFC 7616, RFC 8760, RFC 3261 §22)."""

from __future__ import annotations

import hashlib

import pytest

from sipregistrant.errors import SipParseError, UnusableChallenge
from sipregistrant.sip.auth_params import parse_auth_params
from sipregistrant.sip.digest import (
    Challenge,
    authorization,
    choose,
    parse_authentication_info,
    parse_challenges,
    verify,
)
from sipregistrant.sip.message import Response

# RFC 7616 §3.9.1.
MUFASA = Challenge(
    realm="http-auth@example.org",
    nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
    opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
    algorithm="MD5",
    sess=False,
    qop="auth",
    stale=False,
    is_proxy=False,
)
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def answered(challenge: Challenge, *, nonce_count: int = 1, cnonce: str = CNONCE, body: bytes = b"") -> dict[str, str]:
    """Answer as the user of RFC 7616 §3.9.1, and read the answer."""
    _, value = authorization(
        challenge,
        username="Mufasa",
        password="Circle of Life",
        method="GET",
        uri="/dir/index.html",
        nonce_count=nonce_count,
        cnonce=cnonce,
        body=body,
    )
    scheme, params = parse_auth_params(value)
    assert scheme == "digest"
    return params


def challenges(*values: str, name: str = "www-authenticate") -> list[Challenge]:
    return parse_challenges(Response(401, "Unauthorized", [(name, value) for value in values]))


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


HA1 = {
    "MD5": "3d78807defe7de2157e2b0b6573a855f",
    "SHA-256": "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232",
}
"""Of the user of RFC 7616 §3.9.1, by §3.4.2."""

# Vectors


@pytest.mark.parametrize("algorithm", sorted(HA1))
@pytest.mark.parametrize("sess", [False, True])
def test_an_ha1_answers_as_the_password_does(algorithm: str, sess: bool) -> None:
    challenge = MUFASA._replace(algorithm=algorithm, sess=sess)
    _, value = authorization(
        challenge, "Mufasa", HA1[algorithm], "GET", "/dir/index.html", 1, CNONCE, is_ha1=True
    )  # fmt: skip
    assert parse_auth_params(value)[1] == answered(challenge)


def test_md5_is_that_of_rfc_7616() -> None:
    assert answered(MUFASA)["response"] == "8ca523f5e9506fed4657c9700eebdbec"


def test_sha_256_is_that_of_rfc_7616() -> None:
    response = answered(MUFASA._replace(algorithm="SHA-256"))["response"]
    assert response == "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"


def test_sha_512_256_is_that_of_rfc_7616_as_corrected() -> None:
    # §3.9.2 was computed with a draft of SHA-512/256: erratum 4897 has this value. The user's name is in UTF-8.
    (challenge,) = challenges(
        'Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, charset=UTF-8, userhash=true, '
        'nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS"'
    )
    _, value = authorization(
        challenge,
        username="J\u00e4s\u00f8n Doe",
        password="Secret, or not?",
        method="GET",
        uri="/doe.json",
        nonce_count=1,
        cnonce="NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
    )
    assert 'response="3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"' in value


def test_without_qop_it_is_the_form_of_rfc_2069() -> None:
    params = answered(MUFASA._replace(qop=""))
    secret, request = md5("Mufasa:http-auth@example.org:Circle of Life"), md5("GET:/dir/index.html")
    assert params["response"] == md5(f"{secret}:{MUFASA.nonce}:{request}")
    assert not {"qop", "nc", "cnonce"} & params.keys()


def test_the_body_counts_in_auth_int() -> None:
    params = answered(MUFASA._replace(qop="auth-int"), body=b"\xffbody")
    secret = md5("Mufasa:http-auth@example.org:Circle of Life")
    request = md5("GET:/dir/index.html:" + hashlib.md5(b"\xffbody", usedforsecurity=False).hexdigest())
    assert params["response"] == md5(f"{secret}:{MUFASA.nonce}:00000001:{CNONCE}:auth-int:{request}")


def test_a_session_key_has_nonce_and_cnonce_in_it() -> None:
    params = answered(MUFASA._replace(sess=True))
    secret = md5(f"{md5('Mufasa:http-auth@example.org:Circle of Life')}:{MUFASA.nonce}:{CNONCE}")
    assert params["response"] == md5(f"{secret}:{MUFASA.nonce}:00000001:{CNONCE}:auth:{md5('GET:/dir/index.html')}")
    assert params["algorithm"] == "MD5-sess"


# Answers


def test_an_answer_repeats_what_the_challenge_said() -> None:
    params = answered(MUFASA._replace(algorithm="SHA-256"), nonce_count=0x1F)
    del params["response"]
    assert params == {
        "username": "Mufasa",
        "realm": MUFASA.realm,
        "nonce": MUFASA.nonce,
        "uri": "/dir/index.html",
        "algorithm": "SHA-256",
        "opaque": MUFASA.opaque,
        "qop": "auth",
        "nc": "0000001f",
        "cnonce": CNONCE,
    }


def test_only_what_is_text_stands_in_quotes() -> None:
    # RFC 7616 §3.4: some servers read a quoted qop, nc or algorithm as another one.
    _, value = authorization(MUFASA, username="u", password="p", method="GET", uri="/", nonce_count=1, cnonce="c")
    assert ", algorithm=MD5, " in value
    assert value.endswith('qop=auth, nc=00000001, cnonce="c"')


def test_an_algorithm_that_was_not_named_is_not_named_back() -> None:
    (challenge,) = challenges('Digest realm="r", nonce="n"')
    assert "algorithm" not in answered(challenge)


def test_an_opaque_that_is_empty_is_repeated_and_an_absent_one_is_not() -> None:
    empty, absent = challenges('Digest realm="r", nonce="n", opaque=""', 'Digest realm="r", nonce="n"')
    assert answered(empty)["opaque"] == ""
    assert "opaque" not in answered(absent)


@pytest.mark.parametrize(("is_proxy", "name"), [(False, "Authorization"), (True, "Proxy-Authorization")])
def test_a_proxy_is_answered_in_its_own_header(is_proxy: bool, name: str) -> None:
    challenge = MUFASA._replace(is_proxy=is_proxy)
    assert (
        authorization(challenge, username="u", password="p", method="M", uri="/", nonce_count=1, cnonce="c")[0] == name
    )


def test_a_name_with_quotes_is_escaped() -> None:
    _, value = authorization(MUFASA, username='a"b\\c', password="p", method="M", uri="/", nonce_count=1, cnonce="c")
    assert value.startswith(r'Digest username="a\"b\\c", ')
    assert parse_auth_params(value)[1]["username"] == 'a"b\\c'


@pytest.mark.parametrize("bad", ["a\r\nX: y", "a\nb", "a\0b"])
@pytest.mark.parametrize("place", ["username", "uri", "cnonce"])
def test_no_line_end_gets_into_an_answer(place: str, bad: str) -> None:
    texts = {"username": "u", "uri": "/", "cnonce": "c"} | {place: bad}
    username, uri, cnonce = texts.values()
    with pytest.raises(SipParseError):
        authorization(MUFASA, username=username, password="p", method="M", uri=uri, nonce_count=1, cnonce=cnonce)


def test_a_realm_that_is_no_utf8_is_sent_back_as_it_came() -> None:
    realm = b"K\xf6ln".decode("utf-8", "surrogateescape")
    (challenge,) = challenges(f'Digest realm="{realm}", nonce="n"')
    _, value = authorization(challenge, username="u", password="p", method="M", uri="/", nonce_count=1, cnonce="c")
    assert b'realm="K\xf6ln"' in value.encode("utf-8", "surrogateescape")
    ha1 = hashlib.md5(b"u:K\xf6ln:p", usedforsecurity=False).hexdigest()
    assert parse_auth_params(value)[1]["response"] == md5(f"{ha1}:n:{md5('M:/')}")


@pytest.mark.parametrize("nonce_count", [0, -1, 2**32])
def test_a_nonce_count_has_8_digits(nonce_count: int) -> None:
    with pytest.raises(UnusableChallenge):
        answered(MUFASA, nonce_count=nonce_count)


@pytest.mark.parametrize(
    "challenge",
    [MUFASA._replace(algorithm="SHA3"), MUFASA._replace(qop="other"), MUFASA._replace(qop="", sess=True)],
)
def test_what_cannot_be_answered_is_not(challenge: Challenge) -> None:
    with pytest.raises(UnusableChallenge):
        answered(challenge)


# Challenges


def test_a_challenge_is_read() -> None:
    value = 'digest Realm="r", domain="sip:h", nonce="n", opaque="o", stale=TRUE, algorithm=sha-256-SESS, qop="auth-int, AUTH"'
    assert challenges(value, name="proxy-authenticate") == [
        Challenge("r", "n", "o", "SHA-256", sess=True, qop="auth", stale=True, is_proxy=True)
    ]


def test_what_a_proxy_and_the_registrar_ask_are_both_read() -> None:
    headers = [
        ("proxy-authenticate", 'Digest realm="p", nonce="1"'),
        ("www-authenticate", 'Digest realm="o", nonce="2"'),
    ]
    found = parse_challenges(Response(407, "", headers))
    assert [(challenge.is_proxy, challenge.realm) for challenge in found] == [(False, "o"), (True, "p")]


@pytest.mark.parametrize(
    ("parameter", "qop"),
    [
        ("", ""),
        (', qop="auth"', "auth"),
        (", qop=auth", "auth"),
        (', qop="auth-int"', "auth-int"),
        (', qop="x, auth-int ,auth"', "auth"),
        (', qop=""', ""),
    ],
)
def test_of_the_qops_offered_the_simplest_is_used(parameter: str, qop: str) -> None:
    assert challenges(f'Digest realm="r", nonce="n"{parameter}')[0].qop == qop


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Basic dXNlcjpwYXNz",
        'Bearer realm="r", nonce="n"',
        'Digest nonce="n"',
        'Digest realm="r"',
        'Digest realm="r", nonce=""',
        'Digest realm="r", nonce="n", algorithm=SHA-1',
        'Digest realm="r", nonce="n", algorithm=AKAv1-MD5',
        'Digest realm="r", nonce="n", algorithm=""',
        'Digest realm="r", nonce="n", qop="other"',
        'Digest realm="r", nonce="n", algorithm=MD5-sess',
        'Digest realm="r", nonce="n", nonce="m"',
        'Digest realm="r", nonce="n',
        f'Digest realm="{"r" * 513}", nonce="n"',
        f'Digest realm="r", nonce="{"n" * 4097}"',
        f'Digest realm="r", nonce="n", opaque="{"o" * 1025}"',
        f'Digest realm="r", nonce="n", qop="{"auth," * 1000}"',
    ],
)
def test_a_challenge_that_cannot_be_used_is_passed_over(value: str) -> None:
    assert [challenge.realm for challenge in challenges(value, 'Digest realm="good", nonce="n"')] == ["good"]


def test_the_largest_challenge_is_taken() -> None:
    assert challenges(f'Digest realm="{"r" * 512}", nonce="{"n" * 4096}", opaque="{"o" * 1024}"')


# Choosing (RFC 8760)


def challenge(algorithm: str, realm: str = "r", nonce: str = "n") -> str:
    return f'Digest realm="{realm}", nonce="{nonce}", algorithm={algorithm}'


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["MD5", "SHA-256", "SHA-512-256"], "SHA-512-256"),
        (["SHA-512-256", "SHA-256", "MD5"], "SHA-512-256"),
        (["MD5", "SHA-256"], "SHA-256"),
        (["MD5", "SHA-3"], "MD5"),
    ],
)
def test_the_strongest_algorithm_is_chosen_wherever_it_stands(offered: list[str], chosen: str) -> None:
    (best,) = choose(challenges(*map(challenge, offered)))
    assert best.algorithm == chosen


def test_of_equals_the_first_is_chosen() -> None:
    (best,) = choose(challenges(challenge("MD5", nonce="1"), challenge("MD5", nonce="2")))
    assert best.nonce == "1"


def test_each_realm_is_answered_once_in_the_order_of_the_response() -> None:
    best = choose(challenges(challenge("MD5", "b"), challenge("MD5", "a"), challenge("SHA-256", "b")))
    assert [(one.realm, one.algorithm) for one in best] == [("b", "SHA-256"), ("a", "MD5")]


def test_a_proxy_and_a_registrar_of_one_realm_are_both_answered() -> None:
    both = challenges(challenge("MD5")) + challenges(challenge("MD5"), name="proxy-authenticate")
    assert [one.is_proxy for one in choose(both)] == [False, True]


def test_no_challenge_is_an_error_that_says_so() -> None:
    with pytest.raises(UnusableChallenge):
        choose([])


# What is kept


@pytest.mark.parametrize(
    "kept",
    [
        MUFASA,
        MUFASA._replace(opaque=None),
        MUFASA._replace(opaque=""),
        MUFASA._replace(stale=True, is_proxy=True, sess=True, names_algorithm=False),
        MUFASA._replace(realm="", nonce="n\tn", qop=""),
        MUFASA._replace(realm="zoë \u2028 \U0001f600"),
        MUFASA._replace(realm=b"\xff\xc3".decode("utf-8", "surrogateescape")),
    ],
)
def test_a_challenge_comes_back_from_its_text(kept: Challenge) -> None:
    text = kept.encode()
    text.encode()  # a database takes it
    assert Challenge.decode(text) == kept


def test_a_line_end_in_a_challenge_cannot_be_kept() -> None:
    with pytest.raises(UnusableChallenge):
        MUFASA._replace(realm="a\nb").encode()


def test_a_next_nonce_takes_the_place_of_the_old_one() -> None:
    assert MUFASA._replace(stale=True).with_nonce("new") == MUFASA._replace(nonce="new")


@pytest.mark.parametrize(
    ("value", "nonce"),
    [
        ('nextnonce="abc", qop=auth', "abc"),
        ("qop=auth", None),
        ('nextnonce=""', None),
        (f'nextnonce="{"n" * 4097}"', None),
        ('nextnonce="a', None),
        ("", None),
    ],
)
def test_authentication_info_may_name_the_next_nonce(value: str, nonce: str | None) -> None:
    assert parse_authentication_info(value) == nonce


# The registrar's side


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512-256"])
@pytest.mark.parametrize(
    ("sess", "qop"), [(False, ""), (False, "auth"), (False, "auth-int"), (True, "auth"), (True, "auth-int")]
)
def test_a_registrar_accepts_the_right_password_only(algorithm: str, sess: bool, qop: str) -> None:
    params = answered(MUFASA._replace(algorithm=algorithm, sess=sess, qop=qop), body=b"b")
    assert verify(params, password="Circle of Life", method="GET", body=b"b")
    assert not verify(params, password="Circle of Lies", method="GET", body=b"b")
    assert not verify(params, password="Circle of Life", method="PUT", body=b"b")
    assert verify(params, password="Circle of Life", method="GET", body=b"c") is (qop != "auth-int")


@pytest.mark.parametrize("name", ["username", "realm", "nonce", "uri", "response", "nc", "cnonce"])
def test_credentials_that_lack_something_are_refused(name: str) -> None:
    params = answered(MUFASA)
    del params[name]
    assert not verify(params, password="Circle of Life", method="GET")


@pytest.mark.parametrize(
    "change",
    [
        {"algorithm": "SHA-1"},
        {"qop": "x"},
        {"nc": "1"},
        {"nc": "00000002"},
        {"response": ""},
        {"response": "\udcff"},
        {"realm": "other"},
        {"algorithm": "MD5-sess", "qop": ""},
    ],
)
def test_credentials_that_were_changed_are_refused(change: dict[str, str]) -> None:
    assert not verify(answered(MUFASA) | change, password="Circle of Life", method="GET")


def test_a_response_in_capitals_is_the_same_number() -> None:
    params = answered(MUFASA)
    assert verify(params | {"response": params["response"].upper()}, password="Circle of Life", method="GET")
