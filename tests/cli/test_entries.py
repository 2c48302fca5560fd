"""`sipregistrant entry import`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from sipregistrant.model.registry import RESOURCES
from sipregistrant.service import Service, ServiceSettings
from sipregistrant.store import config, reconcile, state
from sipregistrant.store.store import Store
from sipregistrant.store.tx import Key, Tx

from ..service import run_command

TABLE, ENTRY = RESOURCES["sipcontactregistrant"], RESOURCES["sipregistrantentry"]


def write(path: Path, *numbers: int, ttl: int = 600) -> str:
    """Write a file of lines, return its name."""
    lines = [{"id": n, "AOR": f"sip:u{n}", "FailedRegistrationRetryTimer": 120, "AorTtl": ttl} for n in numbers]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


def ids(tx: Tx) -> list[int]:
    while reconcile.step(tx):
        pass
    return state.ids(tx, ENTRY, 1, 0, 100)


async def test_a_file_is_imported_through_the_service_and_without_one(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "lines"
    asked = ("entry", "import", "1", write(file, 3, 1, 2), "--data-dir", str(data))
    async with Service.running(ServiceSettings(data, https=("127.0.0.1", 0), sip=("127.0.0.1", 0))) as service:
        await service.store.write(config.create, TABLE, Key(1), {})
        dry = await asyncio.to_thread(run_command, *asked, "--dry-run")
        assert (dry.returncode, await service.store.read(state.ids, ENTRY, 1, 0, 100)) == (0, [])
        done = await asyncio.to_thread(run_command, *asked)
        assert done.stdout.startswith("added 3, changed 0, untouched 0, removed 0;"), done.stderr
        async with asyncio.timeout(20):
            while await service.store.read(state.ids, ENTRY, 1, 0, 100) != [1, 2, 3]:
                await asyncio.sleep(0.02)
    write(file, 2, 4)
    again = await asyncio.to_thread(run_command, *asked)
    assert again.stdout.startswith("added 1, changed 0, untouched 1, removed 0;"), again.stderr
    assert Store.once(data, lambda *saved: lambda: 0, ids) == [1, 2, 3, 4]


def test_faults_are_printed_by_line_and_end_with_one(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "lines"
    Store.once(data, lambda *saved: lambda: 0, lambda tx: config.create(tx, TABLE, Key(1), {}))
    write(file, 1, 1, ttl=600)
    ended = run_command("entry", "import", "1", str(file), "--data-dir", str(data))
    assert ended.returncode == 1
    assert ended.stderr == "line 2: id: line 1 has it already\n1 fault; nothing was changed\n"
    assert Store.once(data, lambda *saved: lambda: 0, ids) == []


def test_what_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    nowhere = run_command("entry", "import", "1", "/nowhere", "--data-dir", str(tmp_path))
    assert (nowhere.returncode, nowhere.stderr.count("\n")) == (1, 1)
    Store.once(tmp_path, lambda *saved: lambda: 0, lambda tx: None)
    missing = run_command("entry", "import", "1", write(tmp_path / "lines", 1), "--data-dir", str(tmp_path))
    assert (missing.returncode, missing.stderr) == (1, "sipregistrant: sipcontactregistrant 1 does not exist\n")
