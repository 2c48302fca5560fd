"""What the tests of /rest share: a client that speaks like the programs, and a way to see that nothing changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx2
from sqlalchemy import select
from starlette.types import ASGIApp

from sipregistrant.store.schema import METADATA
from sipregistrant.store.tx import Tx

HOST = "sbc.example"
BASE = f"https://{HOST}"
VECTORS = Path(__file__).parent.parent / "vectors" / "rest"

ENTRY_TABLE = "/rest/sipcontactregistrant/1"
ENTRY = f"{ENTRY_TABLE}/sipregistrantentry/1"


class ManualClock:
    """Monotonic seconds that stand still until a test moves them."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Naps:
    """Takes the place of sleeping: notes for how long it would have been."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


class Reply:
    """A reply as programs see it."""

    def __init__(self, response: httpx2.Response) -> None:
        self.status_line = response.status_code
        self.headers = response.headers
        self.text = response.text
        self.root = ElementTree.fromstring(self.text.strip())

    @property
    def http_code(self) -> int:
        return int(self.root.findtext("status/http_code") or 0)

    @property
    def faults(self) -> list[tuple[int, str]]:
        """The code and params of each `app_status_entry`."""
        entries = self.root.findall("status/app_status/app_status_entry")
        return [(int(entry.attrib["code"]), entry.attrib["params"]) for entry in entries]

    @property
    def told(self) -> tuple[int, int, str]:
        """The three facts of a refusal, which has exactly one entry and no resource."""
        assert [child.tag for child in self.root] == ["status"]
        ((code, params),) = self.faults
        return self.http_code, code, params

    @property
    def values(self) -> dict[str, str]:
        """The attributes of the object that a success shows."""
        assert (self.http_code, self.faults) == (200, []), self.text
        return {child.tag: child.text or "" for child in self.root[1]}

    @property
    def ids(self) -> list[str]:
        """The ids of the members of a list."""
        assert (self.http_code, self.faults) == (200, []), self.text
        return [member.attrib["id"] for member in self.root[1]]


class Client:
    """Sends requests as they are given: no Content-Type, nothing encoded."""

    def __init__(self, app: ASGIApp, cookie: str = "") -> None:
        self.cookie = cookie
        self._http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=BASE)

    async def send(self, method: str, path: str, body: str | bytes = b"", **headers: str) -> Reply:
        """Send a request; `_` in the name of a header stands for `-`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie and "cookie" not in sent:
            sent["cookie"] = self.cookie
        url = httpx2.URL(BASE).copy_with(raw_path=path.encode())
        self._http.cookies.clear()
        return Reply(await self._http.request(method, url, content=body or None, headers=sent))

    async def get(self, path: str, **headers: str) -> Reply:
        return await self.send("GET", path, **headers)

    async def put(self, path: str, body: str | bytes = b"", **headers: str) -> Reply:
        return await self.send("PUT", path, body, **headers)

    async def post(self, path: str, body: str | bytes = b"", **headers: str) -> Reply:
        return await self.send("POST", path, body, **headers)

    async def delete(self, path: str, **headers: str) -> Reply:
        return await self.send("DELETE", path, **headers)

    async def close(self) -> None:
        await self._http.aclose()


async def furnish(client: Client) -> None:
    """Make one object of each resource; those that are not of the factory name each other."""
    for path, form in (
        ("/rest/sipremoteauthtable/1", ""),
        ("/rest/sipremoteauthtable/1/sipremoteauthentry/1", "User=alice&EncryptedPassword=secret"),
        (ENTRY_TABLE, ""),
        (ENTRY, "AOR=alice&URI1=sip:alice@192.0.2.7"),
        ("/rest/sipservertable/1/sipserver/1",
         "Host=192.0.2.1&RemoteAuthorizationTableID=1&ContactRegistrantTableID=1"),
    ):  # fmt: skip
        assert (await client.put(path, form)).http_code == 200


def everything(tx: Tx) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables: equal before and after means that nothing changed."""
    tables = METADATA.sorted_tables
    return {table.name: [tuple(row) for row in tx.conn.execute(select(table))] for table in tables}


def vector(name: str) -> str:
    """Return a reply written by hand from what real boxes send."""
    return (VECTORS / f"{name}.xml").read_text("utf-8")
