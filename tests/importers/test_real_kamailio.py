"""What a real Kamailio sends for its uacreg is what the importer makes of the same file."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sipregistrant.importers import read
from tests.kamailio import EXECUTABLE, QUIET, UDP_ALONE
from tests.ports import free_port

pytestmark = pytest.mark.kamailio

TABLES = Path("/usr/share/kamailio/dbtext/kamailio")
MODULES = Path(f"/usr/lib/{os.uname().machine}-linux-gnu/kamailio/modules")
WAIT_SECONDS = 20.0
STOP_SECONDS = 3.0
MOST_DATAGRAMS = 100

CONFIGURATION = (
    f"#!KAMAILIO\n# Made by tests/importers/test_real_kamailio.py\n{QUIET}{UDP_ALONE}"
    + """\
children=1
listen=udp:127.0.0.1:{port}
mpath="{modules}"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "db_text.so"
loadmodule "uac.so"
modparam("db_text", "emptystring", 1)
modparam("uac", "reg_db_url", "text://{folder}")
modparam("uac", "reg_contact_addr", "192.0.2.99:5060")
modparam("uac", "reg_timer_interval", 1)
modparam("uac", "restore_mode", "none")
request_route {{ exit; }}
"""
)

ROWS = r"""1:trunk1:desk1:pbx.test:alice:sip.example.net::alice:pass\:word\\x::sip\:127.0.0.1\:{port}:360:0:0:192.0.2.5\:5060:
2:trunk2:desk2:pbx.test:bob:sip.example.net:sip.example.net:bob-login:ignored:{ha1}:sip\:127.0.0.1\:{port}:600:0:0:192.0.2.6:
3:trunk3:desk3:pbx.test:carol:sip.example.net\:5062::carol:third::sip\:127.0.0.1\:{port}:3600:0:0::
4:trunk4:desk4:pbx.test:off:sip.example.net::off:fourth::sip\:127.0.0.1\:{port}:3600:1:0:192.0.2.7:
"""

HA1_OF_BOB = hashlib.md5(b"bob-login:sip.example.net:second", usedforsecurity=False).hexdigest()


@pytest.fixture
def proxy() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.settimeout(WAIT_SECONDS)
        yield made


@pytest.fixture
def table(tmp_path: Path, proxy: socket.socket) -> Path:
    """Kamailio's own tables, as Debian has them, with rows in uacreg."""
    if not (EXECUTABLE.exists() and (MODULES / "db_text.so").exists() and TABLES.exists()):
        pytest.skip("needs Kamailio with db_text")
    folder = tmp_path / "tables"
    folder.mkdir()
    shutil.copy(TABLES / "version", folder)
    heading = (TABLES / "uacreg").read_text(encoding="utf-8")
    rows = ROWS.format(port=proxy.getsockname()[1], ha1=HA1_OF_BOB)
    (folder / "uacreg").write_text(heading + rows, encoding="utf-8")
    return folder / "uacreg"


