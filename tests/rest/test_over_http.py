"""What programs written for real boxes rely on, in the bytes that they send: the application behind its real server."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from xml.etree import ElementTree

import pytest
import uvicorn
from starlette.applications import Starlette

from sipregistrant.access.sessions import Sessions

from .support import ENTRY, ENTRY_TABLE


class Wire:
    """Sends bytes over a connection of its own and reads one reply."""

    def __init__(self, port: int, session: str) -> None:
        self.port = port
        self.cookie = f"PHPSESSID={session}"

    async def send(self, method: str, path: str, body: bytes = b"", *headers: str, length: bool = True) -> bytes:
        """Return all bytes of the reply. The Cookie line is of `headers`, or the session's."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", "Connection: close", *headers]
        if not any(line.startswith("Cookie:") for line in headers):
            lines.append(f"Cookie: {self.cookie}")
        if length:
            lines.append(f"Content-Length: {len(body)}")
        return await self.raw("\r\n".join([*lines, "", ""]).encode() + body)

    async def raw(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        try:
            return await asyncio.wait_for(reader.read(), 10)
        finally:
            writer.close()
            await writer.wait_closed()


def values_in(reply: bytes) -> dict[str, str]:
    """Return the attributes of the object that a reply shows."""
    head, _, body = reply.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head
    root = ElementTree.fromstring(body.strip())
    assert root.findtext("status/http_code") == "200", body
    return {child.tag: child.text or "" for child in root[1]} if len(root) > 1 else {}


def body_of(reply: bytes) -> bytes:
    return reply.partition(b"\r\n\r\n")[2]


@pytest.fixture
async def wire(app: Starlette, sessions: Sessions) -> AsyncIterator[Wire]:
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", access_log=False))
    serving = asyncio.get_running_loop().create_task(server.serve([listening]))
    while not server.started:
        await asyncio.sleep(0)
    yield Wire(listening.getsockname()[1], sessions.begin("scripts").token)
    server.should_exit = True
    await serving
    with contextlib.suppress(OSError):
        listening.close()


async def test_a_put_may_lack_a_content_type(wire: Wire) -> None:
    assert values_in(await wire.send("PUT", ENTRY_TABLE, b"Description=x"))["Description"] == "x"


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "application/json", "multipart/x"])
async def test_a_content_type_may_be_anything(wire: Wire, kind: str) -> None:
    reply = await wire.send("PUT", ENTRY_TABLE, b"Description=x", f"Content-Type: {kind}")
    assert values_in(reply)["Description"] == "x"


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        (b"Main office [east] #1!", "Main office [east] #1!"),
        (b"Main%20office%20%5Beast%5D%20%231%21", "Main office [east] #1!"),
        (b"Main+office", "Main office"),
        (b"a%2Bb%26c%3Dd%25", "a+b&c=d%"),
        ("Zürich".encode(), "Zürich"),
    ],
)
async def test_values_may_be_raw_or_encoded_and_come_back_as_they_were_meant(
    wire: Wire, raw: bytes, meant: str
) -> None:
    assert values_in(await wire.send("PUT", ENTRY_TABLE, b"Description=" + raw))["Description"] == meant


async def test_an_unencoded_plus_and_semicolon_survive_in_a_uri(wire: Wire) -> None:
    await wire.send("PUT", ENTRY_TABLE)
    form = b"AOR=sip:+15551234@h&AorType=3&URI1=sip:+15551234@192.0.2.7;transport=tcp;user=phone"
    values = values_in(await wire.send("PUT", ENTRY, form))
    assert values["AOR"] == "sip:+15551234@h"
    assert values["URI1"] == "sip:+15551234@192.0.2.7;transport=tcp;user=phone"


