"""How the texts of AOR and URIn are read."""

from __future__ import annotations

import pytest

from sipregistrant.errors import SipParseError
from sipregistrant.model.uris import LOCAL, NONE, REMOTE, STATIC, ContactText, read_aor, read_contact


@pytest.mark.parametrize("aor_type", [LOCAL, REMOTE])
@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("sip:alice", "alice"), ("alice", "alice"), ("1001", "1001"), ("sip:+4930123", "+4930123"), ("#31#", "#31#"),
        ("192.0.2.1", "192.0.2.1"), ("SIP:alice", "alice"), ("sip:alice;x=y", "alice"), ("sip:alice@there", "alice"),
        ("tel:+4930123", "+4930123"),
    ],
)  # fmt: skip
def test_where_the_host_is_put_in_by_us_a_mere_word_is_a_user(aor_type: int, text: str, user: str) -> None:
    assert read_aor(text, aor_type).user == user


def test_the_scheme_that_is_missing_is_sip() -> None:
    assert read_aor("alice", LOCAL).scheme == "sip"
    assert read_aor("sips:alice", LOCAL).scheme == "sips"


def test_where_no_host_is_put_in_a_mere_word_is_a_host() -> None:
    uri = read_aor("sip:example.com", NONE)
    assert (uri.user, uri.host) == ("", "example.com")


@pytest.mark.parametrize("text", ["alice@example.com", "sip:example.com", "tel:+4930123", "sip:alice", "", "sip:"])
def test_a_static_aor_is_whole(text: str) -> None:
    with pytest.raises(SipParseError):
        read_aor(text, STATIC)


@pytest.mark.parametrize("aor_type", [NONE, LOCAL, REMOTE, STATIC])
@pytest.mark.parametrize("text", ["sip:", "sip:@host", "sip:a@h@i", "sip:a@h:0", "tel:abc+", "sip:" + "ü" * 200 + "@h"])
def test_what_could_not_be_sent_is_refused(aor_type: int, text: str) -> None:
    with pytest.raises(SipParseError):
        read_aor(text, aor_type)


@pytest.mark.parametrize("text", ["1001", "alice", "+4930123", "alice;x=y"])
@pytest.mark.parametrize("scheme", ["", "sip:", "SIP:"])
def test_a_contact_without_host_is_a_user(scheme: str, text: str) -> None:
    assert read_contact(scheme + text) == ContactText(user=text)


def test_a_secure_contact_without_host_stays_secure() -> None:
    assert read_contact("sips:alice") == ContactText(user="alice", scheme="sips")


@pytest.mark.parametrize("text", ["pbx.example", "192.0.2.1", "pbx:5070", "[2001:db8::1]", "pbx;bnc", "a@b"])
def test_a_dot_a_colon_brackets_bnc_or_an_at_make_a_host(text: str) -> None:
    assert read_contact(f"sip:{text}") == ContactText(uri=f"sip:{text}")
    assert read_contact(text) == ContactText(uri=f"sip:{text}")


def test_a_dot_in_a_parameter_makes_no_host() -> None:
    assert read_contact("alice;v=1.0").user == "alice;v=1.0"


def test_a_contact_that_is_not_ascii_is_escaped() -> None:
    assert read_contact("sip:jörg@pbx.example").uri == "sip:j%C3%B6rg@pbx.example"


def test_contacts_are_compared_as_uris() -> None:
    assert str(read_contact("alice").comparable) == "sip:alice@invalid"
    assert str(read_contact("sip:alice@Pbx.example").comparable) == "sip:alice@pbx.example"


@pytest.mark.parametrize("text", ["b%zz", "sip:b%@example.com", "sip:b%2@example.com"])
def test_a_broken_escape_is_refused(text: str) -> None:
    with pytest.raises(SipParseError):
        read_contact(text)
    with pytest.raises(SipParseError):
        read_aor(text, LOCAL)


@pytest.mark.parametrize("text", ["tel:5", "http://example.com", "mailto:a@example.com"])
def test_a_contact_of_another_scheme_is_refused(text: str) -> None:
    with pytest.raises(SipParseError):
        read_contact(text)


def test_an_aor_with_headers_is_refused() -> None:
    with pytest.raises(SipParseError):
        read_aor("sip:a@example.com?x=y", STATIC)


@pytest.mark.parametrize("text", ["sip:1@pbx.example;bnc", "1@192.0.2.1;BNC"])
def test_a_contact_for_a_range_of_numbers_has_no_user(text: str) -> None:
    with pytest.raises(SipParseError, match="a user beside bnc"):
        read_contact(text)
