"""What the operator may set of the wire API: a status line that tells, CSRF mode, trusted proxies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import ip_network

import pytest
from structlog.testing import capture_logs

from sipregistrant.access.sessions import Session, Sessions
from sipregistrant.rest.app import create_app
from sipregistrant.rest.settings import RestSettings
from sipregistrant.store.store import Store

from .support import Client, ManualClock, Naps

RIGHT = "Username=scripts&Password=open sesame"

# Where httpx's ASGI transport says that it comes from.
OWN_ADDRESS = ip_network("127.0.0.1/32")

Start = Callable[[RestSettings], Awaitable[Client]]


@pytest.fixture
def session(sessions: Sessions) -> Session:
    return sessions.begin("scripts")


@pytest.fixture
async def start(
    store: Store, sessions: Sessions, session: Session, clock: ManualClock, naps: Naps
) -> AsyncIterator[Start]:
    """Return what starts the application with settings, and gives a client with a session."""
    clients = []

    async def start(settings: RestSettings) -> Client:
        app = create_app(store, clock=clock, sessions=sessions, sleep=naps, settings=settings)
        clients.append(Client(app, cookie=f"PHPSESSID={session.token}"))
        return clients[-1]

    yield start
    for client in clients:
        await client.close()


# The status line


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/rest/sipsg/1", 200),
        ("GET", "/rest/sipsg/2", 404),
        ("DELETE", "/rest/sipsg/2", 500),
        ("PUT", "/rest/sipsg/1", 500),
        ("PUT", "/rest/sipsg/0", 400),
        ("OPTIONS", "/rest/sipsg/1", 405),
        ("GET", "/rest/nothing", 404),
    ],
)
async def test_the_status_line_is_200_or_what_the_body_says(start: Start, method: str, path: str, code: int) -> None:
    plain = await (await start(RestSettings())).send(method, path)
    mirrored = await (await start(RestSettings(mirrors_status=True))).send(method, path)
    assert (plain.status_line, plain.http_code) == (200, code)
    assert (mirrored.status_line, mirrored.http_code, mirrored.text) == (code, code, plain.text)


async def test_without_a_session_it_is_401_either_way(start: Start) -> None:
    for settings in (RestSettings(), RestSettings(mirrors_status=True)):
        client = await start(settings)
        assert (await client.get("/rest/sipsg", cookie="")).status_line == 401


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/rest/sipsg/1", "DELETE, GET, HEAD, POST, PUT"),
        ("/rest/sipsg", "GET, HEAD"),
        ("/rest/system", "GET, HEAD"),
        ("/rest/login", "POST"),
        ("/rest/logout", "POST"),
    ],
)
async def test_a_refused_method_tells_which_there_are(start: Start, path: str, methods: str) -> None:
    reply = await (await start(RestSettings())).send("OPTIONS", path)
    assert (reply.told[:2], reply.headers["allow"]) == ((405, 20034), methods)


# CSRF mode


@pytest.mark.parametrize(("method", "path"), [("PUT", "/rest/sipcontactregistrant/1"), ("POST", "/rest/sipsg/1"),
                                              ("DELETE", "/rest/sipsg/1"), ("POST", "/rest/logout"),
                                              ("POST", "/rest/sipcontactregistrant/1?action=refresh")])  # fmt: skip
@pytest.mark.parametrize("token", [None, "", "wrong"])
async def test_in_csrf_mode_writing_needs_the_token(start: Start, method: str, path: str, token: str | None) -> None:
    client = await start(RestSettings(demands_csrf_token=True))
    headers = {} if token is None else {"x_csrf_token": token}
    assert (await client.send(method, path, **headers)).told == (403, 3033, "")
    assert (await client.get("/rest/sipcontactregistrant")).ids == []
    assert (await client.get("/rest/sipsg")).ids == ["1"]


async def test_in_csrf_mode_the_token_opens_writing(start: Start, session: Session) -> None:
    client = await start(RestSettings(demands_csrf_token=True))
    token = session.csrf_token
    assert (await client.put("/rest/sipcontactregistrant/1", x_csrf_token=token)).http_code == 200
    assert (await client.delete("/rest/sipcontactregistrant/1", x_csrf_token=token)).http_code == 200
    assert (await client.post("/rest/logout", x_csrf_token=token)).http_code == 200


async def test_the_token_of_another_session_opens_nothing(start: Start, sessions: Sessions) -> None:
    client = await start(RestSettings(demands_csrf_token=True))
    other = sessions.begin("scripts").csrf_token
    assert (await client.put("/rest/sipcontactregistrant/1", x_csrf_token=other)).told[:2] == (403, 3033)


async def test_in_csrf_mode_login_gives_the_token_before_the_session(start: Start, with_users: None) -> None:
    client = await start(RestSettings(demands_csrf_token=True))
    first, last = (await client.post("/rest/login", RIGHT)).headers.get_list("set-cookie")
    assert first.startswith("csrfp_token=")
    assert first.endswith("; Path=/; Secure; SameSite=Strict")
    assert last.startswith("PHPSESSID=")
    # As a program of the newer firmware does it: both cookies, and the header.
    token = first.split(";")[0].partition("=")[2]
    client.cookie = f"{first.split(';')[0]}; {last.split(';')[0]}"
    assert len(token) == 32
    assert (await client.put("/rest/sipcontactregistrant/1", x_csrf_token=token)).http_code == 200


async def test_by_default_no_token_is_given_nor_asked_for(start: Start, with_users: None) -> None:
    client = await start(RestSettings())
    assert len((await client.post("/rest/login", RIGHT)).headers.get_list("set-cookie")) == 1
    assert (await client.post("/rest/sipsg/1", x_csrf_token="anything")).http_code == 200


# Proxies


async def test_hrefs_are_on_the_name_that_a_trusted_proxy_was_asked_by(start: Start) -> None:
    forwarded = "for=198.51.100.7;host=sbc.example:9443;proto=http"
    for networks, host in ((OWN_ADDRESS,), "sbc.example:9443"), ((), "sbc.example"):
        client = await start(RestSettings(trusted_proxies=networks, uses_forwarded=True))
        reply = await client.get("/rest/sipsg/1", forwarded=forwarded)
        assert reply.root[1].attrib["href"] == f"https://{host}/rest/sipsg/1"


async def test_behind_a_proxy_our_own_pages_are_those_of_its_name(start: Start) -> None:
    client = await start(RestSettings(trusted_proxies=(OWN_ADDRESS,), uses_forwarded=True))
    behind = {"forwarded": "host=edge.example"}
    assert (await client.post("/rest/sipsg/1", origin="https://edge.example", **behind)).http_code == 200
    assert (await client.post("/rest/sipsg/1", origin="https://sbc.example", **behind)).told == (403, 3033, "")


async def test_a_failed_login_is_logged_with_who_it_was_behind_the_proxy(
    start: Start, naps: Naps, with_users: None
) -> None:
    client = await start(RestSettings(trusted_proxies=(OWN_ADDRESS,), uses_forwarded=True))
    with capture_logs() as logs:
        for number in range(7):
            peer = f"for=198.51.100.{number}"
            await client.post("/rest/login", "Username=scripts&Password=x", forwarded=peer)
    refused = [line["peer"] for line in logs if line["event"] == "login.refused"]
    assert refused == [f"198.51.100.{number}" for number in range(7)]
    assert naps.taken == [], "each of them has its own free failures"


@pytest.mark.parametrize("host", ["a b", 'x"><y', "[", ""])
async def test_a_host_that_is_none_is_refused(start: Start, host: str) -> None:
    reply = await (await start(RestSettings())).get("/rest/sipsg/1", host=host)
    assert reply.told == (400, 14014, "")
    assert "https://localhost/rest/sipsg/1" in reply.text
