"""URIs: read, rendered, compared (RFC 3261 §19.1, RFC 3966)."""

from __future__ import annotations

import pytest

from sipregistrant.errors import SipParseError
from sipregistrant.sip.uri import (
    MAX_URI_CHARS,
    Uri,
    canonical_aor,
    escape_user,
    is_ip_address,
    opaque_uri,
    parse_any_uri,
    parse_uri,
    same_uri,
    split_host_port,
)


def same(a: str, b: str) -> bool:
    """Compare both ways round: the rules are symmetric, though not transitive."""
    first, second = parse_uri(a), parse_uri(b)
    assert same_uri(first, second) is same_uri(second, first)
    return same_uri(first, second)


# Reading


def test_a_sip_uri_comes_apart() -> None:
    assert parse_uri("sip:alice:secret@Example.COM:5070;Transport=TCP;lr?Subject=x") == Uri(
        scheme="sip",
        user="alice",
        host="example.com",
        port=5070,
        parameters=(("transport", "TCP"), ("lr", None)),
        headers="Subject=x",
        password="secret",
    )


def test_a_domain_alone_is_a_uri() -> None:
    assert parse_uri("sips:example.com") == Uri("sips", "", "example.com", None, (), "")


@pytest.mark.parametrize("text", ["SIP:a@b.example", "sIpS:a@b.example", "TEL:1"])
def test_the_scheme_is_read_in_any_case(text: str) -> None:
    assert parse_uri(text).scheme in ("sip", "sips", "tel")


def test_a_user_may_have_what_follows_a_host_elsewhere() -> None:
    uri = parse_uri("sip:user;par=u%40example.net?a/b@example.com;lr")
    assert (uri.user, uri.host, uri.parameters) == ("user;par=u%40example.net?a/b", "example.com", (("lr", None),))


def test_the_user_is_kept_as_it_was_written() -> None:
    assert parse_uri("sip:%61lice#1@example.com").user == "%61lice#1"


def test_an_ipv6_address_keeps_its_brackets() -> None:
    uri = parse_uri("sip:alice@[2001:DB8::1]:5060;lr")
    assert (uri.host, uri.port) == ("[2001:db8::1]", 5060)


def test_parameter_names_lose_case_and_needless_escapes() -> None:
    assert parse_uri("sip:a@b.example;%6C%72;N%61me=v%61lue").parameters == (("lr", None), ("name", "v%61lue"))


def test_empty_parameters_are_dropped() -> None:
    assert str(parse_uri("sip:a@b.example;;lr;")) == "sip:a@b.example;lr"


def test_a_parameter_is_found_by_name() -> None:
    uri = parse_uri("sip:a@b.example;transport=tcp;lr")
    assert (uri.parameter("transport"), uri.parameter("lr"), uri.parameter("maddr")) == ("tcp", "", None)


def test_a_tel_uri_has_a_number_and_no_host() -> None:
    uri = parse_uri("tel:+49-30-123;ext=5")
    assert (uri.user, uri.host, uri.parameters) == ("+49-30-123", "", (("ext", "5"),))


@pytest.mark.parametrize(
    "host", ["localhost", "my_host", "a.b-c.example.", "xn--mnchen-3ya.example", "192.0.2.1", "9to5.example"]
)
def test_hosts_in_use_are_taken(host: str) -> None:
    assert parse_uri(f"sip:a@{host}").host == host


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip",
        "sip:",
        "sip:@example.com",
        "sip://example.com",
        "mailto:a@example.com",
        "alice@example.com",
        "sip:a@",
        "sip:a@b@example.com",
        "sip:a@host..example",
        "sip:a@-host",
        "sip:a@host-",
        "sip:a@h\u00f6st",
        "sip:a@\u212aost",  # the Kelvin sign, whose lower case is an ASCII k
        "sip:a@256.0.0.1",
        "sip:a@127.1",
        "sip:a@2130706433",
        "sip:a@192.0.2.1.",
        "sip:a@192.0.2.01",
        "sip:a@[::1",
        "sip:a@[192.0.2.1]",
        "sip:a@[::1]x",
        "sip:a@[fe80::1%25eth0]",
        "sip:a@::1",
        "sip:a@host:",
        "sip:a@host:0",
        "sip:a@host:65536",
        "sip:a@host:5_0",
        "sip:a@host:+5",
        "sip:a@host:٣",
        "sip:a@host:50605060506050605060",
        "sip:a@host;=x",
        "sip:a@host;lr;LR",
        "sip:a b@host",
        "sip:a@host ",
        " sip:a@host",
        "sip:a\r\nX: y@host",
        "sip:a\0@host",
        "sip:a@host;x=\x7f",
        "sip:<a>@host",
        'sip:"a"@host',
        "sip:a\udcff@host",
        "tel:",
        "tel:+",
        "tel:---",
        "tel:alice",
        "tel:+49 30",
        "sip:" + "a" * MAX_URI_CHARS + "@host",
        "sip:a@" + "a" * 64,
        "sip:a@" + "a." * 128,
    ],
)
def test_what_is_no_uri_is_refused(text: str) -> None:
    with pytest.raises(SipParseError):
        parse_uri(text)


