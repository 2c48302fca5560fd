"""Answers to what others ask of us (RFC 3261 §8.2, RFC 3581)."""

from __future__ import annotations

import pytest

from sipregistrant.errors import SipParseError
from sipregistrant.sip.message import Request, Response, parse_message
from sipregistrant.sip.uas import answer, response_headers, to_tag

SOURCE = ("192.0.2.9", 40000)
SECRET = b"s" * 32


def request(method: str = "OPTIONS", /, *more: tuple[str, str], **changed: str | None) -> Request:
    """Return a request; a header that is None is left out. `call_id` stands for Call-ID."""
    headers: dict[str, str | None] = {
        "via": "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKx",
        "from": "<sip:caller@h>;tag=f",
        "to": "<sip:alice@h>",
        "call-id": "c",
        "cseq": f"7 {method}",
    }
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    return Request(
        method, "sip:alice@h", [(name, value) for name, value in headers.items() if value is not None] + list(more)
    )


def answered(
    asked: Request, *, source: tuple[str, int] = SOURCE, redirect: str = "", secret: bytes = SECRET
) -> Response:
    """Return the answer, which there must be."""
    data = answer(asked, source=source, secret=secret, redirect=redirect)
    assert data is not None
    response = parse_message(data)
    assert isinstance(response, Response)
    return response


@pytest.mark.parametrize(
    ("method", "status_code"),
    [
        ("OPTIONS", 200),
        ("INVITE", 480),
        ("NOTIFY", 481),
        ("BYE", 481),
        ("CANCEL", 481),
        ("SUBSCRIBE", 489),
        ("REGISTER", 405),
        ("MESSAGE", 405),
        ("options", 405),
        ("!odd", 405),
    ],
)
def test_each_method_has_its_answer(method: str, status_code: int) -> None:
    assert answered(request(method)).status_code == status_code


def test_an_ack_is_not_answered() -> None:
    assert answer(request("ACK"), source=SOURCE, secret=SECRET) is None


def test_options_says_what_we_can_do() -> None:
    response = answered(request())
    assert [(name, response.first(name)) for name in ("allow", "accept", "supported")] == [
        ("allow", "OPTIONS"),
        ("accept", "application/sdp"),
        ("supported", ""),
    ]


def test_a_method_that_is_not_allowed_is_told_which_is() -> None:
    assert answered(request("MESSAGE")).first("allow") == "OPTIONS"


def test_a_call_is_sent_on_where_we_know_whereto() -> None:
    response = answered(request("INVITE"), redirect="sip:pbx.example:5060")
    assert (response.status_code, response.all("contact")) == (302, ["<sip:pbx.example:5060>"])


def test_a_redirect_that_would_break_the_answer_is_never_sent() -> None:
    assert answer(request("INVITE"), source=SOURCE, secret=SECRET, redirect="sip:h>\r\nX: y") is None


def test_all_that_options_requires_is_unsupported() -> None:
    response = answered(request("OPTIONS", ("require", "a, b"), ("require", "c")))
    assert (response.status_code, response.all("unsupported")) == (420, ["a, b, c"])


def test_an_empty_require_requires_nothing() -> None:
    assert answered(request("OPTIONS", ("require", ""))).status_code == 200


def test_max_forwards_0_ends_here_and_is_answered() -> None:
    assert answered(request("OPTIONS", ("max-forwards", "0"))).status_code == 200


# What an answer repeats


def test_an_answer_repeats_what_its_request_is_known_by() -> None:
    response = answered(request("OPTIONS", ("via", "SIP/2.0/TCP b;branch=z9hG4bKb"), ("v", "not a via")))
    assert response.all("via") == ["SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKx", "SIP/2.0/TCP b;branch=z9hG4bKb"]
    assert [response.first(name) for name in ("from", "call-id", "cseq")] == ["<sip:caller@h>;tag=f", "c", "7 OPTIONS"]


