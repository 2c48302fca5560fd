"""Logging in and out."""

from __future__ import annotations

import asyncio

import pytest
from starlette.applications import Starlette

from sipregistrant.access.sessions import IDLE_SECONDS, MOST_OF_ONE_USER, Sessions
from sipregistrant.rest.app import create_app
from sipregistrant.store import users
from sipregistrant.store.passwords import hash_password_now
from sipregistrant.store.store import Store

from .support import Client, ManualClock, Naps

RIGHT = "Username=scripts&Password=open sesame"
WRONG = "Username=scripts&Password=close sesame"

pytestmark = pytest.mark.usefixtures("with_users")


async def test_a_right_password_begins_a_session(stranger: Client, sessions: Sessions) -> None:
    reply = await stranger.post("/rest/login", RIGHT)
    assert (reply.status_line, reply.http_code, reply.faults) == (200, 200, [])
    assert len(sessions) == 1


async def test_the_cookie_of_the_login_opens_the_rest(stranger: Client) -> None:
    stranger.cookie = (await stranger.post("/rest/login", RIGHT)).headers["set-cookie"]
    assert (await stranger.get("/rest/sipsg")).ids == ["1"]


async def test_the_session_cookie_is_the_last_set_cookie_line(stranger: Client) -> None:
    lines = (await stranger.post("/rest/login", RIGHT)).headers.get_list("set-cookie")
    assert lines[-1].startswith("PHPSESSID=")
    assert lines[-1].endswith("; Path=/; Secure; HttpOnly; SameSite=Strict")


@pytest.mark.parametrize(
    "form",
    [
        "Username=scripts&Password=open+sesame",
        "Username=scripts&Password=open%20sesame",
        "username=scripts&PASSWORD=open sesame",
        "Password=open sesame&Username=nobody&Username=scripts",
    ],
)
async def test_the_form_may_be_encoded_or_not_with_names_in_any_case(stranger: Client, form: str) -> None:
    assert (await stranger.post("/rest/login", form)).http_code == 200


async def test_a_charset_beside_the_content_type_is_fine(stranger: Client) -> None:
    kind = "application/x-www-form-urlencoded; charset=utf-8"
    assert (await stranger.post("/rest/login", RIGHT, content_type=kind)).http_code == 200


@pytest.mark.parametrize(
    "form",
    [
        WRONG,
        "Username=nobody&Password=open sesame",
        "Username=SCRIPTS&Password=open sesame",
        "Username=scripts&Password=" + "x" * 129,
        "Username=" + "x" * 257 + "&Password=open sesame",
        "Username=boss&Password=close sesame",
    ],
)
async def test_who_is_not_known_and_who_has_a_wrong_password_are_told_the_same(stranger: Client, form: str) -> None:
    username = form.partition("&")[0].removeprefix("Username=")[:256]
    reply = await stranger.post("/rest/login", form)
    assert (reply.status_line, *reply.told) == (200, 500, 3007, username)
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize("name", [b"scr\xffipts", b"scr%ED%A0%80ipts", b"scr%00ipts", b"scr%0Aipts"])
async def test_a_name_that_nobody_can_have_is_not_known(stranger: Client, name: bytes) -> None:
    reply = await stranger.post("/rest/login", b"Username=" + name + b"&Password=open sesame")
    assert reply.told[:2] == (500, 3007)


async def test_a_password_that_is_not_utf_8_is_wrong(stranger: Client) -> None:
    assert (await stranger.post("/rest/login", b"Username=scripts&Password=\xff")).told[:2] == (500, 3007)


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ("", "Username"),
        ("Password=open sesame", "Username"),
        ("Username=&Password=open sesame", "Username"),
        ("Username=scripts", "Password"),
        ("Username=scripts&Password=", "Password"),
    ],
)
async def test_a_missing_field_is_named(stranger: Client, form: str, field: str) -> None:
    assert (await stranger.post("/rest/login", form)).told == (500, 3032, field)


async def test_a_user_of_another_level_may_not_come_in(stranger: Client, sessions: Sessions) -> None:
    reply = await stranger.post("/rest/login", "Username=boss&Password=open sesame")
    assert reply.told == (500, 3033, "boss")
    assert len(sessions) == 0


async def test_a_form_that_is_too_long_is_refused(stranger: Client) -> None:
    assert (await stranger.post("/rest/login", RIGHT + "&x=" + "x" * 65536)).told == (413, 14014, "")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_only_post_logs_in(stranger: Client, method: str) -> None:
    assert (await stranger.send(method, "/rest/login", RIGHT)).told == (405, 20034, "login")