def test_a_uri_of_another_scheme_is_kept_in_one_piece() -> None:
    assert str(parse_any_uri("ISBN:2983792873")) == "isbn:2983792873"


@pytest.mark.parametrize("text", ["http:", "no scheme", "2x:y", ":x", "x:a b", "x:<y>"])
def test_what_has_no_scheme_or_nothing_behind_it_is_refused(text: str) -> None:
    with pytest.raises(SipParseError):
        parse_any_uri(text)


# Rendering


@pytest.mark.parametrize(
    "text",
    [
        "sip:example.com",
        "sip:alice@example.com",
        "sip:alice:pass@example.com:5060;transport=tcp;lr?a=b&c=d",
        "sips:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
        "sip:%00@host5.example.com",
        "sip:alice@[2001:db8::1]:5060",
        "sip:alice@example.com;maddr=[::1];x=/a:b&c+d$",
        "tel:*31#-(0).1",
        "tel:7042;phone-context=example.com",
    ],
)
def test_a_uri_that_follows_the_rules_is_rendered_as_it_was(text: str) -> None:
    assert str(parse_any_uri(text)) == text


@pytest.mark.parametrize(
    ("written", "rendered"),
    [
        ("sip:a#b[1]@host", "sip:a%23b%5B1%5D@host"),
        ("sip:100%@host", "sip:100%25@host"),
        ("sip:%4@host", "sip:%254@host"),
        ("sip:%zz@host", "sip:%25zz@host"),
        ("sip:zoë@host", "sip:zo%C3%AB@host"),
        ("sip:a:b:c@host", "sip:a:b%3Ac@host"),
        ("sip:a@host;x=a=b", "sip:a@host;x=a%3Db"),
        ("sip:a@host;x=ü", "sip:a@host;x=%C3%BC"),
        ("sip:a@host?x=b@c", "sip:a@host?x=b%40c"),
        ("sip:a@host?", "sip:a@host"),
    ],
)
def test_what_may_not_stand_there_is_escaped(written: str, rendered: str) -> None:
    assert str(parse_uri(written)) == rendered


def test_what_is_escaped_already_stays_so() -> None:
    assert escape_user("%23#%2f") == "%23%23%2f"


def test_a_user_made_by_hand_is_escaped() -> None:
    assert str(Uri("sip", "a:b@c\r\n d", "host", None, (), "")) == "sip:a%3Ab%40c%0D%0A%20d@host"


def test_a_byte_that_is_no_utf8_is_escaped_as_it_came() -> None:
    assert escape_user(b"\xff".decode("utf-8", "surrogateescape")) == "%FF"


def test_half_a_character_cannot_be_escaped() -> None:
    with pytest.raises(SipParseError):
        escape_user("\ud800")


@pytest.mark.parametrize(
    "uri",
    [
        Uri("sip", "a", "host\r\nX: y", None, (), ""),
        Uri("sip\r\n", "a", "host", None, (), ""),
        Uri("sip", "a", "hö.st", None, (), ""),
        Uri("tel", "1\r\n", "", None, (), ""),
        Uri("sip", "a", "a> b", None, (), ""),
    ],
)
def test_what_would_break_a_message_is_never_rendered(uri: Uri) -> None:
    with pytest.raises(SipParseError):
        str(uri)


