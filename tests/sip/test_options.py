"""OPTIONS as it stands on the wire."""

from __future__ import annotations

import pytest

from sipregistrant.sip.fields import parse_name_addr
from sipregistrant.sip.message import Request, parse_message
from sipregistrant.sip.options import Question, uri_of


def question(**changes: str) -> Question:
    values = {
        "request_uri": "sip:peer@example.com", "from_uri": "sip:us@192.0.2.1", "from_tag": "t", "to_uri": "sip:peer@example.com",
        "call_id": "c", "contact": "sip:us@192.0.2.1:5070", "sent_by": "192.0.2.1:5070", **changes,
    }  # fmt: skip
    return Question(**values)


def test_it_has_what_each_request_has_and_says_what_it_takes() -> None:
    assert question().render(7, "z9hG4bKb").decode().splitlines() == [
        "OPTIONS sip:peer@example.com SIP/2.0",
        "Via: SIP/2.0/UDP 192.0.2.1:5070;rport;branch=z9hG4bKb",
        "Max-Forwards: 70",
        "From: <sip:us@192.0.2.1>;tag=t",
        "To: <sip:peer@example.com>",
        "Call-ID: c",
        "CSeq: 7 OPTIONS",
        "Contact: <sip:us@192.0.2.1:5070>",
        "Accept: application/sdp",
        "Content-Length: 0",
        "",
    ]


def test_it_has_the_lines_that_all_requests_share() -> None:
    common = "Route: <sip:192.0.2.9:5060;lr>\r\nUser-Agent: ours\r\nAllow: OPTIONS\r\n"
    message = parse_message(question(common=common, transport="TLS").render(1, "z9hG4bKb"))
    assert isinstance(message, Request)
    assert message.all("route") == ["<sip:192.0.2.9:5060;lr>"]
    assert message.all("user-agent") == ["ours"]
    assert message.all("allow") == ["OPTIONS"]
    assert (message.first("via") or "").startswith("SIP/2.0/TLS ")


@pytest.mark.parametrize(
    ("user", "uri"),
    [
        ("Anonymous", "sip:Anonymous@example.com"),
        ("", "sip:example.com"),
        ("a b<c>@d", "sip:a%20b%3Cc%3E%40d@example.com"),
    ],
)
def test_any_user_can_stand_in_its_uris(user: str, uri: str) -> None:
    assert uri_of(user, "example.com") == uri
    message = parse_message(question(to_uri=uri_of(user, "example.com")).render(1, "z9hG4bKb"))
    assert str(parse_name_addr(message.first("to") or "").uri) == uri
