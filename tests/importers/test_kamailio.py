"""The importer of Kamailio's uacreg, on a table that Kamailio itself reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipregistrant.errors import ImportFaulty
from sipregistrant.importers import objects_of, read
from sipregistrant.importers.places import MOST_PATTERNS
from sipregistrant.store import credentials as store_credentials
from tests.importers.support import SAMPLES, imported, texts_of, written

HEADING = "l_uuid,r_username,r_domain,realm,auth_username,auth_password,auth_ha1,auth_proxy,expires\n"


def test_rows_to_one_proxy_are_one_trunk_and_each_has_its_credential() -> None:
    proxy, other = imported("kamailio", "kamailio-uacreg").trunks
    assert proxy.server == {
        "Host": "proxy.example.net",
        "Port": "5080",
        "Protocol": "2",
        "DomainName": "sip.example.net",
    }
    assert proxy.entries == [
        (1, {"AOR": "sip:alice@sip.example.net", "AorType": "3", "AorTtl": "360", "URI1": "sip:trunk1@192.0.2.5:5060"}),
        (2, {"AOR": "sip:bob@sip.example.net", "AorType": "3", "AorTtl": "600", "URI1": "sip:trunk2"}),
    ]
    alice, bob = (form for _, form in proxy.credentials)
    assert alice == {
        "User": "alice",
        "FromURIUserMatch": "0",
        "Realm": "sip.example.net",
        "EncryptedPassword": "pass:word",
    }
    assert bob == {
        "User": "bob-login",
        "FromURIUserMatch": "1",
        "MatchRegex": "bob",
        "Realm": "sip.example.net",
        "EncryptedPassword": "0123456789abcdef0123456789abcdef",
        "PasswordKind": "1",
    }
    assert other.server == {"Host": "other.example.org", "Port": "5060", "Protocol": "1"}
    assert [form["EncryptedPassword"] for _, form in other.credentials if "EncryptedPassword" in form] == [
        "back\\slash"
    ]


def test_a_second_row_of_an_aor_gives_it_one_more_contact() -> None:
    _, other = imported("kamailio", "kamailio-uacreg").trunks
    (_, carol), (_, dave) = other.entries
    assert (carol["URI1"], carol["URI2"]) == ("sip:trunk3@192.0.2.5", "sip:trunk6@192.0.2.6")
    assert dave["AOR"] == "sip:dave@other.example.org"


def test_everything_that_is_not_carried_over_is_told_once_and_with_its_line() -> None:
    found = imported("kamailio", "kamailio-uacreg")
    notes = texts_of(found)
    assert "line 6: left out: it is disabled (flags)" in notes
    assert [note for note in notes if "l_username" in note] == [
        "line 2 and 4 more: l_username and l_domain, where Kamailio sends the calls that come in, are not carried over"
    ]
    assert [note.split(":")[0] for note in notes if "socket" in note or "reg_delay" in note] == ["line 3", "line 3"]
    assert [note for note in notes if "reg_contact_addr" in note][0].startswith("line 3: ")
    assert "line 7: sip:carol@other.example.org stands there before: its contact is URI2 there" in notes
    assert [str(note) for note in found.passwords] == [
        "line 5: the password of 'dave' is to be filled in: credential 2 of other.example.org"
    ]


def test_objects_come_in_an_order_in_which_they_can_be_made() -> None:
    objects = objects_of(imported("kamailio", "kamailio-uacreg"), 7, first_server=99)
    made: set[tuple[str, int]] = {("sipservertable", 1)}
    for each in objects:
        if each.table_id is None:
            made.add((each.resource, each.id))
    assert [(each.resource, each.table_id, each.id) for each in objects] == [
        ("sipremoteauthtable", None, 7),
        ("sipremoteauthentry", 7, 1),
        ("sipremoteauthentry", 7, 2),
        ("sipcontactregistrant", None, 7),
        ("sipregistrantentry", 7, 1),
        ("sipregistrantentry", 7, 2),
        ("sipserver", 1, 99),
        ("sipservertable", None, 7),
        ("sipremoteauthtable", None, 8),
        ("sipremoteauthentry", 8, 1),
        ("sipremoteauthentry", 8, 2),
        ("sipcontactregistrant", None, 8),
        ("sipregistrantentry", 8, 1),
        ("sipregistrantentry", 8, 2),
        ("sipserver", 7, 1),
    ]
    assert [each.form["ContactRegistrantTableID"] for each in objects if each.resource == "sipserver"] == ["7", "8"]
    assert [each.id for each in objects if each.lacks_password] == [2]


def test_csv_and_what_mysql_prints_say_the_same(tmp_path: Path) -> None:
    row = ["t1", "alice", "example.com", "", "alice", 'p"w', "", "", "3600"]
    quoted = ",".join('"' + cell.replace('"', '""') + '"' for cell in row)
    as_csv = read("kamailio", written(tmp_path, f"{HEADING}{quoted}\r\n"))
    heading = HEADING.replace(",", "\t")
    batch = "\t".join(cell or "NULL" for cell in row)
    assert read("kamailio", written(tmp_path, f"{heading}{batch}\n")).trunks == as_csv.trunks
    assert as_csv.trunks[0].credentials[0][1]["EncryptedPassword"] == 'p"w'


def test_an_ha1_without_a_realm_cannot_be_used(tmp_path: Path) -> None:
    found = read("kamailio", written(tmp_path, f"{HEADING}t1,alice,example.com,,alice,,{'a' * 32},,60\n"))
    assert "EncryptedPassword" not in found.trunks[0].credentials[0][1]
    assert "line 2: auth_ha1 is not carried over: it has no realm" in texts_of(found)
    assert len(found.passwords) == 1


def test_two_passwords_of_one_user_are_two_trunks(tmp_path: Path) -> None:
    rows = [f"t{n},alice,d{n}.example.com,,alice,pw{n},,sip:proxy.example.com:5060,60\n" for n in range(101)]
    found = read("kamailio", written(tmp_path, HEADING + "".join(rows)))
    assert [trunk.name for trunk in found.trunks][:2] == ["proxy.example.com", "proxy.example.com (2)"]
    assert [len(trunk.entries) for trunk in found.trunks] == [1] * 99
    assert [str(note) for note in found.notes if "left out" in note.text] == [
        f"line {line}: left out: there is no room for its login in 99 trunks to this server" for line in (101, 102)
    ]


def test_one_login_for_all_is_one_credential(tmp_path: Path) -> None:
    rows = [f"t{n},user{n},example.com,,login,,,,60\n" for n in range(1500)]
    found = read("kamailio", written(tmp_path, HEADING + "".join(rows)))
    assert [len(trunk.entries) for trunk in found.trunks] == [1500]
    assert found.trunks[0].credentials == [(1, {"User": "login", "FromURIUserMatch": "1", "MatchRegex": ".*"})]
    assert [note.where for note in found.passwords] == ["line 2"]


def test_no_trunk_has_more_regular_expressions_than_are_looked_at(tmp_path: Path) -> None:
    assert MOST_PATTERNS == store_credentials.MOST_PATTERNS
    rows = [f"t{n},user{n},example.com,,login{n},pw,,,60\n" for n in range(1500)]
    own = [f"o{n},own{n},example.com,,own{n},pw,,,60\n" for n in range(10)]
    found = read("kamailio", written(tmp_path, HEADING + "".join(rows + own)))
    assert [len(trunk.credentials) for trunk in found.trunks] == [1010, 500]
    assert [len(trunk.entries) for trunk in found.trunks] == [1010, 500]


def test_a_second_row_of_an_aor_with_another_login_is_left_out(tmp_path: Path) -> None:
    rows = "t1,alice,example.com,,alice,a,,,60\nt2,alice,example.com,,alice,b,,,60\n"
    found = read("kamailio", written(tmp_path, HEADING + rows))
    assert "line 3: left out: sip:alice@example.com stands there before, with another login" in texts_of(found)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("t1,,example.com,,,,,,60", "line 2: left out: URI: nothing before @"),
        ("t1,a b,example.com,,,,,,60", "line 2: left out: URI: ' ' is not allowed in a URI"),
        ("t1,alice,example.com:80,,,,,,60", "line 2: left out: its server: Port is bad: 1024 to 65535 is wanted"),
        (
            "t1,alice,example.com,,alice,%s,,,60" % ("x" * 65),
            "line 2: left out: EncryptedPassword is bad: longer than 64",
        ),
        ("t1,alice,,,,,,,60", "line 2: left out: "),
        ("t1,alice,example.com,,,,,sip:p.example.com;transport=ws,60", "line 2: left out: transport: 'ws' is none of"),
    ],
)
def test_what_cannot_be_is_left_out_and_told(tmp_path: Path, row: str, reason: str) -> None:
    found = read("kamailio", written(tmp_path, f"{HEADING}{row}\n"))
    assert found.trunks == []
    assert [note for note in texts_of(found) if note.startswith(reason)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("id(int)\n", 1),
        ("l_uuid,r_username\n", 1),
        (f"{HEADING}a,b\n", 2),
        (f'{HEADING}"a\n', 2),
        ("l_uuid(string) r_username(string) r_domain(string)\na:b:c\na:b\n", 3),
        ("l_uuid\tr_username\tr_domain\na\tb\n", 2),
    ],
)
def test_what_is_no_such_table_is_refused_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(ImportFaulty) as raised:
        read("kamailio", written(tmp_path, text))
    assert f"line {line}" in raised.value.where


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(ImportFaulty, match="No such file"):
        read("kamailio", SAMPLES / "nothing")
