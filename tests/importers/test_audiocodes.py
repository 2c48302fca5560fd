"""The importer of AudioCodes' Accounts."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipregistrant.errors import ImportFaulty
from sipregistrant.importers import read
from tests.importers.support import SAMPLES, imported, texts_of, written

FORMAT = "[ Account ]\nFORMAT Account_Index = Account_ServingIPGroup, Account_Username, Account_Password, Account_Register;\n"


def test_accounts_register_at_the_first_address_of_their_proxy_set() -> None:
    (trunk,) = imported("audiocodes", "audiocodes.ini").trunks
    assert trunk.name == "To provider"
    assert trunk.server == {
        "Host": "edge.example.net",
        "Port": "5061",
        "Protocol": "4",
        "DomainName": "sip.example.net",
    }
    assert trunk.entries == [
        (
            1,
            {
                "AOR": "sip:4930123@sip.example.net",
                "AorType": "3",
                "AorTtl": "600",
                "FailedRegistrationRetryTimer": "45",
            },
        ),
        (
            2,
            {
                "AOR": "sip:4930124@other.example.net",
                "AorType": "3",
                "AorTtl": "600",
                "FailedRegistrationRetryTimer": "45",
            },
        ),
    ]
    assert [form for _, form in trunk.credentials] == [
        {"User": "login1", "FromURIUserMatch": "1", "MatchRegex": "4930123"},
        {"User": "4930124", "FromURIUserMatch": "0", "EncryptedPassword": "clear, with a comma"},
    ]


def test_what_is_not_carried_over_is_told() -> None:
    found = imported("audiocodes", "audiocodes.ini")
    notes = texts_of(found)
    assert [note for note in notes if "left out" in note] == [
        "line 51 [Account 2]: left out: it is not registered",
        "line 52 [Account 3]: left out: it registers a range of numbers (GIN)",
        "line 53 [Account 4]: left out: proxy set 'Empty' of its IP group has no address in this file",
        "line 54 [Account 5]: left out: there is no IP group 'Nowhere'",
    ]
    for part in ("backup.example.net:5061", "servedipgroupname", "applicationtype", "obscured"):
        assert [note for note in notes if part in note], part
    assert [note.where for note in found.passwords] == ["line 49 [Account 0]"]


def test_old_versions_name_groups_and_sets_by_index(tmp_path: Path) -> None:
    text = (
        "[ ProxyIp ]\nFORMAT ProxyIp_Index = ProxyIp_IpAddress, ProxyIp_TransportType, ProxyIp_ProxySetId;\n"
        'ProxyIp 0 = "192.0.2.7", -1, 1;\n[ \\ProxyIp ]\n'
        "[ IPGroup ]\nFORMAT IPGroup_Index = IPGroup_Type, IPGroup_Description, IPGroup_ProxySetId, IPGroup_SIPGroupName;\n"
        'IPGroup 3 = 0, "old", 1, "sip.example.net";\n[ \\IPGroup ]\n'
        f"{FORMAT}Account 0 = 3, alice, secret, 1;\n"
    )
    (trunk,) = read("audiocodes", written(tmp_path, text)).trunks
    assert trunk.server == {"Host": "192.0.2.7", "Port": "5060", "Protocol": "1", "DomainName": "sip.example.net"}
    assert trunk.entries[0][1]["AorTtl"] == "180"
    assert trunk.credentials[0][1]["EncryptedPassword"] == "secret"


def test_later_versions_name_columns_without_their_table(tmp_path: Path) -> None:
    text = (SAMPLES / "audiocodes.ini").read_text(encoding="utf-8")
    for table in ("Account", "IPGroup", "ProxySet", "ProxyIp"):
        text = text.replace(f"{table}_", "")
    assert "FORMAT Index = ServedTrunkGroup," in text
    assert read("audiocodes", written(tmp_path, text)) == imported("audiocodes", "audiocodes.ini")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it has no table Account"),
        ('[ Account ]\nAccount 0 = 1, "a";\n', "line 2: a row of Account without a FORMAT"),
        (f"{FORMAT}Account 0 = 1, a;\n", "line 3: it has 2 values, its FORMAT 4"),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ImportFaulty) as raised:
        read("audiocodes", written(tmp_path, text))
    assert problem in str(raised.value)


def test_lines_of_windows_are_lines(tmp_path: Path) -> None:
    text = (SAMPLES / "audiocodes.ini").read_text(encoding="utf-8").replace("\n", "\r\n")
    assert read("audiocodes", written(tmp_path, text)).trunks == imported("audiocodes", "audiocodes.ini").trunks