@pytest.mark.parametrize(
    ("via", "stamped"),
    [
        ("SIP/2.0/UDP 192.0.2.9;branch=x", "SIP/2.0/UDP 192.0.2.9;branch=x"),
        ("SIP/2.0/UDP 10.0.0.1;branch=x", "SIP/2.0/UDP 10.0.0.1;branch=x;received=192.0.2.9"),
        ("SIP/2.0/UDP name.example;branch=x", "SIP/2.0/UDP name.example;branch=x;received=192.0.2.9"),
        ("SIP/2.0/UDP 192.0.2.9;rport;branch=x", "SIP/2.0/UDP 192.0.2.9;rport=40000;branch=x;received=192.0.2.9"),
        ("SIP/2.0/UDP 10.0.0.1;received=1.1.1.1;rport=5", "SIP/2.0/UDP 10.0.0.1;rport=40000;received=192.0.2.9"),
        ("SIP/2.0/UDP 192.0.2.9;received=1.1.1.1", "SIP/2.0/UDP 192.0.2.9"),
        ('SIP/2.0/UDP 192.0.2.9;x="a,b", SIP/2.0/TCP b', 'SIP/2.0/UDP 192.0.2.9;x="a,b", SIP/2.0/TCP b'),
    ],
)
def test_the_topmost_via_tells_where_the_request_came_from(via: str, stamped: str) -> None:
    assert answered(request(via=via)).first("via") == stamped


@pytest.mark.parametrize("host", ["2001:db8::9", "[2001:db8::9]", "2001:db8::9%eth0"])
def test_an_ipv6_source_stands_without_brackets(host: str) -> None:
    # RFC 3261 §25.1: via-received is IPv6address, not IPv6reference.
    via = answered(request(via="SIP/2.0/UDP h;rport"), source=(host, 5060)).first("via")
    assert via == "SIP/2.0/UDP h;rport=5060;received=2001:db8::9"


def test_a_to_without_a_tag_gets_one() -> None:
    asked = request()
    assert answered(asked).first("to") == f"<sip:alice@h>;tag={to_tag(asked, SECRET)}"


@pytest.mark.parametrize("to", ["<sip:alice@h>;tag=t", "sip:alice@h;tag=t"])
def test_a_to_with_a_tag_keeps_it(to: str) -> None:
    assert answered(request(to=to)).first("to") == to


def test_a_retransmission_gets_the_same_bytes() -> None:
    first, second = (answer(request("INVITE"), source=SOURCE, secret=SECRET) for _ in range(2))
    assert first == second


def test_a_cancel_gets_the_tag_of_what_it_cancels() -> None:
    assert to_tag(request("CANCEL"), SECRET) == to_tag(request("INVITE"), SECRET)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("via", "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKy"),
        ("from", "<sip:caller@h>;tag=g"),
        ("call_id", "d"),
        ("cseq", "8 OPTIONS"),
    ],
)
def test_another_request_gets_another_tag(name: str, value: str) -> None:
    assert to_tag(request(**{name: value}), SECRET) != to_tag(request(), SECRET)


def test_nobody_else_can_make_our_tags() -> None:
    assert to_tag(request(), b"another") != to_tag(request(), SECRET)


def test_a_request_of_rfc_2543_is_answered() -> None:
    assert answered(request("INVITE", via="SIP/2.0/UDP h", **{"from": "<sip:caller@h>"})).status_code == 480


# What is not answered


@pytest.mark.parametrize("name", ["via", "from", "to", "call-id", "cseq"])
@pytest.mark.parametrize("value", [None, ""])
def test_what_cannot_be_answered_is_dropped(name: str, value: str | None) -> None:
    assert answer(request(**{name: value}), source=SOURCE, secret=SECRET) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("via", "rubbish"),
        ("via", "SIP/2.0/UDP h;;,;,,"),
        ("from", '"open <sip:h>'),
        ("to", "< sip:h >"),
        ("to", '"\\\0" <sip:h>'),
        ("cseq", "x"),
        ("cseq", "7 INVITE"),
        ("cseq", "7"),
    ],
)
def test_what_cannot_be_read_is_dropped(name: str, value: str) -> None:
    assert answer(request(**{name: value}), source=SOURCE, secret=SECRET) is None


def test_a_require_that_cannot_be_read_is_dropped() -> None:
    assert answer(request("OPTIONS", ("require", "a,,b")), source=SOURCE, secret=SECRET) is None


def test_the_headers_of_a_response_say_what_is_missing() -> None:
    with pytest.raises(SipParseError, match="Call-ID: missing"):
        response_headers(request(call_id=None), SOURCE, "t")
