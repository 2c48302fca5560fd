"""Server-sent events of /api/v1: events, alarms, bindings; from where the listener was, and nothing missed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from sipregistrant.access.login import Login
from sipregistrant.access.sessions import Sessions
from sipregistrant.api import streams
from sipregistrant.api.app import PREFIX, create_api
from sipregistrant.api.gate import Gate, Guarded
from sipregistrant.api.problem import Problem
from sipregistrant.model.alarms import AlarmKind, Condition
from sipregistrant.model.events import EventKind
from sipregistrant.store import alarms, events
from sipregistrant.store.store import Store
from sipregistrant.watch.bell import Bell


def messages(text: str) -> list[dict[str, Any]]:
    """Read server-sent events: id, event, data of each."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if fields:
            found.append({"id": int(fields["id"]), "event": fields["event"], "data": json.loads(fields["data"])})
    return found


async def happen(store: Store, number: int, kind: EventKind = EventKind.SERVICE_STARTED) -> None:
    for n in range(number):
        await store.write(events.append, kind, f"event {n}", {"n": n})


class HeardBell(Bell):
    """A bell that tells when somebody waits: who listens has been told all there is."""

    def __init__(self) -> None:
        super().__init__()
        self.somebody_waits = asyncio.Event()

    async def wait(self, seconds: float, heard: int) -> None:
        self.somebody_waits.set()
        await super().wait(seconds, heard)


class Listening:
    """The API on a store, with a bell that a test rings, and a clock of seconds that a stream ends by."""

    def __init__(self, store: Store, sessions: Sessions, login: Login) -> None:
        self.bell = HeardBell()
        store.on_commit = lambda tx: self.bell.ring() if tx.has_events else None
        self.api: FastAPI = create_api(store, on_user_changed=lambda name: None, bell=self.bell)
        gate = Gate(store, sessions, login, is_local=True)
        transport = httpx2.ASGITransport(app=Starlette(routes=[Mount(PREFIX, Guarded(self.api, gate))]))
        self.client = httpx2.AsyncClient(transport=transport, base_url=f"http://local{PREFIX}")

    async def listen(self, path: str, **headers: str) -> list[dict[str, Any]]:
        """Return what a stream has told when the bell is closed."""
        reply = await self.client.get(path, headers=headers)
        assert reply.status_code == 200, reply.text
        assert reply.headers["content-type"].startswith("text/event-stream")
        return messages(reply.text)


@pytest.fixture
def listening(store: Store, sessions: Sessions, login: Login) -> Listening:
    return Listening(store, sessions, login)


async def close_soon(listening: Listening) -> None:
    """Close the bell when those that listen have been told what there is."""
    await listening.bell.somebody_waits.wait()
    listening.bell.close()


async def test_events_come_from_where_the_listener_was(listening: Listening, store: Store) -> None:
    await happen(store, 3)
    told, _ = await asyncio.gather(listening.listen("events/stream?after=1"), close_soon(listening))
    assert [message["id"] for message in told] == [2, 3]
    assert told[0]["event"] == "service.started"
    assert told[0]["data"]["text"] == "event 1"


async def test_a_browser_says_the_last_id_by_itself(listening: Listening, store: Store) -> None:
    await happen(store, 3)
    told, _ = await asyncio.gather(
        listening.listen("events/stream?after=0", **{"Last-Event-ID": "2"}), close_soon(listening)
    )
    assert [message["id"] for message in told] == [3]


async def test_what_happens_while_somebody_listens_comes_at_once(listening: Listening, store: Store) -> None:
    await happen(store, 1)

    async def go_on() -> None:
        await listening.bell.somebody_waits.wait()
        listening.bell.somebody_waits.clear()
        await happen(store, 1)
        await close_soon(listening)

    told, _ = await asyncio.gather(listening.listen("events/stream"), go_on())
    assert [message["id"] for message in told] == [2]


async def test_kinds_choose(listening: Listening, store: Store) -> None:
    await happen(store, 1)
    await happen(store, 1, EventKind.ALARM_RAISED)
    told, _ = await asyncio.gather(listening.listen("events/stream?after=0&kind=alarm.raised"), close_soon(listening))
    assert [message["id"] for message in told] == [2]


@pytest.mark.parametrize("last", ["x", "-1", "1e3", "٣", "9" * 30])
async def test_an_id_that_is_none_is_refused(listening: Listening, last: str) -> None:
    reply = await listening.client.get("events/stream", headers=[(b"Last-Event-ID", last.encode())])
    assert reply.status_code == 422


async def test_a_stream_ends_when_it_was_said_to(
    listening: Listening, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(streams, "KEEP_ALIVE_SECONDS", 0.01)

    async def fetch(after: int) -> list[streams.Message]:
        now[0] += 1
        return []

    opened = streams.Streams(Bell(), lambda: now[0])
    pieces = [piece async for piece in opened.respond(fetch, 0, 5).body_iterator]
    assert len(pieces) == 1 + 5


async def test_not_everybody_may_listen_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_LISTENERS", 1)

    async def fetch(after: int) -> list[streams.Message]:
        return []

    opened = streams.Streams(Bell(), lambda: 0.0)
    first = aiter(opened.respond(fetch, 0, 5).body_iterator)
    await anext(first)
    with pytest.raises(Problem):
        opened.respond(fetch, 0, 5)
    await first.aclose()  # type: ignore[attr-defined]
    opened.respond(fetch, 0, 5)


async def test_events_as_a_list_go_back_in_time(listening: Listening, store: Store) -> None:
    await happen(store, 3)
    page = (await listening.client.get("events?limit=2")).json()
    assert [event["id"] for event in page["items"]] == [3, 2]
    assert page["next"] == 2
    page = (await listening.client.get("events?limit=2&before=2")).json()
    assert ([event["id"] for event in page["items"]], page["next"]) == ([1], None)


async def test_alarms_that_stand_and_all(listening: Listening, store: Store) -> None:
    condition = Condition(AlarmKind.GROUP, "1", 0, "signaling group 1 has no socket")
    await store.write(alarms.raise_alarm, condition, 1_800_000_000_000)
    (alarm,) = (await listening.client.get("alarms")).json()["items"]
    assert (alarm["kind"], alarm["severity"], alarm["subject"]) == ("group.down", "critical", "1")
    assert alarm["advice"].startswith("free the address")
    (standing,) = await store.read(alarms.standing)
    await store.write(alarms.clear, standing, 1_800_000_001_000, "over")
    assert (await listening.client.get("alarms")).json()["items"] == []
    (alarm,) = (await listening.client.get("alarms?standing=false")).json()["items"]
    assert alarm["cleared_at"] == "2027-01-15T08:00:01.000Z"
