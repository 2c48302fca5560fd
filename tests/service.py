"""The program as its users have it: `sipregistrant serve` in a process of its own, and a client of its wire API."""

from __future__ import annotations

import os
import queue
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TypeVar
from xml.etree import ElementTree

import httpx2

T = TypeVar("T")

START_SECONDS = 30
STOP_SECONDS = 40
LOOK_EVERY_SECONDS = 0.05

USER, PASSWORD = "rest", "the-password"


def eventually(probe: Callable[[], T], *, within: float = 10.0) -> T:
    """Return the first true result of `probe`, tried for so many seconds; its last one is told where there is none."""
    until = time.monotonic() + within
    while True:
        result = probe()
        if result:
            return result
        if time.monotonic() > until:
            raise AssertionError(f"not within {within} s; at the end: {result!r}")
        time.sleep(LOOK_EVERY_SECONDS)


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of the wire API: the status in the envelope, the code of a refusal, and the values of the resource."""

    http_code: int
    code: int = 0
    params: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


class Rest:
    """A logged-in client."""

    def __init__(self, base: str, certificate: Path) -> None:
        context = ssl.create_default_context(cafile=certificate)
        self._client = httpx2.Client(base_url=f"{base}/rest/", verify=context, trust_env=False, timeout=30)

    def login(self, name: str = USER, password: str = PASSWORD) -> Self:
        assert self.post("login", Username=name, Password=password).http_code == 200
        return self

    def get(self, path: str) -> Reply:
        return self._request("GET", path, {})

    def put(self, path: str, **form: str | int) -> Reply:
        return self._request("PUT", path, form)

    def post(self, path: str, **form: str | int) -> Reply:
        return self._request("POST", path, form)

    def delete(self, path: str) -> Reply:
        return self._request("DELETE", path, {})

    def state(self, entry: int = 1, table: int = 1) -> str:
        """Return the state of an entry, as it is shown."""
        return self.get(f"sipcontactregistrant/{table}/sipregistrantentry/{entry}").values["rt_RegistrationState"]

    def close(self) -> None:
        self._client.close()

    def _request(self, method: str, path: str, form: Mapping[str, str | int]) -> Reply:
        reply = self._client.request(method, path, data={name: str(value) for name, value in form.items()})
        root = ElementTree.fromstring(reply.content.strip())
        refusal = root.find("status/app_status/app_status_entry")
        resource = root[1] if len(root) > 1 else None
        return Reply(
            int(root.findtext("status/http_code") or 0),
            int(refusal.get("code", "0")) if refusal is not None else 0,
            refusal.get("params", "") if refusal is not None else "",
            {str(child.tag): child.text or "" for child in resource} if resource is not None else {},
        )


def run_command(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    return subprocess.run(
        [sys.executable, "-m", "sipregistrant", *arguments], input=stdin, capture_output=True, text=True, timeout=60
    )


class ServiceProcess:
    """One running `sipregistrant serve`. Ends with the block, by the id of its process."""

    def __init__(self, data_dir: Path, sip_port: int, *options: str) -> None:
        self.data_dir = data_dir
        self._arguments = [
            "serve", "--data-dir", str(data_dir), "--https", "127.0.0.1:0", "--sip", f"127.0.0.1:{sip_port}", *options,
        ]  # fmt: skip
        self._process: subprocess.Popen[str] | None = None
        self._clients: list[Rest] = []
        self.base = ""

    def __enter__(self) -> Self:
        if not (self.data_dir / "sipregistrant.db").exists():
            added = run_command(
                "user",
                "add",
                USER,
                "--role",
                "rest",
                "--password-stdin",
                "--data-dir",
                str(self.data_dir),
                stdin=PASSWORD,
            )
            assert added.returncode == 0, added.stderr
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        for client in self._clients:
            client.close()
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def start(self) -> None:
        """Start; returns when the ready line was read."""
        log = (self.data_dir / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sipregistrant", *self._arguments],
                stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )  # fmt: skip
        line = self._read_line()
        match = re.fullmatch(r"ready (https://127\.0\.0\.1:\d+)(?: paused)?\n", line)
        assert match, f"{line!r} is no ready line; the log:\n{self.log()}"
        self.base = match[1]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop as an operator does; return the exit status."""
        assert self._process is not None
        self._process.send_signal(number)
        self._process.communicate(timeout=STOP_SECONDS)
        return self._process.returncode

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        assert self._process is not None
        self._process.kill()
        self._process.communicate()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def rest(self) -> Rest:
        """Return a client that has logged in."""
        client = Rest(self.base, self.data_dir / "https.crt")
        self._clients.append(client)
        return client.login()

    def log(self) -> str:
        """Return what was logged."""
        return (self.data_dir / "log").read_text()

    def _read_line(self) -> str:
        """Read one line of standard output, for so long as a start may take."""
        assert self._process is not None
        assert self._process.stdout is not None
        lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=lambda: lines.put(self._process.stdout.readline()), daemon=True).start()  # type: ignore[union-attr]
        try:
            return lines.get(timeout=START_SECONDS)
        except queue.Empty:
            return ""
