"""The OpenAPI description of /api/v1 is valid, and what is sent by it, fitting and not, is answered as it says."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from schemathesis import checks
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from starlette.applications import Starlette
from starlette.routing import Mount

from sipregistrant.access.login import Login
from sipregistrant.access.sessions import Sessions
from sipregistrant.access.throttle import Throttle
from sipregistrant.api.app import PREFIX, create_api
from sipregistrant.api.gate import Gate, Guarded
from sipregistrant.api.web_server import WebServer, listen_on
from sipregistrant.store.store import Store
from sipregistrant.watch.bell import Bell

from .conftest import stopped_clock

DOCUMENT = create_api(None, on_user_changed=lambda name: None).openapi()  # type: ignore[arg-type]
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)}

# Existence, references and the syntax of URIs are beyond a schema; and who owns the directory is asked for nothing.
NOT_HELD = {"positive_data_acceptance", "ignored_auth", "ensure_resource_availability", "use_after_free"}

FIRST_OBJECTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("tables/1", {}),
    ("tables/1/entries/1", {"aor": "sip:alice@example.com", "contacts": [{"uri": "sip:a@192.0.2.7"}]}),
    ("credential-tables/1", {}),
    ("credential-tables/1/credentials/1", {"user": "alice", "password": "secret"}),
    ("server-tables/1", {}),
    ("server-tables/1/servers/1", {"host": "192.0.2.1", "contact_registrant_table_id": 1}),
    ("profiles/1", {}),
    ("tls-profiles/1", {}),
    ("groups/1", {"description": "first", "media_config_id": 1, "server_cluster_id": 1}),
)


class Server(threading.Thread):
    """The API on a port, in a thread of its own: what sends the requests knows nothing of event loops."""

    def __init__(self, directory: Path) -> None:
        super().__init__(name="api", daemon=True)
        self.directory = directory
        self.base = ""
        self.ready = threading.Event()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.ended: asyncio.Event | None = None

    def run(self) -> None:
        asyncio.run(self.serve())

    async def serve(self) -> None:
        store = await Store.open(self.directory, stopped_clock)
        sessions = Sessions(clock=lambda: 0.0)
        login = Login(store, sessions, Throttle(clock=lambda: 0.0, sleep=lambda seconds: asyncio.sleep(0)))
        bell = Bell()
        bell.close()  # so that streams end when all is told
        api = create_api(store, on_user_changed=sessions.end_all_of, bell=bell)
        guarded = Guarded(api, Gate(store, sessions, login, is_local=True))
        listening = listen_on("127.0.0.1", 0, "here")
        server = WebServer(Starlette(routes=[Mount(PREFIX, guarded)]), listening)
        await server.start()
        self.base = f"http://127.0.0.1:{listening.getsockname()[1]}{PREFIX}"
        self.loop, self.ended = asyncio.get_running_loop(), asyncio.Event()
        self.ready.set()
        await self.ended.wait()
        await server.stop()
        await store.close()

    def stop(self) -> None:
        assert self.loop is not None
        assert self.ended is not None
        self.loop.call_soon_threadsafe(self.ended.set)
        self.join(20)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = Server(tmp_path_factory.mktemp("api") / "var")
    server.start()
    assert server.ready.wait(20)
    yield server.base
    server.stop()


def furnish(base: str) -> None:
    with requests.Session() as http:
        for path, body in FIRST_OBJECTS:
            assert http.put(f"{base}/{path}", json=body, timeout=10).status_code in (200, 201), path


def test_the_description_is_right_by_the_schema_of_openapi() -> None:
    SCHEMA.validate()
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert len(OPERATIONS) > 60


def test_every_operation_says_who_may_and_how_it_fails() -> None:
    ids = []
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            ids.append(operation["operationId"])
            assert operation["summary"], (method, path)
            assert operation["description"].split("Needs ")[-1].startswith(("the role ", "nobody")), (method, path)
            assert {"401", "403", "422", "503"} <= operation["responses"].keys(), (method, path)
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: str(mode.value))
@pytest.mark.parametrize("label", OPERATIONS)
def test_what_is_sent_by_the_description(base: str, label: str, mode: GenerationMode) -> None:
    furnish(base)
    operation = OPERATIONS[label]
    verb = label.partition(" ")[0]
    held = [check for check in checks.CHECKS.get_all() if check.__name__ not in NOT_HELD]

    @settings(max_examples=12 if verb in ("PUT", "POST", "PATCH") else 6, deadline=None, database=None, derandomize=True,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode), is_nearby=st.booleans())
    def exchange(case: Any, is_nearby: bool) -> None:
        if is_nearby and case.path_parameters and mode is GenerationMode.POSITIVE:
            case.path_parameters = {name: "1" if name == "name" else 1 for name in case.path_parameters}
        # Steps of a path lead out of the API before it is asked, and a path with a line end in it is none of anybody's.
        names = [str(value) for value in (case.path_parameters or {}).values()]
        assume(not any(name in ("", ".", "..") or "\n" in name for name in names))
        case.call_and_validate(base_url=base, checks=held, timeout=20)
        if verb == "DELETE":
            furnish(base)

    exchange()
