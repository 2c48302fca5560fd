"""What a first user sees: `./do run`, its options, and what it says when something is in the way."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port
from tests.service import Rest, run_command

SECONDS = 60


def options(directory: Path, **ports: int) -> list[str]:
    """Return the options of a demo on ports that are free, or on those that are given."""
    https, sip, sandbox = (ports.get(name) or free_port() for name in ("https", "sip", "sandbox"))
    return [
        "demo", "--data-dir", str(directory), "--https", f"127.0.0.1:{https}", "--sip", f"127.0.0.1:{sip}",
        "--sandbox", f"127.0.0.1:{sandbox}",
    ]  # fmt: skip


@contextmanager
def taken(kind: socket.SocketKind) -> Iterator[int]:
    """Hold a port of loopback."""
    with socket.socket(socket.AF_INET, kind) as held:
        held.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            held.listen()
        yield held.getsockname()[1]


def test_three_entries_are_registered_and_a_second_run_resumes(tmp_path: Path) -> None:
    arguments = [*options(tmp_path / "var"), "--exit-when-registered"]
    first = run_command(*arguments)
    assert first.returncode == 0, first.stdout + first.stderr
    assert first.stdout.count("registered  ") == 3
    for shown in ("+12025550100", "0.05", "1200", "voicemail@192.0.2.30"):
        assert shown in first.stdout
    assert re.search(r"^  rest +\S{16}$", first.stdout, re.MULTILINE)
    second = run_command(*arguments)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "resuming" in second.stdout
    assert "shown this once" not in second.stdout


def node_name_shown(told: str, directory: Path) -> str:
    """Log in with what the demo told, and return which name its system has."""
    base, password = (
        re.findall(r"^(https://\S+)/rest ", told, re.MULTILINE),
        re.findall(r"^  rest +(\S+)$", told, re.MULTILINE),
    )
    client = Rest(base[0], directory / "https.crt")
    try:
        return client.login("rest", password[0]).get("system").values["NodeName"]
    finally:
        client.close()


def test_it_stays_until_ctrl_c_and_then_un_registers(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "sipregistrant", *options(tmp_path / "var")], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        shown = ""
        for line in process.stdout:
            shown += line
            if "All registered" in line:
                break
        assert process.poll() is None
        assert node_name_shown(shown, tmp_path / "var") == socket.gethostname()
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=SECONDS)[0]
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, rest
    assert "un-registering" in rest
    assert "left_to_lapse" not in rest
    assert time.monotonic() - began < 10


def test_a_port_in_use_is_named_with_the_option_that_changes_it(tmp_path: Path) -> None:
    kinds = {"https": socket.SOCK_STREAM, "sip": socket.SOCK_DGRAM, "sandbox": socket.SOCK_DGRAM}
    for name, kind in kinds.items():
        with taken(kind) as port:
            ended = run_command(*options(tmp_path / name, **{name: port}), "--exit-when-registered")
        assert ended.returncode == 1
        assert f"--{name}" in ended.stderr
        assert str(port) in ended.stderr
        assert "name another with" in ended.stderr


def test_after_a_port_was_in_use_another_one_works(tmp_path: Path) -> None:
    with taken(socket.SOCK_DGRAM) as port:
        assert run_command(*options(tmp_path / "var", sip=port), "--exit-when-registered").returncode == 1
    ended = run_command(*options(tmp_path / "var"), "--exit-when-registered")
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_https_may_be_served_on_an_ipv6_address(tmp_path: Path) -> None:
    arguments = options(tmp_path / "var")
    arguments[arguments.index("--https") + 1] = "[::1]:0"
    ended = run_command(*arguments, "--exit-when-registered")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.search(r"^https://\[::1\]:\d+/rest ", ended.stdout, re.MULTILINE)


def test_the_picture_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    picture = tmp_path / "demo.svg"
    ended = run_command(*options(tmp_path / "var"), "--exit-when-registered", "--picture", str(picture))
    assert ended.returncode == 0
    assert set(re.findall(r"https?://[^\s\"'<]+", picture.read_text())) <= {
        "http://www.w3.org/2000/svg",
        "https://www.textualize.io",
    }


def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = run_command(*options(tmp_path / "file" / "var"), "--exit-when-registered")
    assert ended.returncode == 1
    assert "sipregistrant: the database is unavailable" in ended.stderr


def test_an_address_that_is_none_is_said_with_its_option(tmp_path: Path) -> None:
    for text in ("127.0.0.1", "127.0.0.1:port", ":8443", "127.0.0.1:70000"):
        ended = run_command("serve", "--data-dir", str(tmp_path), "--https", text)
        assert ended.returncode == 1
        assert f"--https: '{text}' is not HOST:PORT" in ended.stderr


def test_a_mistyped_directory_has_no_users_and_is_not_made(tmp_path: Path) -> None:
    ended = run_command("user", "list", "--data-dir", str(tmp_path / "typo"))
    assert ended.returncode == 1
    assert f"there is no database in {tmp_path / 'typo'}" in ended.stderr
    assert not (tmp_path / "typo").exists()


def test_without_a_terminal_the_password_is_not_asked_for(tmp_path: Path) -> None:
    ended = run_command("user", "add", "ops", "--data-dir", str(tmp_path / "new"))
    assert ended.returncode == 1
    assert "--password-stdin" in ended.stderr
    assert not (tmp_path / "new").exists()
