"""The torture messages of RFC 4475: each one, what the RFC says of it, and what we make of it.

`refused` is a `SipParseError` of `parse_message`. Of what is read, a request has the status code of our stateless answer, None
where there is none, and a response has None.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from sipregistrant.errors import SipParseError
from sipregistrant.sip.fields import parse_contact_header, parse_contacts, parse_name_addr, parse_via
from sipregistrant.sip.lexical import split_list
from sipregistrant.sip.message import Request, Response, parse_message, render_request, render_response
from sipregistrant.sip.uas import answer

SOURCE = ("192.0.2.1", 5060)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What we make of a message. `why` tells where that is not what the RFC says, or what it leaves open."""

    says: str
    is_refused: bool
    answer: int | None
    why: str = ""


def taken(says: str, answer: int | None, why: str = "") -> Verdict:
    return Verdict(says, False, answer, why)


def refused(says: str, why: str = "") -> Verdict:
    return Verdict(says, True, None, why)


# What is malformed we drop and count where the RFC has a 400: a registrant owes nobody an answer to garbage.
DROPPED = "no 400 from us: garbage is dropped and counted"
NO_CALLS = "480 to every call, whatever is in it: we take none"
NO_REGISTRAR = "405: we are no registrar"

VERDICTS = {
    # §3.1.1 Valid messages
    "wsinv": taken("valid: short tortuous INVITE", 480, NO_CALLS),
    "intmeth": taken(
        "valid: wide range of characters", None, "405 would repeat the NUL of its To, and no NUL leaves us"
    ),
    "esc01": taken("valid: %HH escapes in URIs", 480, NO_CALLS),
    "escnull": taken("valid: escaped NULs in URIs", 405, NO_REGISTRAR),
    "esc02": taken("valid: % where it is no escape", 405),
    "lwsdisp": taken("valid: no white space between display name and <", 200),
    "longreq": taken("valid: long values in header fields", 480, NO_CALLS),
    "dblreq": taken("valid: what follows the message is ignored", 405, NO_REGISTRAR),
    "semiuri": taken("valid: semicolon in the user part", 200),
    "transports": taken("valid: various transports in Via", 200),
    "mpart01": taken("valid: multipart MIME body", 405),
    "unreason": taken("valid: unusual reason phrase", None),
    "noreason": taken("valid: empty reason phrase", None),
    # §3.1.2 Invalid messages
    "badinv01": taken("400: extra separators in Via and Contact", None, DROPPED),
    "clerr": refused("400: Content-Length larger than the message"),
    "ncl": refused("400: negative Content-Length"),
    "scalar02": taken("400: numbers too large in a request", None, DROPPED),
    "scalarlg": refused("discard: numbers too large in a response"),
    "quotbal": taken("400: a quote that is not closed in To", None, DROPPED),
    "ltgtruri": refused("400: <> around the Request-URI"),
    "lwsruri": refused("400: white space in the Request-URI"),
    "lwsstart": refused("400: several spaces in the request line"),
    "trws": refused("400: white space at the end of the request line"),
    "escruri": taken("400, or route by it: headers in the Request-URI", 480, NO_CALLS),
    "baddate": taken("400, or ignore it: Date not in GMT", 480, "Date is not read"),
    "regbadct": taken("400: a Contact with ? without <>", 405, NO_REGISTRAR),
    "badaspec": taken("400, or accept it: spaces within <>", None, DROPPED),
    "baddn": taken("400, or accept it: comma in an unquoted display name", 200, "accepted, as the RFC suggests"),
    "badvers": refused("505: unknown version", DROPPED),
    "mismatch01": taken("400: method and CSeq differ", None, DROPPED),
    "mismatch02": taken("501 or 400: unknown method and CSeq differ", None, DROPPED),
    "bigcode": refused("discard: status code too large"),
    # §3.2 Transaction layer
    "badbranch": taken("treat the branch as one of RFC 2543", 200, "without transactions no branch is special"),
    # §3.3 Application layer
    "insuf": taken("400: no To, From, Call-ID", None, DROPPED),
    "unkscm": taken("416: unknown scheme in the Request-URI", 200, "we are the end: the Request-URI is not looked at"),
    "novelsc": taken("416: known scheme that is not SIP", 200, "we are the end: the Request-URI is not looked at"),
    "unksm2": taken("400 from a registrar: unknown schemes in header fields", 405, NO_REGISTRAR),
    "bext01": taken("420: Require and Proxy-Require", 420),
    "invut": taken("415: unknown Content-Type", 480, NO_CALLS),
    "regaut01": taken("401 from a registrar: unknown Authorization scheme", 405, NO_REGISTRAR),
    "multi01": refused("400: several values where one may be"),
    "mcl01": refused("400: two Content-Lengths"),
    "bcast": taken("discard: 200 with a broadcast Via", None, "its branch is not ours, so the dispatcher drops it"),
    "zeromf": taken("answer as the end: Max-Forwards 0", 200),
    "cparam01": taken("register the contact without unknownparam", 405, NO_REGISTRAR),
    "cparam02": taken("register the contact with unknownparam", 405, NO_REGISTRAR),
    "regescrt": taken("register the contact with its Route", 405, NO_REGISTRAR),
    "sdp01": taken("406: an Accept that cannot be met", 480, NO_CALLS),
    # §3.4 Backward compatibility
    "inv2543": taken("accept: INVITE of RFC 2543", 480, NO_CALLS),
    # Not of the RFC
    "test": refused("a header without a colon, a request line without a version"),
}


