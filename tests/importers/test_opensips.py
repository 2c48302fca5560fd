"""The importer of OpenSIPS' registrant."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipregistrant.importers import read
from tests.importers.support import imported, texts_of, written


def test_the_registrar_or_the_proxy_before_it_is_the_server() -> None:
    registrar, proxy = imported("opensips", "opensips-registrant.csv").trunks
    assert registrar.server == {
        "Host": "registrar.example.com", "Port": "5060", "Protocol": "1",
    }  # fmt: skip
    assert proxy.server == {"Host": "proxy.example.org", "Port": "5070", "Protocol": "2", "DomainName": "example.org"}


def test_an_entry_has_its_binding_and_who_registers_it() -> None:
    registrar, proxy = imported("opensips", "opensips-registrant.csv").trunks
    assert registrar.entries == [
        (1, {"AOR": "sip:alice@example.com", "AorType": "3", "AorTtl": "3600", "URI1": "sip:alice@192.0.2.10:5060", "Q1": "50",
             "TTL1": "120"}),
        (2, {"AOR": "sip:bob@example.com", "AorType": "3", "AorTtl": "3600", "URI1": "sip:bob@192.0.2.10:5060",
             "FromURI": "sip:reception@example.com"}),
    ]  # fmt: skip
    assert proxy.entries == [(1, {"AOR": "sip:carol@example.org", "AorType": "3", "URI1": "sip:carol@192.0.2.10"})]


def test_a_credential_is_chosen_by_the_user_of_the_from() -> None:
    registrar, proxy = imported("opensips", "opensips-registrant.csv").trunks
    assert [form for _, form in registrar.credentials] == [
        {"User": "alice", "FromURIUserMatch": "0", "EncryptedPassword": "secret one"},
        {"User": "bob", "FromURIUserMatch": "1", "MatchRegex": "reception", "EncryptedPassword": "secret two"},
    ]
    assert proxy.credentials == [(1, {"User": "carol-login", "FromURIUserMatch": "1", "MatchRegex": "carol"})]


def test_everything_else_is_told() -> None:
    notes = texts_of(imported("opensips", "opensips-registrant.csv"))
    told = "the Request-URI was sip:registrar.example.com; here it is sip:example.com, that of the AOR"
    assert f"line 2 and 1 more: {told}" in notes
    assert "line 4: binding_params: 'methods=INVITE' is not carried over" in notes
    assert "line 4: no expiry: AorTtl is left at its default" in notes
    assert "line 4: the password of 'carol-login' is to be filled in: credential 1 of proxy.example.org" in notes
    assert "line 5: left out: it is disabled (state)" in notes
    assert [note for note in notes if note.startswith("line 6: left out: ")]
    assert [note.partition(" is not")[0] for note in notes if note.startswith("line 3: ")][:2] == [
        "line 3: forced_socket", "line 3: cluster_shtag",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("params", "q1"),
    [("q=1", "100"), ("q=1.0", "100"), (" q=0.333 ", "33"), ("q=.5", None), ("q=2", None), ("q=0.x", None)],
)
def test_a_q_value_becomes_hundredths(tmp_path: Path, params: str, q1: str | None) -> None:
    text = f"registrar,aor,binding_URI,binding_params\nsip:example.com,sip:a@example.com,sip:a@192.0.2.1,{params}\n"
    found = read("opensips", written(tmp_path, text))
    assert found.trunks[0].entries[0][1].get("Q1") == q1
    assert any("binding_params" in note for note in texts_of(found)) == (q1 is None)


def test_a_file_of_db_text_is_read(tmp_path: Path) -> None:
    # The first line as OpenSIPS delivers it.
    heading = (
        "id(int,auto) registrar(string) proxy(string,null) registrar_mode(string) aor(string) "
        "third_party_registrant(string,null) username(string,null) password(string,null) binding_URI(string) "
        "binding_params(string,null) expiry(int,null) forced_socket(string,null) cluster_shtag(string,null) \n"
    )
    row = r"1:sip\:example.com::1:sip\:alice@example.com::alice:se\:cret:sip\:alice@192.0.2.1\:5060::300::" + "\n"
    found = read("opensips", written(tmp_path, heading + row))
    ((_, entry),), ((_, credential),) = found.trunks[0].entries, found.trunks[0].credentials
    assert entry == {
        "AOR": "sip:alice@example.com",
        "AorType": "3",
        "AorTtl": "300",
        "URI1": "sip:alice@192.0.2.1:5060",
    }
    assert credential["EncryptedPassword"] == "se:cret"
    assert "line 2: column registrar_mode is not known, and not carried over" in texts_of(found)
