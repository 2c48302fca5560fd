"""No secret is in a masked message, and a parser reads it as it read the other."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sipregistrant.sip.digest import authorization, parse_challenges
from sipregistrant.sip.message import Request, Response, parse_message, render_request, render_response
from sipregistrant.trace.masking import mask
from sipregistrant.trace.pcap import as_pcap
from sipregistrant.trace.text import as_ladder, as_text
from tests.trace.support import REGISTER, answer, attempt, message

PLACES = [("Via", "SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK1"), ("From", "<sip:a@example.com>;tag=1"),
          ("To", "<sip:a@example.com>"), ("Call-ID", "1"), ("CSeq", "1 REGISTER")]  # fmt: skip

texts = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=["Cs", "Cc"]), max_size=30)
tokens = st.from_regex(r"[0-9a-f]{16,32}", fullmatch=True)
cnonces = st.from_regex(r"[g-z]{16,32}", fullmatch=True)


def register_with(*headers: tuple[str, str]) -> bytes:
    return render_request("REGISTER", "sip:example.com", [*PLACES, *headers])


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(username=texts, password=texts, realm=texts, cnonce=cnonces, nonce=tokens, qop=st.sampled_from(["auth", "auth-int", ""]),
       algorithm=st.sampled_from(["MD5", "SHA-256", "MD5-sess"]), code=st.sampled_from([401, 407]))  # fmt: skip
def test_the_answer_to_a_challenge_is_in_no_form(username: str, password: str, realm: str, cnonce: str, nonce: str, qop: str,
                                                 algorithm: str, code: int) -> None:  # fmt: skip
    value = (
        f"Digest realm={quoted(realm)}, nonce={quoted(nonce)}, algorithm={algorithm}"
        + f", qop={quoted(qop)}" * bool(qop)
    )
    assume(qop or not algorithm.endswith("-sess"))
    name = "WWW-Authenticate" if code == 401 else "Proxy-Authenticate"
    asked = render_response(code, "Unauthorized", [*PLACES, (name, value)])
    response = parse_message(asked)
    assert isinstance(response, Response)
    (found,) = parse_challenges(response)
    header = authorization(found, username=username, password=password, method="REGISTER", uri="sip:example.com", nonce_count=1,
                           cnonce=cnonce)  # fmt: skip
    data = register_with(header)
    secret = re.search(r'response="([0-9a-f]+)"', header[1])
    assert secret is not None
    masked = mask(data)
    assert len(masked) == len(data)
    again = parse_message(masked)
    assert isinstance(again, Request)
    assert again.first("cseq") == "1 REGISTER"
    kept = attempt(1, message(data=mask(asked), is_sent=False), message(data=masked))
    for shown in (masked, as_pcap([kept]), as_text([kept]).encode(), as_ladder([kept]).encode()):
        assert secret[1].encode() not in shown
        assert cnonce.encode() not in shown or cnonce in realm + username
    assert nonce.encode() in masked


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('Digest username="a", response="0123"', 'Digest username="a", response="****"'),
        ('Digest username="a",RESPONSE = 0123', 'Digest username="a",RESPONSE = ****'),
        ('dIGEST  response="01",realm="r"', 'dIGEST  response="**",realm="r"'),
        (
            'Digest username="x, response=\\"q\\"", response="01"',
            'Digest username="x, response=\\"q\\"", response="**"',
        ),
        ('Digest username="open, response=0123', "Digest ***"),
        ('Digest auts="secret", nc=00000001', 'Digest auts="******", nc=00000001'),
        ("Basic YWxpY2U6c2VjcmV0", "***"),
        ("Bearer abc", "***"),
        ("", "***"),
    ],
)
@pytest.mark.parametrize("name", ["Authorization", "PROXY-AUTHORIZATION", "proxy-authorization "])
def test_credentials_of_every_kind(name: str, value: str, expected: str) -> None:
    head = b"REGISTER sip:a SIP/2.0\r\n"
    masked = mask(head + f"{name}: {value}\r\nTo: <sip:a>\r\n\r\n".encode())
    line = masked.removeprefix(head).decode().split("\r\n")[0]
    assert line.split(":", 1)[1].strip() == expected
    assert masked.endswith(b"\r\nTo: <sip:a>\r\n\r\n")


def test_a_value_that_goes_on_in_the_next_line() -> None:
    head = b"REGISTER sip:a SIP/2.0\r\n"
    data = head + b'Authorization: Digest username="a",\r\n response="0123",\r\n\tcnonce="45"\r\nTo: <sip:a>\r\n\r\n'
    assert mask(data) == data.replace(b"0123", b"****").replace(b"45", b"**")


def test_what_the_registrar_proves_is_masked_and_its_next_nonce_is_not() -> None:
    data = b'SIP/2.0 200 OK\r\nAuthentication-Info: nextnonce="n2", qop=auth, rspauth="0123", cnonce="45", nc=00000001\r\n\r\n'
    assert mask(data) == data.replace(b"0123", b"****").replace(b'"45"', b'"**"')


@pytest.mark.parametrize("name", ["X-Api-Key", "X-Access-Token", "P-Secret", "Cookie", "X-Password-Hint"])
def test_headers_whose_names_tell_of_a_secret(name: str) -> None:
    assert b"hunter2" not in mask(b"REGISTER sip:a SIP/2.0\r\n" + name.encode() + b": hunter2\r\nTo: <sip:a>\r\n\r\n")


def test_the_password_in_a_uri_and_not_its_length() -> None:
    masked = mask(REGISTER.replace(b"sip:alice@", b"sip:alice:hunter2@"))
    assert masked == REGISTER.replace(b"sip:alice@", b"sip:alice:***@")
    assert mask(REGISTER.replace(b"sip:alice@", b"sip:alice:x@")) == masked


def test_what_has_no_secret_stays_as_it_is() -> None:
    for data in (REGISTER, answer(), b"", b"\r\n\r\n", b"garbage", bytes(range(256)),
                 b"SIP/2.0 200 OK\r\nContact: <sip:a@h:5060>, <sip:b@[::1]:5061;transport=tcp>\r\n\r\n"):  # fmt: skip
        assert mask(data) == data


def test_a_body_is_masked_and_the_length_is_that_of_what_is_left() -> None:
    body = b"REGISTER sip:a SIP/2.0\r\nAuthorization: Basic YWxpY2U6c2VjcmV0\r\n"
    data = b"SIP/2.0 400 Bad\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    head, _, rest = mask(data).partition(b"\r\n\r\n")
    assert rest == b"REGISTER sip:a SIP/2.0\r\nAuthorization: ***\r\n"
    assert head.endswith(b"Content-Length: %d" % len(rest))


@given(st.binary(max_size=300))
def test_anything_is_taken(data: bytes) -> None:
    assert isinstance(mask(b"REGISTER sip:a SIP/2.0\r\nAuthorization: Digest " + data), bytes)


@pytest.mark.parametrize(
    "evil",
    [b"sip:" * 16_000, b"To: sip:" + b"a:" * 30_000, b"sip:a@" * 10_000, b'Authorization: Digest a="' * 2_500, b"token" * 12_000,
     b"Authorization: Digest " + b" " * 60_000 + b"x", b"Authorization: Digest a" + b" ,a=b" * 12_000, b"A: b\n " * 10_000,
     b'Authorization: Digest a="' + b"\\" * 60_000],
)  # fmt: skip
def test_no_peer_makes_it_slow(evil: bytes) -> None:
    began = time.process_time()
    mask(b"SIP/2.0 403 Forbidden\r\n" + evil + b"\r\n\r\n" + evil)
    assert time.process_time() - began < 0.5
