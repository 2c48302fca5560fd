"""`sipregistrant transfer`: the real program, from files of other products and from a live box."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.importers.test_sbc_edge import furnish
from tests.service import PASSWORD, USER, ServiceProcess, run_command

from .test_entries import Program

SAMPLES = Path(__file__).parent.parent / "importers" / "samples"


@pytest.mark.parametrize(
    ("product", "file"),
    [
        ("kamailio", "kamailio-uacreg"),
        ("opensips", "opensips-registrant.csv"),
        ("asterisk", "pjsip.conf"),
        ("freeswitch", "freeswitch.xml"),
        ("audiocodes", "audiocodes.ini"),
    ],
)
def test_what_a_file_has_is_made_with_the_passwords_that_were_filled_in(
    product: str, file: str, tmp_path: Path
) -> None:
    run, missing = Program(tmp_path / "data"), tmp_path / "missing.csv"
    run("table", "put", "3", "description=mine")
    told = run("transfer", product, str(SAMPLES / file), "--dry-run", "--passwords", str(missing))
    assert "note: " in told
    assert run.json("server", "list", "1") == []
    lines = missing.read_text().splitlines()
    assert missing.stat().st_mode & 0o777 == 0o600
    missing.write_text("\n".join([lines[0], *(line + "secret" for line in lines[1:])]) + "\n")
    made = run("transfer", product, str(SAMPLES / file), "--passwords", str(missing), "--yes")
    assert made.endswith("made; registered when the service starts\n")
    servers = run.json("server", "list", "1")
    assert servers
    for server in servers:
        table, credentials = server["contact_registrant_table_id"], server["remote_authorization_table_id"]
        assert table > 3
        assert run("entry", "export", str(table))
        assert run("credential", "export", str(credentials))


def test_a_box_is_transferred_with_its_ids_into_a_service_of_its_own(tmp_path: Path, free_port: int) -> None:
    run, missing = Program(tmp_path / "new"), tmp_path / "missing.csv"
    run("table", "put", "1")
    run("table", "delete", "1")
    with ServiceProcess(tmp_path / "box", free_port, "--paused") as there:
        furnish(there.rest(), 5)
        asked = ("transfer", "sbc-edge", there.base, "--user", USER, "--password-stdin", "--source-ca",
                 str(tmp_path / "box" / "https.crt"), "--passwords", str(missing))  # fmt: skip
        told = run(*asked, "--dry-run", stdin=PASSWORD)
        assert "server 1:3: udp:192.0.2.1:5060, 5 entries" in told
        assert "2 passwords to fill in" in told
        missing.write_text(missing.read_text().replace("a.example,", "a.example,one").replace("u2,,", "u2,,two"))
        assert "nobody is there to say" in run.ended(*asked, stdin=PASSWORD).stderr
        run(*asked, "--yes", stdin=PASSWORD)
        again = run.ended(*asked, "--yes", stdin=PASSWORD)
        assert (again.returncode, "is here already: transfer a box into a service of its own" in again.stderr) == (
            1,
            True,
        )
    assert run.json("table", "show", "7")["description"] == "trunks"
    assert run.json("server", "show", "1", "3")["contact_registrant_table_id"] == 7
    with ServiceProcess(tmp_path / "new", free_port, "--paused"):
        entries = run_command(
            "entry", "list", "7", "-o", "csv", "--data-dir", str(tmp_path / "new")
        ).stdout.splitlines()
        assert len(entries) == 6
        assert run.json("credential-table", "show", "4")["sequence"] == [2, 1]


def test_what_is_wrong_is_one_sentence(tmp_path: Path) -> None:
    run = Program(tmp_path / "data")
    run("table", "put", "1")
    for arguments, told in (
        (("kamailio", "/nowhere"), "/nowhere"),
        (("sbc-edge", "https://127.0.0.1:1"), "--user: a user of the box"),
        (("sbc-edge", "https://127.0.0.1:1", "--user", "x", "--password-stdin"), "it does not answer"),
    ):
        ended = run.ended("transfer", *arguments)
        assert (ended.returncode, told in ended.stderr, "Traceback" in ended.stderr) == (1, True, False), ended.stderr
