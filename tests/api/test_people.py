"""Users, tokens, sessions and the audit log."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from structlog.testing import capture_logs

from sipregistrant.access.login import Login
from sipregistrant.access.sessions import Sessions
from sipregistrant.api.app import create_api
from sipregistrant.api.gate import Gate
from sipregistrant.store import passwords, users
from sipregistrant.store.store import Store
from sipregistrant.store.tx import Tx

from .conftest import served

SCRIPTS = {"name": "scripts", "role": "rest", "password": "open sesame"}


async def is_password(store: Store, name: str, password: str) -> bool:
    user = await store.read(users.find, name)
    return await passwords.verify(user.password_hash if user else None, password)


async def names(store: Store) -> list[str]:
    return [user.name for user in await store.read(users.list_users)]


def told(response: httpx2.Response) -> tuple[int, str]:
    """The status and detail of a problem document."""
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == response.status_code
    return response.status_code, response.json().get("detail", "")


async def test_a_user_is_added_with_a_hash_of_the_password(http: httpx2.AsyncClient, store: Store) -> None:
    response = await http.post("users", json=SCRIPTS)
    assert (response.status_code, response.json()) == (201, {"name": "scripts", "role": "rest"})
    assert await is_password(store, "scripts", "open sesame")


async def test_users_are_listed_by_name_without_their_hashes(http: httpx2.AsyncClient) -> None:
    await http.post("users", json=SCRIPTS)
    await http.post("users", json=SCRIPTS | {"name": "boss", "role": "admin"})
    assert (await http.get("users")).json() == {
        "items": [{"name": "boss", "role": "admin"}, {"name": "scripts", "role": "rest"}]
    }


async def test_a_password_is_changed_and_the_sessions_hear_of_it(
    http: httpx2.AsyncClient, store: Store, changed: list[str]
) -> None:
    await http.post("users", json=SCRIPTS)
    assert changed == []
    response = await http.put("users/scripts/password", json={"password": "another one"})
    assert (response.status_code, response.content) == (204, b"")
    assert await is_password(store, "scripts", "another one")
    assert changed == ["scripts"]


async def test_a_user_is_removed_and_the_sessions_hear_of_it(
    http: httpx2.AsyncClient, store: Store, changed: list[str]
) -> None:
    await http.post("users", json=SCRIPTS)
    assert (await http.delete("users/scripts")).status_code == 204
    assert await names(store) == []
    assert changed == ["scripts"]


@pytest.mark.parametrize("name", ["a/b", "a b", "ü", "a%b", "password", "x/password"])
async def test_a_name_may_have_any_characters_in_it(http: httpx2.AsyncClient, store: Store, name: str) -> None:
    await http.post("users", json=SCRIPTS | {"name": name})
    path = "users/" + quote(name, safe="")
    assert (await http.put(f"{path}/password", json={"password": "another one"})).status_code == 204
    assert (await http.delete(path)).status_code == 204
    assert await names(store) == []


async def test_a_name_that_is_taken_is_a_conflict(http: httpx2.AsyncClient, store: Store) -> None:
    await http.post("users", json=SCRIPTS)
    response = await http.post("users", json=SCRIPTS | {"password": "another one"})
    assert told(response) == (409, "user scripts exists already")
    assert await is_password(store, "scripts", "open sesame")


async def test_who_does_not_exist_cannot_be_changed(http: httpx2.AsyncClient, changed: list[str]) -> None:
    response = await http.put("users/nobody/password", json={"password": "x"})
    assert told(response) == (404, "user nobody does not exist")
    assert changed == []


async def test_who_does_not_exist_cannot_be_removed(http: httpx2.AsyncClient, changed: list[str]) -> None:
    assert told(await http.delete("users/nobody")) == (404, "user nobody does not exist")
    assert changed == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 257}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"name": 7}, "name"),
        ({"name": None}, "name"),
        ({"role": "root"}, "role"),
        ({"role": ["rest"]}, "role"),
        ({"x": 1}, "x"),
        ({"password": ""}, "password"),
        ({"password": "x" * 129}, "password"),
        ({"password": "a\x00b"}, "password"),
        ({"password": "a\u200bb"}, "password"),
        ({"password": None}, "password"),
    ],
)
async def test_what_cannot_be_is_refused_and_named(
    http: httpx2.AsyncClient, store: Store, change: dict[str, Any], field: str
) -> None:
    response = await http.post("users", content=json.dumps(SCRIPTS | change))
    assert told(response)[0] == 422
    assert [fault["field"] for fault in response.json()["faults"]] == [field]
    assert await names(store) == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 9000])
async def test_a_body_that_is_no_json_is_refused(http: httpx2.AsyncClient, body: bytes) -> None:
    assert told(await http.post("users", content=body))[0] == 400


@pytest.mark.parametrize("body", [b"[]", b"7", b'"name"', b"null"])
async def test_a_body_that_is_no_json_object_is_refused(http: httpx2.AsyncClient, body: bytes) -> None:
    assert told(await http.post("users", content=body))[0] == 422


async def test_a_body_that_is_too_long_is_refused(http: httpx2.AsyncClient) -> None:
    assert told(await http.post("users", content=b" " * 65537))[0] == 413


async def test_another_path_is_a_problem(http: httpx2.AsyncClient) -> None:
    assert told(await http.get("nothing"))[0] == 404


async def test_another_method_is_a_problem_that_tells_the_right_ones(http: httpx2.AsyncClient) -> None:
    response = await http.get("users/scripts/password")
    assert told(response)[0] == 405
    assert response.headers["allow"] == "PUT"


async def test_a_database_that_is_unavailable_is_a_problem(http: httpx2.AsyncClient, store: Store) -> None:
    await store.write(break_it)
    assert told(await http.get("users"))[0] == 503


async def test_a_fault_inside_has_a_reference_that_is_in_the_log(
    store: Store, sessions: Sessions, login: Login
) -> None:
    def fail(name: str) -> None:
        raise RuntimeError("a fault inside")

    async with served(create_api(store, on_user_changed=fail), Gate(store, sessions, login, is_local=True)) as http:
        await http.post("users", json=SCRIPTS)
        with capture_logs() as logs:
            response = await http.put("users/scripts/password", json={"password": "another one"})
    (line,) = logs
    assert told(response)[0] == 500
    assert (line["event"], f"reference {line['reference']} is in the log") == ("api.fault", response.json()["detail"])
    assert "another one" not in repr(logs)


# Tokens


async def test_a_token_is_shown_once_and_opens_what_its_role_does(
    http: httpx2.AsyncClient, outside: httpx2.AsyncClient
) -> None:
    made = await http.post("tokens", json={"name": "deploy", "role": "readonly"})
    assert made.status_code == 201
    shown = {"Authorization": f"Bearer {made.json()['token']}"}
    assert (await outside.get("session", headers=shown)).json() == {"name": "token:deploy", "role": "readonly"}
    (listed,) = (await http.get("tokens")).json()["items"]
    assert listed.keys() == {"name", "role", "created_at", "created_by"}
    assert (await http.delete("tokens/deploy")).status_code == 204
    with capture_logs() as logs:
        assert told(await outside.get("session", headers=shown))[0] == 401
    assert [line["event"] for line in logs] == ["token.refused"]
    assert told(await http.delete("tokens/deploy"))[0] == 404


async def test_a_token_of_a_name_that_is_taken_is_a_conflict(http: httpx2.AsyncClient) -> None:
    await http.post("tokens", json={"name": "deploy", "role": "rest"})
    assert told(await http.post("tokens", json={"name": "deploy", "role": "rest"}))[0] == 409
    assert told(await http.post("tokens", json={"name": "x", "role": "root"}))[0] == 422


# The audit log


async def test_the_audit_log_says_who_it_was(http: httpx2.AsyncClient, outside: httpx2.AsyncClient) -> None:
    token = (await http.post("tokens", json={"name": "deploy", "role": "rest"})).json()["token"]
    shown = {"Authorization": f"Bearer {token}"}
    assert (await outside.put("tables/1", json={"description": "a"}, headers=shown)).status_code == 201
    assert (await outside.patch("tables/1", json={"description": "b"}, headers=shown)).status_code == 200
    newest, before, *_ = (await http.get("audit")).json()["items"]
    assert (newest["who"], newest["action"], newest["before"], newest["after"]) == (
        "token:deploy", "change", {"description": "a"}, {"description": "b"},
    )  # fmt: skip
    assert (before["action"], before["resource"], before["key"]) == ("create", "sipcontactregistrant", "1")
    one = (await http.get("audit", params={"limit": 1})).json()
    assert one["next"] == newest["id"]
    assert (await http.get("audit", params={"limit": 1, "before": one["next"]})).json()["items"] == [before]
    assert (await http.get("audit", params={"who": "user:nobody"})).json()["items"] == []


def break_it(tx: Tx) -> None:
    tx.conn.exec_driver_sql('DROP TABLE "user"')