# Comparing: the examples of RFC 3261 §19.1.4, and each rule


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0:0::0001]"),
        ("sip:a#b@host", "sip:a%23b@host"),
        ("sip:zo%c3%ab@host", "sip:zoë@host"),
        ("sip:a%2Bb@host", "sip:a%2bb@host"),
        ("sip:host?x=a,b", "sip:host?x=a%2Cb"),  # a raw "," is sent as its escape there
        ("sip:a@host;x,y=1", "sip:a@host;x%2cy=1"),
        ("tel:+49-30-123", "tel:+49(30)123"),
        ("tel:7042;phone-context=Example.com", "tel:7042;phone-context=example.COM"),
        ("tel:1;a=b;phone-context=+49-30", "tel:1;phone-context=+4930;a=b"),
    ],
)
def test_these_are_the_same(a: str, b: str) -> None:
    assert same(a, b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:bob@biloxi.com", "sips:bob@biloxi.com"),
        ("sip:bob@biloxi.com", "sip:biloxi.com"),
        ("sip:bob:x@biloxi.com", "sip:bob@biloxi.com"),
        ("sip:bob:x@biloxi.com", "sip:bob:X@biloxi.com"),
        ("sip:a@host;user=phone", "sip:a@host"),
        ("sip:a@host;ttl=1", "sip:a@host"),
        ("sip:a@host;method=INVITE", "sip:a@host"),
        ("sip:a@host;maddr=192.0.2.1", "sip:a@host"),
        ("sip:a+b@host", "sip:a%2Bb@host"),  # "+" is reserved: §19.1.4 does not equate it with its escape
        ("sip:a@host?x=1&x=2", "sip:a@host?x=1"),
        ("sip:a@host;lr", "sip:a@host;lr=on"),
        ("tel:1;ext=2", "tel:1"),
        ("tel:1", "tel:2"),
    ],
)
def test_these_are_not_the_same(a: str, b: str) -> None:
    assert not same(a, b)


def test_a_uri_in_one_piece_equals_only_itself() -> None:
    broken = opaque_uri("sip:alice@host:0")
    assert same_uri(broken, opaque_uri("sip:alice@host:0"))
    assert not same_uri(broken, parse_uri("sip:alice@host"))


# The index of a location service (§10.3 step 5)


@pytest.mark.parametrize(
    ("uri", "canonical"),
    [
        ("sip:%61lice:pw@Example.COM;transport=tcp?x=y", "sip:alice@example.com"),
        ("sip:alice@example.com:5060", "sip:alice@example.com:5060"),
        ("sip:zo%C3%AB@host", "sip:zoë@host"),
        ("sip:zoë@host", "sip:zoë@host"),
        ("sip:a%FF@host", r"sip:a\xff@host"),
        ("sip:a@[2001:DB8:0::1]", "sip:a@[2001:db8::1]"),
        ("sips:Example.com", "sips:example.com"),
        ("tel:+49-30-123;x=y", "tel:+4930123"),
        ("tel:7-042;phone-context=Example.com", "tel:7042;phone-context=example.com"),
    ],
)
def test_an_aor_has_one_canonical_form(uri: str, canonical: str) -> None:
    assert canonical_aor(parse_uri(uri)) == canonical


def test_the_canonical_form_of_another_scheme_is_the_uri() -> None:
    assert canonical_aor(parse_any_uri("im:Alice")) == "im:Alice"


# Hosts


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("Host", "host", None),
        ("host:5", "host", 5),
        ("192.0.2.1:5060", "192.0.2.1", 5060),
        ("[::1]:5", "[::1]", 5),
        ("[::1]", "[::1]", None),
        ("::1", "[::1]", None),
    ],
)
def test_a_host_is_split_from_its_port(text: str, host: str, port: int | None) -> None:
    assert split_host_port(text) == (host, port)


@pytest.mark.parametrize(
    "text", ["", ":5", "a:b:c", "host:", "host:x", "host:0", "[::1]5", "[]", "a b", "a\r\nb", "a@b"]
)
def test_what_is_no_host_and_port_is_refused(text: str) -> None:
    with pytest.raises(SipParseError):
        split_host_port(text)


@pytest.mark.parametrize("host", ["192.0.2.1", "::1", "[::1]", "::ffff:192.0.2.1"])
def test_an_address_is_known_as_such(host: str) -> None:
    assert is_ip_address(host)


@pytest.mark.parametrize(
    "host", ["", "host", "192.0.2", "1.2.3.4.5", "[::1", "fe80::1%eth0", "192.0.2.1\n", "[192.0.2.1]"]
)
def test_a_name_is_no_address(host: str) -> None:
    assert not is_ip_address(host)