@pytest.fixture
def kamailio(table: Path, tmp_path: Path) -> Iterator[None]:
    port = free_port()
    configuration = tmp_path / "kamailio.cfg"
    configuration.write_text(CONFIGURATION.format(port=port, modules=MODULES, folder=table.parent), encoding="utf-8")
    command = [str(EXECUTABLE), "-DD", "-E", "-m", "32", "-M", "16", "-Y", str(tmp_path), "-w", str(tmp_path)]
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(
            [*command, "-f", str(configuration)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        # Whoever is told to end while its children are still being made may leave some behind, and wait for them.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def challenged(proxy: socket.socket, wanted: int) -> dict[str, str]:
    """Challenge each REGISTER and return the answers to it, by their user."""
    answers: dict[str, str] = {}
    for _ in range(MOST_DATAGRAMS):
        datagram, sender = proxy.recvfrom(65535)
        text = datagram.decode()
        if "\r\nAuthorization: " in text:
            answers[re.search("\r\nTo: <sip:([^@]*)@", text)[1]] = text  # type: ignore[index]
            if len(answers) == wanted:
                return answers
            continue
        kept = [line for line in text.split("\r\n") if re.match("(Via|From|To|Call-ID|CSeq):", line)]
        challenge = 'WWW-Authenticate: Digest realm="sip.example.net", nonce="0123", algorithm=MD5'
        reply = ["SIP/2.0 401 Unauthorized", *kept, challenge, "Content-Length: 0", "", ""]
        proxy.sendto("\r\n".join(reply).encode(), sender)
    raise AssertionError(f"only {[*answers]} of {wanted} after {MOST_DATAGRAMS} datagrams")


def response_of(ha1: str, uri: str) -> str:
    """Return the response to the challenge (RFC 7616 §3.4.1, without qop)."""
    ha2 = hashlib.md5(f"REGISTER:{uri}".encode(), usedforsecurity=False).hexdigest()
    return hashlib.md5(f"{ha1}:0123:{ha2}".encode(), usedforsecurity=False).hexdigest()


@pytest.mark.usefixtures("kamailio")
def test_what_kamailio_sends_is_what_was_imported(table: Path, proxy: socket.socket) -> None:
    found = read("kamailio", table)
    assert [note.where for note in found.notes if note.text.startswith("left out")] == ["line 5"]
    (trunk,) = found.trunks
    assert (trunk.server["Host"], trunk.server["Port"]) == ("127.0.0.1", str(proxy.getsockname()[1]))
    sent = challenged(proxy, len(trunk.entries))
    assert len(sent) == 3
    for (_, entry), (_, credential) in zip(trunk.entries, trunk.credentials, strict=True):
        user = entry["AOR"].removeprefix("sip:").partition("@")[0]
        register = sent[user]
        uri = f"sip:{entry['AOR'].partition('@')[2]}"
        assert register.startswith(f"REGISTER {uri} SIP/2.0\r\n")
        assert f"\r\nTo: <{entry['AOR']}>" in register
        assert f"\r\nFrom: <{entry['AOR']}>" in register
        # Of carol the table has no address: reg_contact_addr is the one, and the note says so.
        contact = entry["URI1"] if "@" in entry["URI1"] else f"{entry['URI1']}@192.0.2.99:5060"
        assert f"\r\nContact: <{contact}>" in register
        assert f"\r\nExpires: {entry['AorTtl']}\r\n" in register
        assert f'username="{credential["User"]}"' in register
        ha1 = credential["EncryptedPassword"]
        if credential.get("PasswordKind") != "1":
            text = f"{credential['User']}:sip.example.net:{ha1}"
            ha1 = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
        assert f'response="{response_of(ha1, uri)}"' in register


def test_what_sqlite_prints_of_kamailios_own_table_is_read(tmp_path: Path) -> None:
    schema = Path("/usr/share/kamailio/db_sqlite/uac-create.sql")
    sqlite = shutil.which("sqlite3")
    if not schema.exists() or sqlite is None:
        pytest.skip("needs kamailio-sqlite-modules and sqlite3")
    statements = [
        "CREATE TABLE version (table_name TEXT, table_version INTEGER);",
        schema.read_text(encoding="utf-8"),
        "INSERT INTO uacreg (l_uuid, r_username, r_domain, auth_username, auth_password, expires) VALUES "
        "('t1', 'alice', 'sip.example.net:5060', 'alice', 'a \"quoted\", comma', 60);",
    ]
    database = str(tmp_path / "kamailio.db")
    subprocess.run([sqlite, database], input="\n".join(statements), text=True, check=True, timeout=WAIT_SECONDS)
    for options in (["-csv"], ["-separator", "\t"]):
        command = [sqlite, "-header", *options, database, "SELECT * FROM uacreg"]
        printed = subprocess.run(command, capture_output=True, check=True, timeout=WAIT_SECONDS).stdout
        (tmp_path / "uacreg").write_bytes(printed)
        (trunk,) = read("kamailio", tmp_path / "uacreg").trunks
        assert trunk.entries == [
            (1, {"AOR": "sip:alice@sip.example.net:5060", "AorType": "3", "AorTtl": "60", "URI1": "sip:t1"})
        ]
        assert trunk.credentials[0][1]["EncryptedPassword"] == 'a "quoted", comma'
