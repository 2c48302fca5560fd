"""Webhooks against a real receiver on loopback: one that fails, stalls, hangs up, and returns."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from sipregistrant.api.events import event_json
from sipregistrant.engine.tasks import cancel_all, spawn
from sipregistrant.model.events import EventKind
from sipregistrant.store import events, webhooks
from sipregistrant.watch.bell import Bell
from sipregistrant.watch.signature import headers
from sipregistrant.watch.webhooks import LONGEST_WAIT_SECONDS, Webhooks, wait_seconds

from ..store.support import Site


@dataclass
class Receiver:
    """A receiver of HTTP that answers as it is told: a status, 0 hang up, None stall."""

    answers: list[int | None] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._answer(reader, writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        head = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
        body = await reader.readexactly(int(head["content-length"]))
        answer = self.answers.pop(0) if self.answers else 204
        if answer is None:
            await reader.read()  # until the other one has had enough
        if answer:
            self.heads.append(head)
            self.bodies.append(body)
            if answer < 300:
                self.taken.append(json.loads(body))
            writer.write(f"HTTP/1.1 {answer} So\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    yield receiver
    server.close()


class Sender:
    """The senders of a store, driven by hand."""

    def __init__(self, site: Site, timeout: float = 5.0) -> None:
        self.site = site
        self.bell = Bell()
        self.http = httpx2.AsyncClient(timeout=timeout, trust_env=False)
        self.webhooks = Webhooks(site.store, self.bell, event_json, self.http)

    async def happen(self, number: int) -> None:
        for n in range(number):
            await self.site.store.write(events.append, EventKind.SERVICE_STARTED, f"event {n}", {"n": n})

    async def try_once(self, id: int = 1) -> bool | None:
        """Deliver what is due; None where nothing is."""
        found = await self.site.store.read(webhooks.due, id)
        return await self.webhooks.deliver(found) if isinstance(found, webhooks.Due) else None

    async def state(self) -> webhooks.Webhook:
        return await self.site.store.read(webhooks.find, "ops")


@pytest.fixture
async def sender(site: Site, receiver: Receiver) -> AsyncIterator[Sender]:
    sender = Sender(site)
    await site.store.write(lambda tx: webhooks.put(tx, "ops", url=receiver.url))
    yield sender
    await sender.http.aclose()


async def test_a_message_is_an_event_that_is_signed(sender: Sender, receiver: Receiver, site: Site) -> None:
    await sender.happen(1)
    assert await sender.try_once()
    (head,), (body,) = receiver.heads, receiver.bodies
    secret = await site.store.read(lambda tx: webhooks.secret_of(tx, webhooks.find(tx, "ops")))
    signed = headers(secret, "event_1", int(head["webhook-timestamp"]), body)
    assert {name: head[name] for name in signed} == signed
    assert head["content-type"] == "application/json"
    (event,) = receiver.taken
    assert event["type"] == event["data"]["kind"] == "service.started"
    assert event["data"]["id"] == 1
    assert event["timestamp"] == event["data"]["at"]
    assert secret not in repr(head)


async def test_a_receiver_that_fails_gets_the_same_again_and_then_the_rest_in_order(
    sender: Sender, receiver: Receiver
) -> None:
    await sender.happen(3)
    receiver.answers = [500, 302, 0, 429]
    for failures in range(1, 5):
        assert await sender.try_once() is False
        state = await sender.state()
        assert state.failures == failures
        assert await sender.try_once() is None
        sender.site.clock.advance(LONGEST_WAIT_SECONDS)
    assert "429" in state.last_error
    while await sender.try_once():
        pass
    assert [event["data"]["data"]["n"] for event in receiver.taken] == [0, 1, 2]
    assert (await sender.state()).failures == 0


async def test_a_receiver_that_stalls_is_left(site: Site, receiver: Receiver) -> None:
    sender = Sender(site, timeout=0.2)
    await site.store.write(lambda tx: webhooks.put(tx, "ops", url=receiver.url))
    await sender.happen(1)
    receiver.answers = [None]
    assert await sender.try_once() is False
    assert (await sender.state()).last_status == 0
    assert (await sender.state()).last_error
    await sender.http.aclose()


async def test_nobody_there(sender: Sender, site: Site) -> None:
    await site.store.write(lambda tx: webhooks.put(tx, "ops", url="http://127.0.0.1:1/"))
    await sender.happen(1)
    assert await sender.try_once() is False
    assert (await sender.state()).last_error


async def test_what_is_changed_while_it_is_sent_keeps_its_change(
    sender: Sender, receiver: Receiver, site: Site
) -> None:
    await sender.happen(1)
    found = await site.store.read(webhooks.due, 1)
    assert isinstance(found, webhooks.Due)
    await site.store.write(lambda tx: webhooks.put(tx, "ops", url="http://127.0.0.1:1/other"))
    receiver.answers = [500]
    await sender.webhooks.deliver(found)
    assert (await sender.state()).failures == 0


async def test_all_of_it_runs_by_itself(sender: Sender, receiver: Receiver, site: Site) -> None:
    site.store.on_commit = lambda tx: sender.bell.ring() if tx.has_events else None
    running = spawn(sender.webhooks.run(), "webhooks")
    await sender.happen(5)
    async with asyncio.timeout(10):
        while len(receiver.taken) < 5:
            await asyncio.sleep(0.01)
    await site.store.write(lambda tx: webhooks.put(tx, "more", url=receiver.url))
    await sender.happen(1)
    async with asyncio.timeout(10):
        while len(receiver.taken) < 7:
            await asyncio.sleep(0.01)
    await sender.webhooks.catch_up(10)
    assert sorted(head["webhook-id"] for head in receiver.heads) == sorted(
        [f"event_{n}" for n in range(1, 7)] + ["event_6"]
    )
    await site.store.write(webhooks.remove, "more")
    await cancel_all(running)


def test_the_waits_grow_to_a_quarter_of_an_hour() -> None:
    waits = [wait_seconds(failures, 1.0) for failures in (0, 1, 2, 8, 1000)]
    assert waits == [5, 10, 20, 900, 900]
    assert wait_seconds(3, 0.0) == 32
