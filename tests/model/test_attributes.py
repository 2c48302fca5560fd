"""How the text of a request becomes a value."""

from __future__ import annotations

import pytest

from sipregistrant.errors import ValueRefused
from sipregistrant.model.attributes import (
    Attribute,
    Kind,
    check_host,
    enum,
    has_control_characters,
    integer,
    reference,
    text,
)

NUMBER = integer("N", 0, 2147483647, 5, "", "")
RANGE = integer("R", 30, 300, 30, "", "", also=frozenset({0}))
CHOICE = enum("C", {0: "a", 1: "b", 4: "c"}, 1, "", "")
TEXT = text("T", 8, "", "")
URI = text("U", 8, "", "", kind=Kind.URI)
SECRET = text("S", 8, "", "", kind=Kind.SECRET, required=True)


def fault_of(attribute: Attribute, value: str) -> str:
    with pytest.raises(ValueRefused) as refused:
        attribute.parse(value)
    assert refused.value.attribute == attribute.name
    return refused.value.fault


@pytest.mark.parametrize("value", ["0", "7", "007", "2147483647", "0000000005"])
def test_a_number_is_one_to_ten_digits(value: str) -> None:
    assert NUMBER.parse(value) == int(value)


@pytest.mark.parametrize(
    "value",
    ["1_0", "+5", "-1", " 5", "5 ", "5\n", "٣", "５", "²", "0x10", "1e3", "1.0", "00000000005", "2147483648", "five"],
)
def test_a_number_is_nothing_else(value: str) -> None:
    assert fault_of(NUMBER, value) == "bad"


@pytest.mark.parametrize("value", ["30", "300", "0"])
def test_the_ends_of_a_range_and_what_is_allowed_beside_it_are_taken(value: str) -> None:
    assert RANGE.parse(value) == int(value)


@pytest.mark.parametrize("value", ["29", "301", "1"])
def test_what_is_beyond_a_range_is_refused(value: str) -> None:
    assert fault_of(RANGE, value) == "bad"


def test_an_enum_takes_its_numbers_only() -> None:
    assert CHOICE.parse("4") == 4
    assert fault_of(CHOICE, "2") == "bad"
    assert fault_of(CHOICE, "a") == "bad"


@pytest.mark.parametrize(
    "character", ["\x00", "\t", "\n", "\r", "\x1f", "\x7f", "\x85", "\x9f", "\udc80", "\ufffe", "\uffff"]
)
@pytest.mark.parametrize("attribute", [TEXT, URI, SECRET, NUMBER])
def test_a_control_character_or_a_byte_that_was_no_utf8_is_refused(attribute: Attribute, character: str) -> None:
    assert has_control_characters(character)
    assert fault_of(attribute, f"1{character}") == "bad"


@pytest.mark.parametrize("value", ["a b", "ü", "漢字", "😀", "~", "\xa0", "&<>\"'"])
def test_any_other_character_is_kept(value: str) -> None:
    assert TEXT.parse(value) == value


@pytest.mark.parametrize("character", ["a", "ü", "漢", "😀"])
def test_lengths_are_counted_in_characters(character: str) -> None:
    assert TEXT.parse(character * 8) == character * 8
    assert fault_of(TEXT, character * 9) == "bad"


def test_a_blank_is_refused_in_a_uri() -> None:
    attribute = text("URI1", 512, "a contact", "here", kind=Kind.URI)
    assert attribute.parse("sip:+49@example.com") == "sip:+49@example.com"
    with pytest.raises(ValueRefused):
        attribute.parse("sip:+49 30@example.com")


def test_a_space_stays_one_in_a_text() -> None:
    assert TEXT.parse("a b") == "a b"
    assert SECRET.parse("a b") == "a b"


def test_an_empty_text_is_taken_where_nothing_requires_it() -> None:
    assert TEXT.parse("") == ""
    assert text("T", 8, "", "", required=True, default="", may_be_empty=True).parse("") == ""


def test_an_empty_text_that_is_required_is_refused_as_empty() -> None:
    assert fault_of(SECRET, "") == "empty"


def test_an_empty_number_is_refused_as_bad_or_as_empty_where_it_is_required() -> None:
    assert fault_of(NUMBER, "") == "bad"
    assert fault_of(integer("N", 0, 9, 5, "", "", required=True), "") == "empty"


def test_an_empty_number_without_default_is_unset_again() -> None:
    assert integer("N", 0, 9, None, "", "").parse("") is None
    assert enum("C", {0: "a"}, None, "", "").parse("") is None


def test_what_is_absent_has_its_default_required_or_not() -> None:
    assert NUMBER.when_absent() == 5
    assert integer("N", 30, 60, 40, "", "", required=True).when_absent() == 40
    assert enum("C", {0: "a"}, 0, "", "").when_absent() == 0


def test_what_is_absent_without_default_is_empty_or_unset() -> None:
    assert TEXT.when_absent() == ""
    assert integer("N", 0, 9, None, "", "").when_absent() is None


def test_what_is_absent_and_required_without_default_is_missing() -> None:
    with pytest.raises(ValueRefused) as refused:
        SECRET.when_absent()
    assert (refused.value.fault, refused.value.attribute) == ("missing", "S")


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("AorTtl", "aor_ttl"), ("AOR", "aor"), ("URI1", "uri1"), ("TLSProfileID", "tls_profile_id"),
        ("customAdminState", "custom_admin_state"), ("ListenPort_1", "listen_port_1"), ("DSCP", "dscp"),
        ("FailedRegistrationRetryTimer", "failed_registration_retry_timer"),
    ],
)  # fmt: skip
def test_a_column_is_the_name_in_words(name: str, column: str) -> None:
    assert text(name, 8, "", "").column == column


def test_sequences_and_read_only_attributes_are_not_stored() -> None:
    assert not Attribute("Sequence", Kind.SEQUENCE, "", "").is_stored
    assert not Attribute("StringName", Kind.READ_ONLY, "", "").is_stored
    assert TEXT.is_stored


def test_a_reference_is_a_number_that_may_be_0() -> None:
    attribute = reference("TableID", "sipservertable", 65535, 0, "", "")
    assert (attribute.parse("0"), attribute.parse("65535"), attribute.refers_to) == (0, 65535, "sipservertable")
    assert fault_of(attribute, "65536") == "bad"


@pytest.mark.parametrize("host", [None, "", "pbx.example", "192.0.2.1", "[2001:db8::1]", "2001:db8::1"])
def test_a_host_that_uris_can_hold_or_none_is_taken(host: str | None) -> None:
    check_host("Host", host, may_have_port=False)


@pytest.mark.parametrize("host", ["a b", "sip:a", "a@b", "[::1", "1.2.3.4.5", "ü"])
def test_a_host_that_no_uri_can_hold_is_refused(host: str) -> None:
    with pytest.raises(ValueRefused):
        check_host("Host", host, may_have_port=True)


def test_a_port_stands_behind_a_host_only_where_it_may() -> None:
    check_host("Host", "pbx.example:5070", may_have_port=True)
    with pytest.raises(ValueRefused):
        check_host("Host", "pbx.example:5070", may_have_port=False)
