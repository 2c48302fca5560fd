"""Traces over /api/v1: shown in every form, switched on and off, and nothing of a secret in any of them."""

from __future__ import annotations

import httpx2
import pytest
from fastapi import FastAPI

from sipregistrant.access.sessions import Sessions
from sipregistrant.api.app import create_api
from sipregistrant.api.traces import LONGEST_SECONDS
from sipregistrant.store import reconcile
from sipregistrant.store.store import Store
from sipregistrant.trace.kept import KeptTraces, Limits
from sipregistrant.trace.messages import Attempt, Message

from .conftest import NOW_MS
from .test_objects import put_chain

NOW = NOW_MS / 1000
REFUSED = b"SIP/2.0 403 Forbidden\r\nCSeq: 7 REGISTER\r\n\r\n"
REGISTER = b"REGISTER sip:example.com SIP/2.0\r\nCSeq: 7 REGISTER\r\n\r\n"


class Running:
    """A service, as far as the API asks."""

    is_running = True

    async def is_paused(self) -> bool:
        return False

    async def pause(self, who: str) -> None:
        raise AssertionError

    async def resume(self, who: str) -> None:
        raise AssertionError


@pytest.fixture
def kept() -> KeptTraces:
    return KeptTraces(Limits(traced=2))


@pytest.fixture
def api(store: Store, sessions: Sessions, kept: KeptTraces) -> FastAPI:
    return create_api(store, on_user_changed=sessions.end_all_of, operations=Running(), kept_traces=kept)


@pytest.fixture
async def ids(http: httpx2.AsyncClient, store: Store) -> list[int]:
    await put_chain(http, 3)
    while await store.write(reconcile.step):
        pass
    return [one["id"] for one in (await http.get("registrations")).json()["items"]]


def keep(kept: KeptTraces, id: int) -> None:
    """Keep a refusal of a moment ago."""
    own, registrar = ("192.0.2.1", 5070), ("2001:db8::1", 5060)
    kept.put(Attempt(id, "sip:u1@example.com", "reg.example.com:5060", NOW - 1, "refused", 403, "403 Forbidden", [
        Message(NOW - 2, True, own, registrar, "udp", REGISTER), Message(NOW - 1.5, True, own, registrar, "udp", REGISTER, True),
        Message(NOW - 1, False, own, registrar, "udp", REFUSED),
    ]), NOW)  # fmt: skip


async def test_it_is_shown_as_json(http: httpx2.AsyncClient, kept: KeptTraces, ids: list[int]) -> None:
    keep(kept, ids[0])
    told = (await http.get(f"registrations/{ids[0]}/trace")).json()
    assert (told["registration"], told["traced_until"], told["note"]) == (ids[0], None, "")
    (attempt,) = told["attempts"]
    assert (attempt["outcome"], attempt["code"], attempt["server"]) == ("refused", 403, "reg.example.com:5060")
    sent, again, received = attempt["messages"]
    assert (sent["direction"], sent["source"], sent["destination"]) == ("sent", "192.0.2.1:5070", "[2001:db8::1]:5060")
    assert (sent["at"], sent["size"], sent["transport"]) == ("2027-01-15T07:59:58.000Z", len(REGISTER), "udp")
    assert (sent["is_repeated"], again["is_repeated"]) == (False, True)
    assert received["source"] == "[2001:db8::1]:5060"
    assert received["text"] == "SIP/2.0 403 Forbidden\nCSeq: 7 REGISTER\n\n"


async def test_it_is_shown_in_the_other_forms(http: httpx2.AsyncClient, kept: KeptTraces, ids: list[int]) -> None:
    keep(kept, ids[0])
    path = f"registrations/{ids[0]}/trace"
    text = await http.get(path, params={"format": "text"})
    assert text.headers["content-type"].startswith("text/plain")
    assert "    REGISTER sip:example.com SIP/2.0\n" in text.text
    assert "403 Forbidden, CSeq 7\n" in (await http.get(path, params={"format": "ladder"})).text
    pcap = await http.get(path, params={"format": "pcap"})
    assert pcap.headers["content-type"] == "application/vnd.tcpdump.pcap"
    assert pcap.content.startswith(b"\xa1\xb2\xc3\xd4")
    assert pcap.content.count(REGISTER) == 2
    assert (await http.get(path, params={"format": "xml"})).status_code == 422


async def test_it_is_switched_on_and_off(http: httpx2.AsyncClient, kept: KeptTraces, ids: list[int]) -> None:
    path = f"registrations/{ids[0]}/trace"
    assert "not traced" in (await http.get(path)).json()["note"]
    reply = await http.put(path, json={"seconds": 60})
    assert (reply.status_code, reply.json()["traced_until"]) == (200, "2027-01-15T08:01:00.000Z")
    assert kept.traced(NOW) == {ids[0]: NOW + 60}
    assert "nothing yet" in (await http.get(path, params={"format": "ladder"})).text
    keep(kept, ids[1])
    listed = (await http.get("traces")).json()
    assert [(one["registration"], one["messages"], one["code"]) for one in listed["items"]] == [
        (ids[0], 0, 0),
        (ids[1], 3, 403),
    ]
    first = (await http.get("traces", params={"limit": 1})).json()
    assert (len(first["items"]), first["next"]) == (1, ids[0])
    rest = (await http.get("traces", params={"limit": 1, "after": first["next"]})).json()
    assert ([one["registration"] for one in rest["items"]], rest["next"]) == ([ids[1]], None)
    for id in ids[:2]:
        assert (await http.delete(f"registrations/{id}/trace")).status_code == 204
    assert (await http.get("traces")).json()["items"] == []


async def test_without_a_number_it_is_ten_minutes(http: httpx2.AsyncClient, kept: KeptTraces, ids: list[int]) -> None:
    assert (await http.put(f"registrations/{ids[0]}/trace", json={})).status_code == 200
    assert kept.traced(NOW) == {ids[0]: NOW + 600}


async def test_so_many_and_no_more(http: httpx2.AsyncClient, ids: list[int]) -> None:
    statuses = [(await http.put(f"registrations/{id}/trace", json={"seconds": 9})).status_code for id in ids]
    assert statuses == [200, 200, 409]


@pytest.mark.parametrize("given", [{"seconds": 0}, {"seconds": LONGEST_SECONDS + 1}, {"seconds": "9"}, {"seconds": True},
                                   {"minutes": 1}])  # fmt: skip
async def test_what_is_wrong_changes_nothing(
    http: httpx2.AsyncClient, kept: KeptTraces, ids: list[int], given: object
) -> None:
    reply = await http.put(f"registrations/{ids[0]}/trace", json=given)
    assert (reply.status_code, len(reply.json()["faults"])) == (422, 1)
    assert kept.traced(NOW) == {}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_of_what_is_not_there_there_is_nothing(http: httpx2.AsyncClient, method: str) -> None:
    reply = await http.request(method, "registrations/999/trace", json={} if method == "PUT" else None)
    assert (reply.status_code, reply.json()["detail"]) == (404, "there is no registration 999")


async def test_without_a_service_nothing_is_traced(store: Store, sessions: Sessions, login: object) -> None:
    from sipregistrant.api.gate import Gate

    from .conftest import served

    api = create_api(store, on_user_changed=sessions.end_all_of)
    async with served(api, Gate(store, sessions, login, is_local=True)) as http:  # type: ignore[arg-type]
        await put_chain(http, 1)
        while await store.write(reconcile.step):
            pass
        assert (await http.put("registrations/1/trace", json={})).status_code == 409
        assert (await http.get("registrations/1/trace")).json()["note"] == "nothing is kept: no service runs"
