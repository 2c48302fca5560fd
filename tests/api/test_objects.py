"""Objects of /api/v1."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from sipregistrant.api.shapes import PLACES
from sipregistrant.model.registry import RESOURCES
from sipregistrant.store import reconcile
from sipregistrant.store.store import Store

ONLY_SHOWN = {"id", "table", "registrations", "status", "string_name"}
ENTRY = {"aor": "sip:alice@example.com", "aor_type": "static"}


async def put_chain(http: httpx2.AsyncClient, entries: int = 1) -> None:
    """Make a table of entries that a server registers, and a credential for it."""
    await http.put("tables/1", json={"description": "carrier"})
    await http.put("credential-tables/1", json={})
    await http.put("credential-tables/1/credentials/1", json={"user": "alice", "password": "secret"})
    server = {"host": "192.0.2.1", "contact_registrant_table_id": 1, "remote_authorization_table_id": 1}
    assert (await http.put("server-tables/1/servers/1", json=server)).status_code == 201
    for number in range(1, entries + 1):
        body = {"aor": f"sip:u{number}@example.com", "aor_type": "static"}
        assert (await http.put(f"tables/1/entries/{number}", json=body)).status_code == 201


def faults(response: httpx2.Response) -> dict[str, str]:
    assert response.headers["content-type"] == "application/problem+json"
    assert response.status_code == 422, response.text
    return {fault["field"]: fault["problem"] for fault in response.json()["faults"]}


async def test_every_resource_has_a_place() -> None:
    assert PLACES.keys() == RESOURCES.keys()
    assert len({place.collection for place in PLACES.values()}) == len(PLACES)


async def test_an_object_is_made_shown_changed_and_deleted(http: httpx2.AsyncClient) -> None:
    await http.put("tables/1", json={})
    contacts = [{"uri": "sip:a@192.0.2.7", "q": 0.5}, {"uri": "sip:b@192.0.2.7", "ttl": 60}]
    made = await http.put("tables/1/entries/7", json={**ENTRY, "contacts": contacts})
    assert made.status_code == 201
    shown = {
        "id": 7, "table": 1, **ENTRY, "aor_ttl": 3600, "failed_registration_retry_timer": 120, "from_uri": "",
        "contacts": [{"uri": "sip:a@192.0.2.7", "ttl": 64, "q": 0.5}, {"uri": "sip:b@192.0.2.7", "ttl": 60, "q": 1.0}],
        "registrations": [],
    }  # fmt: skip
    assert made.json() == shown
    assert (await http.get("tables/1/entries/7")).json() == shown
    changed = await http.patch("tables/1/entries/7", json={"aor_ttl": 60})
    assert (changed.status_code, changed.json()) == (200, {**shown, "aor_ttl": 60})
    assert (await http.delete("tables/1/entries/7")).status_code == 204
    assert (await http.get("tables/1/entries/7")).status_code == 404


async def test_what_a_put_does_not_name_is_as_by_default_and_what_a_patch_does_not_name_stays(
    http: httpx2.AsyncClient,
) -> None:
    await http.put("tables/1", json={})
    whole = {**ENTRY, "aor_ttl": 60, "contacts": [{"uri": "sip:a@h"}], "from_uri": "sip:boss@example.com"}
    await http.put("tables/1/entries/1", json=whole)
    patched = (await http.patch("tables/1/entries/1", json={"contacts": []})).json()
    assert (patched["contacts"], patched["aor_ttl"], patched["from_uri"]) == ([], 60, "sip:boss@example.com")
    again = await http.put("tables/1/entries/1", json=ENTRY)
    assert (again.status_code, again.json()["aor_ttl"], again.json()["from_uri"]) == (200, 3600, "")


async def test_what_is_shown_can_be_put_back(http: httpx2.AsyncClient) -> None:
    await put_chain(http)
    for path in (
        "tables/1/entries/1",
        "server-tables/1/servers/1",
        "groups/1",
        "profiles/1",
        "tls-profiles/1",
        "tables/1",
    ):
        shown = (await http.get(path)).json()
        back = {
            name: value
            for name, value in shown.items()
            if name not in ("id", "table", "registrations", "status", "string_name")
        }
        again = await http.put(path, json=back)
        assert (again.status_code, again.json()) == (200, shown), path
    (last,) = (await http.get("audit", params={"limit": 1})).json()["items"]
    assert last["action"] == "create"


async def test_a_free_id_is_found(http: httpx2.AsyncClient) -> None:
    assert (await http.post("tables", json={"description": "first"})).json()["id"] == 1
    assert (await http.post("tables/1/entries", json=ENTRY)).json()["id"] == 1
    await http.put("tables/1/entries/2147483647", json=ENTRY)
    assert (await http.post("tables/1/entries", json=ENTRY)).json()["id"] == 2
    await http.delete("tables/1/entries/1")
    assert (await http.post("tables/1/entries", json=ENTRY)).json()["id"] == 1


async def test_all_that_is_wrong_is_told_at_once_and_nothing_is_changed(http: httpx2.AsyncClient) -> None:
    await http.put("tables/1", json={})
    body = {
        "aor_ttl": 0,
        "aor_type": "statik",
        "failed_registration_retry_timer": "120",
        "contacts": [{"uri": "a b", "q": 2}],
        "x": 1,
    }
    told = faults(await http.put("tables/1/entries/1", json=body))
    assert told == {
        "aor": "it is missing",
        "aor_ttl": "1 to 2147483647 is wanted",
        "aor_type": "one of none, local, remote, static is wanted",
        "failed_registration_retry_timer": "a whole number, 30 to 86400, is wanted",
        "contacts[0].uri": "a blank, which no URI may have",
        "contacts[0].q": "a number from 0 to 1 with at most two decimals is wanted",
        "x": "there is no such member",
    }
    assert (await http.get("tables/1/entries/1")).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("tables/1/entries/1", {"aor": "alice", "aor_type": "static"}, "aor"),
        ("tables/1/entries/1", {**ENTRY, "contacts": [{"uri": "sip:a@h"}, {}, {"uri": "sip:a@H"}]}, "contacts[2].uri"),
        ("tables/1/entries/1", {**ENTRY, "contacts": 7}, "contacts"),
        ("tables/1/entries/1", {**ENTRY, "contacts": [7]}, "contacts[0]"),
        ("tables/1/entries/1", {**ENTRY, "contacts": [{}] * 9}, "contacts"),
        ("tables/1/entries/1", {**ENTRY, "aor_ttl": True}, "aor_ttl"),
        ("tables/1/entries/1", {**ENTRY, "aor_ttl": None}, "aor_ttl"),
        ("tables/1/entries/1", {**ENTRY, "aor_ttl": 2**200}, "aor_ttl"),
        ("tables/1/entries/1", {**ENTRY, "registrations": []}, "registrations"),
        ("tables/1", {"description": None}, "description"),
        ("tables/1", {"sequence": [7]}, "sequence"),
        ("tables/1", {"sequence": "x"}, "sequence"),
        ("tables/0", {}, "table"),
        ("tables/x", {}, "table"),
        ("tables/1/entries/99999999999", ENTRY, "entry"),
        ("server-tables/1/servers/1", {"host": "h", "contact_registrant_table_id": 9}, "contact_registrant_table_id"),
        ("server-tables/1/servers/1", {"host": "h", "reuse_transport": 1}, "reuse_transport"),
        ("credential-tables/1/credentials/1", {"user": "a"}, "password"),
        ("credential-tables/1/credentials/1", {"user": "a", "password": "x", "encrypted_password": "x"}, "encrypted_password"),
        ("credential-tables/1/credentials/1", {"user": "a", "password": "**********"}, "password"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_told_by_the_name_that_json_has(
    http: httpx2.AsyncClient, path: str, body: dict[str, Any], field: str
) -> None:
    await http.put("tables/1", json={"description": "as it was"})
    await http.put("credential-tables/1", json={})
    assert list(faults(await http.put(path, json=body))) == [field]
    assert (await http.get("tables/1")).json()["description"] == "as it was"


async def test_a_password_is_never_shown_and_stays_where_it_is_not_given(http: httpx2.AsyncClient) -> None:
    await put_chain(http)
    path = "credential-tables/1/credentials/1"
    assert "secret" not in (await http.get(path)).text
    assert not {"password", "encrypted_password"} & (await http.get(path)).json().keys()
    assert (await http.patch(path, json={"realm": "example.com"})).status_code == 200
    assert faults(await http.put(path, json={"user": "alice"})) == {"password": "it is missing"}


async def test_what_is_used_cannot_go_and_what_is_not_there_is_missing(http: httpx2.AsyncClient) -> None:
    await put_chain(http)
    assert (await http.delete("tables/1")).status_code == 409
    assert (await http.delete("tables/9")).status_code == 404
    assert (await http.put("tables/9/entries/1", json=ENTRY)).status_code == 404
    assert (await http.patch("tables/9", json={})).status_code == 404
    assert (await http.get("nothing")).status_code == 404
    assert (await http.post("groups/1/refresh")).status_code in (404, 405)


async def test_lists_come_in_pages(http: httpx2.AsyncClient) -> None:
    await put_chain(http, 5)
    first = (await http.get("tables/1/entries", params={"limit": 2})).json()
    assert ([one["id"] for one in first["items"]], first["next"]) == ([1, 2], 2)
    rest = (await http.get("tables/1/entries", params={"limit": 1000, "after": 2})).json()
    assert ([one["id"] for one in rest["items"]], rest["next"]) == ([3, 4, 5], None)
    for bad in ({"limit": 0}, {"limit": 1001}, {"after": -1}, {"after": "x"}):
        assert list(faults(await http.get("tables/1/entries", params=bad))) == [next(iter(bad))]


async def test_words_stand_for_numbers_and_switches_are_booleans(http: httpx2.AsyncClient) -> None:
    await put_chain(http)
    server = (await http.get("server-tables/1/servers/1")).json()
    assert (server["protocol"], server["server_lookup"], server["authorization_on_refresh"]) == ("udp", "ip_fqdn", True)
    changed = await http.patch("server-tables/1/servers/1", json={"protocol": "tcp", "authorization_on_refresh": False})
    assert (changed.json()["protocol"], changed.json()["authorization_on_refresh"]) == ("tcp", False)
    assert (await http.patch("server-tables/1/servers/1", json={"protocol": 4})).json()["protocol"] == "tls"
    assert server["status"]["server_status"] == "Unknown"


async def test_the_order_of_use_is_a_list(http: httpx2.AsyncClient) -> None:
    await put_chain(http, 3)
    assert (await http.get("tables/1")).json()["sequence"] == [1, 2, 3]
    assert (await http.patch("tables/1", json={"sequence": [3, 1]})).json()["sequence"] == [3, 1, 2]


async def test_an_action_on_an_entry_is_carried_out(http: httpx2.AsyncClient, store: Store) -> None:
    await put_chain(http)
    while await store.write(reconcile.step):
        pass
    done = await http.post("tables/1/entries/1/unregister")
    (registration,) = done.json()["registrations"]
    assert (done.status_code, registration["state"], registration["stays_off"]) == (200, "disabled", True)
    assert registration["reason"].startswith("un-registered by action")
    (registration,) = (await http.post("tables/1/entries/1/register")).json()["registrations"]
    assert (registration["state"], registration["stays_off"]) == ("registering", False)
    assert (await http.post("tables/1/entries/9/refresh")).status_code == 404
    assert (await http.post("tables/1/refresh")).json()["status"]["pending"] == 1


async def test_no_reply_is_for_a_cache(http: httpx2.AsyncClient) -> None:
    for path in ("tables", "nothing", "openapi.json"):
        assert (await http.get(path)).headers["cache-control"] == "no-store"


async def test_a_body_that_is_too_long_is_refused(http: httpx2.AsyncClient) -> None:
    assert (await http.put("tables/1", content=b" " * 70_000)).status_code == 413


async def test_a_server_and_a_group_are_drained_and_enabled_by_verbs(http: httpx2.AsyncClient) -> None:
    await put_chain(http)
    for path, attribute, words in (
        (
            "server-tables/1/servers/1",
            "admin_state",
            {"disable": "disabled", "drain": "drain", "maintenance": "maintenance"},
        ),
        ("groups/1", "custom_admin_state", {"disable": "disabled", "drain": "drain"}),
    ):
        for verb, state in {**words, "enable": "enabled"}.items():
            assert (await http.post(f"{path}/{verb}")).json()[attribute] == state
    (line,) = (await http.get("audit", params={"limit": 1})).json()["items"]
    assert (line["action"], line["after"]) == ("change", {"custom_admin_state": 1})


async def test_an_entry_is_disabled_and_enabled(http: httpx2.AsyncClient, store: Store) -> None:
    await put_chain(http)
    while await store.write(reconcile.step):
        pass
    (registration,) = (await http.post("tables/1/entries/1/disable")).json()["registrations"]
    assert registration["state"] == "disabled"
    (registration,) = (await http.post("tables/1/entries/1/enable")).json()["registrations"]
    assert registration["state"] == "registering"


async def test_a_credential_may_be_an_ha1(http: httpx2.AsyncClient) -> None:
    await http.put("credential-tables/1", json={})
    path = "credential-tables/1/credentials/1"
    ha1 = {"user": "alice", "realm": "example.com", "password_kind": "ha1", "password": "0" * 32}
    made = await http.put(path, json=ha1)
    assert (made.status_code, made.json()["password_kind"]) == (201, "ha1")
    assert "0" * 32 not in made.text
    assert faults(await http.put(path, json={**ha1, "password": "secret"}))
    assert faults(await http.put(path, json={**ha1, "realm": ""}))
