"""The application as a whole: places, layout, faults."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Message
from structlog.testing import capture_logs

from sipregistrant.access.sessions import Session, Sessions
from sipregistrant.errors import Refusal
from sipregistrant.rest.app import create_app
from sipregistrant.store.store import Store
from sipregistrant.store.tx import Tx

from .support import ENTRY, ENTRY_TABLE, Client, ManualClock, everything, vector

PUT_ENTRY = "AorType=3&AOR=sip:u@h&FailedRegistrationRetryTimer=120&URI1=sip:u"


async def test_the_reply_to_login(stranger: Client, with_users: None) -> None:
    assert (await stranger.post("/rest/login", "Username=scripts&Password=open sesame")).text == vector("login")


async def test_the_reply_to_a_refused_login(stranger: Client, with_users: None) -> None:
    assert (await stranger.post("/rest/login", "Username=scripts&Password=x")).text == vector("login_refused")


async def test_the_reply_to_logout(client: Client) -> None:
    assert (await client.post("/rest/logout")).text == vector("logout")


async def test_the_reply_without_a_session(stranger: Client) -> None:
    assert (await stranger.get("/rest/sipsg/1")).text == vector("no_session")


async def test_the_reply_to_get(client: Client) -> None:
    await client.put("/rest/sipremoteauthtable/1")
    path = "/rest/sipremoteauthtable/1/sipremoteauthentry/1"
    await client.put(path, "User=alice&EncryptedPassword=secret&Realm=a %26 b")
    assert (await client.get(path)).text == vector("get")


async def test_the_reply_to_a_refused_get(client: Client) -> None:
    reply = await client.get("/rest/sipcontactregistrant/7/sipregistrantentry/2?details=true")
    assert reply.text == vector("get_refused")


async def test_the_reply_to_put(client: Client) -> None:
    await client.put(ENTRY_TABLE)
    assert (await client.put(ENTRY, PUT_ENTRY)).text == vector("put")


async def test_the_reply_to_a_refused_put(client: Client) -> None:
    await client.put(ENTRY_TABLE)
    assert (await client.put(ENTRY_TABLE)).text == vector("put_refused")


async def test_the_reply_to_post(client: Client) -> None:
    await client.put(ENTRY_TABLE)
    assert (await client.post(ENTRY_TABLE, "Description=Zürich [east] #1!".encode())).text == vector("post")


async def test_the_reply_to_a_refused_post(client: Client) -> None:
    assert (await client.post("/rest/sipsg/1?x=y", "DSCP=64")).text == vector("post_refused")


async def test_the_reply_to_delete(client: Client) -> None:
    await client.put(ENTRY_TABLE)
    assert (await client.delete(ENTRY_TABLE)).text == vector("delete")


async def test_the_reply_to_a_refused_delete(client: Client) -> None:
    assert (await client.delete("/rest/sipservertable/1")).text == vector("delete_refused")


async def test_a_list(client: Client) -> None:
    await client.put("/rest/sipservertable/2")
    assert (await client.get("/rest/sipservertable")).text == vector("list")


async def test_a_list_that_is_empty(client: Client) -> None:
    assert (await client.get("/rest/sipcontactregistrant")).text == vector("list_empty")


async def test_a_list_of_entries(client: Client) -> None:
    await client.put("/rest/sipcontactregistrant/3")
    for id in (1, 20):
        await client.put(f"/rest/sipcontactregistrant/3/sipregistrantentry/{id}", f"AOR=user{id}")
    assert (await client.get("/rest/sipcontactregistrant/3/sipregistrantentry")).text == vector("list_of_entries")


async def test_a_list_with_details(client: Client) -> None:
    await client.put("/rest/sipservertable/2")
    assert (await client.get("/rest/sipservertable?details=true")).text == vector("list_with_details")


@pytest.mark.parametrize(
    "path", ["/rest/sipsg", "//rest/sipsg", "/rest/sipsg/", "//rest//sipsg//", "/rest/sipsg?x=/rest/", "/rest/sipsg/?"]
)
async def test_a_path_is_served_with_or_without_more_slashes(client: Client, path: str) -> None:
    reply = await client.get(path)
    assert (reply.status_line, reply.ids) == (200, ["1"])
    assert reply.root[1][0].attrib["href"] == "https://sbc.example/rest/sipsg/1"


async def test_login_is_served_with_more_slashes_too(stranger: Client, with_users: None) -> None:
    reply = await stranger.post("//rest/login/", "Username=scripts&Password=open sesame")
    assert (reply.status_line, reply.http_code) == (200, 200)


@pytest.mark.parametrize("host", ["sbc.example:8443", "192.0.2.7", "[2001:db8::1]:8443"])
async def test_an_href_is_on_the_host_that_the_request_used(client: Client, host: str) -> None:
    assert (await client.get("/rest/sipsg/1", host=host)).root[1].attrib["href"] == f"https://{host}/rest/sipsg/1"


async def test_the_href_of_a_refusal_has_no_query(client: Client) -> None:
    app_status = (await client.get("/rest/sipsg/7/?filter=runtime")).root[0][1]
    assert app_status.attrib["href"] == "https://sbc.example/rest/sipsg/7"


async def test_the_href_of_a_strange_path_is_an_address_still(client: Client) -> None:
    app_status = (await client.get("/rest/%3Cx%3E%20%22%00")).root[0][1]
    assert app_status.attrib["href"] == "https://sbc.example/rest/%3Cx%3E%20%22%00"


async def test_the_content_type_is_text_xml_with_a_charset(client: Client, stranger: Client) -> None:
    for reply in (await client.get("/rest/sipsg"), await stranger.get("/rest/sipsg"), await client.delete("/rest/x")):
        assert reply.headers["content-type"] == "text/xml; charset=UTF-8"


async def test_the_length_of_a_reply_is_told(client: Client) -> None:
    reply = await client.get("/rest/sipsg/1")
    assert int(reply.headers["content-length"]) == len(reply.text.encode())


async def test_a_long_list_is_written_as_it_goes(client: Client) -> None:
    for id in range(2, 420):
        assert (await client.put(f"/rest/sipprofile/{id}")).http_code == 200
    reply = await client.get("/rest/sipprofile?details=true")
    assert "content-length" not in reply.headers
    assert reply.ids == [str(id) for id in range(1, 420)]


async def test_other_routes_come_first_and_other_paths_are_not_found(store: Store, clock: ManualClock) -> None:
    async def hello(request: Request) -> PlainTextResponse:
        return PlainTextResponse("<hello/>")

    client = Client(create_app(store, clock=clock, extra_routes=[Route("/hello", hello)]))
    assert (await client.get("/hello")).root.tag == "hello"
    await client.close()


async def test_a_path_outside_of_rest_is_not_found(app: Starlette) -> None:
    assert await _status_of(app, "/") == 404
    assert await _status_of(app, "/restless") == 404


async def _status_of(app: Starlette, path: str) -> int:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
    await app(scope, receive, send)
    return int(sent[0]["status"])


async def test_a_fault_inside_is_told_by_a_reference_that_is_in_the_log(
    client: Client, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def mistaken(*args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(store, "read", mistaken)
    with capture_logs() as logs:
        reply = await client.get("/rest/sipprofile/1")
    (line,) = logs
    assert (reply.status_line, *reply.told) == (200, 500, 20000, line["reference"])
    assert (line["event"], line["log_level"]) == ("rest.fault", "error")
    assert isinstance(line["exc_info"], ZeroDivisionError)


async def test_a_database_that_does_not_answer_is_one_line_without_a_trace(client: Client, store: Store) -> None:
    await store.write(break_it)
    with capture_logs() as logs:
        reply = await client.get("/rest/sipprofile/1")
    (line,) = logs
    assert (reply.status_line, *reply.told) == (200, 500, 20000, line["reference"])
    assert (line["event"], line["log_level"]) == ("rest.unavailable", "error")
    assert "sipprofile" in line["cause"]
    assert "exc_info" not in line


async def test_a_fault_inside_a_write_is_told_too(client: Client, store: Store) -> None:
    await store.write(break_it)
    with capture_logs():
        assert (await client.put("/rest/sipprofile/2")).told[:2] == (500, 20000)


def break_it(tx: Tx) -> None:
    tx.conn.exec_driver_sql("DROP TABLE sipprofile")


async def test_a_refusal_that_nobody_thought_of_is_a_fault(store: Store, clock: ManualClock) -> None:
    class UnheardOf(Refusal):
        pass

    class Picky(Sessions):
        def find(self, tokens: Iterable[str]) -> Session | None:
            raise UnheardOf

    client = Client(create_app(store, clock=clock, sessions=Picky(clock=clock)))
    with capture_logs() as logs:
        assert (await client.get("/rest/sipsg")).told == (500, 20000, logs[0]["reference"])
    await client.close()


async def test_who_hangs_up_in_the_middle_of_a_body_changes_nothing(
    app: Starlette, store: Store, sessions: Sessions
) -> None:
    before = await store.read(everything)
    coming: list[Message] = [
        {"type": "http.request", "body": b"Description=half of", "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        return coming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    cookie = f"PHPSESSID={sessions.begin('scripts').token}".encode()
    headers = [(b"host", b"sbc.example"), (b"cookie", cookie)]
    await app({"type": "http", "method": "POST", "path": "/rest/sipsg/1", "query_string": b"", "headers": headers},
              receive, send)  # fmt: skip
    assert sent == []
    assert await store.read(everything) == before