async def test_names_come_in_any_case_and_answers_use_the_documented_one(wire: Wire) -> None:
    await wire.send("PUT", ENTRY_TABLE)
    values = values_in(await wire.send("PUT", ENTRY, b"aor=alice&AORTTL=600&Uri1=sip:a@h.example&tTl1=5"))
    assert (values["AOR"], values["AorTtl"], values["URI1"], values["TTL1"]) == ("alice", "600", "sip:a@h.example", "5")
    group = values_in(await wire.send("POST", "/rest/sipsg/1", b"description=x&customadminstate=0&profileid=1"))
    assert (group["Description"], group["customAdminState"], group["ProfileID"]) == ("x", "0", "1")


@pytest.mark.parametrize("length", [True, False])
async def test_a_delete_may_have_a_length_of_0_or_none(wire: Wire, length: bool) -> None:
    await wire.send("PUT", ENTRY_TABLE)
    assert values_in(await wire.send("DELETE", ENTRY_TABLE, length=length)) == {}


async def test_a_delete_may_have_a_body(wire: Wire) -> None:
    await wire.send("PUT", ENTRY_TABLE)
    assert values_in(await wire.send("DELETE", ENTRY_TABLE, b"Description=whatever")) == {}


async def test_a_get_may_have_a_form_content_type_and_any_accept(wire: Wire) -> None:
    kind = "application/x-www-form-urlencoded"
    reply = await wire.send("GET", "/rest/sipsg/1", b"", f"Content-Type: {kind}", f"Accept: {kind}", length=False)
    assert values_in(reply)["Description"] == "Default Signaling Group"


@pytest.mark.parametrize(
    "cookie",
    [
        "PHPSESSID={0}",
        "PHPSESSID={0}; path=/; secure; HttpOnly",
        "csrfp_token=x; path=/, PHPSESSID={0}; path=/; secure; HttpOnly",
        "PHPSESSID={0}; path=/; secure; HttpOnly, csrfp_token=x; path=/",
    ],
)
async def test_a_cookie_may_be_whole_set_cookie_lines(wire: Wire, cookie: str) -> None:
    session = wire.cookie.removeprefix("PHPSESSID=")
    assert values_in(await wire.send("GET", "/rest/sipsg/1", b"", "Cookie: " + cookie.format(session)))


async def test_a_csrf_token_may_be_sent(wire: Wire) -> None:
    assert values_in(await wire.send("POST", "/rest/sipsg/1", b"Channels=20", "X-CSRF-Token: abc"))["Channels"] == "20"


async def test_the_path_may_begin_with_two_slashes(wire: Wire) -> None:
    assert values_in(await wire.send("GET", "//rest/sipsg/1"))


async def test_a_client_may_wait_for_100_continue(wire: Wire) -> None:
    reply = await wire.send("POST", "/rest/sipsg/1", b"Channels=20", "Expect: 100-continue")
    first, _, rest = reply.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 100 ")
    assert values_in(rest)["Channels"] == "20"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "/rest/sipsg/7", b"x=1"),
        ("POST", "/rest/sipsg/1", b"x" * 200_000),
        ("PUT", "/rest/nothing/1", b"x" * 200_000),
    ],
)
async def test_a_body_that_is_not_read_does_not_spoil_the_connection(
    wire: Wire, method: str, path: str, body: bytes
) -> None:
    head = f"{method} {path} HTTP/1.1\r\nHost: h\r\nCookie: {wire.cookie}\r\nContent-Length: {len(body)}\r\n\r\n"
    last = f"GET /rest/sipsg/1 HTTP/1.1\r\nHost: h\r\nCookie: {wire.cookie}\r\nConnection: close\r\n\r\n"
    replies = await wire.raw(head.encode() + body + last.encode())
    assert replies.count(b"HTTP/1.1 200 ") == 2
    assert b'<sipsg id="1" href="https://h/rest/sipsg/1">' in replies


