"""What an operator is told: the real program against the real service and a sandbox registrar. One password is wrong; the
registrar falls silent, and comes back.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sipregistrant.sandbox.registrar import SandboxRegistrar
from sipregistrant.sandbox.server import SandboxServer
from sipregistrant.service import Service, ServiceSettings

from ..service import ServiceProcess
from .test_entries import Program, write_csv

ENTRIES = 30
AOR = "sip:u7@example.com"
# An outage is an outage after Timer F, 32 s, and told within five more.
WITHIN_SECONDS = 60.0


class Registrar(SandboxRegistrar):
    """One that can be silent."""

    is_silent = False

    def receive(self, data: bytes, source: tuple[str, int], now: float) -> bytes | None:
        return None if self.is_silent else super().receive(data, source, now)


@pytest.fixture
async def registrar() -> AsyncIterator[tuple[Registrar, int]]:
    registrar = Registrar("sandbox.test", "secret", secret=b"secret")
    async with SandboxServer("127.0.0.1", 0, registrar) as server:
        yield registrar, server.port


@pytest.fixture
def run(tmp_path: Path) -> Program:
    return Program(tmp_path / "data")


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    settings = ServiceSettings(tmp_path / "data", https=("127.0.0.1", 0), sip=("127.0.0.1", 0))
    async with Service.running(settings) as service:
        yield service


def eventually(probe: Callable[[], Any]) -> Any:
    until = time.monotonic() + WITHIN_SECONDS
    while not (found := probe()):
        assert time.monotonic() < until, found
        time.sleep(0.3)
    return found


def configure(run: Program, port: int, file: Path) -> None:
    run("credential-table", "put", "1")
    run(
        "credential",
        "put",
        "1",
        "1",
        "from_uri_user_match=regex",
        "match_regex=u([0-689]|[0-9][0-9])",
        "user=all",
        "--password-stdin",
        stdin="secret",
    )
    run("credential", "put", "1", "2", "user=u7", "--password-stdin", stdin="wrong")
    run("table", "put", "1")
    run("server", "put", "1", "1", "host=127.0.0.1", f"port={port}", "domain_name=example.com", "contact_registrant_table_id=1",
        "remote_authorization_table_id=1")  # fmt: skip
    # What has failed waits for its timer, also when the registrar answers again.
    lines = Path(write_csv(file, ENTRIES)).read_text().splitlines()
    file.write_text(
        "\n".join([f"{lines[0]},failed_registration_retry_timer", *(f"{line},30" for line in lines[1:]), ""])
    )
    run("entry", "import", "1", str(file), "--yes")


def kinds(run: Program) -> list[str]:
    return [event["kind"] for event in reversed(run.json("events"))]


async def test_what_is_wrong_is_explained_and_an_outage_is_one_alarm(
    run: Program, service: Service, registrar: tuple[Registrar, int], tmp_path: Path
) -> None:
    silent, port = registrar

    def use() -> None:
        configure(run, port, tmp_path / "entries.csv")
        states = eventually(lambda: (told := run.json("status")["states"]).get("registered") == ENTRIES - 1 and told)
        assert states == {"registered": ENTRIES - 1, "rejected": 1}
        (told,) = run.json("explain", AOR)
        assert told["cause"] == "credentials.refused"
        assert "credential set" in told["advice"][0]
        shown = run("explain", "1:7")
        assert shown.startswith(f"{AOR} is refused by server 1:1 (udp:127.0.0.1:{port})")
        assert "What to do" in shown
        run("credential", "set", "1", "2", "--password-stdin", stdin="secret")
        eventually(lambda: run.json("explain", AOR)[0]["state"] == "registered")
        assert run("alarms") == "no alarm stands\n"
        known = len(kinds(run))
        silent.is_silent = True
        run("refresh", "--all")
        ended = eventually(lambda: (ended := run.ended("alarms")).returncode == 3 and ended)
        assert f"server 1:1 (127.0.0.1:{port}) answers nobody" in ended.stdout
        assert "30 registrations" in ended.stdout
        (alarm,) = json.loads(run.ended("alarms", "-o", "json").stdout)
        assert (alarm["kind"], alarm["severity"]) == ("server.silent", "critical")
        assert "still registered" in run("explain", AOR)
        silent.is_silent = False
        eventually(lambda: run.ended("alarms").returncode == 0)
        told_since = kinds(run)[known:]
        assert told_since.count("alarm.raised") == told_since.count("alarm.cleared") == 1
        last = run.json("events", "--kind", "alarm.cleared")[0]
        assert "it answers again, and all that waited for it was tried; 30 registered, 0 not" in last["text"]
        followed = run("events", "--after", "0", "--limit", "2", "-o", "json")
        assert [json.loads(line)["id"] for line in followed.splitlines()] == [1, 2]

    await asyncio.to_thread(use)


async def test_a_webhook_has_its_secret_once(run: Program, service: Service) -> None:
    def use() -> None:
        secret = run("webhook", "put", "ops", "--to", "http://127.0.0.1:1/hook", "--kind", "alarm.raised").strip()
        assert secret.startswith("whsec_")
        assert run("webhook", "put", "ops", "--disabled") == ""
        (shown,) = run.json("webhook", "list")
        assert (shown["name"], shown["is_enabled"], shown["kinds"]) == ("ops", False, ["alarm.raised"])
        assert "secret" not in run.json("webhook", "show", "ops")
        assert run.ended("webhook", "put", "other").returncode == 1
        run("webhook", "delete", "ops")
        assert run.ended("webhook", "show", "ops").returncode == 1

    await asyncio.to_thread(use)


@pytest.mark.parametrize("what", ["nonsense", "1:x", "sip:", "99"])
async def test_what_cannot_be_explained_says_so(run: Program, service: Service, what: str) -> None:
    ended = await asyncio.to_thread(run.ended, "explain", what)
    assert ended.returncode == 1
    assert ended.stderr.startswith("sipregistrant: ")
    assert "Traceback" not in ended.stderr


def test_nobody_follows_what_does_not_run(run: Program) -> None:
    run("table", "put", "1")
    ended = run.ended("events", "--follow")
    assert (ended.returncode, ended.stderr) == (1, "sipregistrant: --follow: no service runs, so nothing happens\n")


def test_a_listener_outlives_the_service(tmp_path: Path, free_port: int) -> None:
    directory = tmp_path / "data"
    followed = tmp_path / "followed"
    with ExitStack() as stack:
        first = stack.enter_context(ServiceProcess(directory, free_port))
        listener = subprocess.Popen(
            [sys.executable, "-m", "sipregistrant", "events", "--follow", "--after", "0", "--data-dir", str(directory)],
            stdout=stack.enter_context(followed.open("w")), stderr=subprocess.DEVNULL,
        )  # fmt: skip
        stack.callback(listener.wait, 10)
        stack.callback(listener.terminate)
        eventually(lambda: "service.started" in followed.read_text())
        first.stop()
        stack.enter_context(ServiceProcess(directory, free_port))
        eventually(lambda: followed.read_text().count("service.started") == 2)
    assert followed.read_text().count("service.stopped") >= 1
