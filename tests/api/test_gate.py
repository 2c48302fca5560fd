"""Who is let in, and to what."""

from __future__ import annotations

import httpx2
import pytest

from sipregistrant.access.sessions import IDLE_SECONDS
from sipregistrant.api.gate import COOKIE

from ..rest.support import ManualClock, Naps

PASSWORD = "open sesame"
ROLES = ("readonly", "rest", "admin")


@pytest.fixture(autouse=True)
async def people(http: httpx2.AsyncClient) -> None:
    for role in ROLES:
        await http.post("users", json={"name": f"the {role}", "role": role, "password": PASSWORD})


async def log_in(client: httpx2.AsyncClient, role: str) -> httpx2.Response:
    return await client.post("session", json={"name": f"the {role}", "password": PASSWORD})


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_may_do_what_it_may(http: httpx2.AsyncClient, outside: httpx2.AsyncClient, role: str) -> None:
    await http.put("tables/2", json={})
    assert (await log_in(outside, role)).status_code == 201
    may = ROLES.index(role)
    reads, changes, administers = (
        [await outside.get("tables"), await outside.get("registrations"), await outside.get("status")],
        [await outside.put("tables/1", json={}), await outside.delete("tables/2"),
         await outside.post("registrations/refresh", params={"all": "true"}),
         await outside.post("tables/1/entries/import", content=b"")],
        [await outside.get("users"), await outside.get("audit"), await outside.get("tokens"),
         await outside.post("tokens", json={"name": "x", "role": "rest"})],
    )  # fmt: skip
    assert {reply.status_code for reply in reads} == {200}
    assert {reply.status_code == 403 for reply in changes} == {may < 1}
    assert {reply.status_code == 403 for reply in administers} == {may < 2}


async def test_nobody_is_let_in_without_showing_who_it_is(outside: httpx2.AsyncClient) -> None:
    described = (await outside.get("openapi.json")).json()
    for path, item in described["paths"].items():
        for method in item.keys() & {"get", "put", "post", "patch", "delete"}:
            if (path, method) == ("/session", "post"):
                continue
            reply = await outside.request(method.upper(), path.lstrip("/").replace("{", "").replace("}", ""))
            assert reply.status_code == 401, (method, path, reply.text)
            assert reply.headers["www-authenticate"] == "Bearer"


async def test_a_session_is_a_cookie_that_no_page_can_read(outside: httpx2.AsyncClient) -> None:
    reply = await log_in(outside, "rest")
    cookie = reply.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {part.strip().lower() for part in cookie.split(";")[1:]} >= {
        "secure",
        "httponly",
        "samesite=strict",
        "path=/",
    }
    assert (await outside.get("session")).json() == {"name": "user:the rest", "role": "rest"}
    assert (await outside.delete("session")).status_code == 204
    assert (await outside.get("session")).status_code == 401


async def test_a_session_ends_when_it_is_idle_and_with_its_password(
    http: httpx2.AsyncClient, outside: httpx2.AsyncClient, clock: ManualClock
) -> None:
    await log_in(outside, "rest")
    await http.put("users/the%20rest/password", json={"password": "another one"})
    assert (await outside.get("session")).status_code == 401
    await log_in(outside, "admin")
    clock.now += IDLE_SECONDS
    assert (await outside.get("session")).status_code == 401


async def test_a_wrong_password_is_refused_and_guessing_is_slow(outside: httpx2.AsyncClient, naps: Naps) -> None:
    for name in ("the rest", "nobody"):
        reply = await outside.post("session", json={"name": name, "password": "x"})
        assert (reply.status_code, reply.json()["detail"]) == (401, "no user has this name and this password")
    assert naps.taken == []
    for _ in range(6):
        await outside.post("session", json={"name": "the rest", "password": "x"})
    assert naps.taken == [1.0, 2.0]


@pytest.mark.parametrize("header", [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}])
async def test_a_page_of_another_site_cannot_use_the_cookie(
    outside: httpx2.AsyncClient, header: dict[str, str]
) -> None:
    await log_in(outside, "rest")
    assert (await outside.put("tables/1", json={}, headers=header)).status_code == 403
    assert (await outside.put("tables/1", json={}, headers={"origin": "https://sbc.example"})).status_code == 201


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Bearer srt_x", "Bearer \xff", "bearer a b"])
async def test_a_token_that_is_none_of_ours_opens_nothing(outside: httpx2.AsyncClient, value: str) -> None:
    assert (await outside.get("tables", headers=[(b"authorization", value.encode("latin-1"))])).status_code == 401
