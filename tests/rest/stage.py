"""One store, the application on it and an event loop, for thousands of requests.

Requests go to the application straight away, without an HTTP library, as bytes and back: what is sent is what the caller
wrote, and what comes back is checked against the layout to the letter (reference 1.11) before anybody looks into it.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree

from sipregistrant.access.sessions import Sessions
from sipregistrant.rest.app import create_app
from sipregistrant.store import reconcile
from sipregistrant.store.store import Store
from sipregistrant.store.tx import Tx

from .support import BASE, HOST, ManualClock, Naps, everything

NOW_MS = 1_800_000_000_000

# Where a commit costs no disk: a hundred thousand of them are made here.
MEMORY = Path("/dev/shm")

TEXT = r"[^<>\x00-\x08\x0b-\x1f]*"
QUOTED = r'[^<>"\x00-\x1f]*'
IDENTITY = rf'(?: id="[0-9]+(?::[0-9]+)?")? href="https://{re.escape(HOST)}/{QUOTED}"'
LAYOUT = re.compile(rf"""(?P<blank>\n{{5}})?<\?xml version="1\.0"\?>
<root>
 <status>
  <http_code>(?P<http_code>[1-5][0-9][0-9])</http_code>
(?:  <app_status href="https://{re.escape(HOST)}/{QUOTED}">
   <app_status_entry code="(?P<code>[1-9][0-9]*)" params="{QUOTED}"/>
  </app_status>
)?</status>
(?: <(?P<name>[a-z]+)(?:_list count="[0-9]+"|{IDENTITY})>
(?P<inside>(?:  .*
)*) </(?P=name)(?:_list)?>
)?</root>
""")
LINE = re.compile(
    rf"""  (?:
    \ ?<(?P<tag>[A-Za-z][A-Za-z0-9_]*)>{TEXT}</(?P=tag)>
    |<[a-z]+_pk{IDENTITY}/>
    |<[a-z]+{IDENTITY}>
    |</[a-z]+>
)""".replace("    ", "").replace("\n", "")
)


@dataclass(frozen=True)
class Shown:
    """One object, or one member of a list, as a reply shows it."""

    name: str
    id: str
    href: str
    values: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """A reply: the status line, and what the envelope says."""

    status_line: int
    headers: Mapping[str, str]
    text: str
    http_code: int
    code: int = 0
    params: str = ""
    object: Shown | None = None
    members: tuple[Shown, ...] | None = None

    @property
    def told(self) -> tuple[int, int]:
        return self.http_code, self.code


class LayoutError(AssertionError):
    """A reply that is not laid out as programs rely on."""


def read_answer(method: str, path: str, status_line: int, headers: Mapping[str, str], data: bytes) -> Answer:
    """Check a whole reply, to the letter, and return what it says."""
    text = data.decode("utf-8")
    match = LAYOUT.fullmatch(text)
    if match is None:
        raise LayoutError(f"{method} {path}: {text!r}")
    refused = int(match["code"] or 0)
    http_code = int(match["http_code"])
    is_logout = [part for part in path.partition("?")[0].split("/") if part] == ["rest", "logout"]
    _hold(bool(match["blank"]) == (method in ("POST", "DELETE") and not is_logout), "blank lines", text)
    _hold((http_code == 200) == (not refused), "a refusal has a code, and a success has none", text)
    _hold(not (refused and match["name"]), "a refusal shows nothing", text)
    _hold(status_line == (401 if http_code == 401 else 200), "status line", text)
    _hold(headers.get("content-type") == "text/xml; charset=UTF-8", "media type", text)
    root = ElementTree.fromstring(text.strip())
    answer = Answer(status_line, headers, text, http_code, refused)
    if refused:
        entry = root.find("status/app_status/app_status_entry")
        assert entry is not None
        return Answer(status_line, headers, text, http_code, refused, entry.attrib["params"])
    if len(root) == 1:
        return answer
    for line in match["inside"].split("\n")[:-1]:
        _hold(LINE.fullmatch(line) is not None, f"line {line!r}", text)
    body = root[1]
    if body.tag.endswith("_list"):
        members = tuple(_shown(member, text) for member in body)
        _hold(body.attrib == {"count": str(len(members))}, "count", text)
        return Answer(status_line, headers, text, http_code, members=members)
    return Answer(status_line, headers, text, http_code, object=_shown(body, text))


def _shown(element: ElementTree.Element, text: str) -> Shown:
    names = [child.tag for child in element]
    _hold(names == sorted(names) and len(set(names)) == len(names), "children in ASCII order", text)
    _hold(all(not child.attrib and not len(child) for child in element), "plain values", text)
    values = {child.tag: child.text or "" for child in element}
    _hold(list(element.attrib)[-1:] == ["href"], "id comes first", text)
    return Shown(element.tag, element.attrib.get("id", ""), element.attrib["href"], values)


def _hold(fact: bool, what: str, text: str) -> None:
    if not fact:
        raise LayoutError(f"{what}: {text}")


class Stage:
    """Opened with `with`. Not for tests that have an event loop of their own."""

    def __init__(self) -> None:
        self.requests = 0
        self._runner = asyncio.Runner()
        self._sessions = Sessions(clock=ManualClock())
        self._is_to_step = False

    def __enter__(self) -> Stage:
        self._directory = Path(tempfile.mkdtemp(prefix="sipregistrant-", dir=MEMORY if MEMORY.is_dir() else None))
        self._store = self._runner.run(Store.open(self._directory / "var", lambda boot_id, offset_ms: lambda: NOW_MS))
        self._store.on_commit = self._note
        self._app = create_app(self._store, clock=ManualClock(), sessions=self._sessions, sleep=Naps())
        self.loop = self._runner.get_loop()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(self._store.close())
        self._runner.close()
        shutil.rmtree(self._directory)

    def begin_session(self, user: str = "scripts") -> str:
        """Return the cookie of a new session."""
        return f"PHPSESSID={self._sessions.begin(user).token}"

    def send(self, method: str, path: str, body: bytes = b"", *, cookie: str) -> Answer:
        """Send one request and return the reply."""
        return self.loop.run_until_complete(self._exchange(method, path, body, cookie))

    def send_at_once(self, requests: Sequence[tuple[str, str, bytes, str]]) -> list[Answer]:
        """Send requests (method, path, body, cookie) at the same time and return the replies."""

        async def all_of_them() -> list[Answer]:
            return list(await asyncio.gather(*(self._exchange(*request) for request in requests)))

        return self.loop.run_until_complete(all_of_them())

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return all rows of all tables."""
        return self.loop.run_until_complete(self._store.read(everything))

    def step(self) -> None:
        """Carry out what is carried out in steps, to its end."""
        while self._is_to_step:
            self._is_to_step = self.loop.run_until_complete(self._store.write(reconcile.step))

    def _note(self, tx: Tx) -> None:
        self._is_to_step = self._is_to_step or tx.fan_out

    async def _exchange(self, method: str, path: str, body: bytes, cookie: str) -> Answer:
        self.requests += 1
        raw_path, _, query = path.partition("?")
        headers = [(b"host", HOST.encode()), (b"cookie", cookie.encode())]
        if body:
            headers.append((b"content-length", str(len(body)).encode()))
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "scheme": BASE.partition(":")[0], "path": unquote_to_bytes(raw_path).decode("utf-8", "replace"),
            "raw_path": raw_path.encode("ascii"), "query_string": query.encode("ascii"), "root_path": "",
            "headers": headers, "client": ("192.0.2.9", 40000), "server": (HOST, 443), "state": {},
        }  # fmt: skip
        given = [{"type": "http.request", "body": body, "more_body": False}]
        ended = asyncio.Event()
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            if given:
                return given.pop()
            await ended.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        ended.set()
        start, *pieces = sent
        told = {name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]}
        data = b"".join(piece.get("body", b"") for piece in pieces)
        return read_answer(method, path, start["status"], told, data)
