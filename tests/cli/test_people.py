"""`sipregistrant user` while a service holds the data directory: it is asked through its local socket."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from sipregistrant.service import Service, ServiceSettings

from ..service import run_command

NAMES = ["..", "a/password?%2e"]


async def run(*arguments: str, stdin: str = "") -> str:
    """Run a command beside the service of this process; return what it printed."""
    ended = await asyncio.to_thread(run_command, *arguments, stdin=stdin)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


async def test_whatever_a_user_is_called_its_password_can_be_changed_and_it_can_be_removed(tmp_path: Path) -> None:
    settings = ServiceSettings(tmp_path, https=("127.0.0.1", 0), sip=("127.0.0.1", 0))
    on = ("--data-dir", str(tmp_path))
    async with Service.running(settings):
        for name in NAMES:
            await run("user", "add", *on, "--password-stdin", "--", name, stdin="first")
        for name in NAMES:
            await run("user", "passwd", *on, "--password-stdin", "--", name, stdin="second")
            await run("user", "remove", *on, "--", name)
        assert json.loads(await run("user", "list", *on, "-o", "json")) == []
