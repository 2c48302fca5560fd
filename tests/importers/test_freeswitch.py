"""The importer of FreeSWITCH's gateways."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipregistrant.errors import ImportFaulty
from sipregistrant.importers import read
from tests.importers.support import imported, texts_of, written


def gateway(params: dict[str, str], name: str = "sip.example.net") -> str:
    """Return a gateway of these parameters."""
    return (
        f'<gateway name="{name}">'
        + "".join(f'<param name="{n}" value="{v}"/>' for n, v in params.items())
        + "</gateway>"
    )


def test_gateways_to_one_proxy_are_one_trunk() -> None:
    provider, far = imported("freeswitch", "freeswitch.xml").trunks
    assert provider.server == {"Host": "sip.example.net", "Port": "5060", "Protocol": "1"}
    assert provider.entries == [
        (1, {"AOR": "sip:alice@sip.example.net", "AorType": "3", "AorTtl": "600", "FailedRegistrationRetryTimer": "30",
             "URI1": "sip:4930123"}),
        (2, {"AOR": "sip:+4930124@sip.example.net", "AorType": "3", "AorTtl": "3600", "FailedRegistrationRetryTimer": "30"}),
    ]  # fmt: skip
    assert [form for _, form in provider.credentials] == [
        {"User": "alice", "FromURIUserMatch": "0", "EncryptedPassword": "p&ss"},
        {"User": "bob-login", "FromURIUserMatch": "1", "MatchRegex": r"\+4930124"},
    ]
    assert far.server == {
        "Host": "edge.example.org",
        "Port": "5070",
        "Protocol": "4",
        "DomainName": "registrar.example.org",
    }
    ((_, entry),) = far.entries
    assert (entry["AOR"], entry["FromURI"], entry["URI1"]) == (
        "sip:carol@registrar.example.org", "sip:carol@example.org", "sip:carol",
    )  # fmt: skip


def test_what_is_not_carried_over_is_told() -> None:
    found = imported("freeswitch", "freeswitch.xml")
    notes = texts_of(found)
    assert "line 36 [static]: left out: register is false: it is not registered" in notes
    assert "line 41 [elsewhere]: left out: a variable that is not set in this file: proxy" in notes
    for part in ("X-PRE-PROCESS include vars.xml", "variables are not", "parameter ping", "retry-seconds is '3'",
                 "outbound-proxy", "realm is not", "gw+", "$${bob_password}"):  # fmt: skip
        assert [note for note in notes if part in note], part
    assert [note.where for note in found.passwords] == ["line 17 [second]"]


@pytest.mark.parametrize(
    ("params", "aor", "host"),
    [
        ({}, "sip:alice@sip.example.net", "sip.example.net"),
        ({"realm": "r.example.net"}, "sip:alice@r.example.net", "r.example.net"),
        ({"realm": "r.example.net", "proxy": "p.example.net"}, "sip:alice@p.example.net", "p.example.net"),
        ({"from-domain": "f.example.net"}, "sip:alice@f.example.net", "sip.example.net"),
        ({"register-proxy": "sip:e.example.net:5080"}, "sip:alice@sip.example.net", "e.example.net"),
    ],
)
def test_what_is_not_said_is_what_the_module_takes(tmp_path: Path, params: dict[str, str], aor: str, host: str) -> None:
    (trunk,) = read("freeswitch", written(tmp_path, gateway({"username": "alice", "password": "x", **params}))).trunks
    assert (trunk.entries[0][1]["AOR"], trunk.server["Host"]) == (aor, host)


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"password": "x"}, "it has no username"),
        ({"username": "a", "register-transport": "wss"}, "transport: 'wss' is none of udp, tcp, tls"),
        ({"username": "a", "proxy": "a b"}, "URI: ' ' is not allowed"),
        ({"username": "a", "register": "no"}, "register is false"),
    ],
)
def test_what_cannot_be_is_left_out(tmp_path: Path, params: dict[str, str], reason: str) -> None:
    found = read("freeswitch", written(tmp_path, gateway(params)))
    assert found.trunks == []
    assert reason in str(found.notes)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1: it is no XML: no element found"),
        ("<include>\n<gateway>\n</include>", "line 3: it is no XML: mismatched tag"),
        ('<!DOCTYPE x [<!ENTITY a "b">]>\n<x>&a;</x>', "line 1: it has a document type"),
        ("<x>&a;</x>", "line 1: it is no XML: undefined entity"),
        ("<x>" + "".join(f'<X-PRE-PROCESS cmd="set" data="a{n}=$${{a{n - 1}}}$${{a{n - 1}}}0123456789"/>' for n in range(1, 40)),
         "line 1: with its variables it is longer than 65536"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_refused_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ImportFaulty) as raised:
        read("freeswitch", written(tmp_path, text))
    assert problem in str(raised.value)


def test_what_a_subscription_says_is_not_of_the_gateway(tmp_path: Path) -> None:
    inside = '<subscriptions><subscription event="x"><param name="expire-seconds" value="60"/></subscription></subscriptions>'
    text = gateway({"username": "alice", "password": "x", "expire-seconds": "900"}).replace(
        "</gateway>", f"{inside}</gateway>"
    )
    found = read("freeswitch", written(tmp_path, text))
    assert found.trunks[0].entries[0][1]["AorTtl"] == "900"
    assert "subscriptions are not carried over" in str(found.notes)
