"""Routes as an operator writes them."""

from __future__ import annotations

import pytest

from sipregistrant.errors import SipParseError
from sipregistrant.sip.routes import parse_routes, route_value


@pytest.mark.parametrize(("text", "value"), [
    ("", ""),
    ("<sip:edge1.example.com;lr>,<sip:core.example.com;lr>", "<sip:edge1.example.com;lr>, <sip:core.example.com;lr>"),
    (" <sip:a@Edge.example.com:5070;transport=tcp;lr> ", "<sip:a@edge.example.com:5070;transport=tcp;lr>"),
    ("<sips:[2001:db8::1];lr=on>", "<sips:[2001:db8::1];lr=on>"),
    ("<sip:j\u00f6rg@a.example;lr>", "<sip:j%C3%B6rg@a.example;lr>"),
    (",".join(["<sip:a;lr>"] * 5), ", ".join(["<sip:a;lr>"] * 5)),
])  # fmt: skip
def test_what_is_read_is_what_a_route_header_says(text: str, value: str) -> None:
    assert route_value(parse_routes(text)) == value


@pytest.mark.parametrize(("text", "why"), [
    ("sip:a.example;lr", "is not <URI>"),
    ("Edge <sip:a.example;lr>", "is not <URI>"),
    ("<sip:a.example;lr>;x=y", "is not <URI>"),
    ("<sip:a.example>", "lacks lr"),
    ("<sip:a.example;lr>,<sip:b.example>", "lacks lr"),
    ("<sip:a.example;lr>,", "between two commas"),
    ("<sip:a.example;lr?Subject=x>", "headers"),
    ("<sip:a.example;lr;maddr=192.0.2.1>", "maddr"),
    ("<sip:a.example;lr;transport=sctp>", "not over this transport"),
    ("<sips:a.example;lr;transport=udp>", "not over this transport"),
    ("<tel:+4930;lr>", "neither"),
    ("<sip:;lr>", "host"),
    ("<sip:a;lr>\r\nEvil: 1", "is not <URI>"),
    ("<sip:a;lr\r\nEvil: 1>", "not allowed"),
    (",".join(["<sip:a;lr>"] * 6), "more than 5"),
])  # fmt: skip
def test_what_is_no_loose_route_is_refused_in_a_sentence(text: str, why: str) -> None:
    with pytest.raises(SipParseError, match=why):
        parse_routes(text)
