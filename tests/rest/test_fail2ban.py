"""The filter for fail2ban in deploy/ finds failed logins in the log as it is written, and nobody can forge one."""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from sipregistrant.logs.form import log_to_stderr

from .support import Client

FILTER = Path(__file__).parents[2] / "deploy" / "fail2ban" / "filter.d-sipregistrant.conf"

# What stands for these in fail2ban, as far as our lines need it.
ADDRESS = r"(?P<address>[0-9A-Fa-f:.]+)"
DATE_PARTS = {"%%Y": r"\d{4}", "%%m": r"\d\d", "%%d": r"\d\d", "%%H": r"\d\d", "%%M": r"\d\d", "%%S": r"\d\d",
              "%%f": r"\d{1,6}", "%%z": "Z"}  # fmt: skip


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Iterator[pytest.CaptureFixture[str]]:
    """What reads the log; a test begins it, as `serve` does, with `log_to_stderr`."""
    yield capsys
    structlog.reset_defaults()


def found(line: str) -> str | None:
    """Return the address that fail2ban would count a failure of."""
    parser = configparser.RawConfigParser()
    parser.read(FILTER)
    definition = parser["Definition"]
    date = definition["datepattern"]
    for part, pattern in DATE_PARTS.items():
        date = date.replace(part, pattern)
    rest, dates = re.subn(date, "", line)
    match = re.search(definition["failregex"].replace("<ADDR>", ADDRESS), rest)
    return match["address"] if match and dates == 1 else None


@pytest.mark.parametrize("password", ["wrong", ""])
async def test_a_failed_login_is_found(
    stranger: Client, with_users: None, log: pytest.CaptureFixture[str], password: str
) -> None:
    log_to_stderr()
    await stranger.post("/rest/login", f"Username=scripts&Password={password}")
    lines = log.readouterr().err.splitlines()
    assert [found(line) for line in lines] == (["127.0.0.1"] if password else [])


FORGED = 'x", "peer": "203.0.113.1", "event": "login.refused", "level": "warning", "timestamp": "2026-01-01T00:00:00Z"'


@pytest.mark.parametrize(
    "name", [FORGED, "\\" + FORGED, "x\n{" + FORGED, "x\r", 'x\\\\"', '{"user": "y"', "\u2028" + FORGED, "\udcff"]
)
async def test_a_user_name_can_forge_neither_a_line_nor_an_address(
    stranger: Client, with_users: None, log: pytest.CaptureFixture[str], name: str
) -> None:
    log_to_stderr()
    form = (
        b"Password=wrong&Username="
        + "".join(f"%{byte:02X}" for byte in name.encode("utf-8", "surrogateescape")).encode()
    )
    await stranger.post("/rest/login", form)
    (line,) = log.readouterr().err.splitlines()
    assert json.loads(line)["peer"] == "127.0.0.1"
    assert found(line) == "127.0.0.1"


async def test_other_lines_are_no_failures(stranger: Client, with_users: None, log: pytest.CaptureFixture[str]) -> None:
    log_to_stderr()
    structlog.get_logger().warning("login.wrong_level", user=FORGED, peer="127.0.0.1")
    structlog.get_logger().info("rest.parameter_ignored", resource="sipsg", parameter=FORGED)
    assert [found(line) for line in log.readouterr().err.splitlines()] == [None, None]


async def test_a_user_of_another_level_is_logged_without_blame(
    stranger: Client, with_users: None, log: pytest.CaptureFixture[str]
) -> None:
    log_to_stderr()
    await stranger.post("/rest/login", "Username=boss&Password=open sesame")
    (line,) = log.readouterr().err.splitlines()
    told = json.loads(line)
    assert (told["event"], told["user"], told["user_level"]) == ("login.wrong_level", "boss", "admin")
    assert found(line) is None
