"""Where the service is: its directory, or its address and a token."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sipregistrant.service import Service, ServiceSettings

from ..service import run_command


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    settings = ServiceSettings(tmp_path / "data", https=("127.0.0.1", 0), sip=("127.0.0.1", 0))
    async with Service.running(settings) as service:
        yield service


async def test_from_elsewhere_it_is_an_address_and_a_token(service: Service, tmp_path: Path) -> None:
    def use() -> None:
        here = ("--data-dir", str(tmp_path / "data"))
        there = ("--url", service.base, "--ca", str(tmp_path / "data" / "https.crt"))
        made = run_command("token", "add", "deploy", "--role", "readonly", *here)
        assert made.stdout.startswith("srt_")
        token = tmp_path / "token"
        token.write_text(made.stdout)
        shown = (*there, "--token-file", str(token))
        listed = run_command("group", "list", *shown, "-o", "json")
        assert [group["id"] for group in json.loads(listed.stdout)] == [1], listed.stderr
        refused = run_command("table", "put", "1", *shown)
        assert (refused.returncode, refused.stderr) == (
            1, "sipregistrant: token:deploy has the role readonly; rest is needed\n",
        )  # fmt: skip
        run_command("token", "remove", "deploy", *here)
        gone = run_command("group", "list", *shown)
        assert (gone.returncode, gone.stderr) == (1, "sipregistrant: the token is none of ours, or was removed\n")
        distrusted = run_command("group", "list", "--url", service.base, "--token-file", str(token))
        assert distrusted.returncode == 4
        assert "no service answers at" in distrusted.stderr

    await asyncio.to_thread(use)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "--data-dir: where is the service?"),
        (("--url", "https://127.0.0.1:1"), "--token-file: a token is wanted"),
        (
            ("--url", "https://127.0.0.1:1", "--token-file", "/nowhere"),
            "--token-file: /nowhere: No such file or directory",
        ),
        (("--data-dir", "/nowhere"), "--data-dir: there is no database in /nowhere"),
    ],
)
def test_a_service_that_is_not_named_is_one_sentence(arguments: tuple[str, ...], told: str) -> None:
    ended = run_command("group", "list", *arguments)
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert told in ended.stderr


def test_a_service_that_does_not_answer_ends_with_four(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("srt_x")
    ended = run_command("group", "list", "--url", "https://127.0.0.1:1", "--token-file", str(tmp_path / "token"))
    assert ended.returncode == 4
    assert "Traceback" not in ended.stderr
