"""`/rest/system`: read only, in the words of monitoring programs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sipregistrant.access.sessions import Sessions
from sipregistrant.rest.app import create_app
from sipregistrant.rest.settings import RestSettings
from sipregistrant.store.store import Store

from .support import Client, ManualClock


@pytest.fixture
async def client(store: Store, sessions: Sessions, clock: ManualClock) -> AsyncIterator[Client]:
    """A client of a service that says it is another box."""
    settings = RestSettings(system_version="13.1.0", system_build="42", node_name="edge-1")
    app = create_app(store, clock=clock, sessions=sessions, settings=settings)
    client = Client(app, cookie=f"PHPSESSID={sessions.begin('scripts').token}")
    yield client
    await client.close()


async def test_it_says_version_name_and_uptime(client: Client, clock: ManualClock) -> None:
    clock.now += 90.5
    reply = await client.get("/rest/system")
    assert reply.values == {
        "NodeName": "edge-1",
        "rt_CPUUptime": "90",
        "rt_Software_Base_BuildNumber": "42",
        "rt_Software_Base_Version": "13.1.0",
    }
    assert '\n <system href="https://sbc.example/rest/system">\n' in reply.text


@pytest.mark.parametrize(
    ("category", "names"),
    [
        ("configuration", ["NodeName"]),
        ("runtime", ["rt_CPUUptime", "rt_Software_Base_BuildNumber", "rt_Software_Base_Version"]),
    ],
)
async def test_a_filter_shows_one_category(client: Client, category: str, names: list[str]) -> None:
    assert list((await client.get(f"/rest/system?filter={category}")).values) == names


@pytest.mark.parametrize("query", ["filter=statistics", "filter=inventory", "details=True"])
async def test_a_category_that_it_lacks_is_refused(client: Client, query: str) -> None:
    assert (await client.get(f"/rest/system?{query}")).told == (400, 20035, "system")


async def test_its_uptime_is_where_monitoring_looks_for_it(client: Client, clock: ManualClock) -> None:
    clock.now += 7
    one = await client.get("/rest/system/historicalstatistics/1")
    assert one.values == {"rt_CPUUptime": "7"}
    assert '<historicalstatistics id="1" href="https://sbc.example/rest/system/historicalstatistics/1">' in one.text
    assert (await client.get("/rest/system/historicalstatistics")).ids == ["1"]
    listed = (await client.get("/rest/system/historicalstatistics?details=true")).root[1]
    assert (listed.attrib["count"], listed[0][0].text) == ("1", "7")


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/rest/system", "system"),
        ("/rest/system?action=reboot", "system"),
        ("/rest/system/historicalstatistics/1", "historicalstatistics"),
    ],
)
async def test_it_is_read_only(client: Client, method: str, path: str, name: str) -> None:
    assert (await client.send(method, path)).told == (405, 20034, name)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/rest/system/1", (404, 20006, "")),
        ("/rest/system/nothing/1", (404, 20006, "")),
        ("/rest/system/historicalstatistics/1/2", (404, 20006, "")),
        ("/rest/system/historicalstatistics/2", (404, 20012, "2|historicalstatistics")),
        ("/rest/system/historicalstatistics/x", (400, 20036, "historicalstatistics")),
    ],
)
async def test_what_is_not_there(client: Client, path: str, told: tuple[int, int, str]) -> None:
    assert (await client.get(path)).told == told


async def test_it_needs_a_session(store: Store, clock: ManualClock) -> None:
    stranger = Client(create_app(store, clock=clock))
    assert (await stranger.get("/rest/system")).told[:2] == (401, 20032)
    await stranger.close()
