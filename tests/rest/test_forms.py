"""Forms as programs send them."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message

from sipregistrant.rest.codes import BODY_TOO_LARGE, WireRefusal
from sipregistrant.rest.forms import MOST_BODY_BYTES, MOST_FIELDS, parse_form, read_form


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"URI1=sip%3Au%40h%3Btransport%3Dtcp", "sip:u@h;transport=tcp"),
        (b"URI1=sip:u@h;transport=tcp", "sip:u@h;transport=tcp"),
        (b"URI1=sip:[2001:db8::1]:5060", "sip:[2001:db8::1]:5060"),
        (b"URI1=a b", "a b"),
        (b"URI1=a+b", "a b"),
        (b"URI1=a%2Bb", "a+b"),
        (b"URI1=#!()$'*,?/:@[]", "#!()$'*,?/:@[]"),
        (b"URI1=100%", "100%"),
        (b"URI1=%zz", "%zz"),
        (b"URI1=a=b==", "a=b=="),
        (b"URI1=Z%C3%BCrich", "Zürich"),
        ("URI1=Zürich".encode(), "Zürich"),
        (b"URI1=", ""),
        (b"&&URI1=x&&", "x"),
    ],
)
def test_a_value_comes_out_as_it_was_meant(body: bytes, value: str) -> None:
    assert parse_form(body) == {"uri1": value}


def test_a_field_without_equals_sign_is_empty() -> None:
    assert parse_form(b"Description&Sequence=") == {"description": "", "sequence": ""}


def test_no_body_is_no_field() -> None:
    assert parse_form(b"") == {}


def test_of_a_repeated_name_the_last_counts_whatever_its_case() -> None:
    assert parse_form(b"URI1=a&Uri1=b&uri1=c") == {"uri1": "c"}


@pytest.mark.parametrize(
    "body", [b"Description=\xff", b"Description=%ff", b"Description=\xc3", b"Description=%ED%A0%80"]
)
def test_bytes_that_are_not_utf_8_stay_recognizable(body: bytes) -> None:
    assert any("\ud800" <= character <= "\udfff" for character in parse_form(body)["description"])


def test_as_many_fields_as_are_allowed_are_read() -> None:
    assert len(parse_form(b"&".join(b"n%d=1" % n for n in range(MOST_FIELDS)))) == MOST_FIELDS


def test_one_field_more_is_refused() -> None:
    with pytest.raises(WireRefusal) as refused:
        parse_form(b"&".join(b"n%d=1" % n for n in range(MOST_FIELDS + 1)))
    assert refused.value.answer == BODY_TOO_LARGE


@given(st.binary(max_size=200))
def test_any_bytes_are_a_form_or_refused(body: bytes) -> None:
    try:
        form = parse_form(body)
    except WireRefusal:
        return
    assert all(isinstance(value, str) for value in form.values())


@given(st.dictionaries(st.text("abcXYZ", min_size=1).map(str.lower), st.text(st.characters(codec="utf-8"))))
def test_what_is_encoded_comes_back(fields: dict[str, str]) -> None:
    assert parse_form(urlencode(fields).encode()) == fields


def request_of(pieces: list[bytes], taken: list[bytes]) -> Request:
    """Return a request whose body comes in pieces; `taken` gets those that were read."""

    async def receive() -> Message:
        taken.append(pieces[len(taken)])
        return {"type": "http.request", "body": taken[-1], "more_body": len(taken) < len(pieces)}

    return Request({"type": "http", "method": "PUT", "headers": []}, receive)


async def test_a_body_in_pieces_is_one_form() -> None:
    assert await read_form(request_of([b"Descr", b"iption=a", b"%20b"], [])) == {"description": "a b"}


async def test_a_body_of_the_longest_length_is_read() -> None:
    form = await read_form(request_of([b"x=" + b"a" * (MOST_BODY_BYTES - 2)], []))
    assert len(form["x"]) == MOST_BODY_BYTES - 2


async def test_a_body_that_is_too_long_is_not_read_to_its_end() -> None:
    taken: list[bytes] = []
    with pytest.raises(WireRefusal) as refused:
        await read_form(request_of([b"a" * 1024] * 1000, taken))
    assert refused.value.answer == BODY_TOO_LARGE
    assert len(taken) == 65


def test_a_plus_stays_one_where_it_must_and_is_a_blank_elsewhere() -> None:
    body = b"AOR=sip:+49%2030&Description=two+words&aor=sip:+49%2B1"
    assert parse_form(body, frozenset({"aor"})) == {"aor": "sip:+49+1", "description": "two words"}
    assert parse_form(b"AOR=a%20b", frozenset({"aor"})) == {"aor": "a b"}
