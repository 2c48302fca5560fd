"""Registrations of /api/v1: what became of what is configured, and verbs on many."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from sipregistrant.model.schedule import Class, Settled
from sipregistrant.model.status import State
from sipregistrant.store import reconcile
from sipregistrant.store.schedule import StoreSchedule
from sipregistrant.store.store import Store

from .conftest import NOW_MS
from .test_objects import put_chain

NOW = NOW_MS / 1000


@pytest.fixture
async def chain(http: httpx2.AsyncClient, store: Store) -> None:
    """Three entries: the first is registered, the second refused, the third not yet tried."""
    await put_chain(http, 3)
    while await store.write(reconcile.step):
        pass
    schedule = StoreSchedule(store)
    (head,) = await schedule.heads()
    claim = await schedule.claim(head[0], known_rev=0, limit=2, in_flight=[], may_stagger=True, refused_since=0)
    outcomes = []
    for row, state, code, reason in zip(
        claim.rows, (State.REGISTERED, State.REJECTED), (200, 403), (None, "403 Forbidden"), strict=True
    ):
        is_good = code == 200
        outcomes.append(Settled(
            row.id, row.wanted_rev, Class.HELD if is_good else Class.FAILING, NOW + 1800, int(state), 1, 0,
            NOW + 3600 if is_good else 0, 0, NOW, NOW, int(not is_good), code, reason, None, 0, row.registrar_id, row.state,
        ))  # fmt: skip
    await schedule.settle(outcomes)


async def listed(http: httpx2.AsyncClient, **params: Any) -> list[tuple[int, str]]:
    reply = await http.get("registrations", params=params)
    assert reply.status_code == 200, reply.text
    return [(one["entry"], one["state"]) for one in reply.json()["items"]]


@pytest.mark.usefixtures("chain")
async def test_those_that_fit_are_listed(http: httpx2.AsyncClient) -> None:
    assert await listed(http) == [(1, "registered"), (2, "rejected"), (3, "registering")]
    assert await listed(http, state="rejected") == [(2, "rejected")]
    assert await listed(http, state=["rejected", "registered"], limit=1) == [(1, "registered")]
    assert await listed(http, last_code=403, server="1:1", table=1, group=1, text="U2@") == [(2, "rejected")]
    assert await listed(http, table=1, entry=3) == [(3, "registering")]
    assert await listed(http, overdue="true") == []


@pytest.mark.usefixtures("chain")
async def test_one_tells_all_that_is_known_of_it(http: httpx2.AsyncClient) -> None:
    first, second, _ = (await http.get("registrations")).json()["items"]
    assert first == {
        "id": 1, "table": 1, "entry": 1, "aor": "sip:u1@example.com", "server": "1:1", "group": 1, "flow": 0,
        "state": "registered", "reason": "OK", "last_code": 200, "failures": 0, "since": "2027-01-15T08:00:00.000Z",
        "attempted_at": "2027-01-15T08:00:00.000Z", "next_attempt_at": "2027-01-15T08:30:00.000Z",
        "expires_at": "2027-01-15T09:00:00.000Z", "is_overdue": False, "registrar": "udp:192.0.2.1:5060", "contacts": [],
        "learned": {}, "stays_off": False,
    }  # fmt: skip
    assert (second["reason"], second["expires_at"]) == ("403 Forbidden", None)
    assert (await http.get("registrations/1")).json() == first
    assert (await http.get("registrations/99")).status_code == 404
    assert (await http.get("registrations/0")).status_code == 422
    assert (await http.get("tables/1/entries/1")).json()["registrations"] == [first]


@pytest.mark.usefixtures("chain")
async def test_its_changes_of_state_are_told(http: httpx2.AsyncClient) -> None:
    (change,) = (await http.get("registrations/2/history")).json()["items"]
    assert change == {
        "id": 2, "at": "2027-01-15T08:00:00.000Z", "before": "unregistered", "after": "rejected", "code": 403,
        "reason": "403 Forbidden",
    }  # fmt: skip
    assert (await http.get("registrations/3/history")).json() == {"items": [], "next": None}
    assert (await http.get("registrations/99/history")).status_code == 404


@pytest.mark.usefixtures("chain")
async def test_how_many_are_in_which_state_is_told_in_all_and_by_server(http: httpx2.AsyncClient) -> None:
    states = {"unregistered": 1, "registered": 1, "rejected": 1}
    assert (await http.get("status")).json() == {"states": states, "servers": [{"server": "1:1", "states": states}]}
    (load,) = (await http.get("forecast")).json()["items"]
    assert (load["server"], load["registrations"]) == ("192.0.2.1:5060", 3)


@pytest.mark.usefixtures("chain")
async def test_a_verb_is_for_those_that_fit(http: httpx2.AsyncClient) -> None:
    done = await http.post("registrations/unregister", params={"state": "registered"})
    assert (done.status_code, done.json()) == (200, {"registrations": 1, "next": None})
    assert await listed(http) == [(1, "unregistering"), (2, "rejected"), (3, "registering")]
    assert (await http.post("registrations/refresh", params={"last_code": 403})).json()["registrations"] == 1
    (line,) = (await http.get("audit", params={"limit": 1})).json()["items"]
    assert (line["action"], line["resource"], line["after"]) == ("refresh", "registrations", {"registrations": 1})
    assert (await http.post("registrations/register", params={"all": "true"})).json()["registrations"] == 3


@pytest.mark.usefixtures("chain")
@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("registrations/refresh", {}),
        ("registrations/refresh", {"all": "false"}),
        ("registrations/refresh", {"entry": 1}),
        ("registrations/refresh", {"server": "1"}),
        ("registrations/refresh", {"state": "fine"}),
        ("registrations/refresh", {"all": "perhaps"}),
    ],
)
async def test_a_verb_on_everything_has_to_be_meant(
    http: httpx2.AsyncClient, path: str, params: dict[str, Any]
) -> None:
    reply = await http.post(path, params=params)
    assert (reply.status_code, reply.headers["content-type"]) == (422, "application/problem+json")
    assert (await http.get("audit", params={"resource": "registrations"})).json()["items"] == []