def message_of(corpora: Path, name: str) -> Request | Response:
    return parse_message((corpora / "rfc4475" / f"{name}.dat").read_bytes())


def request_of(corpora: Path, name: str) -> Request:
    message = message_of(corpora, name)
    assert isinstance(message, Request)
    return message


@pytest.mark.parametrize("name", VERDICTS)
def test_a_torture_message_gets_its_verdict(corpora: Path, name: str) -> None:
    verdict = VERDICTS[name]
    if verdict.is_refused:
        with pytest.raises(SipParseError):
            message_of(corpora, name)
        return
    message = message_of(corpora, name)
    reply = answer(message, source=SOURCE, secret=b"s") if isinstance(message, Request) else None
    status_code = None
    if reply is not None:
        response = parse_message(reply)
        assert isinstance(response, Response)
        status_code = response.status_code
    assert status_code == verdict.answer, verdict.says


def test_no_torture_message_is_left_out(corpora: Path) -> None:
    assert {path.stem for path in (corpora / "rfc4475").glob("*.dat")} == set(VERDICTS)


@pytest.mark.parametrize(
    "name", [name for name, verdict in VERDICTS.items() if not verdict.is_refused and name != "intmeth"]
)
def test_a_torture_message_is_the_same_once_it_was_rendered(corpora: Path, name: str) -> None:
    message = message_of(corpora, name)
    if isinstance(message, Request):
        data = render_request(message.method, message.uri, message.headers, message.body)
    else:
        data = render_response(message.status_code, message.reason_phrase, message.headers, message.body)
    again = parse_message(data)
    without_length = [header for header in message.headers if header[0] != "content-length"]
    assert again.headers == [*without_length, ("content-length", str(len(message.body)))]
    assert again.body == message.body


# What the RFC says of single fields


def test_wsinv_is_read_to_the_last_field(corpora: Path) -> None:
    message = request_of(corpora, "wsinv")
    vias = [parse_via(item) for value in message.all("via") for item in split_list(value)]
    assert [(via.transport, via.host, via.branch) for via in vias] == [
        ("UDP", "192.0.2.2", "390skdjuw"),
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ]
    assert parse_name_addr(message.first("from") or "").display == 'J Rosenberg \\"'
    (contact,) = parse_contacts(message.all("contact"))
    assert (contact.q, contact.parameters["newparam"], contact.parameters["secondparam"]) == (0.33, "newvalue", None)
    assert (message.first("max-forwards"), message.first("subject"), len(message.body)) == ("0068", "", 150)


def test_intmeth_keeps_its_odd_characters(corpora: Path) -> None:
    message = request_of(corpora, "intmeth")
    assert parse_name_addr(message.first("to") or "").display == "BEL:\x07 NUL:\0 DEL:\x7f"
    sender = parse_name_addr(message.first("from") or "")
    assert (sender.display, sender.tag) == ("token1~` token2'+_ token3*%!.-", "_token~1'+`*%!-.")
    assert sender.parameters["fromparam''~+*_!.-%"] == '"работающий"'


def test_esc01_has_a_contact_with_lr(corpora: Path) -> None:
    (contact,) = parse_contacts(request_of(corpora, "esc01").all("contact"))
    assert contact.uri.parameters == (("lr", None), ("name", "v%61lue%25%34%31"))


def test_esc02_has_two_contacts_only(corpora: Path) -> None:
    # "C%6Fntact" is another header: names have no escapes.
    assert [contact.uri.user for contact in parse_contacts(request_of(corpora, "esc02").all("contact"))] == [
        "alias1",
        "alias3",
    ]


def test_escnull_has_two_contacts_that_differ(corpora: Path) -> None:
    users = [contact.uri.user for contact in parse_contacts(request_of(corpora, "escnull").all("contact"))]
    assert users == ["%00", "%00%00"]


def test_cparam_tells_parameters_of_a_contact_from_those_of_its_uri(corpora: Path) -> None:
    (of_contact,) = parse_contacts(request_of(corpora, "cparam01").all("contact"))
    (of_uri,) = parse_contacts(request_of(corpora, "cparam02").all("contact"))
    assert (of_contact.parameters, of_contact.uri.parameters) == ({"unknownparam": None}, ())
    assert (of_uri.parameters, of_uri.uri.parameters) == ({}, (("unknownparam", None),))


def test_regbadct_is_refused_where_contacts_are_read(corpora: Path) -> None:
    with pytest.raises(SipParseError):
        parse_contact_header(request_of(corpora, "regbadct").all("contact"))


def test_scalar02_has_an_expires_that_is_cut(corpora: Path) -> None:
    (contact,) = parse_contacts(request_of(corpora, "scalar02").all("contact"))
    assert contact.expires == 2**32 - 1