async def test_a_foreign_page_cannot_log_in(stranger: Client, sessions: Sessions) -> None:
    reply = await stranger.post("/rest/login", RIGHT, origin="https://evil.example")
    assert reply.told == (403, 3033, "")
    assert len(sessions) == 0


async def test_five_wrong_passwords_are_free_then_answers_are_late(stranger: Client, naps: Naps) -> None:
    for _ in range(7):
        assert (await stranger.post("/rest/login", WRONG)).told == (500, 3007, "scripts")
    assert naps.taken == [1.0, 2.0]


async def test_a_right_password_is_never_refused_and_ends_the_lateness(stranger: Client, naps: Naps) -> None:
    for _ in range(6):
        await stranger.post("/rest/login", WRONG)
    assert (await stranger.post("/rest/login", RIGHT)).http_code == 200
    assert (await stranger.post("/rest/login", RIGHT)).http_code == 200
    assert naps.taken == [1.0, 1.0]


async def test_a_login_is_never_refused_because_old_sessions_linger(stranger: Client, sessions: Sessions) -> None:
    for _ in range(MOST_OF_ONE_USER):
        sessions.begin("scripts")
    assert (await stranger.post("/rest/login", RIGHT)).http_code == 200
    assert len(sessions) == MOST_OF_ONE_USER


async def test_a_password_changed_while_it_is_checked_holds_for_that_login_too(
    store: Store, clock: ManualClock, sessions: Sessions, naps: Naps
) -> None:
    new_hash = await asyncio.to_thread(hash_password_now, "new password")

    async def change_password_meanwhile(seconds: float) -> None:
        await naps(seconds)
        if len(naps.taken) == 2:
            await store.write(users.set_password, "scripts", new_hash)
            sessions.end_all_of("scripts")

    client = Client(create_app(store, clock=clock, sessions=sessions, sleep=change_password_meanwhile))
    for _ in range(6):
        await client.post("/rest/login", WRONG)
    assert (await client.post("/rest/login", RIGHT)).told[:2] == (500, 3007)
    assert len(sessions) == 0
    await client.close()


@pytest.mark.parametrize(("body", "kind"), [("", ""), ("", "application/x-www-form-urlencoded"), ("x=1", "text/plain")])
async def test_logout_comes_with_an_empty_form_or_none(client: Client, body: str, kind: str) -> None:
    headers = {"content_type": kind} if kind else {}
    assert (await client.post("/rest/logout", body, **headers)).http_code == 200
    assert (await client.get("/rest/sipsg")).told == (401, 20032, "")


async def test_logging_out_twice_needs_a_session(client: Client) -> None:
    await client.post("/rest/logout")
    assert (await client.post("/rest/logout")).told == (401, 20032, "")


async def test_only_post_logs_out(client: Client) -> None:
    assert (await client.get("/rest/logout")).told == (405, 20034, "logout")
    assert (await client.get("/rest/sipsg")).http_code == 200


@pytest.mark.parametrize("path", ["/rest/sipsg", "/rest/sipsg/1", "/rest/nothing", "/rest", "/rest/logout"])
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE", "PATCH"])
async def test_without_a_session_there_is_a_real_401(stranger: Client, method: str, path: str) -> None:
    reply = await stranger.send(method, path)
    assert (reply.status_line, *reply.told) == (401, 401, 20032, "")


async def test_an_expired_session_is_none(client: Client, clock: ManualClock) -> None:
    clock.now += IDLE_SECONDS
    reply = await client.get("/rest/sipsg")
    assert (reply.status_line, *reply.told) == (401, 401, 20032, "")


async def test_the_sessions_of_a_changed_user_end(client: Client, app: Starlette, sessions: Sessions) -> None:
    sessions.end_all_of("scripts")
    assert (await client.get("/rest/sipsg")).told == (401, 20032, "")


@pytest.mark.parametrize("level", ["readonly", "admin"])
async def test_a_session_of_the_json_api_opens_the_wire_api_for_its_own_level_alone(
    stranger: Client, sessions: Sessions, level: str
) -> None:
    stranger.cookie = f"PHPSESSID={sessions.begin('boss', level).token}"
    assert (await stranger.get("/rest/sipsg/1")).told[:2] == (401, 20032)
    assert (await stranger.put("/rest/sipcontactregistrant/1")).told[:2] == (401, 20032)
    stranger.cookie = f"PHPSESSID={sessions.begin('scripts', 'rest').token}"
    assert (await stranger.get("/rest/sipsg/1")).http_code == 200
