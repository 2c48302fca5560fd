"""`sipregistrant entry` and the others on what is configured: the real program, with a service and without one."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import AsyncIterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from sipregistrant.service import Service, ServiceSettings

from ..service import run_command

ENTRIES = 10_000


class Program:
    """The program, on one data directory."""

    def __init__(self, directory: Path) -> None:
        self._where = ("--data-dir", str(directory))

    def ended(self, *arguments: str, stdin: str = "") -> CompletedProcess[str]:
        return run_command(*arguments, *self._where, stdin=stdin)

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        ended = self.ended(*arguments, stdin=stdin)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "-o", "json"))


@pytest.fixture
def run(tmp_path: Path) -> Program:
    return Program(tmp_path / "data")


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with Service.running(
        ServiceSettings(tmp_path / "data", https=("127.0.0.1", 0), sip=("127.0.0.1", 0))
    ) as service:
        yield service


def write_csv(path: Path, entries: int, *, ttl: int = 600) -> str:
    with path.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["id", "aor", "aor_type", "aor_ttl", "uri1"])
        rows.writerows(
            [n, f"sip:u{n}@example.com", "static", ttl, f"sip:u{n}@192.0.2.7"] for n in range(1, entries + 1)
        )
    return str(path)


def test_what_is_configured_is_made_shown_changed_and_deleted(run: Program) -> None:
    run("table", "put", "1", "description=carrier")
    run(
        "entry",
        "put",
        "1",
        "7",
        "aor=sip:alice@example.com",
        "aor_type=static",
        "contact=<sip:a@h>;q=0.5;expires=60",
        "contact=b",
    )
    run("credential-table", "put", "1")
    run("credential", "put", "1", "1", "user=alice", "--password-stdin", stdin="secret\n")
    run(
        "server",
        "put",
        "1",
        "1",
        "host=192.0.2.1",
        "contact_registrant_table_id=1",
        "authorization_on_refresh=no",
        "protocol=tcp",
    )
    run("entry", "set", "1", "7", "aor_ttl=60")
    shown = run.json("entry", "show", "1", "7")
    assert (shown["aor"], shown["aor_ttl"]) == ("sip:alice@example.com", 60)
    assert shown["contacts"] == [{"uri": "sip:a@h", "ttl": 60, "q": 0.5}, {"uri": "b", "ttl": 64, "q": 1.0}]
    server = run.json("server", "show", "1", "1")
    assert (server["protocol"], server["authorization_on_refresh"]) == ("tcp", False)
    assert run("entry", "list", "1", "-o", "csv").splitlines() == [
        "id,aor,aor_type,aor_ttl,contacts", '7,sip:alice@example.com,static,60,"sip:a@h, b"',
    ]  # fmt: skip
    assert "sip:alice@example.com" in run("entry", "list", "1")
    assert "aor_ttl" in run("entry", "show", "1", "7")
    run("entry", "delete", "1", "7")
    assert run.json("entry", "list", "1") == []
    assert [line["action"] for line in run.json("audit", "--resource", "sipregistrantentry")] == [
        "delete",
        "change",
        "create",
    ]
    assert {line["who"] for line in run.json("audit")} == {"local"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("entry", "put", "1", "7"), "aor: it is missing"),
        (("entry", "put", "1", "7", "aor"), "aor: FIELD=VALUE is wanted"),
        (("entry", "put", "1", "7", "aro=x"), "aro: there is no such member; aor?"),
        (("entry", "put", "1", "7", "aor=sip:a", "aor_ttl=ten"), "aor_ttl: a whole number, 1 to 2147483647, is wanted"),
        (
            ("entry", "put", "1", "7", "aor=sip:a", "contact=<a>;x=1"),
            "contact: 'x' is no parameter of it; q and expires are",
        ),
        (("entry", "put", "9", "7", "aor=sip:a"), "sipcontactregistrant 9 does not exist"),
        (("entry", "show", "1", "7"), "sipregistrantentry 1:7 does not exist"),
        (("entry", "set", "1", "7"), "FIELD=VALUE: nothing is to be changed"),
        (("entry", "import", "1", "/nowhere"), "FILE: /nowhere: No such file or directory"),
        (("registration", "show", "7"), "there is no registration 7"),
        (("refresh",), "this would be every registration: name a filter, or say all=true"),
    ],
)
def test_what_cannot_be_is_told_and_ends_with_one(run: Program, arguments: tuple[str, ...], told: str) -> None:
    run("table", "put", "1")
    ended = run.ended(*arguments)
    assert ended.returncode == 1
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_directory_without_a_database_is_not_made_by_looking(run: Program, tmp_path: Path) -> None:
    for arguments in (("entry", "list", "1"), ("status",), ("user", "list"), ("entry", "import", "1", "-", "--yes")):
        ended = run.ended(*arguments)
        assert (ended.returncode, ended.stderr.count("there is no database in")) == (1, 1)
    assert not (tmp_path / "data").exists()


async def test_ten_thousand_entries_go_in_after_the_plan_and_come_out_unchanged(
    service: Service, run: Program, tmp_path: Path
) -> None:
    def use() -> None:
        run("table", "put", "1", "description=carrier")
        run(
            "server",
            "put",
            "1",
            "1",
            "host=127.0.0.1",
            "port=1024",
            "contact_registrant_table_id=1",
            "max_registers_per_second=100",
        )
        file = write_csv(tmp_path / "in.csv", ENTRIES)
        plan = run("entry", "import", "1", file, "--dry-run").splitlines()
        assert plan == [
            "added 10,000, changed 0, untouched 0, removed 0",
            "10,000 registrations are due by it: 10,000 to 20,000 REGISTERs, over at least 3 min, by the limits of the servers",
        ]
        assert run.json("entry", "list", "1") == []
        assert "nobody is there to say that the plan is right" in run.ended("entry", "import", "1", file).stderr
        assert run("entry", "import", "1", file, "--yes").splitlines()[-1] == "carried out"
        run("entry", "export", "1", str(tmp_path / "out.csv"))
        assert (tmp_path / "out.csv").read_bytes() != b""
        run("entry", "export", "1", str(tmp_path / "like.csv"), "--like", file)
        assert (tmp_path / "like.csv").read_bytes() == (tmp_path / "in.csv").read_bytes()
        for exported in ("out.csv", "like.csv"):
            again = run("entry", "import", "1", str(tmp_path / exported), "--whole", "--dry-run").splitlines()
            assert again == ["added 0, changed 0, untouched 10,000, removed 0", "nothing is sent because of it"]
        assert len(run("entry", "export", "1").splitlines()) == ENTRIES
        counts = run.json("status")["states"]
        assert sum(counts.values()) == ENTRIES
        assert len(run.json("registration", "list", "--limit", "1500")) == 1500
        assert run("unregister", "--text", "sip:u777@").startswith("1 registrations")

    await asyncio.to_thread(use)


def test_without_a_service_it_is_carried_out_and_registered_when_one_starts(run: Program, tmp_path: Path) -> None:
    run("table", "put", "1")
    ended = run("entry", "import", "1", write_csv(tmp_path / "in.csv", 3), "--yes")
    assert ended.splitlines()[-1] == "carried out; registered when the service starts"
    assert len(run.json("entry", "list", "1")) == 3


def test_faults_are_told_by_line_and_nothing_is_changed(run: Program, tmp_path: Path) -> None:
    run("table", "put", "1")
    ended = run.ended("entry", "import", "1", write_csv(tmp_path / "in.csv", 2, ttl=0), "--yes")
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        "line 2: aor_ttl: 1 to 2147483647 is wanted", "line 3: aor_ttl: 1 to 2147483647 is wanted",
        "sipregistrant: 2 faults; nothing was changed",
    ]  # fmt: skip
    assert run.json("entry", "list", "1") == []
