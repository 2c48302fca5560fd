"""The importer of Asterisk's pjsip.conf: registrations, and the way in which Asterisk writes configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipregistrant.errors import ImportFaulty
from sipregistrant.importers import read
from tests.importers.support import imported, texts_of, written

LINE = "[a]\ntype=registration\nserver_uri=sip:sip.example.net:5060\nclient_uri=sip:alice@sip.example.net\ncontact_user=alice\n"


def test_registrations_become_entries_with_what_their_templates_say() -> None:
    provider, far = imported("asterisk", "pjsip.conf").trunks
    assert provider.server == {"Host": "sip.example.net", "Port": "5060", "Protocol": "1"}
    assert provider.entries == [
        (1, {"AOR": "sip:line1@sip.example.net", "AorType": "3", "AorTtl": "600", "FailedRegistrationRetryTimer": "30",
             "URI1": "sip:4930123"}),
        (2, {"AOR": "sip:line2@sip.example.net", "AorType": "3", "AorTtl": "900", "FailedRegistrationRetryTimer": "30"}),
        (3, {"AOR": "sip:line4@sip.example.net", "AorType": "3", "AorTtl": "600", "FailedRegistrationRetryTimer": "30",
             "URI1": "sip:line4"}),
    ]  # fmt: skip
    assert far.server == {
        "Host": "registrar.example.org", "Port": "5071", "Protocol": "4", "RouteSet": "<sip:edge.example.org;transport=tls;lr>",
    }  # fmt: skip
    assert [entry["AOR"] for _, entry in far.entries] == ["sip:far@example.org"]


def test_auth_sections_become_credentials() -> None:
    provider, far = imported("asterisk", "pjsip.conf").trunks
    assert [form for _, form in provider.credentials] == [
        {"User": "login1", "FromURIUserMatch": "1", "MatchRegex": "line1", "EncryptedPassword": "first;second"},
        {"User": "line2", "FromURIUserMatch": "0", "Realm": "sip.example.net", "PasswordKind": "1",
         "EncryptedPassword": "0123456789abcdef0123456789abcdef"},
        {"User": "line4", "FromURIUserMatch": "0", "EncryptedPassword": "fourth"},
    ]  # fmt: skip
    assert far.credentials == [(1, {"User": "far", "FromURIUserMatch": "0"})]


def test_what_is_not_carried_over_is_told() -> None:
    found = imported("asterisk", "pjsip.conf")
    notes = texts_of(found)
    assert "pjsip.conf, line 76: #exec is not carried out" in notes
    for part in ("#include /etc/asterisk/other.conf is not read", "max_retries", "line and endpoint", "transport tls-out",
                 "parameters of client_uri", "outbound_auth missing is not in this file",
                 "more.conf, line 1 [line4]: outbound_auth line1 is not carried over", "[line3]: left out: "):  # fmt: skip
        assert [note for note in notes if part in note], part
    assert (
        "pjsip.conf, line 31 [line1] and 3 more: FailedRegistrationRetryTimer is 30, not 10: 30 to 86400 are taken"
        in notes
    )
    assert [note.where for note in found.passwords] == ["pjsip.conf, line 61 [far]"]


def test_an_outbound_proxy_without_lr_is_the_next_hop_alone(tmp_path: Path) -> None:
    found = read("asterisk", written(tmp_path, f"{LINE}outbound_proxy=sip:edge.example.net:5070\\;transport=tcp\n"))
    assert found.trunks[0].server == {
        "Host": "edge.example.net", "Port": "5070", "Protocol": "2", "DomainName": "sip.example.net:5060",
    }  # fmt: skip
    assert "without lr" in str(found.notes)


@pytest.mark.parametrize(
    ("auth", "credential", "note"),
    [
        ("username=u\npassword=p\nrealm=r1,r2", {"User": "u", "Realm": "r1", "EncryptedPassword": "p"}, "of the realms only"),
        ("password=p\nrealm=*", {"User": "alice", "EncryptedPassword": "p"}, "no username"),
        ("username=u\nmd5_cred=0123", {"User": "u"}, "md5_cred is not carried over"),
        ("username=u\nrealm=r\npassword_digest=SHA-256:00\npassword_digest=MD5:" + "0" * 32,
         {"User": "u", "Realm": "r", "EncryptedPassword": "0" * 32, "PasswordKind": "1"}, None),
        ("username=u\nauth_type=google_oauth\nrefresh_token=t", {"User": "u"}, "google_oauth"),
    ],
)  # fmt: skip
def test_an_auth_becomes_a_credential(tmp_path: Path, auth: str, credential: dict[str, str], note: str | None) -> None:
    found = read("asterisk", written(tmp_path, f"{LINE}outbound_auth=x\n[x]\ntype=auth\n{auth}\n"))
    ((_, form),) = found.trunks[0].credentials
    assert {name: value for name, value in form.items() if name not in ("FromURIUserMatch", "MatchRegex")} == credential
    assert note is None or note in str(found.notes)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a=b\n", "line 1: an option before the first section"),
        ("[a](b)\n", "line 1: there is no template 'b'"),
        ("[a](+)\n", "line 1: there is no section 'a' to add to"),
        ("[a]\n\nwhat is this\n", "line 3: 'what is this' is neither"),
        ("[a]\n#define x\n", "line 2: '#define x' is no directive"),
        ("[a]\n=b\n", "line 2: '=b' is neither"),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ImportFaulty, match="line") as raised:
        read("asterisk", written(tmp_path, text))
    assert problem in str(raised.value)


@pytest.mark.parametrize("text", ["#include source\n", "#include *\n", '#include "./source"\n'])
def test_files_that_include_each_other_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ImportFaulty, match="more than 10 deep"):
        read("asterisk", written(tmp_path, text))


@pytest.mark.parametrize("name", ["../other", "/etc/hostname", "**/*.conf", "link"])
def test_nothing_outside_of_the_folder_is_read(tmp_path: Path, name: str) -> None:
    written(tmp_path, "this would be refused\n", "other")
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "link").symlink_to(tmp_path / "other")
    found = read("asterisk", written(tmp_path / "inside", f"#include {name}\n{LINE}"))
    assert len(found.trunks) == 1
    assert name in str(found.notes[0])


def test_templates_cannot_grow_without_end(tmp_path: Path) -> None:
    text = "[t0](!)\na=b\n" + "".join(f"[t{n}](!,t{n - 1},t{n - 1})\n" for n in range(1, 40))
    with pytest.raises(ImportFaulty, match="more than 5000000 options"):
        read("asterisk", written(tmp_path, text))


def test_comments_may_be_nested_and_a_line_of_dashes_is_one(tmp_path: Path) -> None:
    text = (
        f";-- a ;-- b --; [c]\n --; {LINE};-----\noutbound_auth=x ; y\n[x]\ntype=auth\nusername=u\npassword=a\\;b;c\n"
    )
    ((_, form),) = read("asterisk", written(tmp_path, text)).trunks[0].credentials
    assert form["EncryptedPassword"] == "a;b"
