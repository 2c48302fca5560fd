"""What holds for any bytes: parsers are total, rendering is safe, and reading what was rendered changes nothing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sipregistrant.errors import SipParseError
from sipregistrant.sip.auth_params import parse_auth_params
from sipregistrant.sip.digest import (
    Challenge,
    authorization,
    choose,
    parse_authentication_info,
    parse_challenges,
    verify,
)
from sipregistrant.sip.fields import (
    parse_contact_header,
    parse_contacts,
    parse_cseq,
    parse_delta_seconds,
    parse_name_addr,
    parse_retry_after,
    parse_via,
)
from sipregistrant.sip.lexical import quote, split_list, unquote
from sipregistrant.sip.message import Request, Response, parse_message, render_request, render_response
from sipregistrant.sip.uas import answer
from sipregistrant.sip.uri import (
    Uri,
    canonical_aor,
    escape_user,
    parse_any_uri,
    parse_uri,
    same_uri,
    split_host_port,
)

# Enough to find what is wrong in a change; a long search is for an afternoon and a larger number.
EXAMPLES = int(os.environ.get("SIPREGISTRANT_EXAMPLES", "150"))

few = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

REAL = (
    b"SIP/2.0 200 OK\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.5:5060;received=192.0.2.5;rport=5060;branch=z9hG4bK0123456789abcdef\r\n"
    b'From: "A. Person" <sip:alice@example.com>;tag=0123\r\nTo: <sip:alice@example.com>;tag=as5f2c\r\n'
    b"Call-ID: 0123456789abcdef\r\nCSeq: 4711 REGISTER\r\n"
    b'Contact: <sip:alice@192.0.2.5:5060;transport=udp>;q=0.5;expires=3600,\r\n <sip:b@[::1]>;+sip.instance="<urn:x>"\r\n'
    b"Retry-After: 5 (x);duration=1\r\nExpires: 3600\r\n"
    b'WWW-Authenticate: Digest realm="a, \\"b\\"", nonce="n", qop="auth,auth-int", algorithm=SHA-256, opaque=""\r\n'
    b"Content-Length: 4\r\n\r\nbody",
    b"OPTIONS sip:alice@192.0.2.5 SIP/2.0\r\nv: SIP / 2.0 / UDP 192.0.2.9 ; rport ; branch = z9hG4bKx, SIP/2.0/TCP h\r\n"
    b"f: sip:caller@example.org;tag=1\r\nt: <sip:alice@example.com>\r\ni: x@y\r\nCSeq: 1\r\n OPTIONS\r\n"
    b"Require: a,b\r\nl: 0\r\n\r\n",
)

# What SIP is made of: pieces of it in a row go further into the parsers than any bytes do.
PIECES = st.sampled_from(
    ["sip:", "sips:", "tel:", "SIP/2.0", "/UDP", " ", "\t", "\r\n", ",", ";", "<", ">", '"', "\\", "@", ":", "=", "?", "&",
     "%", "%41", "%2c", "%00", "[", "]", "::1", "192.0.2.1", "h", "a.b", "5060", "0", "1_0", "٣", "*", "tag", "expires", "q",
     "branch", "rport", "lr", "transport", "Digest", "realm", "nonce", "qop", "auth", "(", ")", "\0", "\x7f", "ü", "\udcff",
     "\u212a", "#", "+1"]
)  # fmt: skip
TEXTS = st.one_of(st.lists(PIECES, max_size=24).map("".join), st.text(max_size=60))

PARSERS: list[Callable[[str], object]] = [
    parse_uri, parse_any_uri, split_host_port, parse_name_addr, parse_cseq, parse_via, parse_delta_seconds, parse_retry_after,
    parse_auth_params, parse_authentication_info, split_list, lambda text: parse_contacts([text]),
    lambda text: parse_contact_header([text]), lambda text: parse_challenges(Response(401, "", [("www-authenticate", text)])),
    lambda text: [(c.q, c.expires) for c in parse_contacts([f"<sip:a@h>;{text}"])],
    lambda text: [parse_via(f"SIP/2.0/UDP h;{text}").rport],
]  # fmt: skip


def rendered(message: Request | Response) -> bytes:
    if isinstance(message, Request):
        return render_request(message.method, message.uri, message.headers, message.body)
    return render_response(message.status_code, message.reason_phrase, message.headers, message.body)


def holds_for(data: bytes) -> None:
    """Check all that is promised for any bytes."""
    try:
        message = parse_message(data)
    except SipParseError:
        return
    if isinstance(message, Response):
        assert isinstance(message.branch, str)
        assert message.cseq[0] < 2**31
        parse_challenges(message)
    else:
        reply = answer(message, source=("192.0.2.1", 5060), secret=b"s")
        if reply is not None:
            assert isinstance(parse_message(reply), Response)
    for _, value in message.headers:
        assert "\r" not in value
        assert "\n" not in value
        for parse in PARSERS:
            with contextlib.suppress(SipParseError):
                parse(value)
    try:
        once = rendered(message)
    except SipParseError:
        # The one thing that is read and not sent: a NUL behind a backslash.
        assert b"\\\0" in data
        return
    again = parse_message(once)
    assert again.body == message.body
    assert [h for h in again.headers if h[0] != "content-length"] == [
        h for h in message.headers if h[0] != "content-length"
    ]
    assert rendered(again) == once


@few
@given(st.binary(max_size=400))
def test_any_bytes_are_a_message_or_an_error(data: bytes) -> None:
    holds_for(data)


@few
@given(
    st.sampled_from(["OPTIONS sip:h SIP/2.0\r\n", "SIP/2.0 200 OK\r\nCSeq: 1 A\r\n"]),
    st.lists(st.tuples(PIECES, TEXTS), max_size=6),
)
def test_any_headers_are_a_message_or_an_error(start: str, lines: list[tuple[str, str]]) -> None:
    text = start + "".join(f"{name}:{value}\r\n" for name, value in lines) + "\r\n"
    with contextlib.suppress(UnicodeEncodeError):
        holds_for(text.encode("utf-8", "surrogateescape"))


@st.composite
def mutations(draw: st.DrawFn, messages: tuple[bytes, ...] = REAL) -> bytes:
    """Return a real message with some of its bytes replaced, removed, repeated or added."""
    data = draw(st.sampled_from(messages))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 12)))
        piece = PIECES.map(lambda text: text.encode("utf-8", "surrogateescape"))
        put = draw(st.one_of(st.just(b""), st.binary(max_size=4), piece, st.just(data[start:end] * 2)))
        data = data[:start] + put + data[end:]
    return data


@few
@given(mutations())
def test_a_real_message_may_break_anywhere(data: bytes) -> None:
    holds_for(data)


@few
@given(st.data())
def test_a_torture_message_may_break_anywhere(corpora: Path, data: st.DataObject) -> None:
    messages = tuple(path.read_bytes() for path in sorted((corpora / "rfc4475").glob("*.dat")))
    holds_for(data.draw(mutations(messages)))


@few
@given(TEXTS)
def test_every_field_parser_is_total(text: str) -> None:
    for parse in PARSERS:
        with contextlib.suppress(SipParseError):
            parse(text)


# URIs


@few
@given(st.sampled_from(["sip:", "sips:a@", "sip:a@h;", "sip:h?", "tel:+1;", "tel:", "im:", ""]), TEXTS)
def test_a_uri_that_was_read_is_rendered_and_read_alike(start: str, text: str) -> None:
    try:
        uri = parse_any_uri(start + text)
    except SipParseError:
        return
    written = str(uri)
    assert written.isascii()
    assert written.isprintable()
    assert not set(' <>"') & set(written)
    again = parse_any_uri(written)
    assert str(again) == written
    assert same_uri(uri, again)
    assert same_uri(uri, uri)
    canonical_aor(uri).encode()
    assert canonical_aor(uri) == canonical_aor(again)


@few
@given(TEXTS, TEXTS)
def test_comparing_is_symmetric(a: str, b: str) -> None:
    try:
        first, second = parse_uri(f"sip:u@h;{a}"), parse_uri(f"sip:u@h;{b}")
    except SipParseError:
        return
    assert same_uri(first, second) is same_uri(second, first)


@few
@given(st.text(min_size=1, max_size=30))
def test_any_user_can_be_put_into_a_uri(user: str) -> None:
    try:
        escaped = escape_user(user)
    except SipParseError:
        assert any("\ud800" <= character <= "\udfff" for character in user)
        return
    assert parse_uri(f"sip:{escaped}@h").user == escaped
    assert escape_user(escaped) == escaped


@few
@given(
    st.builds(
        Uri,
        st.sampled_from(["sip", "tel", "im", "x\r"]), TEXTS, TEXTS, st.none() | st.integers(1, 65535),
        st.lists(st.tuples(TEXTS, st.none() | TEXTS), max_size=2).map(tuple), TEXTS, TEXTS,
    )
)  # fmt: skip
def test_a_uri_made_of_anything_never_breaks_a_line(uri: Uri) -> None:
    with contextlib.suppress(SipParseError):
        assert not set("\r\n\0 <>") & set(str(uri))


# Rendering


@few
@given(TEXTS, TEXTS, TEXTS)
def test_no_header_makes_another(name: str, value: str, reason: str) -> None:
    try:
        data = render_response(200, reason, [("CSeq", "1 A"), (name, value)])
    except SipParseError:
        return
    assert data.count(b"\r\n") == 5 - (name.lower() in ("content-length", "l"))
    assert data.count(b"\n") == data.count(b"\r") == data.count(b"\r\n")
    assert b"\0" not in data


@few
@given(TEXTS)
def test_what_is_quoted_is_unquoted_again(text: str) -> None:
    try:
        quoted = quote(text)
    except SipParseError:
        return
    assert unquote(quoted) == text
    assert split_list(f"{quoted}, x") == [quoted, "x"]


# Digest

CLEAN = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=20)
CHALLENGES = st.builds(
    Challenge,
    realm=CLEAN, nonce=CLEAN.filter(bool), opaque=st.none() | CLEAN, algorithm=st.sampled_from(["MD5", "SHA-256", "SHA-512-256"]),
    sess=st.just(False), qop=st.sampled_from(["", "auth", "auth-int"]), stale=st.booleans(), is_proxy=st.booleans(),
    names_algorithm=st.just(True),
)  # fmt: skip


@few
@given(CHALLENGES, st.booleans())
def test_a_challenge_comes_back_from_its_text(challenge: Challenge, names_algorithm: bool) -> None:
    kept = challenge._replace(names_algorithm=names_algorithm)
    assert Challenge.decode(kept.encode()) == kept


@few
@given(CHALLENGES, CLEAN, CLEAN, CLEAN.filter(bool))
def test_the_registrar_believes_what_the_registrant_says(
    challenge: Challenge, username: str, password: str, cnonce: str
) -> None:
    _, value = authorization(
        challenge, username=username, password=password, method="REGISTER", uri="sip:h", nonce_count=1, cnonce=cnonce
    )
    _, params = parse_auth_params(value)
    assert verify(params, password=password, method="REGISTER")
    assert not verify(params, password=password + "x", method="REGISTER")


@few
@given(CHALLENGES)
def test_a_challenge_that_was_sent_is_the_one_that_is_chosen(challenge: Challenge) -> None:
    value = f"Digest realm={quote(challenge.realm)}, nonce={quote(challenge.nonce)}, algorithm={challenge.algorithm}"
    value += f', stale={challenge.stale}, qop="{challenge.qop}"'
    value += "" if challenge.opaque is None else f", opaque={quote(challenge.opaque)}"
    name = "proxy-authenticate" if challenge.is_proxy else "www-authenticate"
    assert choose(parse_challenges(Response(401, "", [(name, value)]))) == [challenge]


@pytest.mark.parametrize("data", REAL)
def test_the_real_messages_are_real(data: bytes) -> None:
    parse_message(data)
