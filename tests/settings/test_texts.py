"""How the text of options is read, and what is said of a text that cannot be read."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from sipregistrant.api.tls import CertificateFiles
from sipregistrant.errors import ConfigurationError
from sipregistrant.settings.texts import address, hosts, line, networks, pair_of_files


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("127.0.0.1:5060", ("127.0.0.1", 5060)),
        ("[::1]:5060", ("::1", 5060)),
        ("[2001:db8::1]:0", ("2001:db8::1", 0)),
        ("registrant.example:65535", ("registrant.example", 65535)),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, read: tuple[str, int]) -> None:
    assert address(text, "--sip") == read


@pytest.mark.parametrize(
    "text",
    ["", ":5060", "5060", "h", "h:", "h:x", "h:65536", "h:-1", "[]:5060", "[::1]", "[::1:5060", "::1]:5060", "[[::1]]:5060",
     "::1:5060", "2001:db8::1:5060", "a..b:5060", f"{'a' * 64}.example:5060"],
)  # fmt: skip
def test_what_is_no_address_is_refused_by_the_name_of_the_option(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        address(text, "--sip")
    assert caught.value.setting == "--sip"


def test_a_bare_ipv6_address_is_told_of_the_brackets() -> None:
    with pytest.raises(ConfigurationError, match="brackets"):
        address("::1:5060", "--sip")


def test_a_proxy_is_an_address_or_a_network() -> None:
    read = networks(["192.0.2.1", "198.51.100.0/24", "2001:db8::/32", "::1"], "--trusted-proxy")
    assert read == tuple(map(ip_network, ["192.0.2.1/32", "198.51.100.0/24", "2001:db8::/32", "::1/128"]))


@pytest.mark.parametrize("text", ["", "proxy.example", "192.0.2.1/24", "192.0.2.0/33", "[::1]", "192.0.2.1:80"])
def test_a_proxy_that_is_neither_is_refused_by_the_name_of_the_option(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        networks(["192.0.2.1", text], "--trusted-proxy")
    assert caught.value.setting == "--trusted-proxy"


def test_a_text_that_cannot_be_shown_is_refused() -> None:
    assert line("11.0.2 (build é)", "--system-version") == "11.0.2 (build é)"
    with pytest.raises(ConfigurationError, match="--system-version"):
        line("11\n0", "--system-version")


def test_a_certificate_and_its_key_come_together_or_not_at_all() -> None:
    certificate, key = Path("own.crt"), Path("own.key")
    assert pair_of_files(None, None) is None
    assert pair_of_files(certificate, key) == CertificateFiles(certificate, key)
    with pytest.raises(ConfigurationError, match="--https-key"):
        pair_of_files(certificate, None)
    with pytest.raises(ConfigurationError, match="--https-certificate"):
        pair_of_files(None, key)


def test_a_host_to_follow_is_compared_as_answers_have_it() -> None:
    read = hosts(["Registrar2.Example.COM", " [2001:DB8::1] ", "192.0.2.9"], "--follow-redirects-to")
    assert read == {"registrar2.example.com", "2001:db8::1", "192.0.2.9"}


@pytest.mark.parametrize("text", ["", "host:5060", "a b", "[::1]:5060", "<sip:h>"])
def test_what_is_no_host_is_refused_by_the_name_of_the_option(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--follow-redirects-to"):
        hosts([text], "--follow-redirects-to")
