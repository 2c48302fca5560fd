"""Header lines of an operator."""

from __future__ import annotations

import pytest

from sipregistrant.errors import SipParseError
from sipregistrant.sip.extra_headers import MADE_BY_US, MOST_HEADERS, parse_extra_headers
from sipregistrant.sip.message import Request, parse_message
from sipregistrant.sip.registration import Attempt
from sipregistrant.sip.transaction import SipTimers
from tests.playbook import CountingTokens, order


def test_nothing_is_no_line() -> None:
    assert parse_extra_headers("") == ""


def test_each_is_a_line() -> None:
    found = parse_extra_headers("P-Charge-Info: <sip:1@example.com>|X-Site:Berlin: 2 | x-site : ü")
    assert found == "P-Charge-Info: <sip:1@example.com>\r\nX-Site: Berlin: 2\r\nx-site: ü\r\n"


@pytest.mark.parametrize("name", sorted(MADE_BY_US))
def test_what_we_make_ourselves_is_not_made_twice(name: str) -> None:
    for spelled in (name, name.upper(), f" {name} "):
        with pytest.raises(SipParseError, match="is made by the service itself"):
            parse_extra_headers(f"X-A: 1|{spelled}: 1")


@pytest.mark.parametrize(
    "text", ["X", "X:", "X: ", ": 1", "X Y: 1", "X\t: 1", "Ü: 1", "X(: 1", "X: a\r\nVia: b", "X: a\nb", "X: \x00", "|", "X: 1|",
             "X: 1||Y: 2", "|X: 1", "X: a\x7f"],
)  # fmt: skip
def test_what_is_no_header_is_refused(text: str) -> None:
    with pytest.raises(SipParseError):
        parse_extra_headers(text)


def test_there_is_an_end_to_them() -> None:
    assert parse_extra_headers("|".join(["X: 1"] * MOST_HEADERS)).count("\r\n") == MOST_HEADERS
    with pytest.raises(SipParseError):
        parse_extra_headers("|".join(["X: 1"] * (MOST_HEADERS + 1)))


def test_they_stand_in_the_register() -> None:
    said = order()
    said.common = parse_extra_headers("P-Charge-Info: <sip:1@example.com>|X-Site: 2")
    message = parse_message(Attempt(said, 1, CountingTokens(), SipTimers()).start(0.0))
    assert isinstance(message, Request)
    assert (message.first("p-charge-info"), message.first("x-site")) == ("<sip:1@example.com>", "2")
