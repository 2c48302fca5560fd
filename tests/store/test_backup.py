"""Backups, taken while somebody writes; and files that are none."""

from __future__ import annotations

import asyncio
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sipregistrant.errors import BackupFaulty, StoreInUse, StoreUnavailable
from sipregistrant.model.registry import RESOURCES
from sipregistrant.store import bulk, instance, state
from sipregistrant.store.backup import MANIFEST, backup, restore
from sipregistrant.store.credentials import credentials_for
from sipregistrant.store.store import DATABASE, Store
from sipregistrant.store.tx import Key, Tx

from .support import Clock, Site

ENTRY = RESOURCES["sipregistrantentry"]
MADE_AT = "2026-01-01T00:00:00+00:00"


def clock(boot_id: str, offset_ms: int) -> Callable[[], int]:
    return lambda: 1_800_000_000_000


def back_up(site: Site, tmp_path: Path) -> Path:
    backup(site.directory, tmp_path / "backup.tar", made_at=MADE_AT)
    return tmp_path / "backup.tar"


async def restored(file: Path, tmp_path: Path) -> Site:
    restore(file, tmp_path / "restored", clock)
    again = Site(tmp_path / "restored", Clock())
    await again.open()
    return again


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_all_of_it_comes_back_paused(site: Site, tmp_path: Path) -> None:
    await site.put_chain(3)
    await site.register()
    file = await asyncio.to_thread(back_up, site, tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    assert left_in(tmp_path) == ["backup.tar", "var"]
    again = await restored(file, tmp_path)
    assert await again.rows() == await site.rows()
    assert await again.store.read(instance.is_paused)
    assert not await site.store.read(instance.is_paused)

    def password(tx: Tx) -> str:
        uid = tx.sqlite.execute("SELECT uid FROM sipremoteauthtable").fetchone()[0]
        user = tx.sqlite.execute("SELECT user FROM sipremoteauthentry").fetchone()[0]
        return credentials_for(tx, uid, [user])[user][0].password

    assert await again.store.read(password) == await site.store.read(password)
    await again.store.close()


async def test_under_load_it_has_all_that_was_on_disk_before_it_began(site: Site, tmp_path: Path) -> None:
    await site.put_table(0)
    done, stopped = 0, asyncio.Event()

    async def write() -> None:
        nonlocal done
        while not stopped.is_set():
            await site.put("sipregistrantentry", f"1:{done + 1}", AOR=f"sip:u{done + 1}")
            done += 1

    async def import_again_and_again() -> None:
        number = 0
        while not stopped.is_set():
            number += 1
            lines = [bulk.Line(n, 100_000 + n, {"AOR": "sip:x", "AorTtl": str(60 + number)}) for n in range(1, 200)]
            await bulk.apply(site.store, ENTRY, 1, lines)
            await site.reconcile()

    writing = [asyncio.create_task(write()), asyncio.create_task(import_again_and_again())]
    for round in range(5):
        while done < 20 * (round + 1):
            await asyncio.sleep(0)
        before = done
        file = tmp_path / f"{round}.tar"
        await asyncio.to_thread(backup, site.directory, file, made_at=MADE_AT)
        directory = tmp_path / f"restored{round}"
        await asyncio.to_thread(restore, file, directory, clock)
        again = Site(directory, Clock())
        await again.open()
        await again.reconcile()
        found = await again.store.read(state.ids, ENTRY, 1, 0, 50_000)
        own = [id for id in found if id < 100_000]
        assert own == list(range(1, len(own) + 1))
        assert before <= len(own) <= done + 1
        assert len(found) - len(own) in (0, 199)
        await again.store.close()
    stopped.set()
    await asyncio.gather(*writing)


async def test_an_import_that_is_under_way_is_carried_out_after_the_restore(site: Site, tmp_path: Path) -> None:
    await site.put_table(0)
    await bulk.apply(site.store, ENTRY, 1, [bulk.Line(n, n, {"AOR": f"sip:u{n}"}) for n in range(1, 11)])
    file = await asyncio.to_thread(back_up, site, tmp_path)
    await site.reconcile()
    again = await restored(file, tmp_path)
    await again.reconcile()
    assert await again.store.read(state.ids, ENTRY, 1, 0, 100) == list(range(1, 11))
    await again.store.close()


async def test_without_a_service_it_works_as_well(site: Site, tmp_path: Path) -> None:
    await site.put_chain(2)
    await site.store.close()
    again = await restored(back_up(site, tmp_path), tmp_path)
    assert len(await again.rows()) == 2
    await again.store.close()
    await site.open()


async def test_what_is_there_is_not_overwritten(site: Site, tmp_path: Path) -> None:
    await site.put_chain(1)
    file = await asyncio.to_thread(back_up, site, tmp_path)
    with pytest.raises(BackupFaulty, match="is not empty; with --force it is moved aside"):
        restore(file, site.directory, clock)
    with pytest.raises(StoreInUse):
        restore(file, site.directory, clock, moved_to=lambda: tmp_path / "aside")
    other = tmp_path / "other"
    Store.once(other, clock, lambda tx: None)
    (other / "mine").write_text("kept")
    restore(file, other, clock, moved_to=lambda: tmp_path / "aside")
    assert (tmp_path / "aside" / "mine").read_text() == "kept"
    assert Store.once(other, clock, state.one, ENTRY, Key(1, 1))


def packed(path: Path, **files: bytes) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name.replace("__", "/").replace("_", "."))
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def told(**changes: object) -> bytes:
    manifest = {"program": "sipregistrant", "version": "9.9", "schema": "0001", "made_at": MADE_AT,
                "files": {DATABASE: "0" * 64, "key": "0" * 64}}  # fmt: skip
    return json.dumps(manifest | changes).encode()


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({}, "it is no backup of this program"),
        ({"key": b"x"}, "it is no backup of this program"),
        ({"manifest_json": b"{}"}, "its manifest cannot be read"),
        ({"manifest_json": b"[1]"}, "its manifest cannot be read"),
        ({"manifest_json": told(program="another")}, "it is a backup of another program"),
        ({"manifest_json": told(files={})}, "it has no database, or no key"),
        ({"manifest_json": told(schema="9999")}, "it was made by version 9.9, which is later than this one"),
        ({"manifest_json": told(files={DATABASE: "", "key": "", "../x": ""})}, "'../x' does not belong into it"),
        ({"manifest_json": told()}, "it is not whole: key, sipregistrant.db is missing"),
        ({"manifest_json": told(), "key": b"x"}, "key is not as it was written"),
        ({"manifest_json": told(), "__etc__passwd": b"x"}, "'/etc/passwd' does not belong into it"),
        ({"manifest_json": told(), "bulk-1_db": b"x"}, "'bulk-1.db' does not belong into it"),
    ],
)
def test_a_file_that_is_no_backup_is_told_and_makes_nothing(
    tmp_path: Path, files: dict[str, bytes], problem: str
) -> None:
    file = packed(tmp_path / "x.tar", **files)
    with pytest.raises(BackupFaulty, match=problem.replace("(", r"\(")):
        restore(file, tmp_path / "new", clock)
    assert [path.name for path in tmp_path.iterdir()] == ["x.tar"]


async def test_a_backup_that_was_cut_or_damaged_is_told(site: Site, tmp_path: Path) -> None:
    await site.put_chain(1)
    file = await asyncio.to_thread(back_up, site, tmp_path)
    whole = file.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:100], b"", whole.replace(b"sip:", b"sap:")):
        file.write_bytes(damaged)
        with pytest.raises(BackupFaulty):
            restore(file, tmp_path / "new", clock)
        assert not (tmp_path / "new").exists()


def test_where_nothing_is_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="there is no database"):
        backup(tmp_path / "nowhere", tmp_path / "x.tar", made_at=MADE_AT)
    with pytest.raises(BackupFaulty, match="No such file"):
        restore(tmp_path / "nothing.tar", tmp_path / "new", clock)
    assert list(tmp_path.iterdir()) == []
    assert MANIFEST == "manifest.json"
