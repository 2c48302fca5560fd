"""Header field values (RFC 3261 §20, §25.1)."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from sipregistrant.errors import SipParseError
from sipregistrant.sip.auth_params import parse_auth_param_list, parse_auth_params
from sipregistrant.sip.fields import (
    MAX_CONTACTS,
    Via,
    parse_contact_header,
    parse_contacts,
    parse_cseq,
    parse_delta_seconds,
    parse_name_addr,
    parse_retry_after,
    parse_via,
)
from sipregistrant.sip.lexical import quote, split_list, unquote

# Lists


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ("", []),
        ("  ", []),
        ("path", ["path"]),
        ("path,\tgruu , outbound", ["path", "gruu", "outbound"]),
        ('"a,b" <sip:a@h>, <sip:c,d@h>', ['"a,b" <sip:a@h>', "<sip:c,d@h>"]),
        (r'"a\",b", c', [r'"a\",b"', "c"]),
        ('"<", b', ['"<"', "b"]),
    ],
)
def test_a_list_is_split_outside_quotes_and_brackets(value: str, items: list[str]) -> None:
    assert split_list(value) == items


@pytest.mark.parametrize("value", [",", "a,,b", "a,", ",a", '"a, b', "<a, b", '"a\\"'])
def test_a_list_with_a_gap_or_an_open_end_is_refused(value: str) -> None:
    with pytest.raises(SipParseError):
        split_list(value)


@pytest.mark.parametrize("text", ["", "plain", 'a "b" c', "back\\slash", '\\"'])
def test_what_is_quoted_is_unquoted_again(text: str) -> None:
    assert unquote(quote(text)) == text


@pytest.mark.parametrize("text", ["a\rb", "a\nb", "a\0b"])
def test_a_line_end_cannot_be_quoted(text: str) -> None:
    with pytest.raises(SipParseError):
        quote(text)


# From, To


@pytest.mark.parametrize(
    ("value", "display", "uri", "tag"),
    [
        ("<sip:a@h>", "", "sip:a@h", ""),
        ("sip:a@h;tag=1", "", "sip:a@h", "1"),
        ("Alice B <sip:a@h;lr>;tag=x;y", "Alice B", "sip:a@h;lr", "x"),
        ('"A \\"<B>\\" ;C"  <sip:a@h> ; TAG = x', 'A "<B>" ;C', "sip:a@h", "x"),
        ("caller<sip:a@h>;tag=323", "caller", "sip:a@h", "323"),
        ("Bell, Alexander <sip:a@h>;tag=43", "Bell, Alexander", "sip:a@h", "43"),
        ('sip:a@h;note="<x;y>";tag=1', "", "sip:a@h", "1"),
        ("isbn:2983792873", "", "isbn:2983792873", ""),
        ("<tel:+49-30-123>;tag=1", "", "tel:+49-30-123", "1"),
        ("<sip:a@h>;;tag=1;", "", "sip:a@h", "1"),
    ],
)
def test_a_name_addr_comes_apart(value: str, display: str, uri: str, tag: str) -> None:
    found = parse_name_addr(value)
    assert (found.display, str(found.uri), found.tag) == (display, uri, tag)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "<>",
        "< sip:a@h >",
        "<sip:a@h",
        "<sip:a@h> x",
        '"open <sip:a@h>',
        '"a" sip:a@h',
        'a "b" <sip:a@h>',
        "> <sip:a@h>",
        "sip:a@h?x=y",
        "sip:a,b@h",
        "<sip:a@h>;a b=c",
        "<sip:a@h>;tag=1;TAG=2",
        "<sip:a@h>;tag=a b",
        "<sip:a@h>;tag=",
        "<sip:a@h>;=x",
        '<sip:a@h>;x="open',
        "<sip:a@h>;\u212aey=1",
        "x" * 1025 + " <sip:a@h>",
        "<sip:a@h>" + ";" + "x" * 2049,
        "<sip:a@h>" + "".join(f";p{n}" for n in range(33)),
    ],
)
def test_what_is_no_name_addr_is_refused(value: str) -> None:
    with pytest.raises(SipParseError):
        parse_name_addr(value)


# Contact


def test_contacts_come_from_all_headers_in_their_order() -> None:
    contacts = parse_contacts(["<sip:a@h>;q=0.5;expires=60, sip:b@h;expires=7", "", "<sip:c@h>"])
    assert [(str(c.uri), c.q, c.expires) for c in contacts] == [
        ("sip:a@h", 0.5, 60),
        ("sip:b@h", None, 7),
        ("sip:c@h", None, None),
    ]


def test_parameters_of_a_uri_without_brackets_are_those_of_the_contact() -> None:
    (contact,) = parse_contacts(["sip:a@h;transport=tcp;expires=5"])
    assert (contact.uri.parameters, contact.expires) == ((), 5)


def test_parameter_values_stay_as_they_were_written() -> None:
    (contact,) = parse_contacts(['<sip:a@h>;+sip.instance="<urn:uuid:1;2>";REG-ID=1;flag'])
    assert contact.parameters == {"+sip.instance": '"<urn:uuid:1;2>"', "reg-id": "1", "flag": None}


@pytest.mark.parametrize("value", ["-1", "1.5", "+5", "1_0", "٣", '"x"'])
def test_a_malformed_expires_is_an_hour(value: str) -> None:
    # RFC 3261 §20.10.
    (contact,) = parse_contacts([f"<sip:a@h>;expires={value}"])
    assert contact.expires == 3600


def test_an_expires_in_quotes_is_a_number() -> None:
    assert parse_contacts(['<sip:a@h>;expires="60"'])[0].expires == 60


def test_an_expires_beyond_32_bits_is_the_largest() -> None:
    assert parse_contacts(["<sip:a@h>;expires=" + "9" * 500])[0].expires == 2**32 - 1


@pytest.mark.parametrize(("text", "q"), [("0", 0.0), ("0.", 0.0), ("0.333", 0.333), ("1", 1.0), ("1.000", 1.0)])
def test_a_q_is_a_number_from_0_to_1(text: str, q: float) -> None:
    assert parse_contacts([f"<sip:a@h>;q={text}"])[0].q == q


@pytest.mark.parametrize("text", ["1.001", "2", "-0.5", ".5", "0.3333", "nan", "1e-1", "0_5", "٠"])
def test_a_malformed_q_is_none(text: str) -> None:
    assert parse_contacts([f"<sip:a@h>;q={text}"])[0].q is None


@pytest.mark.parametrize("uri", ["sip:a@h:0", "sip:1000@1000", "mailto:a@h", "sip:a@h;lr;lr"])
def test_a_strange_contact_of_another_does_not_hide_ours(uri: str) -> None:
    strange, ours = parse_contacts([f"<{uri}>;expires=5, <sip:ours@h>;expires=60"])
    assert (str(strange.uri), strange.expires, ours.uri.user) == (uri, 5, "ours")


def test_a_star_in_a_response_is_refused() -> None:
    with pytest.raises(SipParseError):
        parse_contacts(["*"])


@pytest.mark.parametrize("parse", [parse_contacts, parse_contact_header])
def test_there_is_an_end_to_contacts(parse: Callable[[list[str]], object]) -> None:
    parse([",".join(["<sip:a@h>"] * MAX_CONTACTS)])
    with pytest.raises(SipParseError):
        parse([",".join(["<sip:a@h>"] * (MAX_CONTACTS + 1))])


def test_a_star_alone_is_read_in_a_request() -> None:
    assert parse_contact_header(["*"]) == "*"


@pytest.mark.parametrize("values", [["*", "<sip:a@h>"], ["<sip:a@h>, *"], ["*", "*"], ["*;expires=0"]])
def test_a_star_beside_anything_else_is_refused(values: list[str]) -> None:
    with pytest.raises(SipParseError):
        parse_contact_header(values)


def test_a_registrar_takes_no_broken_uri() -> None:
    with pytest.raises(SipParseError):
        parse_contact_header(["<sip:a@h:0>"])


def test_no_contact_header_is_no_contact() -> None:
    assert parse_contact_header([]) == []


# CSeq, seconds


@pytest.mark.parametrize("value", ["0009   INVITE", "9 INVITE", "9\tINVITE", "9 \t INVITE"])
def test_a_cseq_is_a_number_and_a_method(value: str) -> None:
    assert parse_cseq(value) == (9, "INVITE")


def test_a_method_that_nobody_knows_is_one() -> None:
    assert parse_cseq("2147483647 !interesting") == (2**31 - 1, "!interesting")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "1",
        "INVITE",
        "1 ",
        "-1 A",
        "+1 A",
        "1_0 A",
        "٣ A",
        "² A",
        "2147483648 A",
        "1 A B",
        "1 A\u00a0",
        "9" * 5000 + " A",
    ],
)
def test_what_is_no_cseq_is_refused(value: str) -> None:
    with pytest.raises(SipParseError):
        parse_cseq(value)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        (" 3600 ", 3600),
        ("0" * 6000 + "7", 7),
        ("4294967295", 2**32 - 1),
        ("4294967296", 2**32 - 1),
        ("9" * 6000, 2**32 - 1),
    ],
)
def test_seconds_are_digits_up_to_32_bits(value: str, seconds: int) -> None:
    assert parse_delta_seconds(value) == seconds


@pytest.mark.parametrize("value", ["", "-1", "+1", "1_0", "1.0", "٣", "²", "1 0", "0x1", "\u00a01"])
def test_what_are_no_seconds_is_refused(value: str) -> None:
    with pytest.raises(SipParseError):
        parse_delta_seconds(value)


@pytest.mark.parametrize(
    "value", ["120", "120 (in a (long) meeting)", "120;duration=60", "120 (x);duration=60", "120(x)"]
)
def test_retry_after_may_have_a_comment_and_parameters(value: str) -> None:
    assert parse_retry_after(value) == 120


@pytest.mark.parametrize("value", ["", "soon", "(x) 120", "120 x", "Fri, 01 Jan 2010 16:00:00 GMT", ";duration=5"])
def test_a_retry_after_without_seconds_is_refused(value: str) -> None:
    with pytest.raises(SipParseError):
        parse_retry_after(value)


# Via


def test_a_via_comes_apart() -> None:
    via = parse_via("SIP/2.0/udp Host.example:5070;rport=1024;received=192.0.2.1;Branch=z9hG4bKx;ttl=1")
    assert (via.transport, via.host, via.port) == ("UDP", "host.example", 5070)
    assert (via.branch, via.received, via.rport) == ("z9hG4bKx", "192.0.2.1", 1024)


def test_a_via_may_have_white_space_almost_anywhere() -> None:
    via = parse_via("SIP  /   2.0 / TCP     spindle.example.com  : 5060 ; branch  =   z9hG4bK9ikj8")
    assert via == Via("TCP", "spindle.example.com", 5060, {"branch": "z9hG4bK9ikj8"})


def test_a_via_of_rfc_2543_has_no_branch() -> None:
    via = parse_via("SIP/2.0/UDP [2001:DB8::1]")
    assert (via.host, via.port, via.branch, via.received, via.rport) == ("[2001:db8::1]", None, "", "", None)


@pytest.mark.parametrize("rport", ["rport", "rport=x", "rport=999999", "rport=1_0"])
def test_an_rport_without_a_number_is_none(rport: str) -> None:
    assert parse_via(f"SIP/2.0/UDP h;{rport}").rport is None


def test_a_via_is_rendered_as_it_was() -> None:
    text = 'SIP/2.0/TLS [::1]:5061;rport;received=::1;x="a;b";branch=z9hG4bKx'
    assert str(parse_via(text)) == text


@pytest.mark.parametrize(
    "value",
    [
        "",
        "SIP/2.0/UDP",
        "SIP/7.0/UDP h",
        "\u017fIP/2.0/UDP h",
        "SIP/2.0/UDP h h",
        "SIP/2.0/UDP h:x",
        "SIP/2.0/UDP h:0",
        "SIP/2.0/UDP h,SIP/2.0/UDP i",
        "SIP/2.0/UDP 192.0.2.15;;,;,,",
        "SIP/2.0/UDP [::1",
        "SIP/2.0/UDP ::1",
        "SIP/2.0/U\u00a0DP h",
    ],
)
def test_what_is_no_via_is_refused(value: str) -> None:
    with pytest.raises(SipParseError):
        parse_via(value)


# Digest parameters


def test_a_challenge_comes_apart() -> None:
    scheme, params = parse_auth_params(
        'DIGEST Realm="a, \\"b\\"", nonce = "n" ,qop="auth,auth-int",stale=FALSE, algorithm=MD5'
    )
    assert scheme == "digest"
    assert params == {"realm": 'a, "b"', "nonce": "n", "qop": "auth,auth-int", "stale": "FALSE", "algorithm": "MD5"}


def test_stray_commas_and_a_tab_do_no_harm() -> None:
    assert parse_auth_params('Digest\trealm="r",, nonce="n", ,') == ("digest", {"realm": "r", "nonce": "n"})


def test_a_tab_in_quotes_stays_one() -> None:
    assert parse_auth_params('Digest nonce="a\tb"')[1] == {"nonce": "a\tb"}


def test_a_scheme_alone_has_no_parameters() -> None:
    assert parse_auth_params("Negotiate") == ("negotiate", {})


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Digest realm",
        'Digest realm="r" nonce="n"',
        'Digest realm="open',
        'Digest realm="r", REALM="s"',
        'Digest realm="a", Digest realm="b"',
        "Basic dXNlcjpwYXNz",
        'Digest x="' + "y" * 9000 + '"',
        "Digest " + ",".join(f"p{n}=1" for n in range(33)),
        "Dig\u00a0est realm=x",
    ],
)
def test_what_is_no_challenge_is_refused(value: str) -> None:
    with pytest.raises(SipParseError):
        parse_auth_params(value)


def test_authentication_info_has_no_scheme() -> None:
    assert parse_auth_param_list('nextnonce="abc", qop=auth, nc=00000001') == {
        "nextnonce": "abc",
        "qop": "auth",
        "nc": "00000001",
    }


@pytest.mark.parametrize(
    "hostile",
    ["\t" * 60000, ";" * 60000, "," * 60000, '"' * 60000, "<" * 60000, "\\" * 60000, '"' + "\\" * 60000, "a=" * 30000,
     "a " * 30000, "(" * 60000, "[" * 60000, "%61" * 20000, "sip:" * 15000, "SIP /" * 12000, "x=y," * 15000, 'x="' * 20000],
)  # fmt: skip
def test_nothing_takes_long(hostile: str) -> None:
    parsers: list[Callable[[str], object]] = [
        split_list, parse_name_addr, parse_cseq, parse_via, parse_delta_seconds, parse_retry_after, parse_auth_params,
        lambda value: parse_contacts([value]), lambda value: parse_contacts([f"<sip:{value}@h>"]),
        lambda value: parse_via(f"SIP/2.0/UDP {value}"), lambda value: parse_auth_params(f"Digest {value}"),
    ]  # fmt: skip
    before = time.thread_time()
    for parse in parsers:
        with suppress(SipParseError):
            parse(hostile)
    # Some milliseconds; what is quadratic takes many seconds.
    assert time.thread_time() - before < 1
