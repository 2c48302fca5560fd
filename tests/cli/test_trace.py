"""`sipregistrant trace`, the real program on a running service: what failed is there, and no secret in it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sipregistrant.sandbox.registrar import SandboxRegistrar
from sipregistrant.sandbox.server import SandboxServer
from sipregistrant.service import Service, ServiceSettings

from .test_entries import Program

FIRST = "sip:alice@sip.test"


def furnish(run: Program, port: int, password: str) -> None:
    run("table", "put", "1")
    run("entry", "put", "1", "1", f"aor={FIRST}", "aor_type=static", "contact=sip:alice@192.0.2.7")
    run("credential-table", "put", "1")
    run("credential", "put", "1", "1", "user=alice", "--password-stdin", stdin=f"{password}\n")
    run("server-table", "put", "1")
    run("server", "put", "1", "1", "host=127.0.0.1", f"port={port}", "contact_registrant_table_id=1",
        "remote_authorization_table_id=1", "monitor=none")  # fmt: skip
    run("group", "set", "1", "server_cluster_id=1")


def wait_until(run: Program, state: str) -> None:
    until = time.monotonic() + 20
    while [one["state"] for one in run.json("registration", "list")] != [state]:
        assert time.monotonic() < until, run("registration", "list")
        time.sleep(0.1)


def use(run: Program, port: int, tmp_path: Path) -> None:
    """See a wrong password fail, mend it, and trace what succeeds then."""
    furnish(run, port, "wrong")
    wait_until(run, "rejected")
    ladder = run("trace", "1:1")
    assert ladder.splitlines()[0].endswith(f"{FIRST}  at 127.0.0.1:{port}")
    assert "REGISTER, CSeq" in ladder
    assert "with credentials" in ladder
    assert "=> refused" in ladder
    text = run("trace", FIRST, "--format", "text")
    assert 'response="********************************"' in text
    (told,) = json.loads(run("trace", "1", "--format", "json"))
    assert told["attempts"][0]["outcome"] == "refused"
    run("trace", "1", "--pcap", str(tmp_path / "trace.pcap"))
    assert (tmp_path / "trace.pcap").read_bytes().count(b"REGISTER sip:") == 2
    if (tshark := shutil.which("tshark")) is not None:
        read = subprocess.run(
            [tshark, "-r", str(tmp_path / "trace.pcap")], capture_output=True, text=True, timeout=60, check=True
        )
        assert [" SIP " in line for line in read.stdout.splitlines()] == [True] * 4
    ended = run.ended("trace", "1", "--for", "60")
    assert "registration 1 is traced until" in ended.stderr
    (listed,) = json.loads(run("trace", "--format", "json"))
    assert listed["traced_until"] is not None
    run("credential", "set", "1", "1", "--password-stdin", stdin="secret\n")
    wait_until(run, "registered")
    assert run("trace", "1").splitlines()[-1].endswith("=> accepted 200")
    run("trace", "1", "--off")
    assert run("trace", "1").startswith("nothing is kept: it is not traced")
    assert json.loads(run("trace", "--format", "json")) == []


@pytest.fixture
def run(tmp_path: Path) -> Program:
    return Program(tmp_path / "data")


async def test_a_wrong_password_is_seen_mended_and_seen_again(run: Program, tmp_path: Path) -> None:
    settings = ServiceSettings(tmp_path / "data", https=("127.0.0.1", 0), sip=("127.0.0.1", 0))
    registrar = SandboxServer("127.0.0.1", 0, SandboxRegistrar("sip.test", "secret", secret=b"s"))
    async with registrar as server, Service.running(settings):
        await asyncio.to_thread(use, run, server.port, tmp_path)


async def test_it_is_followed_until_ctrl_c(run: Program, tmp_path: Path) -> None:
    settings = ServiceSettings(tmp_path / "data", https=("127.0.0.1", 0), sip=("127.0.0.1", 0))

    def follow(port: int) -> list[str]:
        furnish(run, port, "secret")
        wait_until(run, "registered")
        command = [
            sys.executable,
            "-m",
            "sipregistrant",
            "trace",
            "1",
            "--on",
            "--follow",
            "--data-dir",
            str(tmp_path / "data"),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as following:
            assert following.stderr is not None
            assert following.stdout is not None
            assert "is traced until" in following.stderr.readline()
            run("refresh", "--all")
            lines = [following.stdout.readline()]
            while "=>" not in lines[-1]:
                assert lines[-1]
                lines.append(following.stdout.readline())
            os.kill(following.pid, signal.SIGINT)
            assert following.wait(20) == 0
            return lines

    registrar = SandboxServer("127.0.0.1", 0, SandboxRegistrar("sip.test", "secret", secret=b"s"))
    async with registrar as server, Service.running(settings):
        told = await asyncio.to_thread(follow, server.port)
    assert f"  -> 127.0.0.1:{server.port}  REGISTER sip:" in told[0]
    assert told[-1].endswith("=> accepted\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nobody@example.com",), "nothing is registered as nobody@example.com"),
        (("1:9",), "nothing is registered as 1:9"),
        (("7",), "there is no registration 7"),
        (("--on",), "which one?"),
        (("7", "--on"), "there is no registration 7"),
    ],
)
def test_what_cannot_be_is_told(run: Program, arguments: tuple[str, ...], told: str) -> None:
    run("table", "put", "1")
    ended = run.ended("trace", *arguments)
    assert (ended.returncode, told in ended.stderr) == (1, True), ended.stderr
