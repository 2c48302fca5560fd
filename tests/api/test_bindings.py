"""The feed for the call plane: all that is held, then each change of it."""

from __future__ import annotations

import asyncio

import pytest

from sipregistrant.access.login import Login
from sipregistrant.access.sessions import Sessions
from sipregistrant.access.throttle import Throttle
from sipregistrant.sip.learned import Learned

from ..rest.support import ManualClock, Naps
from ..store.conftest import clock, first_start, site
from ..store.support import Site, failed, registered, removed
from .test_streams import Listening, close_soon

__all__ = ["clock", "first_start", "site"]

LEARNED = Learned(
    service_route=["<sip:edge1.example;lr>"],
    associated_uris=["<sip:+4930@example.com>"],
    public_address="198.51.100.7:5060",
).to_json()


@pytest.fixture
async def feed(site: Site) -> Listening:
    ticks = ManualClock()
    sessions = Sessions(clock=ticks)
    return Listening(site.store, sessions, Login(site.store, sessions, Throttle(clock=ticks, sleep=Naps())))


async def test_what_is_held_is_told_with_all_that_a_call_needs(site: Site, feed: Listening) -> None:
    await site.put_chain(entries=3)
    first, second, _ = (await site.claim()).rows
    await site.settle(registered(first, site.clock, learned=LEARNED), failed(second, site.clock))
    page = (await feed.client.get("bindings")).json()
    assert page["next"] is None
    assert page["position"] == 2
    (binding,) = page["items"]
    assert binding == {
        "registration": 1, "is_held": True, "table": 1, "entry": 1, "aor": "sip:u1", "server": "1:1", "flow": 0,
        "state": "registered", "expires_at": "2027-01-15T09:00:00.000Z", "registrar": "udp:203.0.113.5:5060",
        "contacts": ["sip:1@192.0.2.10"], "service_route": ["<sip:edge1.example;lr>"],
        "associated_uris": ["<sip:+4930@example.com>"], "public_gruu": "", "public_address": "198.51.100.7:5060",
    }  # fmt: skip


async def test_the_stream_goes_on_where_the_pages_were_read(site: Site, feed: Listening) -> None:
    await site.put_chain(entries=2)
    await site.register()
    position = (await feed.client.get("bindings")).json()["position"]
    site.clock.advance(1800)
    first, second = (await site.claim()).rows
    await site.settle(registered(first, site.clock, is_elsewhere=True), failed(second, site.clock))
    await site.delete("sipregistrantentry", "1:1")
    (gone,) = (await site.claim()).rows
    await site.settle(removed(gone, site.clock))
    told, _ = await asyncio.gather(feed.listen(f"bindings/stream?after={position}"), close_soon(feed))
    assert [(message["event"], message["data"]["registration"]) for message in told] == [("binding", 2), ("binding", 1)]
    failing, ended = (message["data"] for message in told)
    assert (failing["is_held"], failing["state"]) == (True, "degraded")
    assert ended == {"registration": 1, "is_held": False}
    assert told[-1]["id"] > position
