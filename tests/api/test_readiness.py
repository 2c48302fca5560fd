"""Whether the service does its work."""

from __future__ import annotations

import errno
from types import SimpleNamespace
from typing import Any, cast

import httpx2
from starlette.applications import Starlette
from starlette.routing import Route

from sipregistrant.api.readiness import Readiness
from sipregistrant.engine.engine import Engine
from sipregistrant.engine.transport.flows import Flows, GroupAddress, Receiver, UdpFlow
from sipregistrant.errors import StoreUnavailable


def a_flow(address: GroupAddress, receiver: Receiver) -> UdpFlow:
    """Make the flow of a group; the addresses of the second cannot be had."""
    if address.group_id == 2:
        raise OSError(errno.EADDRINUSE, "Address already in use")
    return cast(UdpFlow, SimpleNamespace(address=address, host=address.host, port=address.port))


async def asked(
    *groups: int,
    is_claiming: bool = True,
    is_store_failing: bool = False,
    read: str = "",
    write: str = "",
    paused: bool = False,
) -> tuple[int, Any]:
    """Return status and document, with sockets for these groups, and faults of the database."""
    flows = Flows(lambda *message: None, a_flow)
    flows.update([GroupAddress(group, group, "192.0.2.1", 5060 + group, 0) for group in groups])
    figures = SimpleNamespace(is_claiming=is_claiming, is_store_failing=is_store_failing)
    engine = cast(Engine, SimpleNamespace(flows=flows, figures=figures))

    async def is_paused() -> bool:
        if read:
            raise StoreUnavailable(read)
        return paused

    async def write_fault() -> str:
        return write

    app = Starlette(routes=[Route("/readyz", Readiness(engine, is_paused=is_paused, write_fault=write_fault).answer)])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="https://h") as http:
        response = await http.get("/readyz")
    return response.status_code, response.json()


async def test_a_service_that_works_is_ready() -> None:
    assert await asked(1) == (200, {"status": "ready", "paused": False})


async def test_one_that_is_paused_is_ready_and_says_so() -> None:
    assert await asked(1, paused=True) == (200, {"status": "ready", "paused": True})


async def test_a_database_that_cannot_be_used_is_told_with_its_cause() -> None:
    status, told = await asked(1, read="disk I/O error", write="database or disk is full")
    assert (status, told["status"]) == (503, "not ready")
    assert told["reasons"] == [
        "the database cannot be read: disk I/O error", "the database cannot be written: database or disk is full",
    ]  # fmt: skip
    assert await asked(1, is_store_failing=True) == (
        503, {"status": "not ready", "paused": False, "reasons": ["the database does not take what attempts came to"]},
    )  # fmt: skip


async def test_without_a_socket_it_is_not_ready_and_without_one_of_several_it_is() -> None:
    status, told = await asked(2)
    assert (status, told["reasons"]) == (503, ["udp:192.0.2.1:5062 cannot be bound: Address already in use"])
    status, told = await asked(1, 2)
    assert (status, told["status"]) == (200, "ready")
    assert told["warnings"] == ["udp:192.0.2.1:5062 cannot be bound: Address already in use"]
    assert (await asked())[1]["reasons"] == ["no signaling group has a socket"]


async def test_an_engine_that_has_stopped_is_not_ready() -> None:
    assert (await asked(1, is_claiming=False))[1]["reasons"] == ["the engine does not run"]
