"""`sipregistrant db`: the real program, beside a service that works."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from sipregistrant.service import Service, ServiceSettings

from ..service import run_command


async def test_a_backup_of_a_running_service_is_restored_and_served(tmp_path: Path) -> None:
    data, other, file = tmp_path / "data", tmp_path / "other", tmp_path / "backup.tar.gz"
    settings = ServiceSettings(data, https=("127.0.0.1", 0), sip=("127.0.0.1", 0))

    def use() -> None:
        assert run_command("table", "put", "1", "description=carrier", "--data-dir", str(data)).returncode == 0
        done = run_command("db", "backup", str(file), "--data-dir", str(data))
        assert (done.returncode, "sipregistrant.db, key, https.crt, https.key" in done.stdout) == (0, True), done.stderr
        made = run_command("db", "restore", str(file), "--data-dir", str(other))
        assert "paused until `sipregistrant resume`" in made.stdout, made.stderr
        again = run_command("db", "restore", str(file), "--data-dir", str(other))
        assert (again.returncode, again.stderr.count("is not empty")) == (1, 1)
        busy = run_command("db", "migrate", "--data-dir", str(data))
        assert (busy.returncode, "in use by another process" in busy.stderr) == (1, True)
        same = run_command("db", "migrate", "--data-dir", str(other))
        assert (same.returncode, "nothing to do" in same.stdout) == (0, True)

    async with Service.running(settings):
        await asyncio.to_thread(use)
    async with Service.running(ServiceSettings(other, https=("127.0.0.1", 0), sip=("127.0.0.1", 0))) as service:
        assert await service.is_paused()
        shown = await asyncio.to_thread(run_command, "table", "list", "--data-dir", str(other), "-o", "json")
        assert json.loads(shown.stdout)[0]["description"] == "carrier"
