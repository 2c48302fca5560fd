"""Kamailio as a registrant: its `uac` module, fed from SQLite, in a process group of its own on a free port of loopback."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.kamailio import EXECUTABLE, QUIET, UDP_ALONE, Kamailio
from tests.ports import free_port

from bench.chain import USER

__all__ = ["MODULES", "UacKamailio"]

MODULES = Path(f"/usr/lib/{os.uname().machine}-linux-gnu/kamailio/modules")

STOP_SECONDS = 10.0

# As its documentation suggests; the sizes are for a hundred thousand accounts.
CONFIGURATION = (
    f"#!KAMAILIO\n# Made by bench/uac.py\n{QUIET}{UDP_ALONE}"
    + """\
children=4
listen=udp:127.0.0.1:{port}
mpath="{modules}"

loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "db_sqlite.so"
loadmodule "uac.so"

modparam("uac", "reg_db_url", "sqlite:///{database}")
modparam("uac", "reg_contact_addr", "127.0.0.1:{port}")
modparam("uac", "reg_timer_interval", 5)
modparam("uac", "reg_retry_interval", 30)
modparam("uac", "reg_hash_size", 14)
modparam("uac", "restore_mode", "none")

request_route {{ exit; }}
"""
)

SCHEMA = """
CREATE TABLE version (table_name VARCHAR(32) NOT NULL UNIQUE, table_version INTEGER DEFAULT 0 NOT NULL);
INSERT INTO version VALUES ('uacreg', 5);
CREATE TABLE uacreg (id INTEGER PRIMARY KEY, l_uuid TEXT, l_username TEXT, l_domain TEXT, r_username TEXT, r_domain TEXT,
  realm TEXT, auth_username TEXT, auth_password TEXT, auth_ha1 TEXT DEFAULT '', auth_proxy TEXT, expires INTEGER,
  flags INTEGER DEFAULT 0, reg_delay INTEGER DEFAULT 0, contact_addr TEXT DEFAULT '', socket TEXT DEFAULT '');
"""


class UacKamailio:
    """A context manager. `pids` are all its processes."""

    def __init__(self, registrar: Kamailio, aors: int, processor: int, expires: int = 3600) -> None:
        """Register `user1`, `user2`, … at `registrar`, from one processor."""
        self._registrar = registrar
        self._aors = aors
        self._processor = processor
        self._expires = expires
        self._folder = Path(tempfile.mkdtemp(prefix="uac-"))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._make_database()
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pids(self) -> list[int]:
        assert self._process is not None
        group = str(self._process.pid)
        return [
            int(stat.parent.name)
            for stat in Path("/proc").glob("[0-9]*/stat")
            if _process_group(stat) == group
        ]  # fmt: skip

    def log(self) -> str:
        """Return what it wrote to its standard error."""
        return (self._folder / "log").read_text(errors="replace")

    def close(self) -> None:
        """End it and all its processes; forget what it wrote."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(STOP_SECONDS)
            self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _make_database(self) -> None:
        registrar = self._registrar
        proxy = f"sip:{registrar.host}:{registrar.port}"
        rows = (
            (f"line{n}", f"user{n}", registrar.realm, f"user{n}", registrar.realm, registrar.realm, USER,
             registrar.password, proxy, self._expires)
            for n in range(1, self._aors + 1)
        )  # fmt: skip
        database = sqlite3.connect(self._folder / "uac.db")
        with database:
            database.executescript(SCHEMA)
            database.executemany(
                "INSERT INTO uacreg (l_uuid, l_username, l_domain, r_username, r_domain, realm, auth_username, "
                "auth_password, auth_proxy, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
        database.close()

    def _start(self) -> None:
        configuration = self._folder / "kamailio.cfg"
        text = CONFIGURATION.format(port=free_port(), database=self._folder / "uac.db", modules=MODULES)
        configuration.write_text(text)
        folder, memory = str(self._folder), str(256 + self._aors // 20)
        command = [str(EXECUTABLE), "-DD", "-E", "-m", memory, "-M", "64", "-Y", folder, "-w", folder]
        with open(self._folder / "log", "wb") as log:
            self._process = subprocess.Popen(
                ["taskset", "-c", str(self._processor), *command, "-f", str(configuration)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        time.sleep(0.2)
        assert self._process.poll() is None, f"Kamailio ended:\n{self.log()}"


def _process_group(stat: Path) -> str:
    try:
        return stat.read_text().rpartition(")")[2].split()[2]
    except OSError:
        return ""  # it has ended meanwhile
