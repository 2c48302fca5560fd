"""Requests that a foreign web page makes a browser send."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from sipregistrant.rest.codes import FOREIGN_ORIGIN, WireRefusal
from sipregistrant.rest.origin import refuse_foreign_origin


def request(method: str = "POST", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": method, "headers": raw})


def test_programs_send_neither_header_and_are_let_in() -> None:
    refuse_foreign_origin(request(), "sbc.example")


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://sbc.example", "sbc.example"),
        ("https://sbc.example", "sbc.example:443"),
        ("https://SBC.example:443", "sbc.Example"),
        ("https://sbc.example:8443", "sbc.example:8443"),
        ("https://[::1]:8443", "[::1]:8443"),
    ],
)
def test_our_own_pages_are_let_in(origin: str, host: str) -> None:
    refuse_foreign_origin(request(origin=origin, sec_fetch_site="same-origin"), host)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://evil.sbc.example",
        "https://sbc.example.evil",
        "https://sbc.example:8443",
        "http://sbc.example",
        "https://sbc.example:x",
        "https://[",
        "null",
        "",
    ],
)
def test_a_foreign_origin_is_refused(method: str, origin: str) -> None:
    with pytest.raises(WireRefusal) as refused:
        refuse_foreign_origin(request(method, origin=origin), "sbc.example")
    assert refused.value.answer == FOREIGN_ORIGIN


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything"])
def test_a_foreign_site_is_refused(site: str) -> None:
    with pytest.raises(WireRefusal):
        refuse_foreign_origin(request(sec_fetch_site=site), "sbc.example")


def test_what_the_user_typed_is_let_in() -> None:
    refuse_foreign_origin(request(sec_fetch_site="none"), "sbc.example")


def test_reading_changes_nothing_and_is_let_in() -> None:
    refuse_foreign_origin(request("GET", origin="https://evil.example", sec_fetch_site="cross-site"), "sbc.example")
