"""The session cookie of the wire API."""

from __future__ import annotations

import pytest

from sipregistrant.rest.cookies import cookie_line, tokens_in


def test_the_cookie_is_for_this_host_and_https_alone() -> None:
    assert cookie_line("abc") == "PHPSESSID=abc; Path=/; Secure; HttpOnly; SameSite=Strict"


@pytest.mark.parametrize(
    "header",
    [
        "PHPSESSID=abc",
        " PHPSESSID = abc ",
        "PHPSESSID=abc; path=/; secure; HttpOnly",
        "csrfp_token=x; PHPSESSID=abc",
        "csrfp_token=x; path=/, PHPSESSID=abc; path=/; secure; HttpOnly",
        "csrfp_token=x; expires=Thu, 01-Jan-2026 00:00:00 GMT; path=/, PHPSESSID=abc; Path=/; SameSite=Strict",
    ],
)
def test_a_cookie_header_may_be_whole_set_cookie_lines(header: str) -> None:
    assert tokens_in([header]) == ["abc"]


def test_several_cookie_headers_are_one() -> None:
    assert tokens_in(["csrfp_token=x", "PHPSESSID=abc", "PHPSESSID=def"]) == ["abc", "def"]


@pytest.mark.parametrize("header", ["", ";;;", "PHPSESSID", "XPHPSESSID=abc", "phpsessid=abc"])
def test_other_cookies_are_no_session(header: str) -> None:
    assert [token for token in tokens_in([header]) if token] == []