@pytest.mark.parametrize(
    ("method", "path", "form", "begins"),
    [
        ("GET", "/rest/sipsg/1", b"", b"<?xml"),
        ("GET", "/rest/sipsg/2", b"", b"<?xml"),
        ("POST", "/rest/sipsg/1", b"", b"\n\n\n\n\n<?xml"),
        ("POST", "/rest/sipsg/1", b"DSCP=x", b"\n\n\n\n\n<?xml"),
        ("POST", "/rest/login", b"", b"\n\n\n\n\n<?xml"),
        ("POST", "/rest/logout", b"", b"<?xml"),
        ("DELETE", "/rest/sipsg/1", b"", b"\n\n\n\n\n<?xml"),
        ("DELETE", "/rest/sipsg/2", b"", b"\n\n\n\n\n<?xml"),
    ],
)
async def test_which_replies_begin_with_blank_lines(
    wire: Wire, method: str, path: str, form: bytes, begins: bytes
) -> None:
    assert body_of(await wire.send(method, path, form)).startswith(begins)


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
async def test_a_reply_ends_with_the_root_and_a_newline(wire: Wire, method: str) -> None:
    assert body_of(await wire.send(method, "/rest/sipsg/1")).endswith(b"\n</root>\n")


async def test_a_refusal_arrives_as_200(wire: Wire) -> None:
    assert (await wire.send("GET", "/rest/nothing")).startswith(b"HTTP/1.1 200 ")


async def test_a_lost_session_arrives_as_401_in_line_and_body(wire: Wire) -> None:
    reply = await wire.send("GET", "/rest/sipsg", b"", "Cookie: PHPSESSID=lost")
    assert reply.startswith(b"HTTP/1.1 401 ")
    assert b"<http_code>401</http_code>" in reply


async def test_a_server_made_of_what_programs_send_is_taken(wire: Wire) -> None:
    form = (
        b"ServerLookup=0&ServerType=0&Priority=0&Host=192.0.2.1&Port=5060&Protocol=1&DomainName=&Weight=0&Monitor=1"
        b"&ReuseTimeout=0&TransportSocket=4"
    )
    values = values_in(await wire.send("PUT", "/rest/sipservertable/1/sipserver/1", form))
    assert (values["Priority"], values["DomainName"], values["KeepAliveFrequency"]) == ("0", "", "30")


async def test_a_profile_of_a_description_alone_is_taken(wire: Wire) -> None:
    assert values_in(await wire.send("PUT", "/rest/sipprofile/2", b"Description=x"))["Description"] == "x"


async def test_an_entry_of_its_aor_timer_and_contact_is_taken(wire: Wire) -> None:
    await wire.send("PUT", ENTRY_TABLE)
    values = values_in(
        await wire.send("PUT", ENTRY, b"AOR=192.0.2.9&AorTtl=120&FailedRegistrationRetryTimer=120&Uri1=x")
    )
    assert (values["AorType"], values["AOR"], values["URI1"]) == ("1", "192.0.2.9", "x")


async def test_a_credential_of_four_fields_is_taken(wire: Wire) -> None:
    await wire.send("PUT", "/rest/sipremoteauthtable/1", b"Description=x&Sequence=")
    path = "/rest/sipremoteauthtable/1/sipremoteauthentry/1"
    form = b"Realm=example.com&User=alice&EncryptedPassword=secret&FromURIUserMatch=0"
    assert values_in(await wire.send("PUT", path, form))["Realm"] == "example.com"
    assert values_in(await wire.send("GET", "/rest/sipremoteauthtable/1"))["Sequence"] == "1"


@pytest.mark.parametrize("path", ["/rest/sipsg/1", "/rest/sipsg?details=true", "/rest/sipsg/7", "/rest/system"])
async def test_head_is_a_get_without_its_body_and_leaves_the_connection_usable(wire: Wire, path: str) -> None:
    head = f"HEAD {path} HTTP/1.1\r\nHost: h\r\nCookie: {wire.cookie}\r\n\r\n"
    get = f"GET {path} HTTP/1.1\r\nHost: h\r\nCookie: {wire.cookie}\r\nConnection: close\r\n\r\n"
    first, _, rest = (await wire.raw((head + get).encode())).partition(b"\r\n\r\n")
    second, _, body = rest.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 200 ")
    assert second.startswith(b"HTTP/1.1 200 ")
    assert f"content-length: {len(body)}".encode() in first.lower()
