"""Who asks, and by which name, behind reverse proxies."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from starlette.requests import Request

from sipregistrant.access.proxies import Caller, caller_of

PROXY = "192.0.2.10"
CLIENT = "198.51.100.7"
TRUSTED = [ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")]


def caller(*headers: tuple[str, str], peer: str = PROXY, host: str | None = "inner:8443",
           uses_forwarded: bool | None = None) -> Caller:  # fmt: skip
    """Return who asks; the proxies write what the headers are, unless said otherwise."""
    if uses_forwarded is None:
        uses_forwarded = any(name == "Forwarded" for name, _ in headers)
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    raw += [(b"host", host.encode("latin-1"))] if host is not None else []
    scope = {"type": "http", "method": "GET", "headers": raw, "client": (peer, 40000), "server": ("192.0.2.1", 8443)}
    return caller_of(Request(scope), TRUSTED, uses_forwarded=uses_forwarded)


def test_without_a_proxy_it_is_the_peer_and_the_host_header() -> None:
    assert caller(peer=CLIENT) == Caller(CLIENT, "inner:8443")
    assert caller() == Caller(PROXY, "inner:8443")


def test_without_a_host_header_it_is_the_address_that_was_reached() -> None:
    assert caller(host=None).host == "192.0.2.1:8443"


@pytest.mark.parametrize(
    "headers",
    [
        [("Forwarded", f"for={CLIENT};host=sbc.example;proto=https")],
        [("Forwarded", f'For="{CLIENT}:4711" ; Host="sbc.example"')],
        [("Forwarded", f"for=203.0.113.1, for={CLIENT};host=sbc.example")],
        [("Forwarded", "for=203.0.113.1"), ("Forwarded", f"host=sbc.example;for={CLIENT}")],
        [("Forwarded", f"for={CLIENT};host=sbc.example, for=192.0.2.11")],
        [("Forwarded", f"for={CLIENT};host=sbc.example"), ("X-Forwarded-For", "203.0.113.9")],
        [("X-Forwarded-For", CLIENT), ("X-Forwarded-Host", "sbc.example"), ("X-Forwarded-Proto", "https")],
        [("X-Forwarded-For", f"203.0.113.1, {CLIENT}"), ("X-Forwarded-Host", "evil.example, sbc.example")],
        [("X-Forwarded-For", f"{CLIENT}, 192.0.2.11"), ("X-Forwarded-Host", "sbc.example")],
    ],
)
def test_a_trusted_proxy_is_believed(headers: list[tuple[str, str]]) -> None:
    assert caller(*headers) == Caller(CLIENT, "sbc.example")


@pytest.mark.parametrize("header", ["for=1.2.3.4;host=evil.example", "for=192.0.2.11;host=evil.example"])
def test_nobody_else_is_believed(header: str) -> None:
    assert caller(("Forwarded", header), peer=CLIENT) == Caller(CLIENT, "inner:8443")
    forged = [("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Host", "evil.example")]
    assert caller(*forged, peer=CLIENT) == Caller(CLIENT, "inner:8443")


def test_what_the_client_says_of_itself_through_a_proxy_is_not_believed() -> None:
    forged = f"for=192.0.2.99;host=evil.example, for={CLIENT};host=sbc.example"
    assert caller(("Forwarded", forged)) == Caller(CLIENT, "sbc.example")


@pytest.mark.parametrize(
    ("node", "peer"),
    [
        ('"[2001:db8:9::1]:4711"', "2001:db8:9::1"),
        ('"[2001:db9::1]"', "2001:db9::1"),
        ("198.51.100.9:80", "198.51.100.9"),
        ("unknown", PROXY),
        ("_hidden", PROXY),
        ('"_s\\"x"', PROXY),
    ],
)
def test_nodes_are_addresses_or_hide_them(node: str, peer: str) -> None:
    assert caller(("Forwarded", f"for={node};host=sbc.example")) == Caller(peer, "sbc.example")


def test_a_proxy_over_ipv6_and_one_that_is_mapped() -> None:
    assert caller(("Forwarded", f"for={CLIENT}"), peer="2001:db8::5").peer == CLIENT
    assert caller(("Forwarded", f"for={CLIENT}"), peer="::ffff:192.0.2.10").peer == CLIENT


@pytest.mark.parametrize(
    "header", ["", ";;;", "for", "for=", 'for="', "=x", f"for={CLIENT};;", "\xff", "for=a b", f'for="{CLIENT}', ","]
)
def test_nonsense_is_ignored(header: str) -> None:
    assert caller(("Forwarded", header)) == Caller(PROXY, "inner:8443")


@pytest.mark.parametrize("host", ["a b", 'x"><y', "a/b", "", "a:b", "h:123456", "[::1", "\xff"])
def test_a_name_that_is_none_is_not_ours(host: str) -> None:
    assert caller(host=host).host == ""
    assert caller(("X-Forwarded-For", CLIENT), ("X-Forwarded-Host", host)) == Caller(CLIENT, "inner:8443")


@pytest.mark.parametrize("host", ["sbc", "sbc.example:443", "my_box", "192.0.2.1", "[2001:db8::1]:8443"])
def test_names_as_people_write_them(host: str) -> None:
    assert caller(host=host).host == host


def test_a_very_long_chain_ends() -> None:
    chain = ", ".join(["192.0.2.11"] * 5000)
    assert caller(("X-Forwarded-For", chain)).peer == "192.0.2.11"


def test_the_header_that_the_proxy_does_not_write_is_the_clients_own_and_means_nothing() -> None:
    written = [("X-Forwarded-For", CLIENT), ("X-Forwarded-Host", "sbc.example")]
    forged = ("Forwarded", "for=203.0.113.66;host=evil.example")
    assert caller(*written, forged, uses_forwarded=False) == Caller(CLIENT, "sbc.example")
    assert caller(forged, uses_forwarded=False) == Caller(PROXY, "inner:8443")
    written_as_forwarded = ("Forwarded", f"for={CLIENT};host=sbc.example")
    forged_too = [("X-Forwarded-For", "203.0.113.66"), ("X-Forwarded-Host", "evil.example")]
    assert caller(written_as_forwarded, *forged_too, uses_forwarded=True) == Caller(CLIENT, "sbc.example")
    assert caller(*forged_too, uses_forwarded=True) == Caller(PROXY, "inner:8443")
