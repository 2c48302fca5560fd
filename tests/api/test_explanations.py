"""Explanations over /api/v1, from real rows."""

from __future__ import annotations

import httpx2
import pytest

from sipregistrant.access.login import Login
from sipregistrant.access.sessions import Sessions
from sipregistrant.access.throttle import Throttle
from sipregistrant.model.status import State

from ..rest.support import ManualClock, Naps
from ..store.conftest import clock, first_start, site
from ..store.support import Site, failed, registered
from .test_streams import Listening

__all__ = ["clock", "first_start", "site"]

REFUSED = "401: user 'u2' was refused for realm 'example.com'"


@pytest.fixture
async def client(site: Site) -> httpx2.AsyncClient:
    ticks = ManualClock()
    sessions = Sessions(clock=ticks)
    return Listening(site.store, sessions, Login(site.store, sessions, Throttle(clock=ticks, sleep=Naps()))).client


async def test_a_registration_by_its_id_its_entry_and_its_aor(site: Site, client: httpx2.AsyncClient) -> None:
    await site.put_chain(entries=2)
    first, second = (await site.claim()).rows
    refused = failed(second, site.clock, state=State.REJECTED, last_code=401, last_reason=REFUSED)
    await site.settle(registered(first, site.clock), refused)
    told = (await client.get("registrations/2/explanation")).json()
    assert (told["state"], told["cause"], told["server"]) == ("rejected", "credentials.refused", "1:1")
    assert REFUSED in told["parts"]["sent"]
    assert told["advice"][0].startswith("enter the password again")
    assert told["text"].startswith(told["headline"])
    (by_entry,) = (await client.get("tables/1/entries/2/explanation")).json()["items"]
    (by_aor,) = (await client.get("explanation?aor=sip:u2")).json()["items"]
    assert by_entry == by_aor == told


async def test_the_worst_comes_first(site: Site, client: httpx2.AsyncClient) -> None:
    await site.put_chain()
    await site.put_server("1:2", Host="203.0.113.6")
    await site.reconcile()
    await site.register(1)
    (row,) = (await site.claim(2)).rows
    await site.settle(failed(row, site.clock))
    items = (await client.get("tables/1/entries/1/explanation")).json()["items"]
    assert [(item["server"], item["state"]) for item in items] == [("1:2", "failing"), ("1:1", "registered")]


async def test_an_entry_that_nobody_registers(site: Site, client: httpx2.AsyncClient) -> None:
    await site.put_table()
    (told,) = (await client.get("tables/1/entries/1/explanation")).json()["items"]
    assert (told["state"], told["cause"]) == ("no server", "unplaced.no_server")
    await site.put("sipservertable", "2")
    await site.put_server("2:1", RemoteAuthorizationTableID=0)
    await site.reconcile()
    (told,) = (await client.get("tables/1/entries/1/explanation")).json()["items"]
    assert told["cause"] == "unplaced.no_group"


async def test_a_group_that_is_off(site: Site, client: httpx2.AsyncClient) -> None:
    await site.put_chain()
    await site.post("sipsg", "1", customAdminState=0)
    await site.reconcile()
    (told,) = (await client.get("tables/1/entries/1/explanation")).json()["items"]
    assert told["state"] == "disabled"
    assert "signaling group is disabled" in told["parts"]["next"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("registrations/9/explanation", 404), ("tables/1/entries/9/explanation", 404), ("tables/9/entries/1/explanation", 404),
        ("explanation?aor=sip:nobody@example.com", 404), ("explanation?aor=nonsense", 422), ("explanation", 422),
    ],
)  # fmt: skip
async def test_what_is_not_there(site: Site, client: httpx2.AsyncClient, path: str, status: int) -> None:
    await site.put_chain()
    assert (await client.get(path)).status_code == status
